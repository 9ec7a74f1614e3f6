"""The conversations of a workspace as its members see them: listing, searching and reading."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Select,
    Text,
    and_,
    any_,
    case,
    exists,
    false,
    func,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.callers import MemberCaller, StaffCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.conversations.models import (
    Conversation,
    ConversationRead,
    Escalation,
    Message,
    Sender,
    Status,
)
from helpninja_app.conversations.searching import holds_words
from helpninja_app.errors import Forbidden, NotFound
from helpninja_app.kernel.columns import now

PREVIEW_LENGTH = 200
_PEOPLE = (Sender.VISITOR, Sender.MEMBER)
# A visitor who writes by mail has one there too.
_MEMBERS_NAME = case((col(Message.role) == Sender.MEMBER.value, col(Message.author_name)), else_="")

_NEVER = datetime.fromtimestamp(0, tz=UTC)

# A column that PostgreSQL keeps itself, so that an index can hold it: the host of ``page_url``.
_SITE = "conversations.site"


@dataclass(frozen=True, slots=True)
class InboxFilter:
    """Which conversations; what is ``None`` does not narrow them.

    ``assignee`` is a member, ``unassigned`` those of nobody; ``contains`` are words of their messages or
    of the visitor's name and address, the last of which may be unfinished; ``site`` is a host name.
    Those that are snoozed come only with ``snoozed``, and then alone.
    """

    statuses: tuple[Status, ...] = ()
    reason: str | None = None
    assignee: UUID | None = None
    unassigned: bool = False
    contains: str | None = None
    site: str | None = None
    tag: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    snoozed: bool = False


class View(StrEnum):
    """The parts of an inbox that members go through, one at a time."""

    OPEN = "open"
    MINE = "mine"
    UNASSIGNED = "unassigned"
    BOT = "bot"
    RESOLVED = "resolved"
    SNOOZED = "snoozed"


# Open is what a person has to look at.
_OPEN = (Status.WAITING, Status.HUMAN)
STATUSES_IN: dict[View, tuple[Status, ...]] = {
    View.OPEN: _OPEN,
    View.MINE: (Status.BOT, *_OPEN),
    View.UNASSIGNED: _OPEN,
    View.BOT: (Status.BOT,),
    View.RESOLVED: (Status.RESOLVED,),
    View.SNOOZED: (Status.BOT, *_OPEN),
}


class Order(StrEnum):
    """The latest first, or who waits longest; after those who wait the rest, the latest first."""

    NEWEST = "newest"
    WAITING = "waiting"


class Part(StrEnum):
    """What a list goes through in one order: all, or those who wait and then those who do not."""

    ALL = "all"
    WAITING = "waiting"
    REST = "rest"


PARTS: dict[Order, tuple[Part, ...]] = {
    Order.NEWEST: (Part.ALL,),
    Order.WAITING: (Part.WAITING, Part.REST),
}


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: the next one begins with the conversation after it, by the time of its part."""

    at: datetime
    id: UUID
    part: Part = Part.ALL


@dataclass(frozen=True, slots=True)
class InboxItem:
    """A line of the list. ``preview`` is the beginning of the last message, ``preview_by`` whose it is.

    ``said`` is the beginning of what a person said last, and ``said_by`` the name of the member who did,
    empty for the visitor.
    """

    conversation: Conversation
    preview: str
    preview_by: str
    is_unread: bool
    said: str
    said_by: str


@dataclass(frozen=True, slots=True)
class InboxPage:
    """One page; ``next`` is ``None`` on the last."""

    items: tuple[InboxItem, ...]
    next: Position | None


async def list_inbox(
    session: AsyncSession,
    caller: StaffCaller,
    wanted: InboxFilter,
    *,
    limit: int,
    after: Position | None = None,
    order: Order = Order.NEWEST,
) -> InboxPage:
    """The conversations that the filter asks for; ``after`` is where a page in the same order ended."""
    require(caller, Permission.READ_CONVERSATIONS)
    clauses = _clauses(caller, wanted)
    parts = PARTS[order]
    found: list[tuple[Part, InboxItem]] = []
    for part in parts[parts.index(after.part) :] if after else parts:
        begins = after if after and after.part is part else None
        query = _listed(caller, part, begins).where(*clauses).limit(limit + 1 - len(found))
        rows = await session.execute(query)
        found += [(part, InboxItem(*row)) for row in rows.tuples()]
        if len(found) > limit:
            last_part, last = found[limit - 1]
            return InboxPage(tuple(item for _, item in found[:limit]), _position(last_part, last))
    return InboxPage(tuple(item for _, item in found), None)


