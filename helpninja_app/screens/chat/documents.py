"""The documents a chat is about: those that were chosen, and the dialog to choose them in."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.chat.choosing_state import MAX_SEARCH, PickerState
from helpninja_app.screens.chat.rows import DELETED, DocumentRow
from helpninja_app.screens.chat.state import ChatState
from helpninja_app.ui.actions import button, icon_button
from helpninja_app.ui.badges import badge
from helpninja_app.ui.dialogs import closes, dialog
from helpninja_app.ui.forms import search_field, segments
from helpninja_app.ui.icons import icon
from helpninja_app.ui.panels import empty_state, failed_state, skeleton_rows

PICKER = "documents"
_choose: Any = ChatState.choose_document
_scope: Any = ChatState.choose_scope
_search: Any = PickerState.search_documents


def scope_in_words() -> Any:
    count = ChatState.chosen.length()
    return rx.cond(
        count > 0,
        rx.cond(count == 1, "1 document", f"{count} documents"),
        rx.cond(ChatState.uses_all, "All documents", "No documents"),
    )


def chosen_documents() -> rx.Component:
    return rx.cond(
        ChatState.chosen.length() > 0,
        rx.el.ul(
            rx.foreach(ChatState.chosen, _chip),
            aria_label="Asked about",
            class_name="flex max-h-24 flex-wrap gap-1 overflow-y-auto",
        ),
    )


def _chip(row: DocumentRow) -> rx.Component:
    return rx.el.li(
        rx.match(
            row.status,
            ("processing", icon("loader-circle", class_name="text-muted motion-safe:animate-spin")),
            ("failed", icon("triangle-alert", class_name="text-danger")),
            (DELETED, icon("trash-2", class_name="text-danger")),
            icon("file-text", class_name="text-muted"),
        ),
        rx.el.span(row.title, class_name="max-w-48 truncate font-medium", title=row.title),
        rx.match(
            row.status,
            ("processing", rx.el.span("Being read", role="status", class_name="text-muted")),
            ("failed", rx.el.span(row.reason, class_name="max-w-64 truncate text-danger", title=row.reason)),
            (DELETED, rx.el.span("Deleted", class_name="text-danger")),
            rx.cond(
                row.is_public,
                rx.el.span("For visitors too", class_name="text-muted"),
                rx.el.span("For all members", class_name="text-muted"),
            ),
        ),
        icon_button(f"Do not ask about {row.title}", "x", size="small", on_click=_choose(row.id)),
        key=row.id,
        class_name="flex min-w-0 items-center gap-1.5 rounded-chip border border-border bg-subtle pl-2 "
        "text-small",
    )


def picker() -> rx.Component:
    return dialog(
        segments(
            "Where answers are looked for",
            name="scope",
            options=(("all", "All documents"), ("none", "No documents")),
            chosen=rx.cond(ChatState.chosen.length() > 0, "", rx.cond(ChatState.uses_all, "all", "none")),
            on_choose=_scope,
        ),
        rx.el.p(
            "Or only in those that you choose here. Without documents the model answers by itself.",
            class_name="text-table text-muted",
        ),
        rx.el.div(
            search_field(
                "Search documents",
                name="documents",
                placeholder="Search by title or address",
                max_length=MAX_SEARCH,
                default_value=PickerState.wanted,
                on_change=_search.debounce(250),
            ),
            class_name="flex",
        ),
        rx.cond(
            PickerState.failure != "",
            failed_state(PickerState.failure, retry=PickerState.open_picker),
            rx.cond(
                PickerState.is_loaded,
                rx.cond(PickerState.rows.length() > 0, _list(), _nothing()),
                skeleton_rows(4),
            ),
        ),
        id=PICKER,
        title="Choose documents",
        actions=(button("Done", type="button", emphasis="primary", **closes()),),
    )


def _list() -> rx.Component:
    return rx.el.div(
        rx.el.ul(rx.foreach(PickerState.rows, _row), class_name="flex flex-col"),
        rx.el.p(PickerState.more, class_name="px-2 py-1 text-small text-muted empty:hidden"),
        tab_index=0,
        role="group",
        aria_label="Documents",
        class_name="max-h-72 overflow-y-auto rounded-control border border-border p-1",
    )


def _row(row: DocumentRow) -> rx.Component:
    return rx.el.li(
        rx.el.label(
            rx.el.input(
                type="checkbox",
                checked=ChatState.chosen_ids.contains(row.id),
                on_change=_choose(row.id),
                class_name="size-4 shrink-0 accent-accent",
            ),
            rx.el.span(row.title, class_name="min-w-0 flex-1 truncate"),
            rx.cond(row.is_public, badge("Visitors", "accent"), badge("Members", "neutral")),
            class_name="flex items-center gap-2 rounded-chip px-2 py-1.5 text-table hover:bg-subtle",
        ),
        key=row.id,
    )


def _nothing() -> rx.Component:
    return rx.cond(
        PickerState.wanted != "",
        empty_state(
            "search-x", "No document has this text", "Titles, addresses and names are looked through."
        ),
        empty_state("book-open", "No documents yet", "Drop a file into the chat to ask about it."),
    )
