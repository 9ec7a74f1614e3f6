"""Ingest jobs as callers see them: asking for one, following it, cancelling it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.errors import Conflict, LimitUsedUp, NotFound
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.queue import Priority, Queue
from helpninja_app.kernel.scope import Audience
from helpninja_app.knowledge.crawl.urls import canonical_url, site_host
from helpninja_app.knowledge.limits import KnowledgeLimits
from helpninja_app.knowledge.models import (
    IngestJob,
    IngestPage,
    JobState,
    PageState,
    Source,
    SourceKind,
)
from helpninja_app.knowledge.overview import list_sites

SHOWN_PAGES = 200

_LOCK_SITES = text("select pg_advisory_xact_lock(hashtextextended('sites:' || :workspace, 0))")


@dataclass(frozen=True, slots=True)
class PageOutcome:
    """An address that did not become a document, and why."""

    url: str
    reason: str


@dataclass(frozen=True, slots=True)
class IngestProgress:
    """A job as it stands. ``docs`` are searchable now; lists hold the first ``SHOWN_PAGES`` addresses."""

    job_id: UUID
    input: str
    state: JobState
    reason: str | None
    found: int
    pending: int
    changed: int
    unchanged: int
    failed_count: int
    skipped_count: int
    failed: tuple[PageOutcome, ...]
    skipped: tuple[PageOutcome, ...]

    @property
    def docs(self) -> int:
        return self.changed + self.unchanged


async def request_ingest(
    session: AsyncSession,
    queue: Queue,
    workspace_id: UUID,
    address: str,
    limits: KnowledgeLimits,
    *,
    requested_by: str,
    audience: Audience = Audience.VISITORS,
) -> UUID:
    """Enqueue the ingest of a page or sitemap; returns the job's id.

    An ingest of the same address that is still under way is returned instead of starting a second one.
    Raises ``InputRefused`` for an address that cannot be one, ``LimitUsedUp`` over the plan's sites.
    """
    url = canonical_url(address)
    host = site_host(url)
    await session.execute(_LOCK_SITES, {"workspace": str(workspace_id)})
    await _check_sites(session, workspace_id, host, limits)
    source = await _find_source(session, workspace_id, url)
    if source is None:
        source = Source(
            workspace_id=workspace_id,
            kind=SourceKind.PAGE.value,
            location=url,
            host=host,
            audience=audience.value,
        )
        session.add(source)
        await session.flush()
    running = await _job_under_way(session, workspace_id, source.id)
    if running is not None:
        return running
    job = IngestJob(workspace_id=workspace_id, source_id=source.id, input=url, requested_by=requested_by)
    session.add(job)
    await session.flush()
    await enqueue_ingest(session, queue, workspace_id, job.id, Priority.INTERACTIVE)
    return job.id


async def enqueue_ingest(
    session: AsyncSession, queue: Queue, workspace_id: UUID, job_id: UUID, priority: Priority
) -> None:
    await queue.enqueue(
        session, "ingest", priority=priority, workspace_id=str(workspace_id), job_id=str(job_id)
    )


async def load_progress(session: AsyncSession, workspace_id: UUID, job_id: UUID) -> IngestProgress:
    """The state of a job of this workspace; ``NotFound`` otherwise."""
    job = await load_job(session, workspace_id, job_id)
    counted = await session.execute(
        select(col(IngestPage.state), func.count())
        .where(col(IngestPage.workspace_id) == workspace_id, col(IngestPage.job_id) == job_id)
        .group_by(col(IngestPage.state))
    )
    counts: dict[str, int] = dict(counted.tuples().all())
    return IngestProgress(
        job_id=job.id,
        input=job.input,
        state=JobState(job.state),
        reason=job.reason,
        found=sum(counts.values()),
        pending=counts.get(PageState.PENDING, 0),
        changed=counts.get(PageState.CHANGED, 0),
        unchanged=counts.get(PageState.UNCHANGED, 0),
        failed_count=counts.get(PageState.FAILED, 0),
        skipped_count=counts.get(PageState.SKIPPED, 0),
        failed=await _outcomes(session, workspace_id, job_id, PageState.FAILED),
        skipped=await _outcomes(session, workspace_id, job_id, PageState.SKIPPED),
    )


async def load_job(session: AsyncSession, workspace_id: UUID, job_id: UUID) -> IngestJob:
    found = await session.execute(
        select(IngestJob).where(col(IngestJob.workspace_id) == workspace_id, col(IngestJob.id) == job_id)
    )
    job = found.scalar_one_or_none()
    if job is None:
        raise NotFound("There is no such ingest job.")
    return job


async def cancel_ingest(session: AsyncSession, workspace_id: UUID, job_id: UUID) -> str:
    """Stop a job and return its input; what it has stored stays. ``Conflict`` when it is over already."""
    changed = await session.execute(
        update(IngestJob)
        .where(
            col(IngestJob.workspace_id) == workspace_id,
            col(IngestJob.id) == job_id,
            col(IngestJob.state).in_([JobState.QUEUED, JobState.RUNNING]),
        )
        .values(state=JobState.CANCELLED.value, finished_at=now(), reason="Cancelled.")
        .returning(col(IngestJob.input))
    )
    if (given := changed.scalar_one_or_none()) is None:
        job = await load_job(session, workspace_id, job_id)
        raise Conflict(f"This ingest is over already ({job.state}).")
    return given


async def _find_source(session: AsyncSession, workspace_id: UUID, url: str) -> Source | None:
    found = await session.execute(
        select(Source).where(
            col(Source.workspace_id) == workspace_id,
            col(Source.location) == url,
            col(Source.kind) != SourceKind.FILE,
        )
    )
    return found.scalars().first()


async def _check_sites(session: AsyncSession, workspace_id: UUID, host: str, limits: KnowledgeLimits) -> None:
    if limits.sites is None:
        return
    hosts = await list_sites(session, workspace_id)
    if host not in hosts and len(hosts) >= limits.sites:
        raise LimitUsedUp(
            f"{host} would be website number {len(hosts) + 1}, and the {limits.plan} plan includes"
            f" {limits.sites}. Remove a website or choose a larger plan.",
            limit=limits.sites,
            used=len(hosts),
        )


async def _job_under_way(session: AsyncSession, workspace_id: UUID, source_id: UUID) -> UUID | None:
    found = await session.execute(
        select(col(IngestJob.id))
        .where(
            col(IngestJob.workspace_id) == workspace_id,
            col(IngestJob.source_id) == source_id,
            col(IngestJob.state).in_([JobState.QUEUED, JobState.RUNNING]),
        )
        .limit(1)
    )
    return found.scalar_one_or_none()


async def _outcomes(
    session: AsyncSession, workspace_id: UUID, job_id: UUID, state: PageState
) -> tuple[PageOutcome, ...]:
    found = await session.execute(
        select(col(IngestPage.url), col(IngestPage.reason))
        .where(
            col(IngestPage.workspace_id) == workspace_id,
            col(IngestPage.job_id) == job_id,
            col(IngestPage.state) == state.value,
        )
        .order_by(col(IngestPage.position))
        .limit(SHOWN_PAGES)
    )
    return tuple(PageOutcome(url, reason or "") for url, reason in found.tuples())
