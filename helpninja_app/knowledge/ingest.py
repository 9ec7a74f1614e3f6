"""Runs an ingest job: discovers its pages, reads each one and stores it, resumable after each page."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from uuid import UUID

import structlog
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.errors import FetchFailed, FileRefused, HelpNinjaError, InputRefused, Invalid, LimitUsedUp
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.database import Database
from helpninja_app.kernel.queue import Priority
from helpninja_app.kernel.scope import Scope
from helpninja_app.knowledge.crawl.discovery import discover
from helpninja_app.knowledge.crawl.fetcher import ASKS_NOT_TO_BE_INDEXED
from helpninja_app.knowledge.crawl.pages import NOT_INDEXED, Page
from helpninja_app.knowledge.exclusions import EXCLUDED, excluded_among
from helpninja_app.knowledge.extraction.extracted import Extracted
from helpninja_app.knowledge.gone_pages import (
    forget_old_runs,
    note_gone,
    remove_absent,
    remove_moved,
)
from helpninja_app.knowledge.indexing import touch_source
from helpninja_app.knowledge.ingest_requests import claim_sites, enqueue_ingest, load_job
from helpninja_app.knowledge.lexical_index import lock_index
from helpninja_app.knowledge.limits import KnowledgeLimits
from helpninja_app.knowledge.models import (
    IngestJob,
    IngestPage,
    JobState,
    PageState,
    Source,
    SourceKind,
)
from helpninja_app.knowledge.page_storing import (
    Run,
    forget_page,
    is_source_deleted,
    store_page,
)
from helpninja_app.knowledge.tools import KnowledgeTools

log = structlog.get_logger(__name__)

PAGES_AT_ONCE = 4
# After this long a job goes back into the queue behind what somebody waits for and other workspaces' jobs.
SLICE_SECONDS = 30.0
GONE = frozenset({404, 410})


async def run_ingest(
    tools: KnowledgeTools, workspace_id: UUID, job_id: UUID, embedding_model: str, limits: KnowledgeLimits
) -> None:
    """Work on a job until it is over or its slice of time is; safe to call again at any point."""
    scope = Scope.members(workspace_id)
    async with tools.database.unit_of_work(scope) as session:
        job = await load_job(session, workspace_id, job_id)
        if JobState(job.state).is_over:
            return
        source = (
            await session.execute(
                select(Source).where(
                    col(Source.workspace_id) == workspace_id, col(Source.id) == job.source_id
                )
            )
        ).scalar_one()
        job.state = JobState.RUNNING.value
        started_at = job.started_at = job.started_at or now()
        address, is_discovered = job.input, job.discovered
        is_page = source.kind == SourceKind.PAGE.value
        # A page in the place of a sitemap is a site in trouble, where nobody asked for it to be read.
        was_sitemap = job.is_scheduled and source.kind == SourceKind.SITEMAP.value
    run = Run(
        scope=scope,
        workspace_id=workspace_id,
        job_id=job_id,
        source_id=source.id,
        address=address,
        embedding_model=embedding_model,
        limits=limits,
        was_sitemap=was_sitemap,
        is_page=is_page,
        started_at=started_at,
    )
    if not is_discovered:
        try:
            kind = await _discover(tools, run)
            run = replace(run, is_page=kind == SourceKind.PAGE.value)
        except (InputRefused, LimitUsedUp) as error:
            if isinstance(error, FetchFailed) and error.remote_status in GONE:
                await _forget_input(tools, run, error.detail)
            await _finish(tools, run, JobState.FAILED, error.detail)
            return
    if await _work_through(tools, run):
        await _finish(tools, run, JobState.COMPLETED, None)


async def _discover(tools: KnowledgeTools, run: Run) -> str:
    """Store the pages behind the address, and return what kind of source that makes it."""
    found = await discover(tools.fetcher, run.address, max_pages=run.limits.pages_per_crawl)
    if run.was_sitemap and found.kind != SourceKind.SITEMAP.value:
        raise InputRefused("There was a sitemap at this address, and now there is a page instead.")
    async with tools.database.unit_of_work(run.scope) as session:
        await claim_sites(session, run.workspace_id, run.source_id, found.hosts, run.limits)
        excluded = await excluded_among(session, run.workspace_id, found.pages)
    rows: list[tuple[str, PageState, str | None]] = [
        (url, PageState.SKIPPED, EXCLUDED) if url in excluded else (url, PageState.PENDING, None)
        for url in dict.fromkeys(found.pages)
    ]
    rows += [(skip.url[:2000], PageState.SKIPPED, skip.reason) for skip in found.skipped]
    async with tools.database.unit_of_work(run.scope) as session:
        if rows:
            await session.execute(
                insert(IngestPage),
                [
                    {
                        "workspace_id": run.workspace_id,
                        "job_id": run.job_id,
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
            .where(col(Source.workspace_id) == run.workspace_id, col(Source.id) == run.source_id)
            .values(kind=found.kind)
        )
        await session.execute(
            update(IngestJob)
            .where(col(IngestJob.workspace_id) == run.workspace_id, col(IngestJob.id) == run.job_id)
            .values(discovered=True, is_complete=found.is_complete)
        )
    return found.kind


async def _work_through(tools: KnowledgeTools, run: Run) -> bool:
    """Read pending pages, a few at once; True when none is left to read."""
    until = time.monotonic() + SLICE_SECONDS
    while True:
        async with tools.database.unit_of_work(run.scope) as session:
            job = await load_job(session, run.workspace_id, run.job_id)
            if JobState(job.state).is_over:
                return False
            is_deleted = await is_source_deleted(session, run)
            pages = [] if is_deleted else await _pending(session, run)
            if pages and time.monotonic() > until:
                priority = Priority.SCHEDULED if job.is_scheduled else Priority.LONG
                await enqueue_ingest(session, tools.queue, run.workspace_id, run.job_id, priority)
                return False
        if is_deleted:
            await _finish(tools, run, JobState.CANCELLED, "Its source was deleted.")
            return False
        if not pages:
            return True
        try:
            async with asyncio.TaskGroup() as group:
                for position, url in pages:
                    group.create_task(_read_page(tools, run, position, url))
        except ExceptionGroup as failed:
            # Only what is wrong on our side gets here, and that is the same for every page.
            raise failed.exceptions[0] from failed


async def _pending(session: AsyncSession, run: Run) -> list[tuple[int, str]]:
    found = await session.execute(
        select(col(IngestPage.position), col(IngestPage.url))
        .where(
            col(IngestPage.workspace_id) == run.workspace_id,
            col(IngestPage.job_id) == run.job_id,
            col(IngestPage.state) == PageState.PENDING.value,
        )
        .order_by(col(IngestPage.position))
        .limit(PAGES_AT_ONCE * 4)
    )
    return [(position, url) for position, url in found.tuples()]


async def _read_page(tools: KnowledgeTools, run: Run, position: int, url: str) -> None:
    """Fetch, extract and store one page; whatever goes wrong with it is its reason and nobody else's."""
    found_url: str | None = None
    asked = run.asked_for(url)
    try:
        page = await tools.fetcher.page(url, stay_on=url)
        extracted = await extract_page(tools, page)
        state = await store_page(tools, run, asked, page, extracted)
        found_url = page.canonical_url if page.canonical_url != asked else None
        url = asked
        reason = EXCLUDED if state is PageState.SKIPPED else None
    except FetchFailed as error:
        state, reason = PageState.FAILED, error.detail
        if error.remote_status in GONE and await forget_page(tools, run, url):
            state = PageState.GONE
    except (FileRefused, Invalid) as error:
        state, reason = PageState.FAILED, error.detail
    except HelpNinjaError:
        # Ours is the failure (database, model): the job is tried again, the page stays pending.
        raise
    except Exception:
        log.exception("page_failed", job=str(run.job_id), url=url)
        state, reason = PageState.FAILED, "This page could not be read because of an error on our side."
    async with tools.database.unit_of_work(run.scope) as session:
        await session.execute(
            update(IngestPage)
            .where(
                col(IngestPage.workspace_id) == run.workspace_id,
                col(IngestPage.job_id) == run.job_id,
                col(IngestPage.position) == position,
            )
            .values(url=url, state=state.value, reason=reason, found_url=found_url)
        )


