"""Sources of knowledge: ``/api/sources``, and the pages that crawls leave out."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from api_routes.bodies import Body, json_body, read_json
from api_routes.identity import resources_of, staff_caller, staff_with
from api_routes.ids import parse_id
from api_routes.problems import documented
from helpninja_app.accounts.audit import Actor
from helpninja_app.accounts.callers import StaffCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.kernel.scope import Audience
from helpninja_app.knowledge.exclusions import list_exclusions, remove_exclusion
from helpninja_app.knowledge.models import Schedule, SourceKind
from helpninja_app.knowledge.sources import (
    RunView,
    SourceView,
    change_source,
    delete_source,
    get_source,
    list_sources,
    restore_source,
    sync_source,
)
from helpninja_app.resources import knowledge_limits

router = APIRouter(tags=["Knowledge"])

AudienceName = Literal["visitors", "members"]
ScheduleName = Literal["off", "daily", "weekly"]
KindName = Literal["page", "site", "sitemap", "file", "note"]


class RunResult(BaseModel):
    """A run of a source; its pages counted by what became of them."""

    jobId: str
    state: Literal["queued", "running", "completed", "failed", "cancelled"]
    reason: str | None
    scheduled: bool
    pending: int
    changed: int
    unchanged: int
    gone: int
    failed: int
    skipped: int
    createdAt: str
    startedAt: str | None
    finishedAt: str | None


class SourceResult(BaseModel):
    """``exceptions`` are documents whose audience is not the source's."""

    id: str
    kind: KindName
    name: str
    location: str
    host: str
    audience: AudienceName
    schedule: ScheduleName
    documents: int
    completed: int
    processing: int
    failed: int
    exceptions: int
    lastRun: RunResult | None
    lastSyncedAt: str | None
    nextSyncAt: str | None
    createdAt: str


class SourceList(BaseModel):
    sources: list[SourceResult]
    total: int
    limit: int
    offset: int


class SourceChange(Body):
    model_config = ConfigDict(strict=True, extra="forbid")

    title: str | None = Field(None, max_length=500)
    audience: AudienceName | None = None
    schedule: ScheduleName | None = None


class SyncResult(BaseModel):
    ok: bool = True
    jobId: str


class Done(BaseModel):
    ok: bool = True


class Exclusion(BaseModel):
    id: str
    url: str
    createdBy: str
    createdAt: str


class ExclusionList(BaseModel):
    exclusions: list[Exclusion]
    total: int
    limit: int
    offset: int


@router.get("/api/sources", response_model=SourceList, responses=documented(401, 403, 404, 422, 429))
async def sources(
    request: Request,
    caller: Annotated[StaffCaller, Depends(staff_with(Permission.READ_KNOWLEDGE))],
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    kind: KindName | None = None,
) -> SourceList:
    """The workspace's sources, newest first, each with its documents, its last run and its next one."""
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        page = await list_sources(
            session,
            caller.workspace.id,
            limit=limit,
            offset=offset,
            kind=SourceKind(kind) if kind else None,
        )
    return SourceList(
        sources=[_result(source) for source in page.sources], total=page.total, limit=limit, offset=offset
    )


@router.get(
    "/api/sources/{source_id}", response_model=SourceResult, responses=documented(400, 401, 403, 404, 429)
)
async def source(request: Request, source_id: str, tenantId: str | None = None) -> SourceResult:
    """One source with its documents, its last run and its next one."""
    caller = await staff_caller(request, tenantId)
    require(caller, Permission.READ_KNOWLEDGE)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        return _result(await get_source(session, caller.workspace.id, parse_id(source_id)))


@router.patch(
    "/api/sources/{source_id}",
    response_model=SourceResult,
    responses=documented(400, 401, 403, 404, 413, 415, 422, 429),
    openapi_extra=json_body(SourceChange),
)
async def change(request: Request, source_id: str, tenantId: str | None = None) -> SourceResult:
    """Rename a source, change its audience with that of all its documents, or set when it is read again."""
    body = await read_json(request)
    caller = await staff_caller(request, tenantId)
    require(caller, Permission.WRITE_KNOWLEDGE)
    wanted = parse_id(source_id)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        await get_source(session, caller.workspace.id, wanted)
        wished = body.parse(SourceChange)
        changed = await change_source(
            session,
            Actor.of(caller),
            wanted,
            title=wished.title,
            audience=Audience(wished.audience) if wished.audience else None,
            schedule=Schedule(wished.schedule) if wished.schedule else None,
        )
        return _result(changed)


