"""Sources as members see them: what each holds and did last, who it is for, when it is read, and its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.audit import Actor, changes, record
from helpninja_app.errors import Conflict, Invalid, NotFound
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.queue import Queue
from helpninja_app.kernel.scope import Audience
from helpninja_app.knowledge.bin import KEPT, put_in_bin
from helpninja_app.knowledge.crawl.urls import canonical_url
from helpninja_app.knowledge.deadlines import look_at, look_when_kept_long_enough
from helpninja_app.knowledge.documents import move_documents
from helpninja_app.knowledge.ingest_requests import find_source, request_ingest, start_job
from helpninja_app.knowledge.lexical_index import lock_index
from helpninja_app.knowledge.limits import KnowledgeLimits
from helpninja_app.knowledge.models import (
    WEB_KINDS,
    DeletedDocument,
    Document,
    IngestJob,
    JobState,
    Schedule,
    Source,
    SourceKind,
)
from helpninja_app.knowledge.restoring import restore_from_bin
from helpninja_app.knowledge.room import check_sites, lock_sites
from helpninja_app.knowledge.schedules import next_run

# What a person gave a source, or what it is known by otherwise.
_NAME = "coalesce(nullif(s.title, ''), d.name, s.location)"
_CHOSEN = """
    s.workspace_id = :workspace and s.deleted_at is null
    and (cast(:id as uuid) is null or s.id = :id)
    and (cast(:kind as text) is null or s.kind = :kind)
"""
_COUNT = text(f"select count(*) from sources s where {_CHOSEN}")  # noqa: S608 - made of constants
_LIST = text(
    f"""
    select s.id, s.kind, s.location, s.host, {_NAME} as name, s.audience, s.schedule, s.next_sync_at,
           s.last_synced_at, s.created_at, d.completed, d.processing, d.failed as broken, d.others,
           j.id as job_id, j.state, j.reason, j.is_scheduled, j.created_at as asked_at, j.started_at,
           j.finished_at, p.pending, p.changed, p.unchanged, p.gone, p.failed, p.skipped
    from (select * from sources s where {_CHOSEN}
          order by s.created_at desc, s.id desc limit :limit offset :offset) s
    cross join lateral (
      select count(*) filter (where status = 'completed') as completed,
             count(*) filter (where status = 'processing') as processing,
             count(*) filter (where status = 'failed') as failed,
             count(*) filter (where audience <> s.audience) as others,
             min(filename) as name
      from documents where workspace_id = s.workspace_id and source_id = s.id) d
    left join lateral (
      select * from ingest_jobs where workspace_id = s.workspace_id and source_id = s.id
      order by created_at desc, id desc limit 1) j on true
    left join lateral (
      select count(*) filter (where state = 'pending') as pending,
             count(*) filter (where state = 'changed') as changed,
             count(*) filter (where state = 'unchanged') as unchanged,
             count(*) filter (where state = 'gone') as gone,
             count(*) filter (where state = 'failed') as failed,
             count(*) filter (where state = 'skipped') as skipped
      from ingest_pages where workspace_id = j.workspace_id and job_id = j.id) p on true
    order by s.created_at desc, s.id desc
    """  # noqa: S608 - made of constants
)


@dataclass(frozen=True, slots=True)
class RunView:
    """A run of a source, the last one; pages by what became of them. ``reason`` is why it failed."""

    job_id: UUID
    state: JobState
    reason: str | None
    is_scheduled: bool
    pending: int
    changed: int
    unchanged: int
    gone: int
    failed: int
    skipped: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class SourceView:
    """``completed``, ``processing`` and ``failed`` count its documents.

    ``exceptions`` are documents whose audience is not the source's; ``next_sync_at`` is ``None`` without a
    schedule, ``last_run`` before the first one and for files and notes.
    """

    id: UUID
    kind: SourceKind
    name: str
    location: str
    host: str
    audience: Audience
    schedule: Schedule
    completed: int
    processing: int
    failed: int
    exceptions: int
    last_run: RunView | None
    last_synced_at: datetime | None
    next_sync_at: datetime | None
    created_at: datetime

    @property
    def documents(self) -> int:
        return self.completed + self.processing + self.failed

    @property
    def is_from_web(self) -> bool:
        return self.kind in WEB_KINDS


@dataclass(frozen=True, slots=True)
class SourcePage:
    sources: tuple[SourceView, ...]
    total: int


async def list_sources(
    session: AsyncSession, workspace_id: UUID, *, limit: int, offset: int, kind: SourceKind | None = None
) -> SourcePage:
    """The latest first."""
    values = {"workspace": workspace_id, "id": None, "kind": kind.value if kind else None}
    total = (await session.execute(_COUNT, values)).scalar_one()
    found = await session.execute(_LIST, values | {"limit": limit, "offset": offset})
    return SourcePage(tuple(_view(row) for row in found), total)


async def get_source(session: AsyncSession, workspace_id: UUID, source_id: UUID) -> SourceView:
    """``NotFound`` when it is not this workspace's, or is deleted."""
    values = {"workspace": workspace_id, "id": source_id, "kind": None, "limit": 1, "offset": 0}
    row = (await session.execute(_LIST, values)).one_or_none()
    if row is None:
        raise NotFound("There is no such source.")
    return _view(row)