def _listed(
    caller: StaffCaller, part: Part, after: Position | None
) -> Select[Conversation, str, str, bool, str, str]:
    """The lines of a part in its order, which an index has; the filters are for the caller to add."""
    query = select(
        Conversation,
        func.coalesce(_last(func.left(col(Message.text), PREVIEW_LENGTH)), ""),
        func.coalesce(_last(col(Message.role)), ""),
        is_unread(caller),
        func.coalesce(_last(func.left(col(Message.text), PREVIEW_LENGTH), *_PEOPLE), ""),
        func.coalesce(_last(_MEMBERS_NAME, *_PEOPLE), ""),
    )
    since, latest, id = (
        col(Conversation.waiting_since),
        col(Conversation.last_message_at),
        col(Conversation.id),
    )
    if part is Part.WAITING:
        query = query.where(since.is_not(None)).order_by(since, id)
        return query.where(tuple_(since, id) > tuple_(after.at, after.id)) if after else query
    if part is Part.REST:
        query = query.where(since.is_(None))
    query = query.order_by(latest.desc(), id.desc())
    return query.where(tuple_(latest, id) < tuple_(after.at, after.id)) if after else query


def _position(part: Part, item: InboxItem) -> Position:
    found = item.conversation
    # Of those who wait the time is there: it is what they were found by.
    at = found.waiting_since if part is Part.WAITING else None
    return Position(at or found.last_message_at, found.id, part)


async def count_by_status(
    session: AsyncSession, caller: StaffCaller, wanted: InboxFilter
) -> dict[Status, int]:
    """How many conversations of each status the rest of the filter asks for."""
    require(caller, Permission.READ_CONVERSATIONS)
    found = await session.execute(
        select(col(Conversation.status), func.count())
        .where(*_clauses(caller, replace(wanted, statuses=())))
        .group_by(col(Conversation.status))
    )
    counted = {Status(status): number for status, number in found.tuples()}
    return {status: counted.get(status, 0) for status in Status}


def in_view(view: View, caller: MemberCaller, wanted: InboxFilter) -> InboxFilter:
    """``wanted`` within a part of the inbox, which statuses that it has not do not narrow."""
    of_it = STATUSES_IN[view]
    narrowed = replace(wanted, statuses=tuple(each for each in of_it if each in wanted.statuses) or of_it)
    match view:
        case View.MINE:
            return replace(narrowed, assignee=caller.user_id, unassigned=False)
        case View.UNASSIGNED:
            return replace(narrowed, unassigned=True)
        case View.SNOOZED:
            return replace(narrowed, snoozed=True)
        case View.OPEN | View.BOT | View.RESOLVED:
            return narrowed


async def count_views(session: AsyncSession, caller: MemberCaller, wanted: InboxFilter) -> dict[View, int]:
    """How many conversations that the filter asks for are in each part, whoever has them in the others."""
    require(caller, Permission.READ_CONVERSATIONS)
    base = replace(wanted, assignee=None, unassigned=False)
    found = await session.execute(
        select(*(func.count().filter(*_whose(in_view(view, caller, base))) for view in View)).where(
            col(Conversation.workspace_id) == caller.workspace.id, *_narrowed(wanted)
        )
    )
    return dict(zip(View, found.one(), strict=True))


async def count_waiting(session: AsyncSession, caller: MemberCaller) -> int:
    """How many conversations wait for a person."""
    require(caller, Permission.READ_CONVERSATIONS)
    found = await session.execute(
        select(func.count()).where(*_clauses(caller, InboxFilter(statuses=(Status.WAITING,))))
    )
    return int(found.scalar_one())


