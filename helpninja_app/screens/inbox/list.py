"""How the list of conversations looks, with its parts, filters and search."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

import reflex as rx

from helpninja_app.conversations.inbox import STATUSES_IN, View
from helpninja_app.conversations.models import Status
from helpninja_app.screens.inbox.list_state import MAX_SEARCH, NOBODY, PATH, InboxListState
from helpninja_app.screens.inbox.mentions import mentions
from helpninja_app.screens.inbox.rows import ConversationRow, MemberRow
from helpninja_app.screens.inbox.state import InboxState
from helpninja_app.screens.inbox.toolbar import choice_of, toolbar
from helpninja_app.screens.inbox.words import REASONS, STATUSES
from helpninja_app.screens.shell.frame import BILLING, could_not_be_read
from helpninja_app.screens.shell.state import ShellState
from helpninja_app.screens.typed import as_read
from helpninja_app.ui.actions import button, icon_button
from helpninja_app.ui.avatars import avatar
from helpninja_app.ui.badges import badge
from helpninja_app.ui.forms import date_box, search_field, select_box
from helpninja_app.ui.icons import icon
from helpninja_app.ui.menus import menu, menu_group, menu_link, menu_locked, opens_menu
from helpninja_app.ui.panels import empty_state, skeleton_rows

_state: Any = InboxListState
# Fields that are typed into are drawn anew when the filters are cleared, and never while somebody types.
_cleared: Any = as_read(InboxListState) + _state.cleared.to_string()
# A day that is typed is read when all of it is there, in milliseconds after the last key.
_TYPED = 400
_MORE = "inbox-menu"
_VIEWS: dict[View, str] = {
    View.OPEN: "Open",
    View.MINE: "Mine",
    View.UNASSIGNED: "Unassigned",
    View.BOT: "Assistant",
    View.RESOLVED: "Resolved",
    View.SNOOZED: "Snoozed",
}


def _is_in(*views: View) -> Any:
    return reduce(or_, (InboxListState.view == view.value for view in views))


def conversations() -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.div(
                rx.el.h1("Inbox", class_name="min-w-0 flex-1 text-chat font-semibold"),
                mentions(),
                # The button of the filters lies over this gap: what it opens stands below the head.
                rx.el.span(
                    aria_hidden="true", class_name=rx.cond(InboxListState.narrowing > 0, "w-11", "w-7")
                ),
                _more(),
                class_name="-mt-0.5 flex h-7 items-center gap-1",
            ),
            _filters(),
            search_field(
                "Search conversations",
                name="search",
                placeholder="Search conversations",
                max_length=MAX_SEARCH,
                default_value=InboxListState.wanted,
                key=as_read(InboxListState),
                on_change=_state.search_conversations.debounce(250),
            ),
            _views(),
            class_name="relative flex flex-col gap-2.5 border-b border-border px-3 pt-3 pb-2.5",
        ),
        rx.cond(InboxListState.rows.length() > 0, toolbar()),
        rx.el.div(
            rx.cond(
                InboxListState.failure != "",
                could_not_be_read(InboxListState, again=(InboxListState.open_inbox,)),
                rx.cond(
                    InboxListState.is_loaded,
                    rx.cond(InboxListState.rows.length() > 0, _rows(), _nothing()),
                    skeleton_rows(6),
                ),
            ),
            id="conversations",
            # Where the focus goes when what was pressed is not there any more.
            tab_index=-1,
            class_name="min-h-0 flex-1 overflow-y-auto outline-offset-[-2px]",
        ),
        aria_label="Conversations",
        class_name=rx.cond(
            InboxState.is_thread_shown,
            "hidden w-79 shrink-0 flex-col border-r border-border tablet:flex",
            "flex w-full shrink-0 flex-col border-border tablet:w-79 tablet:border-r",
        ),
    )


def _more() -> rx.Component:
    path = f"/api/inbox/export?{InboxListState.export}&format="
    return rx.fragment(
        icon_button("More of the inbox", "ellipsis", size="small", **opens_menu(_MORE)),
        menu(
            menu_group(
                "What the list shows, as a file",
                rx.cond(
                    InboxListState.no_export == "",
                    rx.fragment(
                        menu_link("Export as CSV", "download", href=f"{path}csv", is_page=False),
                        menu_link("Export as JSON", "download", href=f"{path}json", is_page=False),
                    ),
                    rx.fragment(
                        menu_locked("Export as CSV or JSON", reason=InboxListState.no_export),
                        rx.cond(
                            ShellState.may_manage_billing,
                            menu_link("See the plans", "credit-card", href=f"{BILLING}#plans"),
                        ),
                    ),
                ),
            ),
            id=_MORE,
            label="More of the inbox",
            placement="below end",
        ),
    )


def _views() -> rx.Component:
    return rx.el.div(
        *(_view(view, label) for view, label in _VIEWS.items()),
        role="group",
        aria_label="Which conversations",
        class_name="flex flex-wrap gap-1.5",
    )


def _view(view: View, label: str) -> rx.Component:
    is_chosen = InboxListState.view == view.value
    shape = "inline-flex h-6 items-center gap-1.5 rounded-chip border px-2 text-small font-semibold "
    return rx.el.button(
        label,
        rx.cond(
            InboxListState.is_loaded,
            rx.el.span(_state.counts[view.value], class_name="font-medium tabular-nums"),
        ),
        type="button",
        aria_pressed=rx.cond(is_chosen, "true", "false"),
        on_click=_state.choose_view(view.value),
        class_name=rx.cond(
            is_chosen,
            shape + "border-accent-soft bg-accent-soft text-accent-text",
            shape + "border-border bg-subtle text-muted hover:text-text",
        ),
    )


def _filters() -> rx.Component:
    return rx.el.details(
        rx.el.summary(
            icon("list-filter"),
            rx.el.span("Filters", class_name="sr-only"),
            rx.cond(
                InboxListState.narrowing > 0,
                rx.el.span(InboxListState.narrowing, class_name="text-small font-semibold text-accent-text"),
            ),
            title="Filters",
            class_name="absolute top-2.5 right-11 flex h-7 min-w-7 cursor-pointer list-none items-center "
            "justify-center gap-1 rounded-control px-1.5 text-muted hover:bg-border/60 hover:text-text",
        ),
        rx.el.div(
            rx.cond(
                _is_in(*(view for view in View if len(STATUSES_IN[view]) > 1)),
                select_box(
                    "Status",
                    rx.el.option("Any status", value=""),
                    *(_status(each) for each in STATUSES_IN[View.OPEN]),
                    rx.cond(
                        _is_in(*(view for view in View if Status.BOT in STATUSES_IN[view])),
                        _status(Status.BOT),
                    ),
                    value=InboxListState.status,
                    on_change=_state.choose_status,
                ),
            ),
            select_box(
                "Why it was handed over",
                rx.el.option("Any reason", value=""),
                *(rx.el.option(label.capitalize(), value=reason.value) for reason, label in REASONS.items()),
                value=InboxListState.reason,
                on_change=_state.choose_reason,
            ),
            select_box(
                "Who looks after it",
                rx.el.option("Anybody's", value=""),
                rx.el.option("Nobody's", value=NOBODY),
                rx.foreach(InboxListState.members, _member),
                value=InboxListState.assignee,
                on_change=_state.choose_assignee,
            ),
            rx.el.input(
                type="text",
                aria_label="Site",
                placeholder="Site, such as shop.example.com",
                default_value=InboxListState.site,
                key=_cleared,
                on_blur=_state.choose_site,
                class_name="h-8 w-full rounded-control border border-border-strong bg-bg px-2.5 text-table "
                "placeholder:text-muted",
            ),
            date_box(
                "From",
                default_value=InboxListState.since,
                key=_cleared,
                on_change=_state.choose_since.debounce(_TYPED),
            ),
            date_box(
                "To",
                default_value=InboxListState.until,
                key=_cleared,
                on_change=_state.choose_until.debounce(_TYPED),
            ),
            rx.cond(
                InboxListState.narrowing > 0,
                button("Clear the filters", type="button", size="small", on_click=_state.clear_filters),
            ),
            class_name="flex flex-col gap-2 pb-1",
        ),
    )


def _status(status: Status) -> rx.Component:
    return rx.el.option(STATUSES[status][1], value=status.value)


def _member(member: MemberRow) -> rx.Component:
    return rx.el.option(member.name, value=member.id)


def _rows() -> rx.Component:
    return rx.fragment(
        rx.el.ul(rx.foreach(InboxListState.rows, _row), aria_label="Conversations"),
        rx.cond(
            InboxListState.has_more,
            rx.el.div(
                button(
                    "Show more",
                    type="button",
                    on_click=InboxListState.show_more,
                    disabled=InboxListState.is_busy,
                ),
                class_name="flex justify-center p-3",
            ),
        ),
    )


def _row(row: ConversationRow) -> rx.Component:
    is_open = InboxState.conversation_id == row.id
    is_unread = row.is_unread & ~is_open
    shape = "flex gap-3 border-b border-border px-3 py-2.5 outline-offset-[-2px] "
    return rx.el.li(
        rx.el.a(
            rx.el.span(
                avatar(row.name),
                class_name=rx.cond(
                    InboxListState.chosen.length() > 0,
                    "invisible",
                    "group-hover:invisible group-has-[input:focus-visible]:invisible",
                ),
            ),
            rx.el.span(
                rx.el.span(
                    rx.el.span(
                        row.name,
                        class_name=rx.cond(
                            is_unread,
                            "min-w-0 truncate text-body font-semibold",
                            "min-w-0 truncate text-body font-medium",
                        ),
                    ),
                    rx.el.time(row.when, title=row.moment, class_name="shrink-0 text-small text-muted"),
                    class_name="flex items-baseline justify-between gap-2",
                ),
                rx.el.span(
                    rx.el.span(
                        row.preview,
                        class_name=rx.cond(
                            is_unread,
                            "min-w-0 truncate text-table text-text",
                            "min-w-0 truncate text-table text-muted",
                        ),
                    ),
                    rx.cond(
                        is_unread,
                        rx.el.span(
                            rx.el.span("Unread", class_name="sr-only"),
                            class_name="size-2 shrink-0 rounded-full bg-accent",
                        ),
                    ),
                    class_name="flex items-center justify-between gap-2",
                ),
                rx.el.span(
                    badge(row.status, row.tone),
                    rx.el.span(row.reason, class_name="truncate text-small text-muted empty:hidden"),
                    class_name="mt-1 flex min-w-0 items-center gap-2",
                ),
                class_name="min-w-0 flex-1",
            ),
            href=f"{PATH}?conversation={row.id}",
            data_conversation=row.id,
            aria_current=rx.cond(is_open, "true", "false"),
            class_name=rx.cond(is_open, shape + "bg-accent-soft/60", shape + "hover:bg-subtle"),
        ),
        choice_of(row),
        key=row.id,
        class_name="group relative",
    )


def _nothing() -> rx.Component:
    return rx.cond(
        (InboxListState.wanted != "") | (InboxListState.narrowing > 0),
        empty_state("search-x", "Nothing found", "Look for other words, or take a filter away."),
        rx.match(
            InboxListState.view,
            ("open", empty_state("inbox", "Nobody waits", "Who asks for a person is shown here at once.")),
            ("mine", empty_state("user", "Nothing of yours", "What you take over or are assigned is here.")),
            ("unassigned", empty_state("user-x", "All are assigned", "Somebody looks after each of them.")),
            (
                "snoozed",
                empty_state("alarm-clock", "Nothing snoozed", "What you put off comes back by itself."),
            ),
            (
                "resolved",
                empty_state("check", "Nothing resolved yet", "What needs nothing more is kept here."),
            ),
            empty_state("bot", "Nobody talks to the assistant", "Their conversations are shown here."),
        ),
    )
