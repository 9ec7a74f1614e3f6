"""How the curated answers look: in their order, and the sheet in which one is written."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.knowledge.curated import MAX_ANSWER, MAX_PHRASINGS, MAX_QUESTION
from helpninja_app.screens.knowledge.audiences import audience_chip, audience_item, public_question
from helpninja_app.screens.knowledge.curated_editor_state import CuratedEditorState
from helpninja_app.screens.knowledge.curated_state import CuratedRow, CuratedState
from helpninja_app.screens.knowledge.editor import editor
from helpninja_app.screens.knowledge.state import KnowledgeState
from helpninja_app.screens.shell.frame import refused
from helpninja_app.ui.actions import button
from helpninja_app.ui.forms import field, switch, text_area
from helpninja_app.ui.icons import icon
from helpninja_app.ui.menus import menu_item
from helpninja_app.ui.panels import card, empty_state, failed_state, section, skeleton_rows
from helpninja_app.ui.rows import actions_column, order_column, row_menu, row_order, row_switch
from helpninja_app.ui.tables import Column, cell, pages, row, table

_state: Any = CuratedState
_editor: Any = CuratedEditorState

_WIDE_ONLY = "hidden tablet:table-cell"
_COLUMNS = (
    order_column(),
    Column("Answer"),
    Column("For", f"w-28 {_WIDE_ONLY}"),
    Column("On", "w-18"),
    Column("Changed", f"w-32 text-right {_WIDE_ONLY}"),
    actions_column(),
)


def curated_tab() -> rx.Component:
    return section(
        "Curated answers",
        refused(CuratedState),
        rx.el.p(CuratedState.moved, role="status", data_focuses=CuratedState.focus, class_name="sr-only"),
        card(
            rx.cond(
                CuratedState.failure != "",
                failed_state(CuratedState.failure, retry=CuratedState.open_curated),
                rx.cond(
                    CuratedState.is_loaded,
                    rx.cond(CuratedState.rows.length() > 0, _table(), _nothing()),
                    skeleton_rows(4),
                ),
            )
        ),
        note="said word for word when their question is asked",
        actions=rx.cond(KnowledgeState.may_write, write_button("")),
    )


def write_button(question: Any) -> rx.Component:
    """Begins a curated answer to ``question``, which may be empty."""
    return button(
        icon("pencil"),
        "Write an answer",
        type="button",
        aria_haspopup="dialog",
        on_click=_editor.begin(question),
    )


def curated_editor() -> rx.Component:
    return editor(
        CuratedEditorState,
        field(
            "Question",
            name="question",
            id="curated-question",
            default_value=CuratedEditorState.question,
            placeholder="Do you deliver to the islands?",
            max_length=MAX_QUESTION,
            auto_complete="off",
            error=_editor.errors["question"],
        ),
        text_area(
            "Other ways to ask it",
            name="phrasings",
            id="curated-phrasings",
            rows="3",
            default_value=CuratedEditorState.phrasings,
            hint=f"One to a line, at most {MAX_PHRASINGS}. Each one makes it found more often.",
            error=_editor.errors["phrasings"],
        ),
        text_area(
            "Answer",
            name="answer",
            id="curated-answer",
            rows="8",
            default_value=CuratedEditorState.answer,
            hint="Markdown: **bold**, lists and [links](https://example.com) are shown as such.",
            max_length=MAX_ANSWER,
            error=_editor.errors["answer"],
        ),
        switch(
            "Give this answer",
            name="is_on",
            note="Switched off, it is kept but not given.",
            default_checked=CuratedEditorState.is_on,
        ),
        id="curated-editor",
        title=rx.cond(CuratedEditorState.edited != "", "Change an answer", "Write an answer"),
        what="this answer",
    )


def _table() -> rx.Component:
    return rx.fragment(
        table("Curated answers", _COLUMNS, rx.foreach(CuratedState.rows, _answer)),
        rx.cond(
            CuratedState.total > CuratedState.rows.length(),
            pages(
                CuratedState.shown,
                is_first=CuratedState.page == 0,
                is_last=CuratedState.is_last,
                back=_state.turn_page(-1),
                on=_state.turn_page(1),
                name="Pages of curated answers",
            ),
        ),
    )


def _answer(answer: CuratedRow) -> rx.Component:
    return row(
        cell(_order(answer)),
        cell(
            rx.el.p(answer.question, class_name="font-medium break-words"),
            rx.el.p(answer.answer, class_name="mt-0.5 line-clamp-2 break-words text-muted"),
            rx.el.div(
                rx.el.span(audience_chip(answer.audience, answer.is_public), class_name="tablet:hidden"),
                rx.cond(answer.more != "", rx.el.span(answer.more)),
                class_name="mt-1 flex flex-wrap items-center gap-2 text-small text-muted empty:hidden",
            ),
        ),
        cell(audience_chip(answer.audience, answer.is_public), class_name=_WIDE_ONLY),
        cell(
            row_switch(
                "Give the answer to",
                answer.question,
                is_on=answer.is_on,
                may_switch=KnowledgeState.may_write,
                on_switch=lambda is_on: _state.switch(answer.id, is_on),
            )
        ),
        cell(
            rx.el.time(answer.when, date_time=answer.machine_time, title=answer.moment),
            class_name=f"text-right text-muted tabular-nums {_WIDE_ONLY}",
        ),
        cell(rx.cond(KnowledgeState.may_write, _actions(answer)), class_name="text-right"),
        key=answer.id,
    )


def _order(answer: CuratedRow) -> rx.Component:
    return row_order(
        answer.place,
        kind="curated",
        id=answer.id,
        name=answer.question,
        is_first=answer.is_first,
        is_last=answer.is_last,
        may_move=KnowledgeState.may_write,
        on_up=_state.move(answer.id, -1),
        on_down=_state.move(answer.id, 1),
    )


def _actions(answer: CuratedRow) -> rx.Component:
    public = f"curated-public-{answer.id}"
    return rx.fragment(
        row_menu(
            menu_item("Edit", "pencil", on_click=_editor.edit(answer.id)),
            audience_item(
                answer.is_public,
                question=public,
                on_members=_state.change_audience(answer.id, "members"),
            ),
            kind="curated",
            id=answer.id,
            name=answer.question,
            question=f"Delete the answer to “{answer.question}”?",
            consequence="It is not given any more. You can restore it for seven days.",
            on_delete=_state.delete(answer.id),
        ),
        public_question(
            id=public,
            what=rx.fragment("the answer to “", answer.question, "”"),
            on_confirm=_state.change_audience(answer.id, "visitors"),
        ),
    )


def _nothing() -> rx.Component:
    return empty_state(
        "message-square-quote",
        "Nobody has written an answer yet",
        rx.cond(
            KnowledgeState.may_write,
            "Write one for a question that comes often, or that no page covers. It wins over what the "
            "documents say.",
            "Somebody who looks after the knowledge of this workspace can write answers.",
        ),
    )
