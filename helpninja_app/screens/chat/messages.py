"""How questions and answers look, and the answer that is being written."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.chat.rows import MessageRow, SourceRow
from helpninja_app.screens.chat.state import ChatState
from helpninja_app.ui.actions import button, icon_button
from helpninja_app.ui.dialogs import confirm
from helpninja_app.ui.rendered import rendered_text

_messages: Any = ChatState.messages
_again: Any = ChatState.ask_again
_consider: Any = ChatState.consider_again
_open: Any = ChatState.open_source
_edit: Any = ChatState.edit
_ask_edited: Any = ChatState.ask_edited


def message(row: MessageRow) -> rx.Component:
    return rx.cond(row.is_question, _question(row), _answer(row))


def again_dialog() -> rx.Component:
    """The question before more than one answer is replaced."""
    return confirm(
        id="ask-again",
        title="Ask this again?",
        consequence="All that followed it is replaced.",
        act="Ask again",
        on_confirm=_again(ChatState.again),
        is_shown=ChatState.again != "",
        on_close=_consider(""),
    )


def answer_under_way() -> rx.Component:
    """Each finished block is sent once, only the last one again and again."""
    return rx.el.div(
        rx.foreach(ChatState.finished, rendered_text),
        rendered_text(ChatState.writing),
        rx.el.span(
            aria_hidden="true",
            class_name="inline-block h-4 w-2 rounded-chip bg-accent motion-safe:animate-pulse",
        ),
        class_name="flex min-w-0 flex-col gap-3",
    )


def _question(row: MessageRow) -> rx.Component:
    return rx.cond(
        ChatState.editing == row.id,
        _editor(row),
        rx.el.div(
            rx.el.p(
                row.text,
                class_name="max-w-[80%] rounded-bubble rounded-br-tail border border-border bg-subtle px-4 "
                "py-2 text-chat wrap-anywhere whitespace-pre-wrap",
            ),
            rx.cond(
                ~ChatState.is_asking,
                icon_button("Edit", "pencil", size="small", on_click=_edit(row.id), data_edits=row.id),
            ),
            class_name="flex flex-row-reverse items-end gap-1",
        ),
    )


def _editor(row: MessageRow) -> rx.Component:
    return rx.el.form(
        rx.el.textarea(
            id="edited",
            name="edited",
            default_value=rx.cond(ChatState.rewritten != "", ChatState.rewritten, row.text),
            rows="3",
            aria_label="Your question, anew",
            auto_focus=True,
            class_name="block max-h-60 w-full resize-none bg-transparent text-chat outline-none!",
        ),
        rx.el.div(
            rx.el.p("All that followed it is replaced.", class_name="mr-auto text-small text-muted"),
            button("Keep it", type="button", size="small", id="keep-question", on_click=_edit("")),
            button("Ask", type="submit", size="small", emphasis="primary", disabled=ChatState.is_asking),
            class_name="flex items-center gap-2",
        ),
        id="editor",
        on_submit=_ask_edited,
        class_name="flex flex-col gap-2 rounded-card border border-border-strong bg-bg p-3 "
        "focus-within:outline-2 focus-within:outline-accent",
    )


def _answer(row: Any) -> rx.Component:
    return rx.el.div(
        rx.el.div(rendered_text(row.html), id=row.id),
        rx.cond(
            row.note != "",
            rx.el.p(
                row.note,
                class_name=rx.cond(row.state == "failed", "text-table text-danger", "text-table text-muted"),
            ),
        ),
        rx.cond(
            row.sources.length() > 0,
            rx.el.div(
                rx.foreach(row.sources, lambda source: _source(row, source)),
                class_name="grid gap-2 tablet:grid-cols-2",
            ),
        ),
        rx.el.div(
            rx.cond(
                row.html != "",
                icon_button("Copy", "copy", size="small", data_copies=row.id),
            ),
            rx.cond(
                (row.asked != "") & ~ChatState.is_asking & (row.state != "writing"),
                rx.cond(
                    _messages[-1].id == row.id,
                    icon_button("Ask again", "rotate-cw", size="small", on_click=_again(row.asked)),
                    icon_button(
                        "Ask again",
                        "rotate-cw",
                        size="small",
                        aria_haspopup="dialog",
                        on_click=_consider(row.asked),
                    ),
                ),
            ),
            rx.el.span(row.facts, class_name="ml-1 text-small text-muted"),
            class_name="-ml-1.5 flex items-center gap-0.5",
        ),
        class_name="flex min-w-0 flex-col gap-3",
    )


def _source(row: MessageRow, source: SourceRow) -> rx.Component:
    return rx.el.button(
        rx.el.span(
            source.n,
            class_name="rounded-chip border border-border bg-subtle px-1.5 text-small font-medium text-muted",
        ),
        rx.el.span(
            rx.el.span(source.title, class_name="block truncate text-table font-medium"),
            rx.el.span(source.place, class_name="block truncate text-small text-muted empty:hidden"),
            class_name="min-w-0",
        ),
        type="button",
        id=source.button,
        on_click=_open(row.id, source.n),
        class_name="flex min-w-0 items-center gap-3 rounded-card border border-border px-3 py-2 text-left "
        "hover:bg-subtle",
    )
