"""Tables of sources, documents and ingest jobs; chunks and the two indexes are written in SQL."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlmodel import Field, SQLModel

from helpninja_app.kernel.columns import id_column, time_column, workspace_column


class SourceKind(StrEnum):
    PAGE = "page"
    SITEMAP = "sitemap"
    FILE = "file"


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
    FAILED = "failed"
    SKIPPED = "skipped"


class Source(SQLModel, table=True):
    __tablename__ = "sources"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    kind: str
    location: str
    host: str = ""
    audience: str
    created_at: datetime = time_column()
    last_synced_at: datetime | None = time_column(is_optional=True)


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
    __tablename__ = "ingest_jobs"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    source_id: UUID
    input: str
    state: str = JobState.QUEUED.value
    discovered: bool = False
    reason: str | None = None
    requested_by: str = ""
    created_at: datetime = time_column()
    started_at: datetime | None = time_column(is_optional=True)
    finished_at: datetime | None = time_column(is_optional=True)


class IngestPage(SQLModel, table=True):
    """One address of a job: what became of it, and why."""

    __tablename__ = "ingest_pages"

    workspace_id: UUID = workspace_column()
    job_id: UUID = Field(primary_key=True)
    position: int = Field(primary_key=True)
    url: str
    state: str = PageState.PENDING.value
    reason: str | None = None
