"""Runs an ingest job: discovers its pages, reads each one and stores it, resumable after each page."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from uuid import UUID

import structlog
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.errors import FetchFailed, FileRefused, HelpNinjaError, InputRefused, Invalid, LimitUsedUp
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.queue import Priority
from helpninja_app.kernel.scope import Scope
from helpninja_app.knowledge.crawl.discovery import Discovery, discover_slice
from helpninja_app.knowledge.crawl.fetcher import ASKS_NOT_TO_BE_INDEXED
from helpninja_app.knowledge.crawl.following import Step, follow
from helpninja_app.knowledge.crawl.pages import NOT_INDEXED, Page
from helpninja_app.knowledge.exclusions import EXCLUDED
from helpninja_app.knowledge.extraction.extracted import Extracted
from helpninja_app.knowledge.found_pages import WaitingPage, remember_walk, store_found, waiting_pages
from helpninja_app.knowledge.gone_pages import (
    forget_old_runs,
    note_gone,
    remove_absent,
    remove_moved,
)
from helpninja_app.knowledge.indexing import touch_source
from helpninja_app.knowledge.ingest_requests import enqueue_ingest, load_job
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
from helpninja_app.knowledge.page_choices import carry_choice
from helpninja_app.knowledge.page_storing import Run, forget_page, is_source_deleted, store_page
from helpninja_app.knowledge.room import claim_sites
from helpninja_app.knowledge.site_runs import add_met, add_unmet, load_frontier
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
        address, is_discovered, so_far = job.input, job.discovered, job.walk
        priority = Priority.SCHEDULED if job.is_scheduled else Priority.LONG
    run = Run(
        scope=scope,
        workspace_id=workspace_id,
        job_id=job_id,
        source_id=source.id,
        address=address,
        embedding_model=embedding_model,
        limits=limits,
        scheduled_as=source.kind if job.is_scheduled else "",
        hosts=frozenset(source.hosts),
        kind=source.kind,
        started_at=started_at,
        priority=priority,
    )
    if not is_discovered:
        try:
            if not await _discover(tools, run, so_far):
                return
        except (InputRefused, LimitUsedUp) as error:
            if isinstance(error, FetchFailed) and error.remote_status in GONE:
                await _forget_input(tools, run, error.detail)
            await _finish(tools, run, JobState.FAILED, error.detail)
            return
    if await _work_through(tools, run):
        await _finish(tools, run, JobState.COMPLETED, None)


async def _discover(tools: KnowledgeTools, run: Run, so_far: str | None) -> bool:
    """Find the pages; False when that is to go on later, as after a slice of pages."""
    found = await discover_slice(
        tools.fetcher,
        run.address,
        so_far,
        max_pages=run.limits.pages_per_crawl,
        slice_seconds=SLICE_SECONDS,
        follows_links=run.kind == SourceKind.SITE.value,
    )
    if isinstance(found, str):
        async with tools.database.unit_of_work(run.scope) as session:
            await remember_walk(session, run.workspace_id, run.job_id, found)
            await enqueue_ingest(session, tools.queue, run.workspace_id, run.job_id, run.priority)
        return False
    _refuse_trouble(run, found)
    async with tools.database.unit_of_work(run.scope) as session:
        await claim_sites(session, run.workspace_id, run.source_id, found.hosts, run.limits)
        await _lock_source(session, run)
        if JobState((await load_job(session, run.workspace_id, run.job_id)).state).is_over:
            # Somebody has chosen meanwhile that it is read another way.
            return False
        await store_found(session, run.workspace_id, run.source_id, run.job_id, found)
        if found.kind == SourceKind.SITE.value:
            await carry_choice(session, run.workspace_id, run.address, found.pages[0])
    run.kind = found.kind
    return True


def _refuse_trouble(run: Run, found: Discovery) -> None:
    """Raise ``InputRefused`` where something else stands than before: a site in trouble, or not the same one.

    Only where nobody asked for it to be read just now.
    """
    if run.scheduled_as == SourceKind.SITEMAP.value != found.kind:
        raise InputRefused("There was a sitemap at this address, and now there is a page instead.")
    if run.scheduled_as != SourceKind.SITE.value:
        return
    if found.kind != SourceKind.SITE.value:
        raise InputRefused("There was a website at this address, and now there is a file instead.")
    if run.hosts and not run.hosts.issuperset(found.hosts):
        raise InputRefused(f"This address leads to {found.host} now. Read it by hand if that is meant.")


async def _lock_source(session: AsyncSession, run: Run) -> None:
    """The source before its run, as everywhere: two transactions must not wait for each other."""
    is_ours = (col(Source.workspace_id) == run.workspace_id, col(Source.id) == run.source_id)
    await session.execute(select(col(Source.id)).where(*is_ours).with_for_update())


async def _work_through(tools: KnowledgeTools, run: Run) -> bool:
    """Read pending pages, a few at once; True when none is left to read."""
    until = time.monotonic() + SLICE_SECONDS
    if run.kind == SourceKind.SITE.value:
        async with tools.database.unit_of_work(run.scope) as session:
            run.frontier = await load_frontier(
                session, run.workspace_id, run.job_id, run.limits.pages_per_crawl
            )
    while True:
        async with tools.database.unit_of_work(run.scope) as session:
            job = await load_job(session, run.workspace_id, run.job_id)
            if JobState(job.state).is_over:
                return False
            is_deleted = await is_source_deleted(session, run)
            wanted = 0 if is_deleted else PAGES_AT_ONCE * 4
            pages = await waiting_pages(session, run.workspace_id, run.job_id, wanted)
            if run.frontier is not None and wanted and not pages:
                await add_unmet(session, run.workspace_id, run.source_id, run.job_id)
                pages = await waiting_pages(session, run.workspace_id, run.job_id, wanted)
            if pages and time.monotonic() > until:
                await enqueue_ingest(session, tools.queue, run.workspace_id, run.job_id, run.priority)
                return False
        if is_deleted:
            await _finish(tools, run, JobState.CANCELLED, "Its source was deleted.")
            return False
        if not pages:
            return True
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(PAGES_AT_ONCE):
                    group.create_task(_read_pages(tools, run, pages, until))
        except ExceptionGroup as failed:
            # Only what is wrong on our side gets here, and that is the same for every page.
            raise failed.exceptions[0] from failed


async def _read_pages(tools: KnowledgeTools, run: Run, pages: deque[WaitingPage], until: float) -> None:
    """One of those who share the pages; what is left when the time is over waits for the next slice."""
    while pages and time.monotonic() <= until:
        await _read_page(tools, run, pages.popleft())


async def _read_page(tools: KnowledgeTools, run: Run, waiting: WaitingPage) -> None:
    """Fetch, extract and store one page; whatever goes wrong with it is its reason and nobody else's."""
    url = waiting.url
    found_url: str | None = None
    asked = run.asked_for(url)
    step: Step | None = None
    try:
        if run.frontier is None or waiting.depth is None:
            page = await tools.fetcher.page(url, stay_on=url)
        else:
            step = await follow(tools.fetcher, run.frontier, url, waiting.depth)
            page = await step.page()
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
        # A link to something else than a page is nothing that failed.
        is_link = run.frontier is not None and isinstance(error, InputRefused)
        state, reason = PageState.SKIPPED if is_link else PageState.FAILED, error.detail
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
                col(IngestPage.position) == waiting.position,
            )
            .values(url=url, state=state.value, reason=reason, found_url=found_url)
        )
        if step is not None:
            await add_met(session, run.workspace_id, run.job_id, step.met)


async def _forget_input(tools: KnowledgeTools, run: Run, reason: str) -> None:
    """The address itself is gone: a page goes with it; what a sitemap listed may all still be there."""
    if await forget_page(tools, run, run.address):
        async with tools.database.unit_of_work(run.scope) as session:
            await note_gone(session, run.workspace_id, run.job_id, [run.address], reason)


async def _finish(tools: KnowledgeTools, run: Run, state: JobState, reason: str | None) -> None:
    async with tools.database.unit_of_work(run.scope) as session:
        await lock_index(session, run.workspace_id)
        await _lock_source(session, run)
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
            if run.frontier is None:
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
