"""What a run found behind its address: how far it is with looking, and the pages that wait to be read."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.knowledge.crawl.discovery import Discovery
from helpninja_app.knowledge.exclusions import EXCLUDED, excluded_among
from helpninja_app.knowledge.models import IngestJob, IngestPage, PageState, Source, SourceKind


@dataclass(frozen=True, slots=True)
class WaitingPage:
    position: int
    url: str
    depth: int | None


async def store_found(
    session: AsyncSession, workspace_id: UUID, source_id: UUID, job_id: UUID, found: Discovery
) -> None:
    """Make the pages that were found those of the run, without what was deleted here."""
    # A site is looked at all the same, for the links on its pages.
    is_site = found.kind == SourceKind.SITE.value
    excluded = set() if is_site else await excluded_among(session, workspace_id, found.pages)
    rows: list[tuple[str, PageState, str | None]] = [
        (url, PageState.SKIPPED, EXCLUDED) if url in excluded else (url, PageState.PENDING, None)
        for url in dict.fromkeys(found.pages)
    ]
    rows += [(skip.url[:2000], PageState.SKIPPED, skip.reason) for skip in found.skipped]
    if rows:
        await session.execute(
            insert(IngestPage),
            [
                {
                    "workspace_id": workspace_id,
                    "job_id": job_id,
                    "position": position,
                    "url": url,
                    "state": state.value,
                    "reason": reason,
                }
                for position, (url, state, reason) in enumerate(rows)
            ],
        )
    # The source before its run, as everywhere: two transactions must not wait for each other.
    await session.execute(
        update(Source)
        .where(col(Source.workspace_id) == workspace_id, col(Source.id) == source_id)
        .values(kind=found.kind)
    )
    await session.execute(
        update(IngestJob)
        .where(col(IngestJob.workspace_id) == workspace_id, col(IngestJob.id) == job_id)
        .values(discovered=True, is_complete=found.is_complete, walk=None)
    )


async def remember_walk(session: AsyncSession, workspace_id: UUID, job_id: UUID, so_far: str) -> None:
    """Keep how far it came for the next slice."""
    await session.execute(
        update(IngestJob)
        .where(col(IngestJob.workspace_id) == workspace_id, col(IngestJob.id) == job_id)
        .values(walk=so_far)
    )


async def waiting_pages(
    session: AsyncSession, workspace_id: UUID, job_id: UUID, limit: int
) -> deque[WaitingPage]:
    """The next ones, those that are fewer links away first, and at last those that no link led to."""
    found = await session.execute(
        select(col(IngestPage.position), col(IngestPage.url), col(IngestPage.depth))
        .where(
            col(IngestPage.workspace_id) == workspace_id,
            col(IngestPage.job_id) == job_id,
            col(IngestPage.state) == PageState.PENDING.value,
        )
        .order_by(col(IngestPage.depth), col(IngestPage.position))
        .limit(limit)
    )
    return deque(WaitingPage(position, url, depth) for position, url, depth in found.tuples())
