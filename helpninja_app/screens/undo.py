"""How a deletion is taken back: a message at the corner with "Undo"."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.undo_state import Kind, UndoState
from helpninja_app.ui.actions import button
from helpninja_app.ui.toasts import said_toast

# Milliseconds in which a second click is the first one's: what is back cannot be brought back.
_DOUBLE_CLICK = 2_000
_undo: Any = UndoState


def undo_toast(ways_back: dict[Kind, Any]) -> rx.Component:
    """``ways_back`` are the events that bring each kind back; of other pages' kinds nothing is said."""
    buttons = [(kind, _button(on_click)) for kind, on_click in ways_back.items()]
    return said_toast(
        rx.match(UndoState.kind, *((kind, UndoState.said) for kind in ways_back), ""),
        tone="neutral",
        on_close=_undo.close,
        action=rx.match(UndoState.kind, *buttons, rx.fragment()),
    )


def _button(on_click: Any) -> rx.Component:
    return button("Undo", type="button", size="small", on_click=on_click.throttle(_DOUBLE_CLICK))