@router.delete("/api/sources/{source_id}", response_model=Done, responses=documented(400, 401, 403, 404, 429))
async def delete(request: Request, source_id: str, tenantId: str | None = None) -> Done:
    """Delete a source and its documents; they can be restored for seven days."""
    caller = await staff_caller(request, tenantId)
    require(caller, Permission.WRITE_KNOWLEDGE)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        await delete_source(session, Actor.of(caller), parse_id(source_id))
    return Done()


@router.post(
    "/api/sources/{source_id}/restore",
    response_model=SourceResult,
    responses=documented(400, 401, 402, 403, 404, 409, 429),
)
async def restore(request: Request, source_id: str, tenantId: str | None = None) -> SourceResult:
    """Bring a deleted source back with the documents that went with it."""
    caller = await staff_caller(request, tenantId)
    require(caller, Permission.WRITE_KNOWLEDGE)
    resources = resources_of(request)
    limits = knowledge_limits(resources.settings, caller.workspace)
    async with resources.database.unit_of_work(caller.scope) as session:
        restored = await restore_source(
            session, resources.queue, Actor.of(caller), parse_id(source_id), limits
        )
        return _result(restored)


@router.post(
    "/api/sources/{source_id}/sync",
    response_model=SyncResult,
    status_code=202,
    responses=documented(400, 401, 403, 404, 409, 429),
)
async def sync(request: Request, source_id: str, tenantId: str | None = None) -> SyncResult:
    """Read a page or sitemap again; follow the job at ``/api/ingest/{jobId}``."""
    caller = await staff_caller(request, tenantId)
    require(caller, Permission.WRITE_KNOWLEDGE)
    resources = resources_of(request)
    async with resources.database.unit_of_work(caller.scope) as session:
        job_id = await sync_source(session, resources.queue, Actor.of(caller), parse_id(source_id))
    return SyncResult(jobId=str(job_id))


@router.get("/api/exclusions", response_model=ExclusionList, responses=documented(401, 403, 404, 422, 429))
async def exclusions(
    request: Request,
    caller: Annotated[StaffCaller, Depends(staff_with(Permission.READ_KNOWLEDGE))],
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> ExclusionList:
    """Pages that were deleted and that no crawl reads again by itself, the latest first."""
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        page = await list_exclusions(session, caller.workspace.id, limit=limit, offset=offset)
    return ExclusionList(
        exclusions=[
            Exclusion(
                id=str(item.id),
                url=item.url,
                createdBy=item.created_by,
                createdAt=item.created_at.isoformat(),
            )
            for item in page.exclusions
        ],
        total=page.total,
        limit=limit,
        offset=offset,
    )


@router.delete(
    "/api/exclusions/{exclusion_id}", response_model=Done, responses=documented(400, 401, 403, 404, 429)
)
async def allow(request: Request, exclusion_id: str, tenantId: str | None = None) -> Done:
    """Let crawls read a page again."""
    caller = await staff_caller(request, tenantId)
    require(caller, Permission.WRITE_KNOWLEDGE)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        await remove_exclusion(session, Actor.of(caller), parse_id(exclusion_id))
    return Done()


def _result(source: SourceView) -> SourceResult:
    return SourceResult(
        id=str(source.id),
        kind=source.kind.value,
        name=source.name,
        location=source.location,
        host=source.host,
        audience=source.audience.value,
        schedule=source.schedule.value,
        documents=source.documents,
        completed=source.completed,
        processing=source.processing,
        failed=source.failed,
        exceptions=source.exceptions,
        lastRun=_run(source.last_run) if source.last_run else None,
        lastSyncedAt=source.last_synced_at.isoformat() if source.last_synced_at else None,
        nextSyncAt=source.next_sync_at.isoformat() if source.next_sync_at else None,
        createdAt=source.created_at.isoformat(),
    )


def _run(run: RunView) -> RunResult:
    return RunResult(
        jobId=str(run.job_id),
        state=run.state.value,
        reason=run.reason,
        scheduled=run.is_scheduled,
        pending=run.pending,
        changed=run.changed,
        unchanged=run.unchanged,
        gone=run.gone,
        failed=run.failed,
        skipped=run.skipped,
        createdAt=run.created_at.isoformat(),
        startedAt=run.started_at.isoformat() if run.started_at else None,
        finishedAt=run.finished_at.isoformat() if run.finished_at else None,
    )
