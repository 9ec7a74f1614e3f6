"""The inbox: the conversations with visitors, for the members of their workspace."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from api_routes.bodies import Body, is_storable_text, json_body, read_json
from api_routes.chat import CitationResult
from api_routes.identity import resources_of, staff_caller, staff_with
from api_routes.ids import parse_id
from api_routes.problems import documented
from helpninja_app.accounts.callers import MemberCaller, StaffCaller
from helpninja_app.accounts.permissions import Permission
from helpninja_app.conversations.inbox import (
    PARTS,
    InboxFilter,
    InboxItem,
    Order,
    Part,
    Position,
    count_by_status,
    list_inbox,
    mark_read,
)
from helpninja_app.conversations.models import Conversation, Reason, Status
from helpninja_app.conversations.timeline import Timeline, TimelineMessage, TimelineNote, read_timeline
from helpninja_app.errors import FieldError, Invalid

router = APIRouter(tags=["Inbox"])

StatusName = Literal["bot", "waiting", "human", "resolved"]


class VisitorInfo(BaseModel):
    name: str
    email: str
    pageUrl: str
    language: str = Field(description="What the browser says it is, such as `pt-BR`; empty if not known.")
    timeZone: str = Field(description="What the browser says it is, of the IANA database.")
    contact: Literal["unknown", "asked", "given", "declined"] = Field(
        description="Whether they said who they are."
    )


class ConversationInfo(BaseModel):
    id: str
    status: StatusName
    reason: str | None = Field(description="Why a person is waited for.")
    assigneeId: str | None
    tags: list[str]
    snoozedUntil: str | None
    visitor: VisitorInfo
    csat: int | None = Field(
        description="How good the visitor found it, 1 to 5; null again once they write after that."
    )
    csatComment: str
    createdAt: str
    lastMessageAt: str = Field(
        description="When it came to the top: by a message, a wish for a person, or the end of a snooze."
    )
    waitingSince: str | None = Field(
        description="Since when the visitor waits for a person; null while nobody has to answer."
    )


class InboxEntry(ConversationInfo):
    preview: str = Field(description="The beginning of the last message.")
    previewBy: Literal["visitor", "bot", "member", ""]
    unread: bool = Field(
        description="Whether the visitor wrote or asked for a person, or it came back, since you read it;"
        " never for an API key."
    )


class InboxList(BaseModel):
    conversations: list[InboxEntry]
    counts: dict[StatusName, int] = Field(description="Of each status, with all other filters.")
    nextCursor: str | None = Field(description="For the next page; absent on the last.")


class InboxMessage(BaseModel):
    id: str
    role: Literal["visitor", "bot", "member", "system"]
    text: str
    kind: str
    confidence: float | None
    citations: list[CitationResult]
    model: str | None
    authorId: str | None
    authorName: str = Field(description="What the visitor reads of who wrote it.")
    rating: Literal["up", "down"] | None = Field(description="The visitor's thumb on an answer.")
    createdAt: str


class InboxNote(BaseModel):
    id: str
    text: str
    authorId: str | None
    authorName: str
    mentions: list[str]
    createdAt: str


class StatusChange(BaseModel):
    fromStatus: StatusName
    toStatus: StatusName
    actor: str
    reason: str
    createdAt: str


class ConversationDetail(ConversationInfo):
    reasons: list[str] = Field(description="Everything that a person was asked for.")
    rules: list[str] = Field(description="Names of rules that matched.")
    messages: list[InboxMessage]
    notes: list[InboxNote]
    changes: list[StatusChange]
    hasEarlier: bool


class ReadBody(Body):
    read: bool


class Done(BaseModel):
    ok: bool = True


@router.get(
    "/api/conversations", response_model=InboxList, responses=documented(400, 401, 403, 404, 422, 429)
)
async def conversations(
    request: Request,
    caller: Annotated[StaffCaller, Depends(staff_with(Permission.READ_CONVERSATIONS))],
    status: Annotated[list[StatusName] | None, Query()] = None,
    reason: Reason | None = None,
    assignee: Annotated[str | None, Query(max_length=100, description="`me`, `none` or an id.")] = None,
    q: Annotated[str | None, Query(max_length=200)] = None,
    site: Annotated[str | None, Query(max_length=300)] = None,
    tag: Annotated[str | None, Query(max_length=100)] = None,
    since: datetime | None = None,
    until: datetime | None = None,
    snoozed: bool = False,
    sort: Annotated[Order, Query(description="`waiting`: who waits longest, and then the others.")] = (
        Order.NEWEST
    ),
    cursor: Annotated[str | None, Query(max_length=200, description="Of the same `sort`.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> InboxList:
    """The latest first; `q`: words of messages, names or addresses, of which the last may be unfinished."""
    wanted = inbox_filter(caller, status, reason, assignee, q, site, tag, since, until, is_snoozed=snoozed)
    after = _position(cursor, sort) if cursor else None
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        page = await list_inbox(session, caller, wanted, limit=limit, after=after, order=sort)
        counts = await count_by_status(session, caller, wanted)
    return InboxList(
        conversations=[_entry(item) for item in page.items],
        counts={status.value: number for status, number in counts.items()},
        nextCursor=_cursor(page.next) if page.next else None,
    )


@router.get(
    "/api/conversations/{conversation_id}",
    response_model=ConversationDetail,
    responses=documented(400, 401, 403, 404, 429),
)
async def conversation(
    request: Request,
    conversation_id: str,
    caller: Annotated[StaffCaller, Depends(staff_with(Permission.READ_CONVERSATIONS))],
    before: str | None = None,
) -> ConversationDetail:
    """A conversation with its last 200 messages, or those before the message `before`."""
    wanted, earlier_than = parse_id(conversation_id), parse_id(before) if before else None
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        return _detail(await read_timeline(session, caller, wanted, before=earlier_than))


@router.post(
    "/api/conversations/{conversation_id}/read",
    response_model=Done,
    responses=documented(400, 401, 403, 404, 413, 415, 422, 429),
    openapi_extra=json_body(ReadBody),
)
async def read(request: Request, conversation_id: str, tenantId: str | None = None) -> Done:
    """Mark a conversation as read by you, or as unread."""
    body = await read_json(request)
    caller = await staff_caller(request, tenantId)
    wanted = parse_id(conversation_id)
    is_read = body.parse(ReadBody).read
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        await mark_read(session, caller, wanted, is_read=is_read)
    return Done()


def inbox_filter(
    caller: StaffCaller,
    status: list[StatusName] | None,
    reason: Reason | None,
    assignee: str | None,
    q: str | None,
    site: str | None,
    tag: str | None,
    since: datetime | None,
    until: datetime | None,
    *,
    is_snoozed: bool,
) -> InboxFilter:
    """What the query asks for; ``Invalid`` or ``MalformedId`` where it cannot be understood."""
    for name, value in (("q", q), ("site", site), ("tag", tag)):
        if value is not None and not is_storable_text(value):
            raise Invalid(errors=(FieldError(f"query.{name}", "Texts cannot hold the character U+0000."),))
    return InboxFilter(
        statuses=tuple(Status(each) for each in status or ()),
        reason=reason.value if reason else None,
        assignee=_assignee(caller, assignee),
        unassigned=assignee == "none",
        contains=q,
        site=site,
        tag=tag,
        since=_with_zone("since", since),
        until=_with_zone("until", until),
        snoozed=is_snoozed,
    )


def conversation_info(conversation: Conversation) -> ConversationInfo:
    return ConversationInfo(
        id=str(conversation.id),
        status=conversation.status,
        reason=conversation.reason,
        assigneeId=str(conversation.assignee_id) if conversation.assignee_id else None,
        tags=list(conversation.tags),
        snoozedUntil=conversation.snoozed_until.isoformat() if conversation.snoozed_until else None,
        visitor=VisitorInfo(
            name=conversation.visitor_name,
            email=conversation.visitor_email,
            pageUrl=conversation.page_url,
            language=conversation.visitor_language,
            timeZone=conversation.visitor_time_zone,
            contact=conversation.contact,
        ),
        csat=conversation.csat,
        csatComment=conversation.csat_comment,
        createdAt=conversation.created_at.isoformat(),
        lastMessageAt=conversation.last_message_at.isoformat(),
        waitingSince=conversation.waiting_since.isoformat() if conversation.waiting_since else None,
    )


def inbox_message(message: TimelineMessage) -> InboxMessage:
    return InboxMessage(
        id=str(message.id),
        role=message.role,
        text=message.text,
        kind=message.kind,
        confidence=message.confidence,
        citations=[CitationResult.model_validate(item) for item in message.citations],
        model=message.model,
        authorId=str(message.author_id) if message.author_id else None,
        authorName=message.author_name,
        rating=message.rating,
        createdAt=message.created_at.isoformat(),
    )


def inbox_note(note: TimelineNote) -> InboxNote:
    return InboxNote(
        id=str(note.id),
        text=note.text,
        authorId=str(note.author_id) if note.author_id else None,
        authorName=note.author_name,
        mentions=[str(each) for each in note.mentions],
        createdAt=note.created_at.isoformat(),
    )


def _entry(item: InboxItem) -> InboxEntry:
    return InboxEntry(
        **conversation_info(item.conversation).model_dump(),
        preview=item.preview,
        previewBy=item.preview_by,
        unread=item.is_unread,
    )


def _detail(timeline: Timeline) -> ConversationDetail:
    return ConversationDetail(
        **conversation_info(timeline.conversation).model_dump(),
        reasons=list(timeline.reasons),
        rules=list(timeline.rules),
        messages=[inbox_message(message) for message in timeline.messages],
        notes=[inbox_note(note) for note in timeline.notes],
        changes=[
            StatusChange(
                fromStatus=change.from_status,
                toStatus=change.to_status,
                actor=change.actor,
                reason=change.reason,
                createdAt=change.created_at.isoformat(),
            )
            for change in timeline.changes
        ],
        hasEarlier=timeline.has_earlier,
    )


def _assignee(caller: StaffCaller, wanted: str | None) -> UUID | None:
    if wanted is None or wanted == "none":
        return None
    if wanted != "me":
        return parse_id(wanted)
    if not isinstance(caller, MemberCaller):
        raise Invalid(errors=(FieldError("query.assignee", "An API key is nobody's: name a member's id."),))
    return caller.user_id


def _with_zone(name: str, moment: datetime | None) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        raise Invalid(errors=(FieldError(f"query.{name}", "Name the time zone, as in 2026-01-31T09:00Z."),))
    return moment


def _cursor(position: Position) -> str:
    return f"{position.part.value}~{position.at.isoformat()}~{position.id}"


def _position(cursor: str, order: Order) -> Position:
    try:
        # Those of before there were several sorts name no part.
        *part, moment, id = cursor.split("~")
        position = Position(datetime.fromisoformat(moment), UUID(id), Part("~".join(part) or Part.ALL))
    except ValueError:
        raise Invalid(errors=(FieldError("query.cursor", "This is no cursor of ours."),)) from None
    if position.part not in PARTS[order]:
        raise Invalid(errors=(FieldError("query.cursor", "This cursor is of another sort."),))
    return position
