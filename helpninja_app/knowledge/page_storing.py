"""Stores what a run read of a page: under the address where it was found, for whom it is meant to be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.errors import Invalid
from helpninja_app.kernel.database import new_id
from helpninja_app.kernel.queue import Priority
from helpninja_app.kernel.scope import Audience, Scope
from helpninja_app.knowledge.crawl.frontier import Frontier
from helpninja_app.knowledge.crawl.pages import Page
from helpninja_app.knowledge.documents import change_document, forget_document
from helpninja_app.knowledge.exclusions import is_excluded
from helpninja_app.knowledge.extraction.extracted import Extracted
from helpninja_app.knowledge.gone_pages import earlier_place, is_elsewhere
from helpninja_app.knowledge.indexing import hash_content, prepare_document, swap_document
from helpninja_app.knowledge.ingest_requests import load_job
from helpninja_app.knowledge.lexical_index import lock_index
from helpninja_app.knowledge.limits import KnowledgeLimits
from helpninja_app.knowledge.models import Document, DocumentStatus, JobState, PageState, Source, SourceKind
from helpninja_app.knowledge.page_choices import carry_choice, choice_for, follow_page
from helpninja_app.knowledge.room import room_left
from helpninja_app.knowledge.tools import KnowledgeTools


@dataclass(slots=True)
class Run:
    """One run of a job: what its steps have in common.

    ``priority`` is that of its next slices. Finding the pages may change the ``kind`` of its source;
    ``frontier`` is there while links are followed. ``scheduled_as`` is what kind a source had that nobody is
    looking at just now, and ``hosts`` where its pages were.
    """

    scope: Scope
    workspace_id: UUID
    job_id: UUID
    source_id: UUID
    address: str
    embedding_model: str
    limits: KnowledgeLimits
    scheduled_as: str
    hosts: frozenset[str]
    kind: str
    started_at: datetime
    priority: Priority
    frontier: Frontier | None = None

    def asked_for(self, url: str) -> str:
        """The address that was to be read; a page is looked for first where its own address leads to."""
        return self.address if self.kind == SourceKind.PAGE.value else url


async def store_page(
    tools: KnowledgeTools, run: Run, asked: str, page: Page, extracted: Extracted
) -> PageState:
    """Store a page where it was found, which may be another address than the one ``asked`` for."""
    url = page.canonical_url
    async with tools.database.unit_of_work(run.scope) as session:
        if await is_excluded(session, run.workspace_id, url):
            await _leave_old_address(session, run, asked, page)
            return PageState.SKIPPED
        existing = await document_at(session, run.workspace_id, url)
        if existing is None or existing.created_at >= run.started_at:
            await lock_index(session, run.workspace_id)
            before = await earlier_place(session, run.workspace_id, run.source_id, asked) or asked
            await carry_choice(session, run.workspace_id, before, url)
            await _apply_choice(session, run, url)
        given = (await choice_for(session, run.workspace_id, url)).title
        title = given or extracted.title or url
        if (
            existing is not None
            and existing.status == DocumentStatus.COMPLETED.value
            and existing.content_hash == hash_content(title, extracted.markdown)
        ):
            await _leave_old_address(session, run, asked, page)
            return PageState.UNCHANGED
        if existing is None:
            await _check_documents(session, run, asked)
    prepared = await prepare_document(
        tools,
        tools.embedders.of(run.embedding_model),
        run.workspace_id,
        title=title,
        markdown=extracted.markdown,
        language_hint=extracted.language_hint,
    )
    async with tools.database.unit_of_work(run.scope) as session:
        # The index before the document, as everywhere: two transactions must not wait for each other.
        await lock_index(session, run.workspace_id)
        job = await load_job(session, run.workspace_id, run.job_id)
        if JobState(job.state).is_over or await is_source_deleted(session, run):
            return PageState.PENDING
        if await is_excluded(session, run.workspace_id, url):
            # Somebody deleted it while it was on its way.
            return PageState.SKIPPED
        await _leave_old_address(session, run, asked, page)
        if await document_at(session, run.workspace_id, url) is None:
            # Again, since pages that are read at the same time were all told that there is room.
            await _check_documents(session, run, asked)
        document_id = await _claim_document(session, run, page)
        await _apply_choice(session, run, url)
        given = (await choice_for(session, run.workspace_id, url)).title
        # A title that was given while the page was on its way: its passages follow with the next run.
        prepared = replace(prepared, title=given or prepared.title)
        await swap_document(session, run.workspace_id, document_id, prepared)
    return PageState.CHANGED


async def document_at(session: AsyncSession, workspace_id: UUID, url: str) -> Document | None:
    found = await session.execute(
        select(Document).where(col(Document.workspace_id) == workspace_id, col(Document.url) == url)
    )
    return found.scalar_one_or_none()


async def _claim_document(session: AsyncSession, run: Run, page: Page) -> UUID:
    """The document of this address, made now when it is new; two jobs that meet here get the same one.

    A page that another source brought stays that source's, and for whom it is there: what is said of this
    run's source never makes it public, nor takes it from visitors to whom somebody chose to show it.
    """
    chosen = (await choice_for(session, run.workspace_id, page.canonical_url)).audience
    made = (
        upsert(Document)
        .values(
            workspace_id=run.workspace_id,
            id=new_id(),
            source_id=run.source_id,
            url=page.canonical_url,
            # The source's as it is now: it may have been changed since this run began.
            audience=chosen
            or select(col(Source.audience))
            .where(col(Source.workspace_id) == run.workspace_id, col(Source.id) == run.source_id)
            .scalar_subquery(),
            status=DocumentStatus.PROCESSING.value,
            media_type=page.content_type,
            size_bytes=len(page.body),
        )
        .on_conflict_do_update(
            index_elements=["workspace_id", "url"],
            set_={"media_type": page.content_type, "size_bytes": len(page.body)},
        )
        .returning(col(Document.id))
    )
    document_id = (await session.execute(made)).scalar_one()
    await follow_page(session, run.workspace_id, page.canonical_url)
    return document_id


async def _apply_choice(session: AsyncSession, run: Run, url: str) -> None:
    """Two addresses of a page that are read at once may tell late for whom it is."""
    document = await document_at(session, run.workspace_id, url)
    audience = (await choice_for(session, run.workspace_id, url)).audience
    if document is not None and audience is not None and document.audience != audience:
        await change_document(session, run.workspace_id, document.id, audience=Audience(audience))


async def _check_documents(session: AsyncSession, run: Run, asked: str) -> None:
    """Whether there is room for another document, the one of a page's old address left out: that one goes."""
    room = await room_left(session, run.workspace_id, run.limits, besides=asked)
    if room is not None and room < 1:
        raise Invalid(f"Over the limit of {run.limits.documents:,} documents of the {run.limits.plan} plan.")


