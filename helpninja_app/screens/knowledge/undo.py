"""How a deletion is taken back: a message at the corner with "Undo"."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.knowledge.curated_state import CuratedState
from helpninja_app.screens.knowledge.documents_state import DocumentsState
from helpninja_app.screens.knowledge.sources_state import SourcesState
from helpninja_app.screens.knowledge.undo_state import UndoState
from helpninja_app.ui.actions import button
from helpninja_app.ui.toasts import said_toast

_undo: Any = UndoState
_sources: Any = SourcesState
_documents: Any = DocumentsState
_curated: Any = CuratedState


def undo_toast() -> rx.Component:
    return said_toast(
        UndoState.said,
        tone="neutral",
        on_close=_undo.close,
        action=rx.match(
            UndoState.kind,
            ("source", _button(_sources.restore(UndoState.ids[0]))),
            ("documents", _button(_documents.restore(UndoState.ids))),
            ("curated", _button(_curated.restore(UndoState.ids[0]))),
            rx.fragment(),
        ),
    )


def _button(on_click: Any) -> rx.Component:
    return button("Undo", type="button", size="small", on_click=on_click)
