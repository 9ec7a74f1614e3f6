"""Ingest jobs as callers see them: asking for one, following it, cancelling it, giving it up."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.errors import Conflict, HelpNinjaError, NotFound
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.database import Database
from helpninja_app.kernel.queue import Priority, Queue
from helpninja_app.kernel.scope import Audience, Scope
from helpninja_app.knowledge.crawl.urls import canonical_url, site_host
from helpninja_app.knowledge.exclusions import include_pages
from helpninja_app.knowledge.limits import KnowledgeLimits
from helpninja_app.knowledge.models import (
    WEB_KINDS,
    DeletedDocument,
    IngestJob,
    IngestPage,
    JobState,
    PageState,
    Schedule,
    Source,
    SourceKind,
)
from helpninja_app.knowledge.overview import is_named_already
from helpninja_app.knowledge.page_choices import forget_audiences
from helpninja_app.knowledge.room import check_sites, lock_sites

SHOWN_PAGES = 200


@dataclass(frozen=True, slots=True)
class PageOutcome:
    """An address of a run: what became of it, and why where it is not a document now."""

    url: str
    reason: str
    state: PageState


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
    gone: int
    docs: int
    failed_count: int
    skipped_count: int
    failed: tuple[PageOutcome, ...]
    skipped: tuple[PageOutcome, ...]

    def count(self, state: PageState) -> int:
        return {
            PageState.PENDING: self.pending,
            PageState.CHANGED: self.changed,
            PageState.UNCHANGED: self.unchanged,
            PageState.GONE: self.gone,
            PageState.FAILED: self.failed_count,
            PageState.SKIPPED: self.skipped_count,
        }[state]


async def request_ingest(
    session: AsyncSession,
    queue: Queue,
    workspace_id: UUID,
    address: str,
    limits: KnowledgeLimits,
    *,
    requested_by: str,
    audience: Audience | None = None,
    follows_links: bool | None = None,
) -> UUID:
    """Enqueue the ingest of a page or sitemap; returns the job's id.

    With ``follows_links`` a page is read with those it leads to, with False alone; without either it stays
    what it was, and a new one is read alone. A sitemap stands for itself.

    ``audience`` is for whom a new or a deleted source is from now on, and what it brings; without one a new
    source is for visitors, and a deleted one for whom it was. One that is there stays for whom it is.

    An ingest of the same address that is still under way is returned instead of starting a second one. Who
    names the address of a deleted page or source wants it after all: it is read like a new one.
    Raises ``InputRefused`` for an address that cannot be one, ``LimitUsedUp`` over the plan's sites.
    """
    url = canonical_url(address)
    host = site_host(url)
    await lock_sites(session, workspace_id)
    if not await is_named_already(session, workspace_id, host):
        await check_sites(session, workspace_id, [host], limits)
    source = await find_source(session, workspace_id, url, for_update=True)
    if source is None:
        source = Source(
            workspace_id=workspace_id,
            kind=(SourceKind.SITE if follows_links else SourceKind.PAGE).value,
            location=url,
            host=host,
            audience=(audience or Audience.VISITORS).value,
        )
        session.add(source)
        await session.flush()
    elif source.deleted_at is not None:
        await _revive(session, source, audience)
    if follows_links is not None:
        await _choose(session, source, SourceKind.SITE if follows_links else SourceKind.PAGE)
    await include_pages(session, workspace_id, [url])
    job_id, _ = await start_job(session, queue, source, requested_by=requested_by)
    return job_id


async def start_job(
    session: AsyncSession,
    queue: Queue,
    source: Source,
    *,
    requested_by: str,
    priority: Priority = Priority.INTERACTIVE,
) -> tuple[UUID, bool]:
    """Enqueue a run of a source; the job's id, and whether it is a new one and not still under way."""
    running = await _job_under_way(session, source.workspace_id, source.id)
    if running is not None:
        return running, False
    job = IngestJob(
        workspace_id=source.workspace_id,
        source_id=source.id,
        input=source.location,
        requested_by=requested_by,
        is_scheduled=priority is Priority.SCHEDULED,
    )
    session.add(job)
    await session.flush()
    await enqueue_ingest(session, queue, source.workspace_id, job.id, priority)
    return job.id, True


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
    # Several addresses may lead to one page.
    places = await session.execute(
        select(func.count(func.coalesce(col(IngestPage.found_url), col(IngestPage.url)).distinct())).where(
            col(IngestPage.workspace_id) == workspace_id,
            col(IngestPage.job_id) == job_id,
            col(IngestPage.state).in_([PageState.CHANGED, PageState.UNCHANGED]),
        )
    )
    return IngestProgress(
        job_id=job.id,
        input=job.input,
        state=JobState(job.state),
        reason=job.reason,
        docs=places.scalar_one(),
        found=sum(counts.values()),
        pending=counts.get(PageState.PENDING, 0),
        changed=counts.get(PageState.CHANGED, 0),
        unchanged=counts.get(PageState.UNCHANGED, 0),
        gone=counts.get(PageState.GONE, 0),
        failed_count=counts.get(PageState.FAILED, 0),
        skipped_count=counts.get(PageState.SKIPPED, 0),
        failed=await list_outcomes(session, workspace_id, job_id, PageState.FAILED),
        skipped=await list_outcomes(session, workspace_id, job_id, PageState.SKIPPED),
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


async def give_up_ingest(database: Database, workspace_id: UUID, job_id: UUID, error: BaseException) -> None:
    """After the last try: the job is over, and says why in a sentence of ours."""
    reason = (
        error.detail
        if isinstance(error, HelpNinjaError)
        else "This ingest was stopped by an error on our side. Start it again to go on where it stopped."
    )
    async with database.unit_of_work(Scope.members(workspace_id)) as session:
        await session.execute(
            update(IngestJob)
            .where(
                col(IngestJob.workspace_id) == workspace_id,
                col(IngestJob.id) == job_id,
                col(IngestJob.state).in_([JobState.QUEUED, JobState.RUNNING]),
            )
            .values(state=JobState.FAILED.value, reason=reason, finished_at=now())
        )


async def retry_failed_pages(
    session: AsyncSession, queue: Queue, workspace_id: UUID, job_id: UUID
) -> tuple[str, int]:
    """Read the failed pages of a source's last run again, or all of it where not even its pages were found.

    Gives the run's input and how many pages are tried; the job's counts change as they are read. ``Conflict``
    when there is nothing to try again, when it is still under way, and when a later run took its place.
    """
    job = await load_job(session, workspace_id, job_id)
    # The source before its run, as everywhere; and the same rows for whoever asks twice, starts another run
    # or deletes the source.
    source = await session.get_one(Source, (workspace_id, job.source_id), with_for_update=True)
    await session.refresh(job, with_for_update=True)
    if not JobState(job.state).is_over:
        raise Conflict("This ingest is still under way.")
    latest = await session.execute(
        select(col(IngestJob.id))
        .where(col(IngestJob.workspace_id) == workspace_id, col(IngestJob.source_id) == job.source_id)
        .order_by(col(IngestJob.created_at).desc(), col(IngestJob.id).desc())
        .limit(1)
    )
    if source.deleted_at is not None or latest.scalar_one() != job_id:
        raise Conflict("This source was read again since, or deleted: there is a later state to look at.")
    pages = await session.execute(
        update(IngestPage)
        .where(
            col(IngestPage.workspace_id) == workspace_id,
            col(IngestPage.job_id) == job_id,
            col(IngestPage.state) == PageState.FAILED.value,
        )
        .values(state=PageState.PENDING.value, reason=None)
        .returning(col(IngestPage.position))
    )
    count = len(pages.scalars().all())
    if not count and job.discovered:
        raise Conflict("No page of this ingest has failed.")
    job.state, job.reason, job.finished_at = JobState.QUEUED.value, None, None
    job.is_scheduled = False
    await session.flush()
    await enqueue_ingest(session, queue, workspace_id, job_id, Priority.INTERACTIVE)
    return job.input, count


async def find_source(
    session: AsyncSession, workspace_id: UUID, url: str, *, for_update: bool = False
) -> Source | None:
    """The source that a page, site or sitemap is, by its address; it may be deleted."""
    wanted = select(Source).where(
        col(Source.workspace_id) == workspace_id,
        col(Source.location) == url,
        col(Source.kind).in_(WEB_KINDS),
    )
    if for_update:
        # Whoever deletes it waits for us or we for them, and then sees what the other did.
        wanted = wanted.with_for_update().execution_options(populate_existing=True)
    return (await session.execute(wanted)).scalars().first()


async def is_known_site(session: AsyncSession, workspace_id: UUID, url: str) -> bool:
    """Whether the links of this page are followed when nothing else is asked for."""
    source = await find_source(session, workspace_id, url)
    return source is not None and source.kind == SourceKind.SITE.value


async def _revive(session: AsyncSession, source: Source, audience: Audience | None) -> None:
    """Begin a deleted source anew: what of it is in the bin gives way to what is read now."""
    await session.execute(
        delete(DeletedDocument).where(
            col(DeletedDocument.workspace_id) == source.workspace_id,
            col(DeletedDocument.source_id) == source.id,
            col(DeletedDocument.is_with_source),
        )
    )
    source.deleted_at = None
    if audience is not None and source.audience != audience.value:
        source.audience = audience.value
        await forget_audiences(session, source.workspace_id, source.id)
        # What was deleted by itself may still be restored: to the same people only.
        await session.execute(
            update(DeletedDocument)
            .where(
                col(DeletedDocument.workspace_id) == source.workspace_id,
                col(DeletedDocument.source_id) == source.id,
            )
            .values(audience=audience.value)
        )
    source.schedule = Schedule.OFF.value
    source.next_sync_at = None
    await session.flush()


async def _choose(session: AsyncSession, source: Source, kind: SourceKind) -> None:
    """Read a page alone or with its links from now on; what is under way for the other begins anew."""
    if source.kind in (kind, SourceKind.SITEMAP):
        return
    source.kind = kind.value
    await session.flush()
    await session.execute(
        update(IngestJob)
        .where(
            col(IngestJob.workspace_id) == source.workspace_id,
            col(IngestJob.source_id) == source.id,
            col(IngestJob.state).in_([JobState.QUEUED, JobState.RUNNING]),
        )
        .values(state=JobState.CANCELLED.value, finished_at=now(), reason="It was begun anew.")
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


async def list_outcomes(
    session: AsyncSession,
    workspace_id: UUID,
    job_id: UUID,
    state: PageState | None = None,
    *,
    limit: int = SHOWN_PAGES,
    offset: int = 0,
) -> tuple[PageOutcome, ...]:
    """The addresses of a job, or those that ended like this, in the order of its sitemap."""
    query = select(col(IngestPage.url), col(IngestPage.reason), col(IngestPage.state)).where(
        col(IngestPage.workspace_id) == workspace_id, col(IngestPage.job_id) == job_id
    )
    if state is not None:
        query = query.where(col(IngestPage.state) == state.value)
    found = await session.execute(query.order_by(col(IngestPage.position)).limit(limit).offset(offset))
    return tuple(PageOutcome(url, why or "", PageState(it)) for url, why, it in found.tuples())
