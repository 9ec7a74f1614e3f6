"""The line above the list of conversations: in which order they stand, and what is done with those chosen."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.conversations.inbox import Order
from helpninja_app.screens.inbox.choosing_state import MAX_TAG
from helpninja_app.screens.inbox.list_state import InboxListState
from helpninja_app.screens.inbox.rows import ConversationRow, MemberRow
from helpninja_app.screens.inbox.state import InboxState
from helpninja_app.screens.inbox.words import SNOOZES
from helpninja_app.screens.shell.frame import refused
from helpninja_app.ui.actions import busy_button, button, icon_button
from helpninja_app.ui.dialogs import closes, dialog
from helpninja_app.ui.forms import field, hidden_field
from helpninja_app.ui.icons import icon
from helpninja_app.ui.menus import menu, menu_choice, menu_item, menu_line, opens_menu
from helpninja_app.ui.tables import choice
from helpninja_app.ui.toasts import said_toast

_state: Any = InboxListState
# What is pressed is for those that the browser shows as chosen when it is.
_chosen: Any = InboxListState.chosen
_ORDER, _ASSIGN, _SNOOZE, _TAG = "inbox-order", "assign-chosen", "snooze-chosen", "tag-chosen"
_ORDERS: dict[Order, str] = {Order.NEWEST: "Newest", Order.WAITING: "Longest waiting"}


def toolbar() -> rx.Component:
    is_choosing = _chosen.length() > 0
    shape = "flex h-10 shrink-0 items-center gap-3 border-b border-border pr-1.5 pl-4.5 "
    return rx.el.div(
        rx.el.label(
            choice(
                rx.cond(
                    is_choosing, f"{_chosen.length()} chosen: choose all shown, or none", "Choose all shown"
                ),
                is_chosen=_chosen.length() >= InboxListState.rows.length(),
                is_mixed=is_choosing & (_chosen.length() < InboxListState.rows.length()),
                on_choose=_state.choose_all(),
            ),
            rx.el.span(
                rx.cond(is_choosing, f"{_chosen.length()} chosen", "Choose all shown"),
                aria_live="polite",
                class_name=rx.cond(is_choosing, "font-medium tabular-nums", "text-muted"),
            ),
            class_name="flex min-w-0 flex-1 cursor-pointer items-center gap-3 text-table whitespace-nowrap",
        ),
        rx.cond(is_choosing, _actions(), _order()),
        role="group",
        aria_label="What is listed",
        class_name=rx.cond(is_choosing, shape + "bg-accent-soft", shape),
    )


def choice_of(row: ConversationRow) -> rx.Component:
    """The box that chooses a line, in place of its initials: under the pointer, with the focus, by a tap."""
    shape = "absolute top-2.5 left-3 flex size-7 cursor-pointer items-center justify-center "
    return rx.el.label(
        choice(
            f"Choose the conversation with {row.name}",
            is_chosen=_chosen.contains(row.id),
            on_choose=_state.choose(row.id),
        ),
        data_chooses=row.id,
        class_name=rx.cond(
            _chosen.length() > 0,
            shape,
            shape + "opacity-0 group-hover:opacity-100 has-focus-visible:opacity-100",
        ),
    )


def done_toast() -> rx.Component:
    """What was done with those that were chosen, and the way back."""
    return said_toast(
        InboxListState.done,
        tone=rx.cond(InboxListState.is_refused, "danger", "success"),
        on_close=InboxListState.close_done,
        action=rx.cond(
            InboxListState.resolved_last.length() > 0,
            button(
                "Undo",
                type="button",
                size="small",
                on_click=_state.undo_resolve_chosen(InboxListState.resolved_last),
            ),
        ),
    )


def tag_dialog() -> rx.Component:
    return dialog(
        refused(InboxListState),
        rx.el.form(
            field(
                "Tag", name="tag", id="tag-of-chosen", max_length=MAX_TAG, required=True, auto_complete="off"
            ),
            hidden_field("conversations", _chosen.join(",")),
            rx.el.div(
                button("Cancel", type="button", **closes()),
                busy_button(
                    "Add the tag",
                    is_busy=InboxListState.is_busy,
                    while_busy="Adding…",
                    type="submit",
                ),
                class_name="flex justify-end gap-2",
            ),
            on_submit=_state.tag_chosen,
            reset_on_submit=True,
            class_name="flex flex-col gap-4",
        ),
        id=_TAG,
        title=rx.cond(_chosen.length() == 1, "Tag 1 conversation", f"Tag {_chosen.length()} conversations"),
        is_shown=InboxListState.is_tagging,
        on_close=InboxListState.close_tag,
    )


def _actions() -> rx.Component:
    is_busy = InboxListState.is_busy
    return rx.el.div(
        rx.cond(
            InboxListState.may_answer,
            rx.fragment(
                icon_button(
                    "Assign",
                    "user-plus",
                    size="small",
                    id="assign-those-chosen",
                    title="Assign (a)",
                    **opens_menu(_ASSIGN),
                ),
                menu(
                    rx.foreach(InboxListState.answerers, _answerer),
                    menu_line(),
                    menu_item("Nobody", "user-x", on_click=_state.assign_chosen(_chosen, "")),
                    id=_ASSIGN,
                    label="Who looks after them",
                    placement="below end",
                ),
                icon_button("Tag", "tag", size="small", title="Tag", on_click=InboxListState.begin_tag),
                icon_button("Snooze", "alarm-clock", size="small", title="Snooze", **opens_menu(_SNOOZE)),
                menu(
                    *(
                        menu_item(label, "alarm-clock", on_click=_state.snooze_chosen(_chosen, chosen))
                        for chosen, label in SNOOZES
                    ),
                    id=_SNOOZE,
                    label="Put them off",
                    placement="below end",
                ),
                icon_button(
                    "Resolve",
                    "check",
                    size="small",
                    id="resolve-chosen",
                    title="Resolve (e)",
                    disabled=is_busy,
                    # Its message stands where that of one alone would.
                    on_click=[_state.resolve_chosen(_chosen), InboxState.close_resolved],
                ),
            ),
        ),
        icon_button(
            "Mark as read",
            "mail-open",
            size="small",
            title="Mark as read",
            disabled=is_busy,
            on_click=_state.read_chosen(_chosen),
        ),
        icon_button(
            "Choose none",
            "x",
            size="small",
            id="choose-none",
            title="Choose none (Esc)",
            on_click=InboxListState.choose_none,
        ),
        class_name="flex shrink-0 items-center",
    )


def _answerer(member: MemberRow, place: int) -> rx.Component:
    return menu_item(
        rx.cond(place == 0, f"Me ({member.name})", member.name),
        "user",
        on_click=_state.assign_chosen(_chosen, member.id),
        key=member.id,
    )


def _order() -> rx.Component:
    chosen = rx.match(
        InboxListState.order,
        *((order.value, label) for order, label in _ORDERS.items()),
        _ORDERS[Order.NEWEST],
    )
    return rx.fragment(
        button(
            icon("arrow-down-wide-narrow"),
            rx.el.span("Sorted by ", class_name="sr-only"),
            chosen,
            type="button",
            emphasis="quiet",
            size="small",
            **opens_menu(_ORDER),
        ),
        menu(
            *(
                menu_choice(
                    label,
                    is_chosen=InboxListState.order == order.value,
                    on_choose=_state.choose_order(order.value),
                )
                for order, label in _ORDERS.items()
            ),
            id=_ORDER,
            label="Sorted by",
            placement="below end",
        ),
    )
