"""How the notes look, and the sheet in which one is written."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.knowledge.notes import MAX_LENGTH, MAX_TITLE
from helpninja_app.screens.knowledge.audiences import audience_chip, audience_item, public_question
from helpninja_app.screens.knowledge.documents import document_status
from helpninja_app.screens.knowledge.editor import editor
from helpninja_app.screens.knowledge.note_editor_state import NoteEditorState
from helpninja_app.screens.knowledge.notes_state import NoteRow, NotesState
from helpninja_app.screens.knowledge.sheets_state import PassagesState
from helpninja_app.screens.knowledge.state import KnowledgeState
from helpninja_app.screens.shell.frame import refused
from helpninja_app.ui.actions import button
from helpninja_app.ui.forms import field, text_area
from helpninja_app.ui.icons import icon
from helpninja_app.ui.menus import menu_item
from helpninja_app.ui.panels import card, empty_state, failed_state, section, skeleton_rows
from helpninja_app.ui.rows import actions_column, row_menu
from helpninja_app.ui.tables import Column, cell, pages, row, table

_state: Any = NotesState
_editor: Any = NoteEditorState
_passages: Any = PassagesState

_WIDE_ONLY = "hidden tablet:table-cell"
_COLUMNS = (
    Column("Note"),
    Column("Status", "w-28 tablet:w-36"),
    Column("For", f"w-28 {_WIDE_ONLY}"),
    Column("Changed", f"w-32 text-right {_WIDE_ONLY}"),
    actions_column(),
)


def notes_tab() -> rx.Component:
    return section(
        "Notes",
        refused(NotesState),
        card(
            rx.cond(
                NotesState.failure != "",
                failed_state(NotesState.failure, retry=NotesState.open_notes),
                rx.cond(
                    NotesState.is_loaded,
                    rx.cond(NotesState.rows.length() > 0, _table(), _nothing()),
                    skeleton_rows(4),
                ),
            )
        ),
        note="what you know and no page says",
        actions=rx.cond(
            KnowledgeState.may_write,
            button(
                icon("pencil"),
                "Write a note",
                type="button",
                aria_haspopup="dialog",
                on_click=_editor.begin,
            ),
        ),
    )


def note_editor() -> rx.Component:
    return editor(
        NoteEditorState,
        field(
            "Title",
            name="title",
            id="note-title",
            default_value=NoteEditorState.title,
            placeholder="Opening hours at Christmas",
            max_length=MAX_TITLE,
            auto_complete="off",
            error=_editor.errors["title"],
        ),
        text_area(
            "Text",
            name="text",
            rows="14",
            default_value=NoteEditorState.text,
            # The id is the name: else the text would go twice, and half as much would fit (forms.js).
            hint="Markdown. A heading for each subject helps the search to find the right part. What is "
            "longer than some 28,000 characters is uploaded as a file.",
            max_length=MAX_LENGTH,
            error=_editor.errors["text"],
        ),
        id="note-editor",
        title=rx.cond(NoteEditorState.edited != "", "Change a note", "Write a note"),
        what="this note",
    )


def _table() -> rx.Component:
    return rx.fragment(
        table("Notes", _COLUMNS, rx.foreach(NotesState.rows, _note)),
        rx.cond(
            NotesState.total > NotesState.rows.length(),
            pages(
                NotesState.shown,
                is_first=NotesState.page == 0,
                is_last=NotesState.is_last,
                back=_state.turn_page(-1),
                on=_state.turn_page(1),
                name="Pages of notes",
            ),
        ),
    )


def _note(note: NoteRow) -> rx.Component:
    return row(
        cell(
            rx.el.p(note.title, class_name="font-medium break-words"),
            rx.el.p(note.excerpt, class_name="mt-0.5 line-clamp-2 break-words text-muted"),
            rx.el.div(audience_chip(note.audience, note.is_public), class_name="mt-1 flex tablet:hidden"),
        ),
        cell(document_status(note)),
        cell(audience_chip(note.audience, note.is_public), class_name=_WIDE_ONLY),
        cell(
            rx.el.time(note.when, date_time=note.machine_time, title=note.moment),
            class_name=f"text-right text-muted tabular-nums {_WIDE_ONLY}",
        ),
        cell(_actions(note), class_name="text-right"),
        key=note.id,
    )


def _actions(note: NoteRow) -> rx.Component:
    public = f"note-public-{note.id}"
    return rx.fragment(
        row_menu(
            menu_item("Show its passages", "list", on_click=_passages.open_passages(note.id)),
            rx.cond(
                KnowledgeState.may_write,
                rx.fragment(
                    menu_item("Edit", "pencil", on_click=_editor.edit(note.id)),
                    audience_item(
                        note.is_public,
                        question=public,
                        on_members=_state.change_audience(note.id, "members"),
                    ),
                ),
            ),
            kind="note",
            id=note.id,
            name=note.title,
            question=f"Delete {note.title}?",
            consequence="The assistant no longer answers from it. You can restore it for seven days.",
            on_delete=_state.delete(note.id),
            may_delete=KnowledgeState.may_write,
        ),
        rx.cond(
            KnowledgeState.may_write,
            public_question(
                id=public, what=note.title, on_confirm=_state.change_audience(note.id, "visitors")
            ),
        ),
    )


def _nothing() -> rx.Component:
    return empty_state(
        "sticky-note",
        "There are no notes yet",
        rx.cond(
            KnowledgeState.may_write,
            "Write down what your team knows and no page says, such as opening hours on a holiday.",
            "Somebody who looks after the knowledge of this workspace can write notes.",
        ),
    )
