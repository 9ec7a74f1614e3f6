"""What members do about a conversation over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from api_routes.bodies import Body, has_visible_text, json_body, read_json
from api_routes.conversations import (
    ConversationInfo,
    InboxMessage,
    InboxNote,
    conversation_info,
    inbox_message,
    inbox_note,
)
from api_routes.identity import resources_of, staff_caller
from api_routes.ids import parse_id
from api_routes.problems import documented
from helpninja_app.accounts.callers import StaffCaller
from helpninja_app.conversations import desk
from helpninja_app.conversations.models import Conversation
from helpninja_app.conversations.timeline import message_view, note_view
from helpninja_app.errors import FieldError, Invalid
from helpninja_app.kernel.database import new_id

router = APIRouter(tags=["Inbox"])

MAX_REPLY = 20_000

Change = Callable[[AsyncSession, StaffCaller, UUID], Awaitable[Conversation]]

_PLAIN = documented(400, 401, 403, 404, 409, 429)
_WITH_BODY = documented(400, 401, 403, 404, 409, 413, 415, 422, 429)


class ReplyBody(Body):
    """``clientId`` is an id that you make: sent again with the same one, nothing is stored twice."""

    text: str = Field(min_length=1, max_length=MAX_REPLY)
    clientId: str | None = None


class NoteBody(ReplyBody):
    mentions: list[str] = Field(default=[], max_length=50)


class AssignBody(Body):
    userId: str | None


class SnoozeBody(Body):
    until: str | None


class TagsBody(Body):
    tags: list[Annotated[str, Field(max_length=50)]] = Field(max_length=20)


class Done(BaseModel):
    ok: bool = True


@router.post(
    "/api/conversations/{conversation_id}/take-over", response_model=ConversationInfo, responses=_PLAIN
)
async def take_over(request: Request, conversation_id: str, tenantId: str | None = None) -> ConversationInfo:
    """Answer instead of the bot, which is silent from now on."""
    return await _change(request, conversation_id, tenantId, desk.take_over)


@router.post(
    "/api/conversations/{conversation_id}/hand-back", response_model=ConversationInfo, responses=_PLAIN
)
async def hand_back(request: Request, conversation_id: str, tenantId: str | None = None) -> ConversationInfo:
    """Let the bot answer again."""
    return await _change(request, conversation_id, tenantId, desk.hand_back)


@router.post(
    "/api/conversations/{conversation_id}/resolve", response_model=ConversationInfo, responses=_PLAIN
)
async def resolve(request: Request, conversation_id: str, tenantId: str | None = None) -> ConversationInfo:
    """Nothing is left to do, until the visitor writes again."""
    return await _change(request, conversation_id, tenantId, desk.resolve)


@router.post("/api/conversations/{conversation_id}/reopen", response_model=ConversationInfo, responses=_PLAIN)
async def reopen(request: Request, conversation_id: str, tenantId: str | None = None) -> ConversationInfo:
    """Undo `resolve`."""
    return await _change(request, conversation_id, tenantId, desk.reopen)


@router.post("/api/conversations/{conversation_id}/typing", response_model=Done, responses=_PLAIN)
async def typing(request: Request, conversation_id: str, tenantId: str | None = None) -> Done:
    """Show the visitor for some seconds that somebody writes."""
    caller, wanted = await staff_caller(request, tenantId), parse_id(conversation_id)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        await desk.show_typing(session, caller, wanted)
    return Done()


@router.post(
    "/api/conversations/{conversation_id}/reply",
    response_model=InboxMessage,
    responses=_WITH_BODY,
    openapi_extra=json_body(ReplyBody),
)
async def reply(request: Request, conversation_id: str, tenantId: str | None = None) -> InboxMessage:
    """Answer the visitor; take the conversation over first."""
    body = await read_json(request)
    caller, wanted = await staff_caller(request, tenantId), parse_id(conversation_id)
    said = body.parse(ReplyBody)
    text, id = _text(said.text), _client_id(said.clientId)
    resources = resources_of(request)
    async with resources.database.unit_of_work(caller.scope) as session:
        stored = await desk.reply(session, resources.queue, caller, wanted, text, client_id=id)
        return inbox_message(message_view(stored))


@router.post(
    "/api/conversations/{conversation_id}/note",
    response_model=InboxNote,
    responses=_WITH_BODY,
    openapi_extra=json_body(NoteBody),
)
async def note(request: Request, conversation_id: str, tenantId: str | None = None) -> InboxNote:
    """Tell the other members something; the visitor does not see it."""
    body = await read_json(request)
    caller, wanted = await staff_caller(request, tenantId), parse_id(conversation_id)
    said = body.parse(NoteBody)
    text, id = _text(said.text), _client_id(said.clientId)
    mentions = [_id_in("body.mentions", each) for each in said.mentions]
    resources = resources_of(request)
    async with resources.database.unit_of_work(caller.scope) as session:
        stored = await desk.add_note(
            session, resources.queue, caller, wanted, text, client_id=id, mentions=mentions
        )
        return inbox_note(note_view(stored))


@router.post(
    "/api/conversations/{conversation_id}/assign",
    response_model=ConversationInfo,
    responses=_WITH_BODY,
    openapi_extra=json_body(AssignBody),
)
async def assign(request: Request, conversation_id: str, tenantId: str | None = None) -> ConversationInfo:
    """Have a member look after it; `null` for nobody in particular."""
    body = await read_json(request)
    caller, wanted = await staff_caller(request, tenantId), parse_id(conversation_id)
    named = body.parse(AssignBody).userId
    user_id = _id_in("body.userId", named) if named is not None else None
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        return conversation_info(await desk.assign(session, caller, wanted, user_id))


@router.post(
    "/api/conversations/{conversation_id}/snooze",
    response_model=ConversationInfo,
    responses=_WITH_BODY,
    openapi_extra=json_body(SnoozeBody),
)
async def snooze(request: Request, conversation_id: str, tenantId: str | None = None) -> ConversationInfo:
    """Keep it out of the list until a moment; `null` brings it back.

    It comes back before when the visitor writes, asks for a person or rates so that one is asked. At its
    time it comes back on top, unread for whom it is assigned to, or else for everybody.
    """
    body = await read_json(request)
    caller, wanted = await staff_caller(request, tenantId), parse_id(conversation_id)
    until = _moment(body.parse(SnoozeBody).until)
    resources = resources_of(request)
    async with resources.database.unit_of_work(caller.scope) as session:
        return conversation_info(await desk.snooze(session, resources.queue, caller, wanted, until))


@router.put(
    "/api/conversations/{conversation_id}/tags",
    response_model=ConversationInfo,
    responses=_WITH_BODY,
    openapi_extra=json_body(TagsBody),
)
async def tags(request: Request, conversation_id: str, tenantId: str | None = None) -> ConversationInfo:
    """Replace its tags."""
    body = await read_json(request)
    caller, wanted = await staff_caller(request, tenantId), parse_id(conversation_id)
    chosen = body.parse(TagsBody).tags
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        return conversation_info(await desk.set_tags(session, caller, wanted, chosen))


async def _change(
    request: Request, conversation_id: str, tenant: str | None, change: Change
) -> ConversationInfo:
    caller, wanted = await staff_caller(request, tenant), parse_id(conversation_id)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        return conversation_info(await change(session, caller, wanted))


def _text(said: str) -> str:
    if not has_visible_text(said):
        raise Invalid(errors=(FieldError("body.text", "The text is empty."),))
    return said.strip()


def _client_id(id: str | None) -> UUID:
    return new_id() if id is None else _id_in("body.clientId", id)


def _id_in(field: str, value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise Invalid(errors=(FieldError(field, "This is no id."),)) from None


def _moment(value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Invalid(
            errors=(FieldError("body.until", "Name a moment with its time zone, as in 2026-01-31T09:00Z."),)
        )
    return moment
