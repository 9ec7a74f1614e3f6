"""What a member is mentioned in: their own notices in one workspace."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from api_routes.bodies import Body, json_body, read_json
from api_routes.identity import member_caller, resources_of
from api_routes.ids import parse_id
from api_routes.problems import documented
from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.conversations.mentions import (
    MOST_UNREAD,
    MentionView,
    count_unread_mentions,
    list_mentions,
    mark_mentions_read,
)

router = APIRouter(tags=["Inbox"])


class MentionInfo(BaseModel):
    id: str
    conversationId: str
    noteId: str
    authorName: str
    text: str = Field(description="The beginning of the note.")
    createdAt: str
    readAt: str | None


class MentionList(BaseModel):
    mentions: list[MentionInfo]
    unread: int = Field(description=f"Of all; {MOST_UNREAD} stands for that many or more.")


class ReadMentions(Body):
    """Without ``ids`` all of them are read."""

    ids: list[Annotated[str, Field(max_length=100)]] | None = Field(None, max_length=200)


class Unread(BaseModel):
    unread: int


async def _reader(request: Request, tenantId: str | None = None) -> MemberCaller:
    """Who may read them; parameters are judged afterwards."""
    caller = await member_caller(request, tenantId)
    require(caller, Permission.READ_CONVERSATIONS)
    return caller


@router.get("/api/mentions", response_model=MentionList, responses=documented(401, 403, 404, 422, 429))
async def mentions(
    request: Request,
    caller: Annotated[MemberCaller, Depends(_reader)],
    unread: bool = False,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> MentionList:
    """Notes that mention you, the latest first; with `unread` those that you have not read."""
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        found = await list_mentions(session, caller, only_unread=unread, limit=limit)
        count = await count_unread_mentions(session, caller)
    return MentionList(mentions=[_info(each) for each in found], unread=count)


@router.post(
    "/api/mentions/read",
    response_model=Unread,
    responses=documented(400, 401, 403, 404, 413, 415, 422, 429),
    openapi_extra=json_body(ReadMentions),
)
async def read(request: Request, tenantId: str | None = None) -> Unread:
    """Mark some of yours as read, or all; ids that are not yours change nothing."""
    body = await read_json(request)
    caller = await member_caller(request, tenantId)
    named = body.parse(ReadMentions).ids
    ids = None if named is None else [parse_id(each) for each in named]
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        await mark_mentions_read(session, caller, ids)
        return Unread(unread=await count_unread_mentions(session, caller))


def _info(view: MentionView) -> MentionInfo:
    return MentionInfo(
        id=str(view.id),
        conversationId=str(view.conversation_id),
        noteId=str(view.note_id),
        authorName=view.author_name,
        text=view.text,
        createdAt=view.created_at.isoformat(),
        readAt=view.read_at.isoformat() if view.read_at else None,
    )
