"""Ingest of pages, websites and sitemaps: ``/api/ingest``."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from api_routes.bodies import Body, json_body, read_json
from api_routes.identity import resources_of, staff_caller, staff_with
from api_routes.ids import parse_id
from api_routes.problems import documented
from helpninja_app.accounts.audit import Actor, record
from helpninja_app.accounts.callers import StaffCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.errors import InputRefused
from helpninja_app.kernel.scope import Audience
from helpninja_app.knowledge.ingest_requests import (
    IngestProgress,
    PageOutcome,
    cancel_ingest,
    list_outcomes,
    load_progress,
    retry_failed_pages,
)
from helpninja_app.knowledge.models import JobState, PageState
from helpninja_app.knowledge.previews import preview_ingest
from helpninja_app.knowledge.sources import add_website
from helpninja_app.resources import Resources, knowledge_limits

router = APIRouter(tags=["Knowledge"])

WAIT_SECONDS = 20.0
POLL_SECONDS = 0.15


class IngestBody(Body):
    tenantId: str | None = None
    input: str = Field(min_length=1, max_length=2000, examples=["https://example.com/sitemap.xml"])
    followLinks: bool | None = Field(
        default=None,
        description="Whether a page is read with the pages of its website that links lead to. Without it, a"
        " page is read as it was the last time, and a new one alone. A sitemap is read as it is.",
    )
    audience: Literal["visitors", "members"] | None = Field(
        default=None,
        description="Who is answered from it. Another one than that of a source that is there already holds"
        " for all its documents at once, and for pages that are read later. Without it, a source that is or"
        " was there stays for whom it was, and a new one is for visitors. Pages that another source brought"
        " stay for whom they are there.",
    )


class Outcome(BaseModel):
    url: str
    reason: str


class IngestResult(BaseModel):
    """``docs`` counts the documents of this input that are searchable now, unchanged ones included."""

    ok: bool = True
    docs: int
    changed: int
    unchanged: int
    gone: int
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


class PreviewPage(BaseModel):
    """``known`` when its document is here; ``leftOut`` when it was deleted here and stays away."""

    url: str
    known: bool
    leftOut: bool


class PreviewResult(BaseModel):
    """``pages``, ``robots`` and ``skipped`` are the first 50; ``limits`` say what stands in the way.

    ``audience`` is for whom the source at this address is, null where there is none; ``elsewhere`` counts
    known pages that other sources brought, which stay for whom they are there.
    A ``site`` is a page whose links are followed, for want of a sitemap: these are its first pages.
    """

    ok: bool = True
    kind: Literal["page", "site", "sitemap"]
    host: str
    found: int
    known: int
    audience: Literal["visitors", "members"] | None
    elsewhere: int
    leftOut: int
    forbidden: int
    skippedCount: int
    pages: list[PreviewPage]
    robots: list[str]
    skipped: list[Outcome]
    limits: list[str]
    complete: bool


PageStateName = Literal["pending", "changed", "unchanged", "gone", "failed", "skipped"]


class PageResult(Outcome):
    state: PageStateName


class PageList(BaseModel):
    pages: list[PageResult]
    total: int
    limit: int
    offset: int


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
    """Ingest a page, a website, a sitemap or an index of them; answers when done, or after 20 s with 202."""
    body = await read_json(request)
    caller = await staff_caller(request, body.text("tenantId"))
    require(caller, Permission.WRITE_KNOWLEDGE)
    wanted = body.parse(IngestBody)
    resources = resources_of(request)
    async with resources.database.unit_of_work(caller.scope) as session:
        job_id = await add_website(
            session,
            resources.queue,
            Actor.of(caller),
            wanted.input,
            knowledge_limits(resources.settings, caller.workspace),
            audience=Audience(wanted.audience) if wanted.audience else None,
            follows_links=wanted.followLinks,
        )
    progress = await _wait(resources, caller, job_id)
    if progress.state is JobState.FAILED and progress.found == progress.gone:
        raise InputRefused(progress.reason)
    if not progress.state.is_over:
        response.status_code = 202
    return _result(progress)


@router.post(
    "/api/ingest/preview",
    response_model=PreviewResult,
    responses=documented(401, 403, 404, 413, 415, 422, 429),
    openapi_extra=json_body(IngestBody),
)
async def preview(request: Request) -> PreviewResult:
    """What an ingest of this address would read, and which limits it would meet; reads no page of it."""
    body = await read_json(request)
    caller = await staff_caller(request, body.text("tenantId"))
    require(caller, Permission.WRITE_KNOWLEDGE)
    wanted = body.parse(IngestBody)
    resources = resources_of(request)
    limits = knowledge_limits(resources.settings, caller.workspace)
    found = await preview_ingest(
        resources.knowledge,
        caller.scope,
        caller.workspace.id,
        wanted.input,
        limits,
        follows_links=wanted.followLinks,
    )
    return PreviewResult(
        kind=found.kind,
        host=found.host,
        found=found.found,
        known=found.known,
        audience=found.audience.value if found.audience else None,
        elsewhere=found.elsewhere,
        leftOut=found.left_out,
        forbidden=found.forbidden,
        skippedCount=found.skipped_count,
        pages=[
            PreviewPage(url=page.url, known=page.is_known, leftOut=page.is_left_out) for page in found.pages
        ],
        robots=list(found.robots),
        skipped=_outcomes(found.skipped),
        limits=list(found.limits),
        complete=found.is_complete,
    )


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


@router.get(
    "/api/ingest/{job_id}/pages",
    response_model=PageList,
    responses=documented(400, 401, 403, 404, 422, 429),
)
async def pages(
    request: Request,
    job_id: str,
    caller: Annotated[StaffCaller, Depends(staff_with(Permission.READ_KNOWLEDGE))],
    state: PageStateName | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> PageList:
    """The addresses of an ingest, or those that ended like this, each with its reason."""
    wanted, chosen = parse_id(job_id), PageState(state) if state else None
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        progress = await load_progress(session, caller.workspace.id, wanted)
        found = await list_outcomes(session, caller.workspace.id, wanted, chosen, limit=limit, offset=offset)
    return PageList(
        pages=[PageResult(url=item.url, reason=item.reason, state=item.state.value) for item in found],
        total=progress.count(chosen) if chosen else progress.found,
        limit=limit,
        offset=offset,
    )


@router.post(
    "/api/ingest/{job_id}/retry",
    response_model=IngestJobResult,
    status_code=202,
    responses=documented(400, 401, 403, 404, 409, 429),
)
async def retry(request: Request, job_id: str, tenantId: str | None = None) -> IngestJobResult:
    """Read the pages that failed once more; what they held before stays searchable until then."""
    caller = await staff_caller(request, tenantId)
    require(caller, Permission.WRITE_KNOWLEDGE)
    resources = resources_of(request)
    wanted = parse_id(job_id)
    async with resources.database.unit_of_work(caller.scope) as session:
        given, count = await retry_failed_pages(session, resources.queue, caller.workspace.id, wanted)
        await record(session, Actor.of(caller), "source.retried", given, pages=count)
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
        gone=progress.gone,
        failed=_outcomes(progress.failed),
        skipped=_outcomes(progress.skipped),
        failedCount=progress.failed_count,
        skippedCount=progress.skipped_count,
        jobId=str(progress.job_id),
    )


def _outcomes(outcomes: tuple[PageOutcome, ...]) -> list[Outcome]:
    return [Outcome(url=outcome.url, reason=outcome.reason) for outcome in outcomes]