async def add_website(
    session: AsyncSession,
    queue: Queue,
    actor: Actor,
    address: str,
    limits: KnowledgeLimits,
    *,
    audience: Audience | None = None,
    follows_links: bool | None = None,
) -> UUID:
    """``request_ingest`` for somebody who may say who is answered from it; returns the job's id.

    Another ``audience`` than that of a source that is there already holds for all of it at once, as
    ``change_source`` has it.
    """
    if audience is not None:
        await lock_sites(session, actor.workspace_id)
        await lock_index(session, actor.workspace_id)
        source = await find_source(session, actor.workspace_id, canonical_url(address), for_update=True)
        if source is not None and source.deleted_at is None and source.audience != audience.value:
            await change_source(session, actor, source.id, audience=audience)
    job_id = await request_ingest(
        session,
        queue,
        actor.workspace_id,
        address,
        limits,
        requested_by=actor.label,
        audience=audience,
        follows_links=follows_links,
    )
    await record(session, actor, "source.ingested", address)
    return job_id


async def change_source(
    session: AsyncSession,
    actor: Actor,
    source_id: UUID,
    *,
    title: str | None = None,
    audience: Audience | None = None,
    schedule: Schedule | None = None,
) -> SourceView:
    """Rename a source, say who it is for, or when it is read again.

    Another audience holds for all its documents at once, those included that had one of their own, and for
    pages that are read later. An empty ``title`` brings back the address. ``Invalid`` for the schedule of a
    file or a note.
    """
    await lock_index(session, actor.workspace_id)
    source = await _load(session, actor.workspace_id, source_id)
    before = await get_source(session, actor.workspace_id, source_id)
    if title is not None:
        source.title = title.strip()
    if schedule is not None and schedule is not before.schedule:
        if source.kind not in WEB_KINDS:
            raise Invalid("Files and notes are not read again: there is nothing at another place to read.")
        source.schedule = schedule.value
        source.next_sync_at = next_run(source.id, schedule, now())
        await look_at(session, actor.workspace_id, source.next_sync_at)
    if audience is not None:
        source.audience = audience.value
        await session.flush()
        await move_documents(session, actor.workspace_id, source_id, audience)
    await session.flush()
    after = await get_source(session, actor.workspace_id, source_id)
    told = changes(
        *({"name": v.name, "audience": v.audience, "schedule": v.schedule} for v in (before, after))
    )
    if told or before.exceptions != after.exceptions:
        await record(session, actor, "source.changed", after.name, **told)
    return after


async def sync_source(session: AsyncSession, queue: Queue, actor: Actor, source_id: UUID) -> UUID:
    """Read a source again now; the id of the job, of the one under way if there is one.

    ``Conflict`` for a file or a note.
    """
    source = await _load(session, actor.workspace_id, source_id)
    if source.kind not in WEB_KINDS:
        raise Conflict("Only what was read from a website can be read again.")
    job_id, is_new = await start_job(session, queue, source, requested_by=actor.label)
    if is_new:
        await record(session, actor, "source.synced", source.title or source.location)
    return job_id


