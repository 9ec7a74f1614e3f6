"""How the open conversation looks: its head, what was said, and where one answers."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.inbox.composer import composer
from helpninja_app.screens.inbox.head import head, way_back
from helpninja_app.screens.inbox.list_state import InboxListState
from helpninja_app.screens.inbox.rows import EntryRow, PassageRow
from helpninja_app.screens.inbox.state import InboxState
from helpninja_app.screens.knowledge.curated_editor_state import CuratedEditorState
from helpninja_app.screens.shell.frame import could_not_be_read
from helpninja_app.ui.actions import button, icon_button
from helpninja_app.ui.badges import badge
from helpninja_app.ui.icons import icon
from helpninja_app.ui.keys import key
from helpninja_app.ui.panels import skeleton_rows
from helpninja_app.ui.rendered import rendered_text

_editor: Any = CuratedEditorState
_state: Any = InboxState


def thread() -> rx.Component:
    return rx.el.section(
        # On a phone the list, whose heading names the page, gives way to this.
        rx.el.h1("Inbox", class_name="sr-only tablet:hidden"),
        rx.cond(
            InboxState.failure != "",
            rx.el.div(
                way_back(),
                could_not_be_read(
                    InboxState, again=(InboxListState.open_inbox, InboxState.open_conversation)
                ),
                class_name="p-3",
            ),
            rx.cond(
                InboxState.conversation_id != "",
                rx.fragment(head(), _entries(), composer(), _sees()),
                rx.cond(InboxState.is_loaded, _nothing_open(), skeleton_rows(4)),
            ),
        ),
        aria_label="Conversation",
        class_name=rx.cond(
            InboxState.is_thread_shown,
            "@container flex min-w-0 flex-1 flex-col bg-subtle",
            "@container hidden min-w-0 flex-1 flex-col bg-subtle tablet:flex",
        ),
    )


def _sees() -> rx.Component:
    """Pressed by ``inbox.js`` when somebody can see what is shown."""
    return rx.el.button(
        type="button",
        hidden=True,
        id="sees-conversation",
        data_unseen=InboxState.unseen,
        on_click=InboxState.see,
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
            rx.cond((InboxState.status == "resolved") & (InboxState.csat != ""), _csat()),
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
            (
                "member",
                _bubble(row, "self-end rounded-br-tail border border-border-strong bg-raised", _keeps(row)),
            ),
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


def _csat() -> rx.Component:
    return rx.el.p(
        icon("star", class_name="mt-px"),
        rx.el.span(
            f"{InboxState.visitor} rated the conversation {InboxState.csat}",
            rx.cond(InboxState.csat_comment != "", f": “{InboxState.csat_comment}”", "."),
            class_name="min-w-0 wrap-anywhere",
        ),
        class_name="mx-auto flex max-w-prose gap-2 text-small text-muted",
    )


_BUBBLE = "max-w-[80%] rounded-bubble px-3.5 py-2.5 "
_TEXT = "text-chat wrap-anywhere whitespace-pre-wrap"


def _bubble(row: EntryRow, look: str, *actions: rx.Component) -> rx.Component:
    return rx.el.div(
        rx.el.p(row.who, class_name="text-small font-semibold text-muted empty:hidden"),
        rx.el.p(row.text, class_name=_TEXT),
        rx.el.div(_time(row), *actions, class_name="flex items-center justify-between gap-2"),
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
        rx.el.div(rendered_text(row.html), id=row.id, class_name="on-accent"),
        rx.cond(
            row.passages.length() > 0,
            rx.el.div(
                rx.foreach(row.passages, lambda passage: _source(row, passage)),
                class_name="mt-2 flex flex-wrap gap-1.5",
            ),
        ),
        rx.el.div(
            rx.el.div(_time(row), _thumb(row), class_name="flex flex-wrap items-center gap-x-3"),
            _keeps(row),
            class_name="flex items-center justify-between gap-2",
        ),
        class_name=rx.cond(
            (InboxState.passage != "") & (InboxState.explained == row.id),
            _BUBBLE + "self-end rounded-br-tail bg-accent-soft text-text outline outline-1 outline-accent",
            _BUBBLE + "self-end rounded-br-tail bg-accent-soft text-text",
        ),
    )


def _keeps(row: Any) -> rx.Component:
    """Nothing below what answers nothing, and for who may not write curated answers."""
    return rx.cond(
        InboxState.may_write_answers & (row.asked != ""),
        icon_button(
            "Save as curated answer",
            "bookmark-plus",
            size="small",
            on_click=_editor.begin_answered(row.asked, row.text),
        ),
    )


def _thumb(row: Any) -> rx.Component:
    """What the visitor thought of an answer; nothing while they gave no thumb."""
    return rx.match(
        row.rating,
        ("up", badge("Helped the visitor", "success")),
        ("down", badge("Did not help", "danger")),
        rx.fragment(),
    )


def _source(row: Any, passage: PassageRow) -> rx.Component:
    """Shows the passages of its answer beside the thread, or in the sheet that ``inbox.js`` opens for it."""
    is_shown = InboxState.passage == passage.button
    shape = "max-w-full truncate rounded-chip border bg-bg px-2 py-0.5 text-small font-medium "
    return rx.el.button(
        passage.n,
        " · ",
        passage.title,
        type="button",
        id=passage.button,
        key=passage.button,
        title=passage.title,
        aria_pressed=rx.cond(is_shown, "true", "false"),
        data_source=True,
        on_click=_state.show_passage(InboxState.conversation_id, row.id, passage.button),
        class_name=rx.cond(
            is_shown,
            shape + "border-accent text-accent-text",
            shape + "border-border hover:border-border-strong",
        ),
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
            _shortcut("Choose several", "x"),
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
