"""What makes something makes it once, also where its button is pressed again before the first is answered."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import reflex as rx

from helpninja_app.kernel.database import new_id
from helpninja_app.screens.session import SignedInState, text_in
from helpninja_app.screens.shell.state import told

# The hidden field by which a form says which one it is: ``drawn``, as it was when the form was drawn.
DRAWN = "drawn"
# Where states outlive a process, what it left under way when it died holds up nobody for longer, in seconds.
LONGEST = 60.0
_FORGOTTEN = (
    "The server was started anew or did not hear of this page for long, so nothing was done."
    " Look at what you wrote and send it again."
)
_BEFORE = "The one before is still being stored; send this again in a moment."
_LATE = "The one before was being stored when this was sent, so this was not stored. Send it again."
# So many of the forms that were taken are known again when they come late.
_REMEMBERED = 5
_MOST_FIELDS = 30


class OnceState(SignedInState, mixin=True):
    """``drawn`` counts how often the fields of the form were filled or emptied: with another number they are
    drawn anew. ``is_busy`` while something is done.

    A second click comes while the first is under way; or, on a slow line, after that: then its form says a
    number that counts no more, since what makes something counts on. A form that was opened meanwhile has a
    number of its own, and waits for nobody. Other tabs have a state of their own.

    What comes so and says something else is no second click: its sender hears that it was not stored.
    """

    drawn: int = 0
    is_busy: bool = False

    # Which click was first, on which form, and when it came, in Unix time.
    _under_way: tuple[str, int, float] | None = None
    # What the last forms that were taken said: digests, since there may be secrets in a form.
    _taken: rx.Field[list[str]] = rx.field(default_factory=list)

    @asynccontextmanager
    async def _once(self, form: object) -> AsyncIterator[str]:
        """Which click this is, for as long as it is under way; empty for one that is to do nothing.

        ``form`` is what was sent, or ``()`` where nothing is typed.
        """
        click = new_id().hex
        try:
            async with self:
                is_first = not self._is_under_way() and text_in(form, DRAWN) in {"", str(self.drawn)}
                if is_first:
                    self._under_way, self.is_busy = (click, self.drawn, time.time()), True
                    self._taken = [*self._taken[1 - _REMEMBERED :], _digest(form)]
                    self._keep(None)
            yield click if is_first else ""
        finally:
            # However it ended, also when it was cancelled.
            if self._under_way and self._under_way[0] == click:
                async with self:
                    self._under_way, self.is_busy = None, False

    def _is_under_way(self) -> bool:
        """Whether the form that is shown was sent, and is not answered yet."""
        if self._under_way is None:
            return False
        _, drawn, began = self._under_way
        return drawn == self.drawn and time.time() - began < LONGEST

    async def _of_nothing(self, form: object) -> Any:
        """What is said of a click that is to do nothing: of a second one nothing, its first has an answer."""
        drawn = text_in(form, DRAWN, 9)
        # This state never drew such a form: another process did, or this one before it forgot the tab.
        is_forgotten = drawn.isdecimal() and int(drawn) > self.drawn
        if not is_forgotten and _digest(form) in self._taken:
            return None
        async with self:
            sentence = _FORGOTTEN if is_forgotten else _BEFORE if self._is_under_way() else _LATE
            self._keep(form)
        return told(sentence, "danger")

    def _keep(self, form: object) -> None:
        """Called with a form that was not taken, and with ``None`` when one is: a page may show it again."""

    def _is_left(self, click: str) -> bool:
        """Whether the form that this was the click on is not shown any more."""
        return self._under_way is None or self._under_way[:2] != (click, self.drawn)


class KeptFormState(OnceState, mixin=True):
    """For a form that stays on its page, empty, when what it said is stored: ``kept`` are the fields of one
    that was sent too early for that, by their names, to begin with when they are drawn anew."""

    kept: rx.Field[dict[str, str]] = rx.field(default_factory=dict)

    def _keep(self, form: object) -> None:
        names = [name for name in form if name != DRAWN] if isinstance(form, dict) else []
        self.kept = {name: text_in(form, name) for name in names[:_MOST_FIELDS] if isinstance(name, str)}
        if self.kept and not self._is_under_way():
            # The browser drew them empty, or is about to; while one is under way its end draws them.
            self.drawn += 1


def _digest(form: object) -> str:
    """The same for two forms that say the same, of the same drawing."""
    return hashlib.sha256(json.dumps(form, sort_keys=True, default=str).encode()).hexdigest()
