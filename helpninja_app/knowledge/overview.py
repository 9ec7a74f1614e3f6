"""What a workspace knows, in numbers: its documents and passages, and the ingests under way."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Text, and_, cast, exists, func, or_, select
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.knowledge.models import (
    WEB_KINDS,
    Document,
    DocumentStatus,
    IngestJob,
    IngestPage,
    JobState,
    PageState,
    Source,
)

_SHOWN_JOBS = 10


@dataclass(frozen=True, slots=True)
class KnowledgeCounts:
    """``documents`` are all there are; ``failed`` and ``processing`` are among them."""

    documents: int
    failed: int
    processing: int
    passages: int


@dataclass(frozen=True, slots=True)
class IngestUnderWay:
    """A job that is not over, and its pages; ``found`` is 0 at first, ``done`` includes ``failed``."""

    job_id: UUID
    address: str
    found: int
    done: int
    failed: int


async def list_sites(session: AsyncSession, workspace_id: UUID, *, besides: UUID | None = None) -> set[str]:
    """The hosts that count as websites: of what has documents or is being read. A mistyped address takes
    nobody's place; ``besides`` is a source that is left out.
    """
    known = func.nullif(col(Source.hosts), cast([], ARRAY(Text)))
    sites = func.unnest(func.coalesce(known, array([col(Source.host)])))
    found = await session.execute(
        select(sites).where(_counts(workspace_id), col(Source.id).is_distinct_from(besides)).distinct()
    )
    return set(found.scalars())


async def is_named_already(session: AsyncSession, workspace_id: UUID, host: str) -> bool:
    """Whether a source was named by this host, wherever that leads: only who looks knows it."""
    found = await session.execute(select(exists().where(_counts(workspace_id), col(Source.host) == host)))
    return bool(found.scalar_one())


def _counts(workspace_id: UUID) -> ColumnElement[bool]:
    has_documents = exists().where(
        col(Document.workspace_id) == workspace_id, col(Document.source_id) == col(Source.id)
    )
    is_being_read = exists().where(
        col(IngestJob.workspace_id) == workspace_id,
        col(IngestJob.source_id) == col(Source.id),
        col(IngestJob.state).in_([JobState.QUEUED, JobState.RUNNING]),
    )
    return and_(
        col(Source.workspace_id) == workspace_id,
        col(Source.kind).in_(WEB_KINDS),
        or_(has_documents, is_being_read),
    )


async def count_knowledge(session: AsyncSession, workspace_id: UUID) -> KnowledgeCounts:
    """Counts of what the scope of the transaction may see."""
    found = await session.execute(
        select(col(Document.status), func.count(), func.coalesce(func.sum(col(Document.chunk_count)), 0))
        .where(col(Document.workspace_id) == workspace_id)
        .group_by(col(Document.status))
    )
    counts = {status: (documents, int(passages)) for status, documents, passages in found.tuples()}
    return KnowledgeCounts(
        documents=sum(documents for documents, _ in counts.values()),
        failed=counts.get(DocumentStatus.FAILED, (0, 0))[0],
        processing=counts.get(DocumentStatus.PROCESSING, (0, 0))[0],
        passages=sum(passages for _, passages in counts.values()),
    )


async def list_ingests_under_way(session: AsyncSession, workspace_id: UUID) -> tuple[IngestUnderWay, ...]:
    """The jobs that wait or run, the oldest first, at most ten."""
    pages = (
        select(
            col(IngestPage.job_id).label("job_id"),
            func.count().label("found"),
            func.count().filter(col(IngestPage.state) != PageState.PENDING.value).label("done"),
            func.count().filter(col(IngestPage.state) == PageState.FAILED.value).label("failed"),
        )
        .where(col(IngestPage.workspace_id) == workspace_id)
        .group_by(col(IngestPage.job_id))
        .subquery()
    )
    found = await session.execute(
        select(
            col(IngestJob.id),
            col(IngestJob.input),
            func.coalesce(pages.c.found, 0),
            func.coalesce(pages.c.done, 0),
            func.coalesce(pages.c.failed, 0),
        )
        .outerjoin(pages, pages.c.job_id == col(IngestJob.id))
        .where(
            col(IngestJob.workspace_id) == workspace_id,
            col(IngestJob.state).in_([JobState.QUEUED.value, JobState.RUNNING.value]),
        )
        .order_by(col(IngestJob.created_at), col(IngestJob.id))
        .limit(_SHOWN_JOBS)
    )
    return tuple(IngestUnderWay(*row) for row in found.tuples())
