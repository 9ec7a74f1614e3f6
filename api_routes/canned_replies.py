"""Canned replies: ``/api/canned-replies``, for all members of a workspace."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from api_routes.bodies import Body, has_visible_text, is_storable_text, json_body, read_json
from api_routes.identity import resources_of, staff_caller, staff_with
from api_routes.ids import parse_id
from api_routes.problems import documented
from helpninja_app.accounts.callers import StaffCaller
from helpninja_app.accounts.permissions import Permission
from helpninja_app.conversations.canned_replies import (
    MAX_NAME,
    MAX_TEXT,
    CannedView,
    change_canned,
    create_canned,
    delete_canned,
    get_canned,
    list_canned,
    render_canned,
)
from helpninja_app.errors import FieldError, Invalid

router = APIRouter(tags=["Inbox"])

_TEXT_EXAMPLE = "Hello {{visitor.name|there}}, thank you for writing to {{workspace.name}}."


class CannedBody(Body):
    tenantId: str | None = None
    name: str = Field(min_length=1, max_length=MAX_NAME, examples=["greeting"])
    text: str = Field(min_length=1, max_length=MAX_TEXT, examples=[_TEXT_EXAMPLE])


class CannedChange(Body):
    model_config = ConfigDict(strict=True, extra="forbid")

    name: str | None = Field(None, min_length=1, max_length=MAX_NAME)
    text: str | None = Field(None, min_length=1, max_length=MAX_TEXT)


class RenderBody(Body):
    conversationId: str = Field(max_length=100)


class CannedResult(BaseModel):
    id: str
    name: str
    text: str = Field(description="With its variables, such as `{{visitor.name|there}}`.")
    createdAt: str
    updatedAt: str


class CannedList(BaseModel):
    replies: list[CannedResult]
    total: int
    limit: int
    offset: int


class RenderedReply(BaseModel):
    text: str
    missing: list[str] = Field(description="Variables that nothing is known for and that left a gap.")


class Done(BaseModel):
    ok: bool = True


@router.get("/api/canned-replies", response_model=CannedList, responses=documented(401, 403, 404, 422, 429))
async def replies(
    request: Request,
    caller: Annotated[StaffCaller, Depends(staff_with(Permission.READ_CONVERSATIONS))],
    q: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> CannedList:
    """By name; `q` is a part of a name or text."""
    if q is not None and not is_storable_text(q):
        raise Invalid(errors=(FieldError("query.q", "Texts cannot hold the character U+0000."),))
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        page = await list_canned(session, caller, contains=q or "", limit=limit, offset=offset)
    return CannedList(
        replies=[_result(view) for view in page.replies], total=page.total, limit=limit, offset=offset
    )


@router.post(
    "/api/canned-replies",
    response_model=CannedResult,
    status_code=201,
    responses=documented(401, 403, 404, 409, 413, 415, 422, 429),
    openapi_extra=json_body(CannedBody),
)
async def create(request: Request) -> CannedResult:
    """Add one; a variable that does not exist is a 422 that names it."""
    body = await read_json(request)
    caller = await staff_caller(request, body.text("tenantId"))
    wished = body.parse(CannedBody)
    name, text = _name(wished.name), _text(wished.text)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        return _result(await create_canned(session, caller, name, text))


@router.get(
    "/api/canned-replies/{reply_id}",
    response_model=CannedResult,
    responses=documented(400, 401, 403, 404, 429),
)
async def reply(request: Request, reply_id: str, tenantId: str | None = None) -> CannedResult:
    """One canned reply."""
    caller, wanted = await staff_caller(request, tenantId), parse_id(reply_id)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        return _result(await get_canned(session, caller, wanted))


@router.patch(
    "/api/canned-replies/{reply_id}",
    response_model=CannedResult,
    responses=documented(400, 401, 403, 404, 409, 413, 415, 422, 429),
    openapi_extra=json_body(CannedChange),
)
async def change(request: Request, reply_id: str, tenantId: str | None = None) -> CannedResult:
    """Change its name or text."""
    body = await read_json(request)
    caller, wanted = await staff_caller(request, tenantId), parse_id(reply_id)
    wished = body.parse(CannedChange)
    name = _name(wished.name) if wished.name is not None else None
    text = _text(wished.text) if wished.text is not None else None
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        return _result(await change_canned(session, caller, wanted, name=name, text=text))


@router.delete(
    "/api/canned-replies/{reply_id}", response_model=Done, responses=documented(400, 401, 403, 404, 429)
)
async def delete(request: Request, reply_id: str, tenantId: str | None = None) -> Done:
    """Delete it for everybody."""
    caller, wanted = await staff_caller(request, tenantId), parse_id(reply_id)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        await delete_canned(session, caller, wanted)
    return Done()


@router.post(
    "/api/canned-replies/{reply_id}/render",
    response_model=RenderedReply,
    responses=documented(400, 401, 403, 404, 413, 415, 422, 429),
    openapi_extra=json_body(RenderBody),
)
async def render(request: Request, reply_id: str, tenantId: str | None = None) -> RenderedReply:
    """The text as you would say it in a conversation; nothing is sent."""
    body = await read_json(request)
    caller, wanted = await staff_caller(request, tenantId), parse_id(reply_id)
    conversation_id = parse_id(body.parse(RenderBody).conversationId)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        filled = await render_canned(session, caller, wanted, conversation_id)
    return RenderedReply(text=filled.text, missing=list(filled.missing))


def _name(given: str) -> str:
    if not has_visible_text(given):
        raise Invalid(errors=(FieldError("body.name", "The name is empty."),))
    return " ".join(given.split())


def _text(given: str) -> str:
    if not has_visible_text(given):
        raise Invalid(errors=(FieldError("body.text", "The text is empty."),))
    return given.strip()


def _result(view: CannedView) -> CannedResult:
    return CannedResult(
        id=str(view.id),
        name=view.name,
        text=view.text,
        createdAt=view.created_at.isoformat(),
        updatedAt=view.updated_at.isoformat(),
    )
