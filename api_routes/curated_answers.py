"""Curated answers: ``/api/curated-answers``, in the order that people gave them."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from api_routes.bodies import Body, json_body, read_json
from api_routes.identity import resources_of, staff_caller
from api_routes.ids import parse_id
from api_routes.problems import documented
from helpninja_app.accounts.audit import Actor
from helpninja_app.accounts.callers import StaffCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.kernel.scope import Audience
from helpninja_app.knowledge.curated import (
    MAX_ANSWER,
    MAX_ANSWERS,
    MAX_PHRASINGS,
    MAX_QUESTION,
    CuratedDraft,
    CuratedView,
    CuratedWish,
    change_curated,
    create_curated,
    delete_curated,
    get_curated,
    list_curated,
    order_curated,
    prepare_phrasings,
    restore_curated,
)
from helpninja_app.knowledge.embedding.protocol import Embedder

router = APIRouter(tags=["Knowledge"])

AudienceName = Literal["visitors", "members"]


class CuratedBody(Body):
    tenantId: str | None = None
    question: str = Field(min_length=1, max_length=MAX_QUESTION, examples=["Do you deliver to the islands?"])
    phrasings: list[str] = Field(default_factory=list, max_length=MAX_PHRASINGS)
    answer: str = Field(min_length=1, max_length=MAX_ANSWER, examples=["Yes, within **three** working days."])
    audience: AudienceName = "visitors"
    on: bool = True


class CuratedChange(Body):
    model_config = ConfigDict(strict=True, extra="forbid")

    question: str | None = Field(None, min_length=1, max_length=MAX_QUESTION)
    phrasings: list[str] | None = Field(None, max_length=MAX_PHRASINGS)
    answer: str | None = Field(None, min_length=1, max_length=MAX_ANSWER)
    audience: AudienceName | None = None
    on: bool | None = None


class OrderBody(Body):
    tenantId: str | None = None
    ids: list[str] = Field(max_length=MAX_ANSWERS)


class CuratedResult(BaseModel):
    """``position`` counts from 0; where two answers match alike, the first one wins."""

    id: str
    question: str
    phrasings: list[str]
    answer: str
    audience: AudienceName
    position: int
    on: bool
    createdAt: str
    updatedAt: str


class CuratedList(BaseModel):
    answers: list[CuratedResult]


class Done(BaseModel):
    ok: bool = True


@router.get("/api/curated-answers", response_model=CuratedList, responses=documented(401, 403, 404, 429))
async def answers(request: Request, tenantId: str | None = None) -> CuratedList:
    """All curated answers in their order."""
    caller = await staff_caller(request, tenantId)
    require(caller, Permission.READ_KNOWLEDGE)
    return await _list(request, caller)


@router.post(
    "/api/curated-answers",
    response_model=CuratedResult,
    status_code=201,
    responses=documented(401, 403, 404, 409, 413, 415, 422, 429, 502, 504),
    openapi_extra=json_body(CuratedBody),
)
async def create(request: Request) -> CuratedResult:
    """Write an answer that is given whenever its question, or a phrasing of it, is asked."""
    body = await read_json(request)
    caller = await staff_caller(request, body.text("tenantId"))
    require(caller, Permission.WRITE_KNOWLEDGE)
    wished = body.parse(CuratedBody)
    draft = CuratedDraft(
        wished.question, wished.answer, tuple(wished.phrasings), Audience(wished.audience), wished.on
    )
    prepared = await prepare_phrasings(_embedder(request, caller), draft)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        return _result(await create_curated(session, Actor.of(caller), draft, prepared))


@router.put(
    "/api/curated-answers/order",
    response_model=CuratedList,
    responses=documented(400, 401, 403, 404, 409, 413, 415, 422, 429),
    openapi_extra=json_body(OrderBody),
)
async def order(request: Request) -> CuratedList:
    """Put all curated answers into another order; ``ids`` names each of them once."""
    body = await read_json(request)
    caller = await staff_caller(request, body.text("tenantId"))
    require(caller, Permission.WRITE_KNOWLEDGE)
    ids = [parse_id(wanted) for wanted in body.parse(OrderBody).ids]
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        await order_curated(session, Actor.of(caller), ids)
    return await _list(request, caller)


@router.get(
    "/api/curated-answers/{answer_id}",
    response_model=CuratedResult,
    responses=documented(400, 401, 403, 404, 429),
)
async def answer(request: Request, answer_id: str, tenantId: str | None = None) -> CuratedResult:
    """One curated answer."""
    caller = await staff_caller(request, tenantId)
    require(caller, Permission.READ_KNOWLEDGE)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        return _result(await get_curated(session, caller.workspace.id, parse_id(answer_id)))


@router.patch(
    "/api/curated-answers/{answer_id}",
    response_model=CuratedResult,
    responses=documented(400, 401, 403, 404, 413, 415, 422, 429, 502, 504),
    openapi_extra=json_body(CuratedChange),
)
async def change(request: Request, answer_id: str, tenantId: str | None = None) -> CuratedResult:
    """Change a curated answer, or switch it on or off."""
    body = await read_json(request)
    caller = await staff_caller(request, tenantId)
    require(caller, Permission.WRITE_KNOWLEDGE)
    wanted = parse_id(answer_id)
    database = resources_of(request).database
    async with database.unit_of_work(caller.scope) as session:
        # Whether it is there comes before what is wrong with the body.
        await get_curated(session, caller.workspace.id, wanted)
    wished = body.parse(CuratedChange)
    wish = CuratedWish(
        question=wished.question,
        answer=wished.answer,
        phrasings=None if wished.phrasings is None else tuple(wished.phrasings),
        audience=None if wished.audience is None else Audience(wished.audience),
        is_on=wished.on,
    )
    embedder, actor = _embedder(request, caller), Actor.of(caller)
    return _result(await change_curated(database, caller.scope, embedder, actor, wanted, wish))


@router.delete(
    "/api/curated-answers/{answer_id}", response_model=Done, responses=documented(400, 401, 403, 404, 429)
)
async def delete(request: Request, answer_id: str, tenantId: str | None = None) -> Done:
    """Delete a curated answer; it can be restored for seven days."""
    caller = await staff_caller(request, tenantId)
    require(caller, Permission.WRITE_KNOWLEDGE)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        await delete_curated(session, Actor.of(caller), parse_id(answer_id))
    return Done()


@router.post(
    "/api/curated-answers/{answer_id}/restore",
    response_model=CuratedResult,
    responses=documented(400, 401, 403, 404, 409, 429),
)
async def restore(request: Request, answer_id: str, tenantId: str | None = None) -> CuratedResult:
    """Bring a deleted curated answer back."""
    caller = await staff_caller(request, tenantId)
    require(caller, Permission.WRITE_KNOWLEDGE)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        return _result(await restore_curated(session, Actor.of(caller), parse_id(answer_id)))


async def _list(request: Request, caller: StaffCaller) -> CuratedList:
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        found = await list_curated(session, caller.workspace.id)
    return CuratedList(answers=[_result(item) for item in found])


def _embedder(request: Request, caller: StaffCaller) -> Embedder:
    return resources_of(request).knowledge.embedders.of(caller.workspace.embedding_model)


def _result(view: CuratedView) -> CuratedResult:
    return CuratedResult(
        id=str(view.id),
        question=view.question,
        phrasings=list(view.phrasings),
        answer=view.answer,
        audience=view.audience.value,
        position=view.position,
        on=view.is_on,
        createdAt=view.created_at.isoformat(),
        updatedAt=view.updated_at.isoformat(),
    )
