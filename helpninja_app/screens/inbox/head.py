"""The head of the open conversation: whose it is, how it stands, and what can be done with it."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.inbox.list_state import PATH, InboxListState
from helpninja_app.screens.inbox.rows import MemberRow
from helpninja_app.screens.inbox.sharing import sharing_entries
from helpninja_app.screens.inbox.state import InboxState
from helpninja_app.screens.inbox.words import SNOOZES
from helpninja_app.ui.actions import button, icon_button
from helpninja_app.ui.badges import badge
from helpninja_app.ui.dialogs import opens
from helpninja_app.ui.icons import icon
from helpninja_app.ui.menus import menu, menu_choice, menu_group, menu_item, menu_line, opens_menu

_state: Any = InboxState
# What is pressed is for the conversation that the browser shows when it is.
_open = InboxState.conversation_id
_ASSIGN, _MORE = "assign-menu", "conversation-menu"
CONTEXT = "about-conversation"


def way_back() -> rx.Component:
    return rx.el.a(
        icon("arrow-left"),
        href=PATH,
        aria_label="All conversations",
        class_name="inline-flex size-8 shrink-0 items-center justify-center rounded-control tablet:hidden",
    )


def head() -> rx.Component:
    return rx.el.header(
        way_back(),
        rx.el.div(
            rx.el.div(
                rx.el.h2(InboxState.visitor, class_name="truncate text-body font-semibold"),
                badge(InboxState.status_label, InboxState.status_tone),
                class_name="flex min-w-0 items-center gap-2",
            ),
            rx.el.p(
                rx.cond(InboxState.assignee != "", rx.el.span(InboxState.assignee, " looks after it")),
                rx.cond(InboxState.snoozed != "", rx.el.span(InboxState.snoozed)),
                rx.el.span(InboxState.page, class_name="truncate empty:hidden"),
                class_name="flex flex-wrap gap-x-3 text-small text-muted",
            ),
            class_name="min-w-0 flex-1 basis-40",
        ),
        rx.cond(
            InboxState.may_answer,
            # Where there is no room these have a row of their own, below the name and the icons beside it.
            rx.el.div(
                _actions(),
                class_name="order-last flex basis-full flex-wrap items-center gap-2 @xl:order-none "
                "@xl:basis-auto",
            ),
        ),
        rx.el.div(
            icon_button("More", "ellipsis", **opens_menu(_MORE)),
            _more(),
            rx.el.span(
                icon_button("About this conversation", "panel-right", **_for_narrow()),
                class_name="wide:hidden",
            ),
            class_name="flex items-center gap-1",
        ),
        class_name="flex flex-wrap items-center gap-x-2 gap-y-2 border-b border-border bg-bg px-4 py-2.5",
    )


def _for_narrow() -> dict[str, Any]:
    return {**opens(CONTEXT), "id": "open-context"}


def _actions() -> rx.Component:
    is_resolved = InboxState.status == "resolved"
    is_busy = InboxState.is_busy
    return rx.fragment(
        button(icon("user-plus"), "Assign", type="button", id="assign", **opens_menu(_ASSIGN)),
        menu(
            menu_choice(
                "Nobody", "user-x", is_chosen=InboxState.assignee_id == "", on_choose=_state.assign(_open, "")
            ),
            menu_line(),
            rx.foreach(InboxState.answerers, _answerer),
            id=_ASSIGN,
            label="Who looks after it",
            placement="below end",
        ),
        rx.cond(
            is_resolved,
            button(
                icon("rotate-ccw"), "Reopen", type="button", on_click=_state.reopen(_open), disabled=is_busy
            ),
            button(
                icon("check"),
                "Resolve",
                type="button",
                id="resolve",
                # Its message stands where that of several would.
                on_click=[_state.resolve(_open), InboxListState.close_done],
                disabled=is_busy,
            ),
        ),
        rx.cond(
            InboxState.status == "human",
            button(
                icon("bot"), "Hand back", type="button", on_click=_state.hand_back(_open), disabled=is_busy
            ),
            button(
                icon("hand"),
                "Take over",
                type="button",
                emphasis="primary",
                on_click=_state.take_over(_open),
                disabled=is_busy,
            ),
        ),
    )


def _more() -> rx.Component:
    """What is rarely done; who may only read gets the file."""
    return menu(
        rx.cond(
            InboxState.may_answer,
            rx.fragment(
                rx.cond(
                    InboxState.snoozed != "",
                    menu_item("Bring it back now", "alarm-clock-off", on_click=_state.snooze(_open, "wake")),
                    menu_group(
                        "Put it off",
                        *(
                            menu_item(label, "alarm-clock", on_click=_state.snooze(_open, choice))
                            for choice, label in SNOOZES
                        ),
                    ),
                ),
                menu_item("Mark as unread", "mail", on_click=_state.mark_unread(_open)),
                menu_line(),
            ),
        ),
        sharing_entries(),
        id=_MORE,
        label="This conversation",
        placement="below end",
    )


def _answerer(member: MemberRow) -> rx.Component:
    return menu_choice(
        member.name,
        is_chosen=InboxState.assignee_id == member.id,
        on_choose=_state.assign(_open, member.id),
        key=member.id,
    )
