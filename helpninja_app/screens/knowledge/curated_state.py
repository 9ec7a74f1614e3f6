"""The curated answers of the workspace in their order: moved, switched on and off, deleted and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.audit import Actor
from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.kernel.scope import Audience
from helpninja_app.knowledge.curated import (
    CuratedView,
    CuratedWish,
    change_curated,
    delete_curated,
    get_curated,
    list_curated,
    move_curated,
    restore_curated,
)
from helpninja_app.resources import current_resources
from helpninja_app.screens.knowledge.documents_state import audience_from
from helpninja_app.screens.knowledge.rows import excerpt
from helpninja_app.screens.paged_state import PagedState
from helpninja_app.screens.session import SignedInState, id_from
from helpninja_app.screens.undo_state import deleted, restored
from helpninja_app.ui.times import exactly, in_words


@dataclass(frozen=True)
class CuratedRow:
    """``place`` counts from 1; ``more`` says how many further phrasings there are, if any."""

    id: str
    place: str
    question: str
    more: str
    answer: str
    audience: str
    is_public: bool
    is_on: bool
    is_first: bool
    is_last: bool
    when: str
    moment: str
    machine_time: str


class CuratedState(PagedState, SignedInState):
    """``moved`` says where an answer went; ``focus`` is the button that is to have the focus then.

    ``counted`` is how many there are, empty for none.
    """

    rows: rx.Field[list[CuratedRow]] = rx.field(default_factory=list)
    counted: str = ""
    moved: str = ""
    focus: str = ""

    _moves: int = 0
    _just_moved: tuple[str, str] | None = None

    @rx.event(background=True)
    async def open_curated(self) -> Any:
        """Run when the page loads, to try again, and when one was written."""
        return await self._answer(moved="", focus="")

    @rx.event(background=True)
    async def move(self, answer_id: str, by: int) -> Any:
        """One place up (-1) or down (1): where two match alike, the first one is given."""
        step = (by > 0) - (by < 0) if isinstance(by, int) else 0

        async def work(session: AsyncSession, caller: MemberCaller) -> tuple[str, int, int]:
            require(caller, Permission.WRITE_KNOWLEDGE)
            wanted = id_from(answer_id)
            place = await move_curated(session, Actor.of(caller), wanted, step)
            everything = await list_curated(session, caller.workspace.id)
            return everything[place].question, place + 1, len(everything)

        def then(done: tuple[str, int, int]) -> None:
            question, place, total = done
            self._moves += 1
            # The button that was pressed, unless there is nowhere further to go; each time another value.
            way = "down" if place == 1 else "up" if place == total or step < 0 else "down"
            focus = f"curated-{way}-{answer_id} {self._moves}"
            self._just_moved = (f"“{question}” is number {place} of {total} now.", focus)

        return await self._answer(work, then)

    @rx.event(background=True)
    async def switch(self, answer_id: str, is_on: bool) -> Any:
        """Give an answer, or no longer."""
        return await self._answer(errand=_changing(answer_id, lambda: CuratedWish(is_on=is_on is True)))

    @rx.event(background=True)
    async def change_audience(self, answer_id: str, audience: str) -> Any:
        """Who is given an answer."""
        return await self._answer(
            errand=_changing(answer_id, lambda: CuratedWish(audience=audience_from(audience)))
        )

    @rx.event(background=True)
    async def delete(self, answer_id: str) -> Any:
        """Take an answer out of use; it can be brought back for seven days."""

        async def work(session: AsyncSession, caller: MemberCaller) -> str:
            require(caller, Permission.WRITE_KNOWLEDGE)
            wanted = id_from(answer_id)
            question = (await get_curated(session, caller.workspace.id, wanted)).question
            await delete_curated(session, Actor.of(caller), wanted)
            return question

        return await self._answer(work, lambda question: deleted("curated", question, [str(answer_id)]))

    @rx.event(background=True)
    async def restore(self, answer_id: str) -> Any:
        """Bring a deleted answer back to its place."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.WRITE_KNOWLEDGE)
            await restore_curated(session, Actor.of(caller), id_from(answer_id))

        return await self._answer(work, lambda _: restored())

    async def _list(
        self, session: AsyncSession, caller: MemberCaller, *, limit: int, offset: int
    ) -> tuple[Sequence[tuple[CuratedView, int, int]], int]:
        require(caller, Permission.READ_KNOWLEDGE)
        everything = await list_curated(session, caller.workspace.id)
        total = len(everything)
        return [(view, at, total) for at, view in enumerate(everything)][offset : offset + limit], total

    def _row(self, item: tuple[CuratedView, int, int], moment: datetime) -> CuratedRow:
        view, at, total = item
        more = len(view.phrasings)
        return CuratedRow(
            id=str(view.id),
            place=f"{at + 1:,}",
            question=view.question,
            more=f"{more} further phrasing{'' if more == 1 else 's'}" if more else "",
            answer=excerpt(view.answer),
            audience="Visitors" if view.audience is Audience.VISITORS else "Members",
            is_public=view.audience is Audience.VISITORS,
            is_on=view.is_on,
            is_first=at == 0,
            is_last=at == total - 1,
            when=in_words(view.updated_at, moment),
            moment=exactly(view.updated_at),
            machine_time=view.updated_at.isoformat(),
        )

    def _show(self, found: tuple[int, Sequence[Any], int], caller: MemberCaller) -> None:
        super()._show(found, caller)
        self.counted = f"{self.total:,}" if self.total else ""
        # Together with the rows: before them, the button would be somewhere else.
        if self._just_moved:
            (self.moved, self.focus), self._just_moved = self._just_moved, None


def _changing(answer_id: object, wish: Callable[[], CuratedWish]) -> Any:
    """An errand that changes an answer: its phrasings are embedded outside of any unit of work."""

    async def errand(caller: MemberCaller) -> None:
        require(caller, Permission.WRITE_KNOWLEDGE)
        wanted: UUID = id_from(answer_id)
        resources = current_resources()
        embedder = resources.knowledge.embedders.of(caller.workspace.embedding_model)
        await change_curated(resources.database, caller.scope, embedder, Actor.of(caller), wanted, wish())

    return errand
