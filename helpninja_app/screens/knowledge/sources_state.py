"""The sources of the workspace, fifty to a page: what each did last, and what may be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.audit import Actor, record
from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.errors import NotFound
from helpninja_app.knowledge.ingest_requests import cancel_ingest, retry_failed_pages
from helpninja_app.knowledge.models import Schedule
from helpninja_app.knowledge.sources import (
    SourceView,
    change_source,
    delete_source,
    get_source,
    list_sources,
    restore_source,
    sync_source,
)
from helpninja_app.resources import current_resources
from helpninja_app.screens.knowledge.documents_state import audience_from
from helpninja_app.screens.knowledge.following import FollowedState
from helpninja_app.screens.knowledge.refreshing import is_part, the_others
from helpninja_app.screens.knowledge.rows import SourceRow, source_row
from helpninja_app.screens.knowledge.state import limits_of
from helpninja_app.screens.session import SignedInState, id_from
from helpninja_app.screens.undo_state import deleted, restored


class SourcesState(FollowedState, SignedInState):
    """``total`` is how many sources there are."""

    rows: rx.Field[list[SourceRow]] = rx.field(default_factory=list)

    @rx.event(background=True)
    async def open_sources(self) -> Any:
        """Run when the page loads, and to try again."""
        return await self._answer()

    @rx.event(background=True)
    async def read_again(self, source_id: str) -> Any:
        """Read a source now."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.WRITE_KNOWLEDGE)
            await sync_source(session, current_resources().queue, Actor.of(caller), id_from(source_id))

        return await self._answer(work)

    @rx.event(background=True)
    async def cancel(self, job_id: str) -> Any:
        """Stop a run; what it has stored stays."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.WRITE_KNOWLEDGE)
            given = await cancel_ingest(session, caller.workspace.id, id_from(job_id))
            await record(session, Actor.of(caller), "source.ingest_cancelled", given)

        return await self._answer(work)

    @rx.event(background=True)
    async def retry(self, job_id: str) -> Any:
        """Try the pages again that failed."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.WRITE_KNOWLEDGE)
            queue = current_resources().queue
            given, count = await retry_failed_pages(session, queue, caller.workspace.id, id_from(job_id))
            await record(session, Actor.of(caller), "source.retried", given, pages=count)

        return await self._answer(work)

    @rx.event(background=True)
    async def choose_schedule(self, source_id: str, schedule: str) -> Any:
        """When a source is read again by itself."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.WRITE_KNOWLEDGE)
            wanted = schedule_from(schedule)
            await change_source(session, Actor.of(caller), id_from(source_id), schedule=wanted)

        return await self._answer(work)

    @rx.event(background=True)
    async def choose_audience(self, source_id: str, audience: str) -> Any:
        """Who is answered from a source; all its documents follow."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.WRITE_KNOWLEDGE)
            wanted = audience_from(audience)
            await change_source(session, Actor.of(caller), id_from(source_id), audience=wanted)

        return await self._answer(work, lambda _: the_others("sources"))

    @rx.event(background=True)
    async def delete(self, source_id: str) -> Any:
        """Put a source with its documents into the bin."""

        async def work(session: AsyncSession, caller: MemberCaller) -> str:
            require(caller, Permission.WRITE_KNOWLEDGE)
            wanted = id_from(source_id)
            name = (await get_source(session, caller.workspace.id, wanted)).name
            await delete_source(session, Actor.of(caller), wanted)
            return name

        def then(name: str) -> Any:
            return [deleted("source", name, [str(source_id)]), *the_others("sources")]

        return await self._answer(work, then)

    @rx.event(background=True)
    async def restore(self, source_id: str) -> Any:
        """Bring a deleted source back."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.WRITE_KNOWLEDGE)
            queue, limits = current_resources().queue, limits_of(caller)
            await restore_source(session, queue, Actor.of(caller), id_from(source_id), limits)

        return await self._answer(work, lambda _: [restored(), *the_others("sources")])

    async def _list(
        self, session: AsyncSession, caller: MemberCaller, *, limit: int, offset: int
    ) -> tuple[Sequence[SourceView], int]:
        require(caller, Permission.READ_KNOWLEDGE)
        found = await list_sources(session, caller.workspace.id, limit=limit, offset=offset)
        return found.sources, found.total

    def _row(self, item: SourceView, moment: datetime) -> SourceRow:
        return source_row(item, moment)

    def _show(self, found: tuple[int, Sequence[Any], int], caller: MemberCaller) -> Any:
        super()._show(found, caller)
        return SourcesState.follow if self._is_under_way() else None

    def _is_under_way(self) -> bool:
        return any(row.status in {"Reading", "Waiting"} for row in self.rows)

    def _when_over(self) -> Any:
        return the_others("sources")


is_part("sources", SourcesState.open_sources)


def schedule_from(text: object) -> Schedule:
    try:
        return Schedule(str(text))
    except ValueError:
        raise NotFound("There is no such schedule.") from None
