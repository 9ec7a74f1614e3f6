"""How the documents look: one table, filtered and in pages, of which some can be chosen."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.kernel.scope import Audience
from helpninja_app.screens.knowledge.audiences import audience_chip, audience_item, public_question
from helpninja_app.screens.knowledge.documents_state import MAX_FILTER, MAX_TITLE, DocumentsState
from helpninja_app.screens.knowledge.note_editor_state import NoteEditorState
from helpninja_app.screens.knowledge.rows import DocumentRow
from helpninja_app.screens.knowledge.sheets_state import PassagesState
from helpninja_app.screens.knowledge.state import KnowledgeState
from helpninja_app.screens.shell.frame import refused
from helpninja_app.screens.shell.state import ShellState
from helpninja_app.screens.typed import as_read
from helpninja_app.ui.actions import button, icon_button
from helpninja_app.ui.badges import badge
from helpninja_app.ui.dialogs import closes, confirm, dialog, opens
from helpninja_app.ui.forms import field, hidden_field, search_field, select_box
from helpninja_app.ui.menus import menu, menu_item, menu_line, menu_link, opens_menu
from helpninja_app.ui.panels import card, empty_state, failed_state, skeleton_rows
from helpninja_app.ui.progress import progress
from helpninja_app.ui.tables import Column, cell, choice, chosen_rows, filters, pages, row, table

# Reflex' types do not know what the decorated handlers can do.
_state: Any = DocumentsState
_passages: Any = PassagesState
_notes: Any = NoteEditorState

# A narrow screen has room for what a document is and how it is doing.
_WIDE_ONLY = "hidden tablet:table-cell"
_STATUSES = (("", "Any status"), ("completed", "Ready"), ("processing", "Reading"), ("failed", "Failed"))
_AUDIENCES = (
    ("", "For anybody"),
    (Audience.VISITORS.value, "For visitors"),
    (Audience.MEMBERS.value, "For members"),
)
_PUBLIC, _DELETION = "documents-public", "documents-gone"


def documents_tab() -> rx.Component:
    return rx.el.div(
        refused(DocumentsState),
        card(
            filters(
                search_field(
                    "Filter documents",
                    name="filter",
                    placeholder="Filter by title or address",
                    max_length=MAX_FILTER,
                    default_value=DocumentsState.filter_text,
                    key=as_read(DocumentsState),
                    on_change=_state.filter_documents.debounce(250),
                ),
                rx.el.div(
                    _filter("Status", _STATUSES, DocumentsState.status, _state.choose_status),
                    _filter("Audience", _AUDIENCES, DocumentsState.audience, _state.choose_audience),
                    class_name="flex gap-2 phone:w-72 phone:shrink-0",
                ),
            ),
            rx.cond(DocumentsState.chosen.length() > 0, _chosen()),
            rx.cond(
                DocumentsState.failure != "",
                failed_state(DocumentsState.failure, retry=DocumentsState.open_documents),
                rx.cond(
                    DocumentsState.is_loaded,
                    rx.cond(DocumentsState.rows.length() > 0, _table(), _nothing()),
                    skeleton_rows(5),
                ),
            ),
        ),
        class_name="flex flex-col gap-4",
    )


def _filter(label: str, options: tuple[tuple[str, str], ...], value: Any, on_change: Any) -> rx.Component:
    return select_box(
        label,
        *(rx.el.option(shown, value=option) for option, shown in options),
        value=value,
        on_change=on_change,
    )


def _chosen() -> rx.Component:
    return rx.fragment(
        chosen_rows(
            f"{DocumentsState.chosen.length()} chosen",
            rx.cond(
                KnowledgeState.may_write,
                rx.fragment(
                    button(
                        "For members only",
                        type="button",
                        size="small",
                        on_click=_state.change_audience(DocumentsState.chosen, "members"),
                    ),
                    button("Show to visitors…", type="button", size="small", **opens(_PUBLIC)),
                ),
            ),
            button("Delete", type="button", size="small", **opens(_DELETION)),
        ),
        public_question(
            id=_PUBLIC,
            what=DocumentsState.chosen_names,
            on_confirm=_state.change_audience(DocumentsState.chosen, "visitors"),
        ),
        confirm(
            id=_DELETION,
            title=f"Delete {DocumentsState.chosen_names}?",
            consequence="The assistant no longer answers from them. You can restore them for seven days.",
            act="Delete",
            on_confirm=_state.delete(DocumentsState.chosen),
        ),
    )


def _table() -> rx.Component:
    columns = (
        Column(
            rx.cond(
                DocumentsState.may_choose,
                choice(
                    "Choose all on this page",
                    is_chosen=DocumentsState.chosen.length() == DocumentsState.rows.length(),
                    is_mixed=(DocumentsState.chosen.length() > 0)
                    & (DocumentsState.chosen.length() < DocumentsState.rows.length()),
                    on_choose=_state.choose_all(),
                ),
                rx.el.span("Chosen", class_name="sr-only"),
            ),
            "w-11",
        ),
        Column("Document"),
        Column("Status", "w-28 tablet:w-44"),
        Column("For", f"w-28 {_WIDE_ONLY}"),
        Column("Passages", f"w-24 text-right {_WIDE_ONLY}"),
        Column("Changed", f"w-32 text-right {_WIDE_ONLY}"),
        Column(rx.el.span("Actions", class_name="sr-only"), "w-14"),
    )
    return rx.fragment(
        table("Documents", columns, rx.foreach(DocumentsState.rows, _document)),
        pages(
            DocumentsState.shown,
            is_first=DocumentsState.page == 0,
            is_last=DocumentsState.is_last,
            back=_state.turn_page(-1),
            on=_state.turn_page(1),
        ),
    )


def _document(document: DocumentRow) -> rx.Component:
    is_chosen = DocumentsState.chosen.contains(document.id)
    return row(
        cell(
            rx.cond(
                document.may_change,
                choice(f"Choose {document.title}", is_chosen=is_chosen, on_choose=_state.choose(document.id)),
            )
        ),
        cell(
            rx.el.p(
                document.title, class_name="line-clamp-2 font-medium wrap-anywhere", title=document.title
            ),
            rx.cond(
                document.url != "",
                rx.el.a(
                    document.origin,
                    href=document.url,
                    target="_blank",
                    rel="noopener",
                    class_name="block truncate rounded-chip text-small text-muted hover:underline",
                ),
                rx.el.p(
                    rx.cond(document.kind == "note", "Note", document.origin),
                    class_name="truncate text-small text-muted",
                ),
            ),
            rx.el.div(
                audience_chip(document.audience, document.is_public), class_name="mt-1 flex tablet:hidden"
            ),
        ),
        cell(document_status(document)),
        cell(audience_chip(document.audience, document.is_public), class_name=_WIDE_ONLY),
        cell(document.passages, class_name=f"text-right text-muted tabular-nums {_WIDE_ONLY}"),
        cell(
            rx.el.time(document.when, date_time=document.machine_time, title=document.moment),
            class_name=f"text-right text-muted tabular-nums {_WIDE_ONLY}",
        ),
        cell(_actions(document), class_name="text-right"),
        key=document.id,
        is_chosen=is_chosen,
    )


def document_status(document: DocumentRow) -> rx.Component:
    return rx.el.div(
        badge(document.status, document.tone),
        rx.cond(
            document.progress != "",
            rx.fragment(
                rx.el.p(document.progress, class_name="text-small text-muted tabular-nums"),
                progress(document.title, document.percent),
            ),
        ),
        rx.cond(
            document.reason != "",
            rx.el.p(document.reason, class_name="text-small break-words text-muted"),
        ),
        class_name="flex flex-col items-start gap-1",
    )


def _actions(document: DocumentRow) -> rx.Component:
    more, name, public, removal = (
        f"{act}-{document.id}" for act in ("more", "rename", "document-public", "document-gone")
    )
    return rx.fragment(
        icon_button(f"More for {document.title}", "ellipsis", size="small", **opens_menu(more)),
        menu(
            menu_item("Show its passages", "list", on_click=_passages.open_passages(document.id)),
            rx.cond(
                document.kind == "file",
                menu_link(
                    "Download",
                    "download",
                    href=f"/api/documents/{document.id}/file?tenantId={ShellState.workspace_id}",
                    is_page=False,
                ),
            ),
            rx.cond(
                document.may_change,
                rx.fragment(
                    rx.cond(
                        document.has_failed,
                        menu_item("Try again", "rotate-cw", on_click=_state.read_again(document.id)),
                    ),
                    rx.cond(
                        KnowledgeState.may_write,
                        rx.fragment(
                            rx.cond(
                                document.kind == "note",
                                menu_item("Edit", "pencil", on_click=_notes.edit(document.id)),
                                menu_item("Rename", "pencil", **opens(name)),
                            ),
                            audience_item(
                                document.is_public,
                                question=public,
                                on_members=_state.change_audience([document.id], "members"),
                            ),
                        ),
                    ),
                    menu_line(),
                    menu_item("Delete", "trash-2", tone="danger", **opens(removal)),
                ),
            ),
            id=more,
            label=f"More for {document.title}",
            placement="below end",
        ),
        rx.cond(document.may_change, _dialogs(document, name, public, removal)),
    )


def _dialogs(document: DocumentRow, name: Any, public: Any, removal: Any) -> rx.Component:
    return rx.fragment(
        dialog(
            rx.el.form(
                hidden_field("id", document.id),
                field(
                    "Title",
                    name="title",
                    id=f"{name}-title-field",
                    default_value=document.title,
                    max_length=MAX_TITLE,
                    required=True,
                ),
                id=f"{name}-form",
                on_submit=_state.rename,
            ),
            id=name,
            title=f"Rename {document.title}",
            actions=(
                button("Cancel", type="button", **closes()),
                button("Rename", type="submit", emphasis="primary", form=f"{name}-form", **closes()),
            ),
        ),
        public_question(
            id=public, what=document.title, on_confirm=_state.change_audience([document.id], "visitors")
        ),
        confirm(
            id=removal,
            title=f"Delete {document.title}?",
            consequence="The assistant no longer answers from it. You can restore it for seven days.",
            act="Delete",
            on_confirm=_state.delete([document.id]),
        ),
    )


def _nothing() -> rx.Component:
    is_filtered = (
        (DocumentsState.filter_text != "") | (DocumentsState.status != "") | (DocumentsState.audience != "")
    )
    return rx.cond(
        is_filtered,
        empty_state(
            "search-x",
            "No document has this text",
            "Titles, addresses and file names are looked through; try another status or audience too.",
        ),
        empty_state(
            "book-open",
            "There is nothing to answer from yet",
            "Add a website, or drop files anywhere on this page.",
        ),
    )