async def _forget_input(tools: KnowledgeTools, run: Run, reason: str) -> None:
    """The address itself is gone: a page goes with it; what a sitemap listed may all still be there."""
    if await forget_page(tools, run, run.address):
        async with tools.database.unit_of_work(run.scope) as session:
            await note_gone(session, run.workspace_id, run.job_id, [run.address], reason)


async def _finish(tools: KnowledgeTools, run: Run, state: JobState, reason: str | None) -> None:
    async with tools.database.unit_of_work(run.scope) as session:
        await lock_index(session, run.workspace_id)
        finished = await session.execute(
            update(IngestJob)
            .where(
                col(IngestJob.workspace_id) == run.workspace_id,
                col(IngestJob.id) == run.job_id,
                col(IngestJob.state) == JobState.RUNNING.value,
            )
            .values(state=state.value, reason=reason, finished_at=now())
            .returning(col(IngestJob.is_complete))
        )
        is_complete = finished.scalar_one_or_none()
        if state is JobState.COMPLETED and is_complete is not None:
            if is_complete:
                await remove_absent(session, run.workspace_id, run.source_id, run.job_id)
            await remove_moved(session, run.workspace_id, run.source_id, run.job_id)
            await touch_source(session, run.workspace_id, run.source_id)
        await forget_old_runs(session, run.workspace_id, run.source_id)


async def extract_page(tools: KnowledgeTools, page: Page) -> Extracted:
    """The text of a fetched page; ``FileRefused`` when it has none, or asks late not to be indexed."""
    media_type = f"{page.content_type}; charset={page.charset}" if page.charset else page.content_type
    extracted = await tools.extractor.extract(page.body, content_type=media_type)
    if not extracted.markdown.strip():
        raise FileRefused("This page has no text.")
    if extracted.robots & NOT_INDEXED:
        raise FileRefused(ASKS_NOT_TO_BE_INDEXED)
    return extracted


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