async def mark_read(
    session: AsyncSession,
    caller: StaffCaller,
    conversation_id: UUID,
    *,
    is_read: bool,
    until: datetime | None = None,
) -> None:
    """Note that a member has read a conversation until now, or ``until``, or wants to come back to it."""
    require(caller, Permission.READ_CONVERSATIONS)
    if await session.get(Conversation, (caller.workspace.id, conversation_id)) is None:
        raise NotFound("There is no such conversation.")
    if not isinstance(caller, MemberCaller):
        raise Forbidden("An API key reads for nobody: sign in to mark what you have read.")
    wanted = insert(ConversationRead).values(
        workspace_id=caller.workspace.id,
        conversation_id=conversation_id,
        user_id=caller.user_id,
        read_at=(until or now()) if is_read else _NEVER,
    )
    # In another tab they may have read more.
    latest = func.greatest(col(ConversationRead.read_at), wanted.excluded.read_at)
    await session.execute(
        wanted.on_conflict_do_update(
            index_elements=["workspace_id", "conversation_id", "user_id"],
            set_={"read_at": latest if until else wanted.excluded.read_at},
        )
    )


def _clauses(caller: StaffCaller, wanted: InboxFilter) -> list[ColumnElement[bool]]:
    return [
        col(Conversation.workspace_id) == caller.workspace.id,
        *_whose(wanted),
        *_narrowed(wanted),
    ]


def _whose(wanted: InboxFilter) -> list[ColumnElement[bool]]:
    is_snoozed = and_(col(Conversation.snoozed_until).is_not(None), col(Conversation.snoozed_until) > now())
    clauses = [is_snoozed if wanted.snoozed else ~func.coalesce(is_snoozed, False)]
    if wanted.statuses:
        clauses.append(col(Conversation.status).in_([status.value for status in wanted.statuses]))
    if wanted.unassigned:
        clauses.append(col(Conversation.assignee_id).is_(None))
    elif wanted.assignee is not None:
        clauses.append(col(Conversation.assignee_id) == wanted.assignee)
    return clauses


def _narrowed(wanted: InboxFilter) -> list[ColumnElement[bool]]:
    clauses: list[ColumnElement[bool]] = []
    if wanted.reason is not None:
        clauses.append(_was_escalated_for(wanted.reason))
    if wanted.tag is not None:
        clauses.append(any_(col(Conversation.tags)) == wanted.tag.casefold())
    if wanted.site is not None:
        clauses.append(literal_column(_SITE, Text) == wanted.site.casefold())
    if wanted.since is not None:
        clauses.append(col(Conversation.last_message_at) >= wanted.since)
    if wanted.until is not None:
        clauses.append(col(Conversation.last_message_at) < wanted.until)
    if wanted.contains is not None and wanted.contains.strip():
        clauses.append(holds_words(wanted.contains))
    return clauses


def _was_escalated_for(reason: str) -> ColumnElement[bool]:
    return exists().where(
        col(Escalation.workspace_id) == col(Conversation.workspace_id),
        col(Escalation.conversation_id) == col(Conversation.id),
        col(Escalation.reason) == reason,
        col(Escalation.notice_of).is_(None),
    )


def _last(column: Any, *by: Sender) -> ScalarSelect[Any]:
    """Of the last message, by anybody of ``by`` if given."""
    whose = (
        col(Message.role).in_([each.value for each in by]) if by else col(Message.role) != Sender.SYSTEM.value
    )
    return (
        select(column)
        .where(
            col(Message.workspace_id) == col(Conversation.workspace_id),
            col(Message.conversation_id) == col(Conversation.id),
            whose,
        )
        .order_by(col(Message.id).desc())
        .limit(1)
        .scalar_subquery()
    )


def is_unread(caller: StaffCaller) -> ColumnElement[bool]:
    """Whether the visitor wrote or asked for a person since the caller read it; programs read nothing."""
    if not isinstance(caller, MemberCaller):
        return false()
    read_at = (
        select(col(ConversationRead.read_at))
        .where(
            col(ConversationRead.workspace_id) == col(Conversation.workspace_id),
            col(ConversationRead.conversation_id) == col(Conversation.id),
            col(ConversationRead.user_id) == caller.user_id,
        )
        .scalar_subquery()
    )
    return func.coalesce(col(Conversation.last_visitor_at) > func.coalesce(read_at, _NEVER), False)
