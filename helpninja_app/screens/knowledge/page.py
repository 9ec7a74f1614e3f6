"""How the Knowledge screen looks: what the assistant answers from, and a search that shows what it finds."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.knowledge.adding import adding_dialog
from helpninja_app.screens.knowledge.adding_state import AddingState
from helpninja_app.screens.knowledge.curated import curated_editor, curated_tab, write_button
from helpninja_app.screens.knowledge.curated_state import CuratedState
from helpninja_app.screens.knowledge.deleted_state import DeletedState
from helpninja_app.screens.knowledge.documents import documents_tab
from helpninja_app.screens.knowledge.documents_state import DocumentsState
from helpninja_app.screens.knowledge.notes import note_editor, notes_tab
from helpninja_app.screens.knowledge.notes_state import NotesState
from helpninja_app.screens.knowledge.search import search_section
from helpninja_app.screens.knowledge.search_state import SearchState
from helpninja_app.screens.knowledge.sheets import (
    deleted_sheet,
    failed_pages_sheet,
    passages_sheet,
    runs_sheet,
)
from helpninja_app.screens.knowledge.sources import sources_tab
from helpninja_app.screens.knowledge.sources_state import SourcesState
from helpninja_app.screens.knowledge.state import PATH, KnowledgeState
from helpninja_app.screens.knowledge.uploading import upload_button, uploads
from helpninja_app.screens.shell.frame import dashboard, once_loaded
from helpninja_app.screens.undo import undo_toast
from helpninja_app.screens.undo_state import UndoState
from helpninja_app.ui.actions import button
from helpninja_app.ui.icons import icon
from helpninja_app.ui.panels import page_header
from helpninja_app.ui.tabs import Tab, tabs

_adding: Any = AddingState
_sources: Any = SourcesState
_documents: Any = DocumentsState
_curated: Any = CuratedState
_deleted: Any = DeletedState
# What is read when the page loads.
OPENING: tuple[Any, ...] = (
    KnowledgeState.open_knowledge,
    SourcesState.open_sources,
    DocumentsState.open_documents,
    CuratedState.open_curated,
    NotesState.open_notes,
)


def knowledge_page() -> rx.Component:
    return dashboard(
        rx.el.div(
            page_header("Knowledge", KnowledgeState.summary, _actions()),
            once_loaded(KnowledgeState, _tabs(), again=OPENING),
            # The tabs stand closer to the head than parts of a page do.
            class_name="flex flex-col gap-3",
        ),
        rx.cond(KnowledgeState.may_upload, uploads()),
        adding_dialog(),
        runs_sheet(),
        failed_pages_sheet(),
        passages_sheet(),
        deleted_sheet(),
        curated_editor(),
        note_editor(),
        undo_toast(
            {
                "source": _sources.restore(UndoState.ids[0]),
                "documents": _documents.restore(UndoState.ids),
                "curated": _curated.restore(UndoState.ids[0]),
            }
        ),
        path=PATH,
    )


def _tabs() -> rx.Component:
    return tabs(
        "Knowledge",
        Tab("sources", "Sources", sources_tab()),
        Tab("documents", "Documents", documents_tab(), count=KnowledgeState.documents),
        Tab("curated", "Curated answers", curated_tab(), count=CuratedState.counted),
        Tab("notes", "Notes", notes_tab(), count=NotesState.counted),
        Tab("try", "Test search", search_section(_write_an_answer())),
    )


def _write_an_answer() -> rx.Component:
    return rx.cond(KnowledgeState.may_write, write_button(SearchState.question))


def _actions() -> rx.Component:
    return rx.el.div(
        rx.cond(
            KnowledgeState.may_write,
            rx.el.div(
                button(
                    icon("trash-2"),
                    "Deleted",
                    type="button",
                    emphasis="quiet",
                    aria_haspopup="dialog",
                    on_click=_deleted.open_deleted,
                ),
                # On a phone what is pressed most stays on one line.
                class_name="order-last tablet:order-none",
            ),
        ),
        rx.cond(KnowledgeState.may_upload, upload_button()),
        rx.cond(
            KnowledgeState.may_write,
            button(
                icon("plus"),
                "Add website",
                type="button",
                emphasis="primary",
                aria_haspopup="dialog",
                on_click=_adding.begin,
            ),
        ),
        class_name="flex flex-wrap gap-2",
    )
