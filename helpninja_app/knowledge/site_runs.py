"""A run that follows links: its frontier is kept in the pages of the job, so that it goes on where it was."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.errors import FetchFailed
from helpninja_app.knowledge.crawl.frontier import Frontier, Met
from helpninja_app.knowledge.models import IngestPage, PageState

NOT_LINKED = "No link leads to it any more."

_WAS_READ = text(
    """
    select exists (
      select from ingest_pages p
      join ingest_jobs j on j.workspace_id = p.workspace_id and j.id = p.job_id
      where p.workspace_id = :workspace and j.source_id = :source and p.job_id <> :job and p.url = :url
        and p.state in ('changed', 'unchanged'))
    """
)
# A first page that leads nowhere is a site that is being mended, or one that a browser builds by itself.
_KNOWS_THE_SITE = text(
    """
    select count(*) filter (where depth is not null) > 1 and not bool_or(is_gap) from ingest_pages
    where workspace_id = :workspace and job_id = :job and state <> 'gone'
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
                "is_gap": item.is_gap,
            }
            for position, item in enumerate(met, first)
        ],
    )


async def hides_pages(
    session: AsyncSession, workspace_id: UUID, source_id: UUID, job_id: UUID, url: str, error: FetchFailed
) -> bool:
    """Whether a page that could not be fetched may have led to others.

    What may pass always does. What is denied does where it was read before: a page that never could be, such
    as a sign-in, is no reason to keep everything for ever.
    """
    if error.retryable or error.remote_status is None:
        return True
    values = {"workspace": workspace_id, "source": source_id, "job": job_id, "url": url}
    was_read: bool = (await session.execute(_WAS_READ, values)).scalar_one()
    return was_read


async def knows_the_site(session: AsyncSession, workspace_id: UUID, job_id: UUID) -> bool:
    """Whether the run saw all of the site, so that what it did not meet has gone."""
    values = {"workspace": workspace_id, "job": job_id}
    knows: bool = (await session.execute(_KNOWS_THE_SITE, values)).scalar_one()
    return knows
