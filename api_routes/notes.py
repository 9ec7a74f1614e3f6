"""Notes that members write: ``/api/notes``; a note's id is that of its document."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from api_routes.bodies import Body, json_body, read_json
from api_routes.identity import resources_of, staff_caller
from api_routes.ids import parse_id
from api_routes.problems import documented
from helpninja_app.accounts.audit import Actor
from helpninja_app.accounts.callers import require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.kernel.scope import Audience
from helpninja_app.knowledge.notes import (
    MAX_LENGTH,
    MAX_TITLE,
    NoteView,
    change_note,
    create_note,
    get_note,
)
from helpninja_app.resources import knowledge_limits

router = APIRouter(tags=["Knowledge"])

AudienceName = Literal["visitors", "members"]
# The longest text, each character of it written as an escape.
MAX_NOTE_BYTES = 1_300_000


class NoteBody(Body):
    tenantId: str | None = None
    title: str = Field(min_length=1, max_length=MAX_TITLE, examples=["Opening hours at Christmas"])
    text: str = Field(min_length=1, max_length=MAX_LENGTH, examples=["We are **closed** on 25 December."])
    audience: AudienceName = "members"


class NoteChange(Body):
    model_config = ConfigDict(strict=True, extra="forbid")

    title: str | None = Field(None, min_length=1, max_length=MAX_TITLE)
    text: str | None = Field(None, min_length=1, max_length=MAX_LENGTH)
    audience: AudienceName | None = None


class NoteResult(BaseModel):
    id: str
    title: str
    text: str
    audience: AudienceName
    status: Literal["processing", "completed", "failed"]
    createdAt: str
    updatedAt: str


@router.post(
    "/api/notes",
    response_model=NoteResult,
    status_code=201,
    responses=documented(401, 402, 403, 404, 413, 415, 422, 429),
    openapi_extra=json_body(NoteBody),
)
async def create(request: Request) -> NoteResult:
    """Write a note in Markdown; it is for members unless it says otherwise."""
    body = await read_json(request, MAX_NOTE_BYTES)
    caller = await staff_caller(request, body.text("tenantId"))
    require(caller, Permission.WRITE_KNOWLEDGE)
    wished = body.parse(NoteBody)
    resources = resources_of(request)
    async with resources.database.unit_of_work(caller.scope) as session:
        made = await create_note(
            session,
            resources.queue,
            Actor.of(caller),
            knowledge_limits(resources.settings, caller.workspace),
            title=wished.title,
            markdown=wished.text,
            audience=Audience(wished.audience),
        )
    return _result(made)


@router.get("/api/notes/{note_id}", response_model=NoteResult, responses=documented(400, 401, 403, 404, 429))
async def note(request: Request, note_id: str, tenantId: str | None = None) -> NoteResult:
    """A note as it was written."""
    caller = await staff_caller(request, tenantId)
    require(caller, Permission.READ_KNOWLEDGE)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        return _result(await get_note(session, caller.workspace.id, parse_id(note_id)))


@router.patch(
    "/api/notes/{note_id}",
    response_model=NoteResult,
    responses=documented(400, 401, 403, 404, 413, 415, 422, 429),
    openapi_extra=json_body(NoteChange),
)
async def change(request: Request, note_id: str, tenantId: str | None = None) -> NoteResult:
    """Change a note; what it said before is found until the new text takes its place."""
    body = await read_json(request, MAX_NOTE_BYTES)
    caller = await staff_caller(request, tenantId)
    require(caller, Permission.WRITE_KNOWLEDGE)
    wanted = parse_id(note_id)
    resources = resources_of(request)
    async with resources.database.unit_of_work(caller.scope) as session:
        await get_note(session, caller.workspace.id, wanted)
        wished = body.parse(NoteChange)
        changed = await change_note(
            session,
            resources.queue,
            Actor.of(caller),
            wanted,
            title=wished.title,
            markdown=wished.text,
            audience=Audience(wished.audience) if wished.audience else None,
        )
    return _result(changed)


def _result(note: NoteView) -> NoteResult:
    return NoteResult(
        id=str(note.document.id),
        title=note.document.title,
        text=note.markdown,
        audience=Audience(note.document.audience).value,
        status=note.document.status,
        createdAt=note.document.created_at.isoformat(),
        updatedAt=note.document.updated_at.isoformat(),
    )
