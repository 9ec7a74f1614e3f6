"""Saved chats of the private assistant: each caller's own, and nobody else's."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from api_routes.bodies import Body, has_visible_text, is_storable_text, json_body, read_json
from api_routes.chat_citations import CitedPassage, cited_passage
from api_routes.identity import resources_of, staff_caller, staff_with
from api_routes.ids import parse_id
from api_routes.problems import documented
from helpninja_app.accounts.callers import StaffCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.chats.export import export_chat, filename_of
from helpninja_app.chats.library import (
    ChatMessageView,
    ChatThread,
    ChatView,
    delete_chat,
    list_chats,
    read_thread,
    rename_chat,
    restore_chat,
)
from helpninja_app.chats.turns import dead_before, stop_writing
from helpninja_app.errors import FieldError, Invalid

router = APIRouter(tags=["Chats"])

MAX_TITLE = 200


class ChatInfo(BaseModel):
    id: str
    title: str
    model: str = Field(description="The model that was asked last.")
    createdAt: str
    updatedAt: str


class ChatList(BaseModel):
    chats: list[ChatInfo]
    total: int
    limit: int
    offset: int


class SavedMessage(BaseModel):
    id: str
    role: Literal["user", "assistant"]
    content: str
    state: Literal["complete", "writing", "interrupted", "failed"]
    finish: Literal["stop", "length", "refusal"] | None
    reason: str | None = Field(description="Why it failed.")
    model: str | None
    credits: int
    inputTokens: int
    outputTokens: int
    citations: list[CitedPassage]
    createdAt: str


class SavedChat(ChatInfo):
    documentIds: list[str]
    allKnowledge: bool
    messages: list[SavedMessage]


class ChatChange(Body):
    title: str = Field(min_length=1, max_length=MAX_TITLE)


class Done(BaseModel):
    ok: bool = True


class Stopped(BaseModel):
    stopped: bool = Field(description="False when no answer was being written.")


@router.get("/api/chats", response_model=ChatList, responses=documented(401, 403, 404, 422, 429))
async def chats(
    request: Request,
    caller: Annotated[StaffCaller, Depends(staff_with(Permission.USE_CHAT))],
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    q: Annotated[str | None, Query(max_length=200)] = None,
) -> ChatList:
    """Your chats, the latest first; `q` are words of their titles or messages, the last may be unfinished."""
    if q is not None and not is_storable_text(q):
        raise Invalid(errors=(FieldError("query.q", "Texts cannot hold the character U+0000."),))
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        page = await list_chats(session, caller, limit=limit, offset=offset, contains=q)
    return ChatList(chats=[_info(chat) for chat in page.chats], total=page.total, limit=limit, offset=offset)


@router.get("/api/chats/{chat_id}", response_model=SavedChat, responses=documented(400, 401, 403, 404, 429))
async def chat(request: Request, chat_id: str, tenantId: str | None = None) -> SavedChat:
    """A chat with all its messages, oldest first."""
    caller = await _caller(request, tenantId)
    thread = await _thread(request, caller, chat_id)
    return SavedChat(
        **_info(thread.chat).model_dump(),
        documentIds=[str(each) for each in thread.document_ids],
        allKnowledge=thread.uses_all_knowledge,
        messages=[_message(message) for message in thread.messages],
    )


@router.patch(
    "/api/chats/{chat_id}",
    response_model=ChatInfo,
    responses=documented(400, 401, 403, 404, 413, 415, 422, 429),
    openapi_extra=json_body(ChatChange),
)
async def rename(request: Request, chat_id: str, tenantId: str | None = None) -> ChatInfo:
    """Give a chat another title."""
    body = await read_json(request)
    caller = await _caller(request, tenantId)
    wanted = parse_id(chat_id)
    title = body.parse(ChatChange).title
    if not has_visible_text(title):
        raise Invalid(errors=(FieldError("body.title", "The title is empty."),))
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        return _info(await rename_chat(session, caller, wanted, " ".join(title.split())))


@router.delete("/api/chats/{chat_id}", response_model=Done, responses=documented(400, 401, 403, 404, 429))
async def delete(request: Request, chat_id: str, tenantId: str | None = None) -> Done:
    """Delete a chat; for an hour it can be brought back. An answer that is being written ends."""
    caller = await _caller(request, tenantId)
    wanted, resources = parse_id(chat_id), resources_of(request)
    async with resources.database.unit_of_work(caller.scope) as session:
        message_id = await stop_writing(session, caller, wanted)
        await delete_chat(session, resources.queue, caller, wanted)
    if message_id is not None:
        resources.stop_answer(message_id)
    return Done()


@router.post(
    "/api/chats/{chat_id}/restore", response_model=ChatInfo, responses=documented(400, 401, 403, 404, 429)
)
async def restore(request: Request, chat_id: str, tenantId: str | None = None) -> ChatInfo:
    """Bring back a chat that was deleted less than an hour ago."""
    caller = await _caller(request, tenantId)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        return _info(await restore_chat(session, caller, parse_id(chat_id)))


@router.post(
    "/api/chats/{chat_id}/stop", response_model=Stopped, responses=documented(400, 401, 403, 404, 429)
)
async def stop(request: Request, chat_id: str, tenantId: str | None = None) -> Stopped:
    """End the answer that is being written; what is written is kept and charged."""
    caller = await _caller(request, tenantId)
    resources = resources_of(request)
    async with resources.database.unit_of_work(caller.scope) as session:
        message_id = await stop_writing(session, caller, parse_id(chat_id))
    if message_id is not None:
        resources.stop_answer(message_id)
    return Stopped(stopped=message_id is not None)


@router.get(
    "/api/chats/{chat_id}/export",
    response_class=Response,
    responses=documented(
        400,
        401,
        403,
        404,
        422,
        429,
        also={
            200: {
                "content": {
                    "text/markdown": {"schema": {"type": "string"}},
                    "application/json": {"schema": {"type": "object"}},
                },
                "description": "The chat as a file.",
            }
        },
    ),
)
async def export(
    request: Request,
    chat_id: str,
    caller: Annotated[StaffCaller, Depends(staff_with(Permission.USE_CHAT))],
    format: Literal["md", "json"] = "md",
) -> Response:
    """Download a chat as Markdown or JSON."""
    thread = await _thread(request, caller, chat_id)
    name = quote(filename_of(thread, format))
    return Response(
        export_chat(thread, format),
        media_type="text/markdown" if format == "md" else "application/json",
        headers={
            "content-disposition": f"attachment; filename*=UTF-8''{name}",
            "cache-control": "private, no-store",
        },
    )


async def _caller(request: Request, tenant: str | None) -> StaffCaller:
    caller = await staff_caller(request, tenant)
    require(caller, Permission.USE_CHAT)
    return caller


async def _thread(request: Request, caller: StaffCaller, chat_id: str) -> ChatThread:
    resources = resources_of(request)
    async with resources.database.unit_of_work(caller.scope) as session:
        return await read_thread(
            session, caller, parse_id(chat_id), dead_before=dead_before(resources.settings.total_timeout)
        )


def _info(chat: ChatView) -> ChatInfo:
    return ChatInfo(
        id=str(chat.id),
        title=chat.title,
        model=chat.model,
        createdAt=chat.created_at.isoformat(),
        updatedAt=chat.updated_at.isoformat(),
    )


def _message(message: ChatMessageView) -> SavedMessage:
    return SavedMessage.model_validate(
        {
            "id": str(message.id),
            "role": message.role.value,
            "content": message.text,
            "state": message.state.value,
            "finish": message.finish or None,
            "reason": message.reason or None,
            "model": message.model or None,
            "credits": message.credits,
            "inputTokens": message.input_tokens,
            "outputTokens": message.output_tokens,
            "citations": [cited_passage(citation) for citation in message.citations],
            "createdAt": message.created_at.isoformat(),
        }
    )
