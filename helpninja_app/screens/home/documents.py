"""How the documents of the workspace look: one table, filtered and in pages."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.home.documents_state import MAX_FILTER, DocumentsState
from helpninja_app.screens.home.rows import DocumentRow
from helpninja_app.ui.badges import badge
from helpninja_app.ui.forms import search_field
from helpninja_app.ui.panels import card, empty_state, failed_state, section, skeleton_rows
from helpninja_app.ui.tables import Column, cell, pages, row, table

# Reflex' types do not know what the decorated handlers can do.
_filter: Any = DocumentsState.filter_documents
_turn_page: Any = DocumentsState.turn_page

# A narrow screen has room for what a document is and how it is doing.
_WIDE_ONLY = "hidden tablet:table-cell"
_COLUMNS = (
    Column("Document"),
    Column("Status", "w-28 tablet:w-40"),
    Column("For", f"w-32 {_WIDE_ONLY}"),
    Column("Passages", f"w-24 text-right {_WIDE_ONLY}"),
    Column("Changed", f"w-32 text-right {_WIDE_ONLY}"),
)


def documents_section() -> rx.Component:
    return section(
        "Documents",
        card(
            rx.cond(
                DocumentsState.failure != "",
                failed_state(DocumentsState.failure, retry=DocumentsState.open_documents),
                rx.cond(
                    DocumentsState.is_loaded,
                    rx.cond(DocumentsState.rows.length() > 0, _table(), _nothing()),
                    skeleton_rows(5),
                ),
            )
        ),
        actions=rx.el.div(
            search_field(
                "Filter documents",
                name="filter",
                placeholder="Filter by title or address",
                max_length=MAX_FILTER,
                on_change=_filter.debounce(250),
            ),
            class_name="flex w-full phone:w-64",
        ),
    )


def _table() -> rx.Component:
    return rx.fragment(
        table("Documents", _COLUMNS, rx.foreach(DocumentsState.rows, _document)),
        pages(
            DocumentsState.shown,
            is_first=DocumentsState.page == 0,
            is_last=DocumentsState.is_last,
            back=_turn_page(-1),
            on=_turn_page(1),
        ),
    )


def _document(document: DocumentRow) -> rx.Component:
    return row(
        cell(
            rx.el.p(document.title, class_name="truncate font-medium", title=document.title),
            rx.cond(
                document.url != "",
                rx.el.a(
                    document.origin,
                    href=document.url,
                    target="_blank",
                    rel="noopener",
                    class_name="block truncate rounded-chip text-small text-muted hover:underline",
                ),
                rx.el.p(document.origin, class_name="truncate text-small text-muted"),
            ),
        ),
        cell(
            badge(document.status, document.tone),
            rx.cond(
                document.reason != "",
                rx.el.p(document.reason, class_name="mt-1 text-small text-muted"),
            ),
        ),
        cell(badge(document.audience, "neutral"), class_name=_WIDE_ONLY),
        cell(document.passages, class_name=f"text-right text-muted tabular-nums {_WIDE_ONLY}"),
        cell(
            rx.el.time(document.when, date_time=document.machine_time, title=document.moment),
            class_name=f"text-right text-muted tabular-nums {_WIDE_ONLY}",
        ),
    )


def _nothing() -> rx.Component:
    return rx.cond(
        DocumentsState.filter_text != "",
        empty_state(
            "search-x",
            "No document has this text",
            "Titles, addresses and file names are looked through.",
        ),
        empty_state(
            "book-open",
            "There is nothing to answer from yet",
            "Add a website with POST /api/ingest, or files with POST /api/upload; the API docs show how.",
        ),
    )
