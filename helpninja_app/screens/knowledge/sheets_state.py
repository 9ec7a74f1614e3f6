"""What opens beside the lists: the pages of a run that failed, and the passages of a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.knowledge.documents import get_document, name_of
from helpninja_app.knowledge.ingest_requests import PageOutcome, list_outcomes, load_progress
from helpninja_app.knowledge.models import PageState as Outcome
from helpninja_app.knowledge.passages import ChunkView, list_chunks
from helpninja_app.screens.paged_state import PagedState
from helpninja_app.screens.session import SignedInState, id_from


@dataclass(frozen=True)
class FailedPage:
    url: str
    reason: str


@dataclass(frozen=True)
class PassageRow:
    """``place`` are the headings that it stands below; ``size`` in tokens, about."""

    position: str
    place: str
    text: str
    size: str


class FailedPagesState(PagedState, SignedInState):
    """``job_id`` is the run whose pages are shown."""

    is_open: bool = False
    job_id: str = ""
    rows: rx.Field[list[FailedPage]] = rx.field(default_factory=list)

    @rx.event(background=True)
    async def open_failed(self, job_id: str) -> Any:
        """Show which pages failed, and why."""
        wanted = str(job_id)[:40]
        return await self._answer(job_id=wanted, rows=[], is_loaded=False, page=0, is_open=True)

    @rx.event
    def close(self) -> None:
        """The sheet was closed."""
        self.is_open, self.rows = False, []

    async def _list(
        self, session: AsyncSession, caller: MemberCaller, *, limit: int, offset: int
    ) -> tuple[Sequence[PageOutcome], int]:
        require(caller, Permission.READ_KNOWLEDGE)
        wanted = id_from(self.job_id)
        progress = await load_progress(session, caller.workspace.id, wanted)
        found = await list_outcomes(
            session, caller.workspace.id, wanted, Outcome.FAILED, limit=limit, offset=offset
        )
        return found, progress.failed_count

    def _row(self, item: PageOutcome, moment: datetime) -> FailedPage:
        return FailedPage(item.url, item.reason)


class PassagesState(PagedState, SignedInState):
    """``document_id`` is the document whose passages are shown."""

    is_open: bool = False
    document_id: str = ""
    title: str = ""
    rows: rx.Field[list[PassageRow]] = rx.field(default_factory=list)

    @rx.event(background=True)
    async def open_passages(self, document_id: str) -> Any:
        """Show what a document was cut into."""
        wanted = str(document_id)[:40]
        return await self._answer(
            document_id=wanted, rows=[], title="", is_loaded=False, page=0, is_open=True
        )

    @rx.event
    def close(self) -> None:
        """The sheet was closed."""
        self.is_open, self.rows, self.title = False, [], ""

    async def _list(
        self, session: AsyncSession, caller: MemberCaller, *, limit: int, offset: int
    ) -> tuple[Sequence[tuple[ChunkView, str]], int]:
        require(caller, Permission.READ_KNOWLEDGE)
        wanted = id_from(self.document_id)
        document = await get_document(session, caller.workspace.id, wanted)
        found = await list_chunks(session, caller.workspace.id, wanted, limit=limit, offset=offset)
        return [(chunk, name_of(document)) for chunk in found.chunks], found.total

    def _show(self, found: tuple[int, Sequence[Any], int], caller: MemberCaller) -> None:
        super()._show(found, caller)
        _, items, _ = found
        self.title = items[0][1] if items else ""

    def _row(self, item: tuple[ChunkView, str], moment: datetime) -> PassageRow:
        chunk, _ = item
        return PassageRow(
            position=f"{chunk.position + 1:,}",
            place=" › ".join(chunk.heading_path),
            text=chunk.text,
            size=f"about {chunk.tokens:,} tokens",
        )
