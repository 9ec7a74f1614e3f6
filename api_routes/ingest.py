"""Ingest of pages and sitemaps: ``/api/ingest``."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from api_routes.bodies import Body, json_body, read_json
from api_routes.identity import resources_of, staff_caller
from api_routes.ids import parse_id
from api_routes.problems import documented
from helpninja_app.accounts.audit import Actor, record
from helpninja_app.accounts.callers import StaffCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.errors import InputRefused
from helpninja_app.knowledge.ingest_requests import (
    IngestProgress,
    PageOutcome,
    cancel_ingest,
    load_progress,
    request_ingest,
)
from helpninja_app.knowledge.models import JobState
from helpninja_app.resources import Resources, knowledge_limits

router = APIRouter(tags=["Knowledge"])

WAIT_SECONDS = 20.0
POLL_SECONDS = 0.15


class IngestBody(Body):
    tenantId: str | None = None
    input: str = Field(min_length=1, max_length=2000, examples=["https://example.com/sitemap.xml"])


class Outcome(BaseModel):
    url: str
    reason: str


class IngestResult(BaseModel):
    """``docs`` counts the documents of this input that are searchable now, unchanged ones included."""

    ok: bool = True
    docs: int
    changed: int
    unchanged: int
    failed: list[Outcome]
    skipped: list[Outcome]
    failedCount: int
    skippedCount: int
    jobId: str


class IngestJobResult(IngestResult):
    state: str
    reason: str | None
    input: str
    found: int
    pending: int


@router.post(
    "/api/ingest",
    response_model=IngestResult,
    responses=documented(
        401,
        402,
        403,
        404,
        413,
        415,
        422,
        429,
        also={202: {"model": IngestResult, "description": "Still working: follow the job."}},
    ),
    openapi_extra=json_body(IngestBody),
)
async def ingest(request: Request, response: Response) -> IngestResult:
    """Ingest a page, a sitemap or an index of sitemaps; answers when it is done, or after 20 s with 202."""
    body = await read_json(request)
    caller = await staff_caller(request, body.text("tenantId"))
    require(caller, Permission.WRITE_KNOWLEDGE)
    wanted = body.parse(IngestBody)
    resources = resources_of(request)
    async with resources.database.unit_of_work(caller.scope) as session:
        job_id = await request_ingest(
            session,
            resources.queue,
            caller.workspace.id,
            wanted.input,
            knowledge_limits(resources.settings, caller.workspace.plan),
            requested_by=caller.label,
        )
        await record(session, Actor.of(caller), "source.ingested", wanted.input)
    progress = await _wait(resources, caller, job_id)
    if progress.state is JobState.FAILED and progress.found == 0:
        raise InputRefused(progress.reason)
    if not progress.state.is_over:
        response.status_code = 202
    return _result(progress)


@router.get(
    "/api/ingest/{job_id}",
    response_model=IngestJobResult,
    responses=documented(400, 401, 403, 404, 429),
)
async def ingest_progress(request: Request, job_id: str, tenantId: str | None = None) -> IngestJobResult:
    """How far an ingest is: counts, and each address that failed or was skipped with its reason."""
    caller = await staff_caller(request, tenantId)
    require(caller, Permission.READ_KNOWLEDGE)
    return await _progress(resources_of(request), caller, parse_id(job_id))


@router.delete(
    "/api/ingest/{job_id}",
    response_model=IngestJobResult,
    responses=documented(400, 401, 403, 404, 409, 429),
)
async def cancel(request: Request, job_id: str, tenantId: str | None = None) -> IngestJobResult:
    """Cancel an ingest; what it has stored so far stays searchable."""
    caller = await staff_caller(request, tenantId)
    require(caller, Permission.WRITE_KNOWLEDGE)
    resources = resources_of(request)
    wanted = parse_id(job_id)
    async with resources.database.unit_of_work(caller.scope) as session:
        given = await cancel_ingest(session, caller.workspace.id, wanted)
        await record(session, Actor.of(caller), "source.ingest_cancelled", given)
    return await _progress(resources, caller, wanted)


async def _wait(resources: Resources, caller: StaffCaller, job_id: UUID) -> IngestProgress:
    until = time.monotonic() + WAIT_SECONDS
    while True:
        async with resources.database.unit_of_work(caller.scope) as session:
            progress = await load_progress(session, caller.workspace.id, job_id)
        if progress.state.is_over or time.monotonic() > until:
            return progress
        await asyncio.sleep(POLL_SECONDS)


async def _progress(resources: Resources, caller: StaffCaller, job_id: UUID) -> IngestJobResult:
    async with resources.database.unit_of_work(caller.scope) as session:
        progress = await load_progress(session, caller.workspace.id, job_id)
    return IngestJobResult(
        **_result(progress).model_dump(),
        state=progress.state.value,
        reason=progress.reason,
        input=progress.input,
        found=progress.found,
        pending=progress.pending,
    )


def _result(progress: IngestProgress) -> IngestResult:
    return IngestResult(
        docs=progress.docs,
        changed=progress.changed,
        unchanged=progress.unchanged,
        failed=_outcomes(progress.failed),
        skipped=_outcomes(progress.skipped),
        failedCount=progress.failed_count,
        skippedCount=progress.skipped_count,
        jobId=str(progress.job_id),
    )


def _outcomes(outcomes: tuple[PageOutcome, ...]) -> list[Outcome]:
    return [Outcome(url=outcome.url, reason=outcome.reason) for outcome in outcomes]
