"""What was deleted last in this tab, and can still be brought back from the corner of the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import reflex as rx

from helpninja_app.screens.session import SignedInState

Kind = Literal["source", "documents", "curated", "integration", "rule"]
MAX_NAME = 200
MAX_IDS = 200


class UndoState(SignedInState):
    """Only says what can be undone: the lists themselves bring it back, and ask anew whether one may."""

    said: str = ""
    kind: str = ""
    ids: rx.Field[list[str]] = rx.field(default_factory=list)

    @rx.event
    def offer(self, sentence: str, kind: str, ids: list[str]) -> None:
        """Show what was deleted, with "Undo"."""
        known = isinstance(ids, list) and all(isinstance(each, str) for each in ids)
        self.said = sentence[:MAX_NAME] if isinstance(sentence, str) and known else ""
        self.kind, self.ids = str(kind)[:20], ids[:MAX_IDS] if known else []
        self._show_to_this_session()

    @rx.event
    def close(self) -> None:
        """The message was closed, or what it spoke of is back."""
        self.said, self.kind, self.ids = "", "", []


def deleted(kind: Kind, name: str, ids: Sequence[str]) -> Any:
    """What an event returns after it deleted something."""
    offer: Any = UndoState.offer
    shown = name if len(name) <= 60 else f"{name[:59]}…"
    return offer(f"Deleted: {shown}.", kind, list(ids))


def restored() -> Any:
    return UndoState.close
