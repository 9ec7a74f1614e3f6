"""How the open conversation looks: its head with what can be done, and what was said."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.inbox.composer import composer
from helpninja_app.screens.inbox.list_state import PATH
from helpninja_app.screens.inbox.rows import EntryRow, MemberRow, PassageRow
from helpninja_app.screens.inbox.state import InboxState
from helpninja_app.screens.inbox.words import SNOOZES
from helpninja_app.screens.knowledge.curated_editor_state import CuratedEditorState
from helpninja_app.ui.actions import button, icon_button
from helpninja_app.ui.badges import badge
from helpninja_app.ui.dialogs import opens
from helpninja_app.ui.icons import icon
from helpninja_app.ui.keys import key
from helpninja_app.ui.menus import menu, menu_choice, menu_group, menu_item, menu_line, opens_menu
from helpninja_app.ui.panels import failed_state, skeleton_rows
from helpninja_app.ui.rendered import rendered_text

_state: Any = InboxState
_editor: Any = CuratedEditorState
_ASSIGN, _MORE = "assign-menu", "conversation-menu"
CONTEXT = "about-conversation"


def thread() -> rx.Component:
    return rx.el.section(
        # On a phone the list, whose heading names the page, gives way to this.
        rx.el.h1("Inbox", class_name="sr-only tablet:hidden"),
        rx.cond(
            InboxState.failure != "",
            rx.el.div(
                _back(),
                failed_state(InboxState.failure, retry=InboxState.open_conversation),
                class_name="p-3",
            ),
            rx.cond(
                InboxState.conversation_id != "",
                rx.fragment(_head(), _entries(), composer()),
                rx.cond(InboxState.is_loaded, _nothing_open(), skeleton_rows(4)),
            ),
        ),
        aria_label="Conversation",
        class_name=rx.cond(
            InboxState.is_thread_shown,
            "flex min-w-0 flex-1 flex-col bg-subtle",
            "hidden min-w-0 flex-1 flex-col bg-subtle tablet:flex",
        ),
    )


def _back() -> rx.Component:
    return rx.el.a(
        icon("arrow-left"),
        href=PATH,
        aria_label="All conversations",
        class_name="inline-flex size-8 shrink-0 items-center justify-center rounded-control tablet:hidden",
    )


def _head() -> rx.Component:
    return rx.el.header(
        _back(),
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
        rx.el.div(
            rx.cond(InboxState.may_answer, _actions()),
            rx.el.span(
                icon_button("About this conversation", "panel-right", **_for_narrow()),
                class_name="wide:hidden",
            ),
            class_name="flex flex-wrap items-center gap-2",
        ),
        class_name="flex flex-wrap items-center gap-x-3 gap-y-2 border-b border-border bg-bg px-4 py-2.5",
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
                "Nobody", "user-x", is_chosen=InboxState.assignee_id == "", on_choose=_state.assign("")
            ),
            menu_line(),
            rx.foreach(InboxState.answerers, _answerer),
            id=_ASSIGN,
            label="Who looks after it",
            placement="below end",
        ),
        rx.cond(
            is_resolved,
            button(icon("rotate-ccw"), "Reopen", type="button", on_click=InboxState.reopen, disabled=is_busy),
            button(
                icon("check"),
                "Resolve",
                type="button",
                id="resolve",
                on_click=InboxState.resolve,
                disabled=is_busy,
            ),
        ),
        rx.cond(
            InboxState.status == "human",
            button(icon("bot"), "Hand back", type="button", on_click=InboxState.hand_back, disabled=is_busy),
            button(
                icon("hand"),
                "Take over",
                type="button",
                emphasis="primary",
                on_click=InboxState.take_over,
                disabled=is_busy,
            ),
        ),
        icon_button("More", "ellipsis", **opens_menu(_MORE)),
        menu(
            rx.cond(
                InboxState.snoozed != "",
                menu_item("Bring it back now", "alarm-clock-off", on_click=_state.snooze("wake")),
                menu_group(
                    "Put it off",
                    *(
                        menu_item(label, "alarm-clock", on_click=_state.snooze(choice))
                        for choice, label in SNOOZES
                    ),
                ),
            ),
            menu_line(),
            menu_item("Mark as unread", "mail", on_click=InboxState.mark_unread),
            id=_MORE,
            label="This conversation",
            placement="below end",
        ),
    )


def _answerer(member: MemberRow) -> rx.Component:
    return menu_choice(
        member.name,
        is_chosen=InboxState.assignee_id == member.id,
        on_choose=_state.assign(member.id),
    )


def _entries() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.cond(
                InboxState.has_earlier,
                rx.el.div(
                    button("Show earlier", type="button", size="small", on_click=InboxState.show_earlier),
                    class_name="flex justify-center",
                ),
            ),
            rx.foreach(InboxState.entries, _entry),
            rx.el.p(
                rx.cond(InboxState.is_visitor_typing, f"{InboxState.visitor} is writing…", ""),
                role="status",
                class_name="text-small text-muted empty:hidden",
            ),
            # In a column that begins at its end, this is what puts a short conversation at the top.
            class_name="mb-auto flex w-full flex-col gap-3.5 px-4 py-5",
        ),
        tab_index=0,
        role="group",
        aria_label="Messages",
        class_name="flex min-h-0 flex-1 flex-col-reverse overflow-y-auto outline-offset-[-2px]",
    )


def _entry(row: EntryRow) -> rx.Component:
    return rx.el.div(
        rx.match(
            row.kind,
            ("day", _day(row)),
            ("change", _change(row)),
            ("visitor", _bubble(row, "self-start rounded-bl-tail border border-border bg-bg")),
            ("member", _bubble(row, "self-end rounded-br-tail border border-border-strong bg-raised")),
            ("note", _note(row)),
            _answer(row),
        ),
        key=row.id,
        class_name="flex min-w-0 flex-col",
    )


def _day(row: EntryRow) -> rx.Component:
    return rx.el.p(
        rx.el.span(class_name="h-px flex-1 bg-border", aria_hidden="true"),
        row.text,
        rx.el.span(class_name="h-px flex-1 bg-border", aria_hidden="true"),
        class_name="flex items-center gap-3 text-small text-muted",
    )


def _change(row: EntryRow) -> rx.Component:
    return rx.el.p(
        icon("arrow-left-right", class_name="mt-px"),
        rx.el.span(row.text),
        rx.el.time(row.time, title=row.moment, class_name="shrink-0 tabular-nums"),
        class_name="mx-auto flex max-w-prose gap-2 text-small text-muted",
    )


_BUBBLE = "max-w-[80%] rounded-bubble px-3.5 py-2.5 "
_TEXT = "text-chat wrap-anywhere whitespace-pre-wrap"


def _bubble(row: EntryRow, look: str) -> rx.Component:
    return rx.el.div(
        rx.el.p(row.who, class_name="text-small font-semibold text-muted empty:hidden"),
        rx.el.p(row.text, class_name=_TEXT),
        _time(row),
        class_name=_BUBBLE + look,
    )


def _note(row: EntryRow) -> rx.Component:
    return rx.el.div(
        rx.el.p("Note · ", row.who, class_name="text-small font-semibold"),
        rx.el.p(row.text, class_name="text-table wrap-anywhere whitespace-pre-wrap"),
        rx.el.time(row.time, title=row.moment, class_name="text-small tabular-nums"),
        class_name=_BUBBLE + "self-end rounded-br-tail bg-warning-soft text-warning",
    )


def _answer(row: Any) -> rx.Component:
    return rx.el.div(
        rx.el.p(
            icon("bot"),
            rx.el.span(row.who, class_name="font-semibold"),
            rx.cond(row.confidence != "", rx.el.span("confidence ", row.confidence)),
            class_name="mb-1 flex items-center gap-2 text-small text-muted",
        ),
        rx.el.div(rendered_text(row.html), id=row.id),
        rx.cond(
            row.passages.length() > 0,
            rx.el.div(rx.foreach(row.passages, _source), class_name="mt-2 flex flex-wrap gap-1.5"),
        ),
        rx.el.div(
            _time(row),
            rx.cond(
                InboxState.may_write_answers & (row.asked != ""),
                icon_button(
                    "Save as curated answer",
                    "bookmark-plus",
                    size="small",
                    on_click=_editor.begin_answered(row.asked, row.text),
                ),
            ),
            class_name="flex items-center justify-between gap-2",
        ),
        class_name=_BUBBLE + "self-end rounded-br-tail bg-accent-soft text-text",
    )


def _source(passage: PassageRow) -> rx.Component:
    label = (passage.n, " · ", passage.title)
    shape = "max-w-full truncate rounded-chip border border-border bg-bg px-2 py-0.5 text-small font-medium"
    return rx.cond(
        passage.url != "",
        rx.el.a(
            *label,
            id=passage.button,
            href=passage.url,
            target="_blank",
            rel="noopener nofollow ugc",
            class_name=shape + " hover:border-border-strong",
        ),
        rx.el.span(*label, id=passage.button, class_name=shape),
    )


def _time(row: Any) -> rx.Component:
    return rx.el.time(row.time, title=row.moment, class_name="text-small text-muted tabular-nums")


def _nothing_open() -> rx.Component:
    return rx.el.div(
        icon("inbox", size=20, class_name="text-muted"),
        rx.el.p("Choose a conversation", class_name="text-body font-medium"),
        rx.el.dl(
            _shortcut("Next, previous", "j", "k"),
            _shortcut("Reply", "r"),
            _shortcut("Note", "n"),
            _shortcut("Resolve", "e"),
            _shortcut("Assign", "a"),
            class_name="mt-2 w-44 text-table text-muted",
        ),
        class_name="m-auto flex flex-col items-center gap-1.5 px-6 py-9 text-center",
    )


def _shortcut(meaning: str, *keys: str) -> rx.Component:
    return rx.el.div(
        rx.el.dt(meaning),
        rx.el.dd(*(key(each) for each in keys), class_name="flex gap-1"),
        class_name="flex items-center justify-between gap-4 py-1",
    )
