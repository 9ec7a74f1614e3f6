"""Tables of sources, documents and ingest jobs; chunks and the two indexes are written in SQL."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlmodel import Field, SQLModel

from helpninja_app.kernel.columns import id_column, texts_column, time_column, workspace_column


class SourceKind(StrEnum):
    """A ``SITE`` is a page with those that its links lead to, as a sitemap is a list of them."""

    PAGE = "page"
    SITE = "site"
    SITEMAP = "sitemap"
    FILE = "file"
    NOTE = "note"


WEB_KINDS = (SourceKind.PAGE, SourceKind.SITE, SourceKind.SITEMAP)


class Schedule(StrEnum):
    """How often a source is read again by itself."""

    OFF = "off"
    DAILY = "daily"
    WEEKLY = "weekly"


class DocumentStatus(StrEnum):
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        return self in {JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED}


class PageState(StrEnum):
    PENDING = "pending"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    GONE = "gone"
    FAILED = "failed"
    SKIPPED = "skipped"


class Source(SQLModel, table=True):
    """``body`` is the Markdown of a note; one with ``deleted_at`` is kept for a while, to be restored.

    ``host`` is the website that was named, ``hosts`` are those that its pages are on, once that is known.
    """

    __tablename__ = "sources"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    kind: str
    location: str
    host: str = ""
    hosts: list[str] = texts_column()
    title: str = ""
    body: str = ""
    audience: str
    schedule: str = Schedule.OFF.value
    next_sync_at: datetime | None = time_column(is_optional=True)
    deleted_at: datetime | None = time_column(is_optional=True)
    created_at: datetime = time_column()
    last_synced_at: datetime | None = time_column(is_optional=True)

    @property
    def sites(self) -> list[str]:
        """The websites that it counts for; none for a file or a note."""
        return self.hosts or [host for host in [self.host] if host]


class Document(SQLModel, table=True):
    """One page or file. ``content_hash`` decides whether it changed; ``reason`` says why it failed."""

    __tablename__ = "documents"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    source_id: UUID
    url: str | None = None
    filename: str | None = None
    title: str = ""
    language: str = "en"
    audience: str
    status: str
    reason: str | None = None
    content_hash: bytes | None = None
    file_key: str | None = None
    media_type: str = ""
    size_bytes: int = 0
    chunk_count: int = 0
    embedded_count: int = 0
    created_by: str = ""
    created_at: datetime = time_column()
    updated_at: datetime = time_column()


class IngestJob(SQLModel, table=True):
    """``is_complete`` when all that a sitemap lists is known, so that what is not in it has gone.

    ``walk`` is how far a discovery came that takes more than a slice.
    """

    __tablename__ = "ingest_jobs"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    source_id: UUID
    input: str
    state: str = JobState.QUEUED.value
    discovered: bool = False
    is_scheduled: bool = False
    is_complete: bool = False
    walk: str | None = None
    reason: str | None = None
    requested_by: str = ""
    created_at: datetime = time_column()
    started_at: datetime | None = time_column(is_optional=True)
    finished_at: datetime | None = time_column(is_optional=True)


class IngestPage(SQLModel, table=True):
    """One address of a job: what became of it, and why; ``found_url`` is where its page was in the end.

    Of a site, ``depth`` counts the links from its first page; ``None`` for what no link led to, or is not
    asked for.
    """

    __tablename__ = "ingest_pages"

    workspace_id: UUID = workspace_column()
    job_id: UUID = Field(primary_key=True)
    position: int = Field(primary_key=True)
    url: str
    state: str = PageState.PENDING.value
    reason: str | None = None
    found_url: str | None = None
    depth: int | None = 0


class DeletedDocument(SQLModel, table=True):
    """A document in the bin, as it was; ``is_with_source`` when it went there because its source did."""

    __tablename__ = "deleted_documents"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    source_id: UUID
    url: str | None = None
    filename: str | None = None
    title: str
    audience: str
    file_key: str | None = None
    created_by: str
    is_with_source: bool
    deleted_at: datetime = time_column()
    purge_at: datetime = time_column()


class ExcludedPage(SQLModel, table=True):
    """An address that no crawl reads, since somebody deleted its page."""

    __tablename__ = "excluded_pages"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    url: str
    created_by: str = ""
    created_at: datetime = time_column()


class PageChoice(SQLModel, table=True):
    """What a member chose for the page of an address; ``source_id`` has that page, or had it last."""

    __tablename__ = "page_choices"

    workspace_id: UUID = workspace_column()
    url: str = Field(primary_key=True)
    source_id: UUID
    title: str | None = None
    audience: str | None = None


class CuratedAnswer(SQLModel, table=True):
    __tablename__ = "curated_answers"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    question: str
    phrasings: list[str] = texts_column()
    answer: str
    audience: str
    position: int
    is_on: bool = True
    created_by: str = ""
    created_at: datetime = time_column()
    updated_at: datetime = time_column()
    deleted_at: datetime | None = time_column(is_optional=True)


class KnowledgeDeadline(SQLModel, table=True):
    """When something is next to be done in a workspace: a source to be read, or something to be purged."""

    __tablename__ = "knowledge_deadlines"

    workspace_id: UUID = Field(primary_key=True)
    due_at: datetime = time_column()
