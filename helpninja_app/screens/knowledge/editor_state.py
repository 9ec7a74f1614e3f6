"""A sheet in which something is written, new or as it was, and asked about before it is public."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.errors import Invalid
from helpninja_app.kernel.scope import Audience
from helpninja_app.screens.page_state import PageState
from helpninja_app.screens.session import id_from


class EditorState(PageState, mixin=True):
    """What can be written says how it is loaded (``_load``), stored (``_store``) and shown (``_fill``).

    ``edited`` is the id of what is changed, empty for something new. ``asks``: what was sent would become
    public, and waits for a word.
    """

    is_open: bool = False
    edited: str = ""
    audience: str = "members"
    asks: bool = False
    errors: rx.Field[dict[str, str]] = rx.field(default_factory=dict)

    _was_public: bool = False
    _sent: dict[str, Any] | None = None

    @rx.event(background=True)
    async def edit(self, wanted: str) -> Any:
        """Open it with what is there; what is written in it already stays."""
        edited = str(wanted)[:40]
        if self._is_open_on(edited):
            return None
        return await self._answer(
            edited=edited, is_open=True, is_loaded=False, failure="", asks=False, errors={}
        )

    @rx.event
    def choose_audience(self, audience: str) -> None:
        """Who is to be answered from it."""
        self.audience = "visitors" if audience == "visitors" else "members"

    @rx.event
    def close(self) -> None:
        """The sheet was closed."""
        self._empty()
        self._latest += 1

    @rx.event
    def keep_private(self) -> None:
        """The question was closed."""
        self.asks = False

    @rx.event(background=True)
    async def save(self, form: dict[str, Any]) -> Any:
        """Store what the form holds, or ask first when it would become public."""
        # As they are now: the sheet may be closed, and another one opened, before it is stored.
        drawn, edited, audience = self.drawn, self.edited, Audience(self.audience)
        is_new_to_visitors = audience == Audience.VISITORS and not self._was_public

        async def errand(caller: MemberCaller) -> bool:
            require(caller, Permission.WRITE_KNOWLEDGE)
            await self._store(caller, form, edited, audience, is_tried=is_new_to_visitors)
            return not is_new_to_visitors

        def then(is_stored: bool) -> Any:
            if is_stored:
                return self._close_and_show(drawn)
            if self.drawn == drawn:
                # Whoever says yes before the page is read again is not held up by this click.
                self.asks, self._sent, self._under_way = True, dict(form), None
            return None

        return await self._answer(errand=errand, then=then, once=form, errors={}, asks=False)

    @rx.event(background=True)
    async def publish(self) -> Any:
        """Store what was sent, for visitors."""
        sent, drawn, edited, audience = self._sent, self.drawn, self.edited, self.audience

        async def errand(caller: MemberCaller) -> None:
            require(caller, Permission.WRITE_KNOWLEDGE)
            if sent is None or audience != Audience.VISITORS:
                raise Invalid("There is nothing to make public. Save it first.")
            await self._store(caller, sent, edited, Audience.VISITORS)

        return await self._answer(
            errand=errand, then=lambda _: self._close_and_show(drawn), once=(), asks=False
        )

    async def _begin_with(self, **fields: Any) -> Any:
        """Open it for something new, with what its fields hold; what is written in it already stays."""
        if self._is_open_on("") and all(getattr(self, name) == value for name, value in fields.items()):
            return None
        async with self:
            self._empty()
        return await self._answer(is_open=True, is_loaded=True, **fields)

    def _is_open_on(self, edited: str) -> bool:
        """Whether it was opened for this already, as by the first of two presses on a slow line."""
        return self.is_open and self.edited == edited and not self.failure

    async def _load(self, session: AsyncSession, caller: MemberCaller, wanted: UUID) -> Any:
        """What there is, to be changed."""
        raise NotImplementedError

    async def _store(
        self, caller: MemberCaller, form: object, edited: str, audience: Audience, *, is_tried: bool = False
    ) -> None:
        """Store a form, or only find out whether it could be; raises ``Invalid`` with each wrong field.

        ``edited`` is the id of what it changes, empty for something new.
        """
        raise NotImplementedError

    def _fill(self, found: Any) -> Audience:
        """Put what there is into the vars, or nothing; returns whom it is for."""
        raise NotImplementedError

    def _parts(self) -> list[Any]:
        """The events that show what was stored."""
        raise NotImplementedError

    async def _read(self, session: AsyncSession, caller: MemberCaller) -> Any:
        require(caller, Permission.WRITE_KNOWLEDGE)
        # What was typed stays in the form when it was refused, or waits for an answer.
        is_filled = not self.edited or self.problem or self.asks
        return None if is_filled else await self._load(session, caller, id_from(self.edited))

    def _show(self, found: Any, caller: MemberCaller) -> None:
        if found is not None:
            self.audience = self._fill(found).value
            self._was_public = self.audience == Audience.VISITORS
            self.drawn += 1

    def _refuse(self, error: Exception) -> Any:
        wrong = error.errors if isinstance(error, Invalid) else ()
        self.errors = {item.field.removeprefix("body."): item.message for item in wrong}
        super()._refuse(error)
        if self.errors:
            self.problem = "This cannot be saved yet. What is wrong stands at its field."

    def _close_and_show(self, drawn: int) -> list[Any]:
        # Another sheet may have been opened meanwhile.
        if self.drawn == drawn:
            self._empty()
        return self._parts()

    def _empty(self) -> None:
        self.is_open, self.edited, self.asks, self.is_loaded = False, "", False, False
        self.problem, self.is_at_limit, self.failure, self.errors = "", False, "", {}
        self._sent, self._was_public = None, False
        self.audience = self._fill(None).value
        self.drawn += 1
