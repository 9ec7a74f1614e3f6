"""A run that follows links: its frontier is kept in the pages of the job, so that it goes on where it was."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.knowledge.crawl.frontier import Frontier, Met
from helpninja_app.knowledge.models import IngestPage, PageState

# What its source has and the run did not meet.
_ADD_UNMET = text(
    """
    insert into ingest_pages (workspace_id, job_id, position, url, state, depth)
    select d.workspace_id, :job, last.position + row_number() over (order by d.url), d.url, 'pending', null
    from documents d, (select coalesce(max(position), -1) as position from ingest_pages
                       where workspace_id = :workspace and job_id = :job) last
    where d.workspace_id = :workspace and d.source_id = :source and d.url is not null
      and not exists (select from ingest_pages p where p.workspace_id = d.workspace_id and p.job_id = :job
                      and d.url in (p.url, p.found_url))
    """
)


async def load_frontier(session: AsyncSession, workspace_id: UUID, job_id: UUID, max_pages: int) -> Frontier:
    """What the run has met so far; it starts at its first page, which may be where the address led to."""
    found = await session.execute(
        select(col(IngestPage.url), col(IngestPage.found_url), col(IngestPage.state), col(IngestPage.depth))
        .where(col(IngestPage.workspace_id) == workspace_id, col(IngestPage.job_id) == job_id)
        .order_by(col(IngestPage.position))
    )
    met = found.tuples().all()
    frontier = Frontier(met[0][0], max_pages)
    no_page = {PageState.FAILED, PageState.SKIPPED, PageState.GONE}
    for url, place, state, depth in met:
        frontier.remember(url, is_asked=depth is not None, is_refused=state in no_page)
        if place is not None:
            frontier.arrive(place)
    return frontier


async def add_met(session: AsyncSession, workspace_id: UUID, job_id: UUID, met: Sequence[Met]) -> None:
    """Add new addresses to the run; whoever adds others at the same time waits."""
    if not met:
        return
    lock = "select from ingest_jobs where workspace_id = :workspace and id = :job for update"
    await session.execute(text(lock), {"workspace": workspace_id, "job": job_id})
    last = await session.execute(
        select(func.coalesce(func.max(col(IngestPage.position)), -1)).where(
            col(IngestPage.workspace_id) == workspace_id, col(IngestPage.job_id) == job_id
        )
    )
    first = last.scalar_one() + 1
    await session.execute(
        insert(IngestPage),
        [
            {
                "workspace_id": workspace_id,
                "job_id": job_id,
                "position": position,
                "url": item.url,
                "state": (PageState.SKIPPED if item.reason else PageState.PENDING).value,
                "reason": item.reason,
                "depth": None if item.reason else item.depth,
            }
            for position, item in enumerate(met, first)
        ],
    )


async def add_unmet(session: AsyncSession, workspace_id: UUID, source_id: UUID, job_id: UUID) -> None:
    """Have the pages that no link led to asked for by themselves: they tell whether they are gone."""
    values = {"workspace": workspace_id, "source": source_id, "job": job_id}
    await session.execute(_ADD_UNMET, values)