async def forget_page(tools: KnowledgeTools, run: Run, url: str) -> bool:
    """Remove the document of an address, wherever it was led to the last time; whether there was one.

    What it was led to stays while something else has it: a run that knows all decides in the end.
    """
    async with tools.database.unit_of_work(run.scope) as session:
        await lock_index(session, run.workspace_id)
        document = await document_at(session, run.workspace_id, url)
        if document is None:
            place = await earlier_place(session, run.workspace_id, run.source_id, url)
            document = await document_at(session, run.workspace_id, place) if place else None
            if place and await is_elsewhere(session, run.workspace_id, run.source_id, run.job_id, url, place):
                return document is not None
        if document is None:
            return False
        await forget_document(session, run.workspace_id, document.id)
    return True


async def _leave_old_address(session: AsyncSession, run: Run, asked: str, page: Page) -> None:
    """Where a page has moved for good, nothing is to be found at its old address any more."""
    if not page.is_moved or asked == page.canonical_url:
        return
    await lock_index(session, run.workspace_id)
    document = await document_at(session, run.workspace_id, asked)
    if document is not None:
        await forget_document(session, run.workspace_id, document.id)


async def is_source_deleted(session: AsyncSession, run: Run) -> bool:
    source = await session.get_one(Source, (run.workspace_id, run.source_id))
    return source.deleted_at is not None