async def delete_source(session: AsyncSession, actor: Actor, source_id: UUID) -> None:
    """Delete a source with its documents, which go to the bin; what is read of it now is stopped."""
    workspace_id = actor.workspace_id
    await lock_index(session, workspace_id)
    source = await _load(session, workspace_id, source_id)
    name = (await get_source(session, workspace_id, source_id)).name
    found = await session.execute(
        select(col(Document.id)).where(
            col(Document.workspace_id) == workspace_id, col(Document.source_id) == source_id
        )
    )
    ids = list(found.scalars())
    await put_in_bin(session, workspace_id, ids, is_with_source=True)
    await session.execute(
        update(IngestJob)
        .where(
            col(IngestJob.workspace_id) == workspace_id,
            col(IngestJob.source_id) == source_id,
            col(IngestJob.state).in_([JobState.QUEUED, JobState.RUNNING]),
        )
        .values(state=JobState.CANCELLED.value, finished_at=now(), reason="Its source was deleted.")
    )
    source.deleted_at = now()
    source.next_sync_at = None
    await session.flush()
    await look_when_kept_long_enough(session, workspace_id)
    await record(session, actor, "source.deleted", name, documents=len(ids))


async def restore_source(
    session: AsyncSession, queue: Queue, actor: Actor, source_id: UUID, limits: KnowledgeLimits
) -> SourceView:
    """Bring a deleted source back with the documents that went with it.

    ``Conflict`` when it is not deleted, ``NotFound`` once it is purged, ``LimitUsedUp`` when the plan has no
    room for it any more.
    """
    workspace_id = actor.workspace_id
    await lock_sites(session, workspace_id)
    await lock_index(session, workspace_id)
    source = await _load(session, workspace_id, source_id, is_deleted=True)
    await check_sites(session, workspace_id, source.sites, limits)
    found = await session.execute(
        select(DeletedDocument).where(
            col(DeletedDocument.workspace_id) == workspace_id,
            col(DeletedDocument.source_id) == source_id,
            # A file or note goes and comes with its one document.
            col(DeletedDocument.is_with_source) | (source.kind not in WEB_KINDS),
        )
    )
    source.deleted_at = None
    source.next_sync_at = next_run(source.id, Schedule(source.schedule), now())
    await session.flush()
    await look_at(session, workspace_id, source.next_sync_at)
    await restore_from_bin(session, queue, workspace_id, found.scalars().all(), limits)
    view = await get_source(session, workspace_id, source_id)
    await record(session, actor, "source.restored", view.name, documents=view.documents)
    return view


async def _load(
    session: AsyncSession, workspace_id: UUID, source_id: UUID, *, is_deleted: bool = False
) -> Source:
    found = await session.execute(
        select(Source)
        .where(col(Source.workspace_id) == workspace_id, col(Source.id) == source_id)
        .with_for_update()
    )
    source = found.scalar_one_or_none()
    is_over = source is not None and source.deleted_at is not None and source.deleted_at + KEPT <= now()
    if source is None or is_over or (source.deleted_at is not None and not is_deleted):
        raise NotFound("There is no such source.")
    if is_deleted and source.deleted_at is None:
        raise Conflict("This source is not deleted.")
    return source


def _view(row: Any) -> SourceView:
    run = None
    if row.job_id is not None:
        run = RunView(
            job_id=row.job_id,
            state=JobState(row.state),
            reason=row.reason,
            is_scheduled=row.is_scheduled,
            pending=row.pending,
            changed=row.changed,
            unchanged=row.unchanged,
            gone=row.gone,
            failed=row.failed,
            skipped=row.skipped,
            created_at=row.asked_at,
            started_at=row.started_at,
            finished_at=row.finished_at,
        )
    return SourceView(
        id=row.id,
        kind=SourceKind(row.kind),
        name=row.name,
        location=row.location,
        host=row.host,
        audience=Audience(row.audience),
        schedule=Schedule(row.schedule),
        completed=row.completed,
        processing=row.processing,
        failed=row.broken,
        exceptions=row.others,
        last_run=run,
        last_synced_at=row.last_synced_at,
        next_sync_at=row.next_sync_at,
        created_at=row.created_at,
    )
