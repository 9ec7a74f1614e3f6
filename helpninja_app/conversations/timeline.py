"""One conversation as its members see it: messages, notes and what happened, with the passages of answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.callers import StaffCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.conversations.models import (
    JUDGED_KINDS,
    Conversation,
    ConversationNote,
    ConversationTransition,
    Escalation,
    Message,
)
from helpninja_app.errors import NotFound

SHOWN_MESSAGES = 200


@dataclass(frozen=True, slots=True)
class TimelineMessage:
    """``citations`` hold ``n``, ``title``, ``url`` and ``snippet``; ``author_id`` is a member.

    ``confidence`` is that of what was looked for in the knowledge, and ``None`` of everything else.
    """

    id: UUID
    role: str
    text: str
    kind: str
    confidence: float | None
    citations: tuple[dict[str, Any], ...]
    model: str | None
    author_id: UUID | None
    author_name: str
    rating: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TimelineNote:
    id: UUID
    text: str
    author_id: UUID | None
    author_name: str
    mentions: tuple[UUID, ...]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TimelineChange:
    """A change of status: ``actor`` is ``bot``, ``visitor``, ``member:<id>`` or ``key:<id>``."""

    from_status: str
    to_status: str
    actor: str
    reason: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Timeline:
    """Each oldest first. ``rules`` are the names of those that matched, also of those that told people only.

    ``has_earlier`` when messages before the first shown were left out.
    """

    conversation: Conversation
    messages: tuple[TimelineMessage, ...]
    notes: tuple[TimelineNote, ...]
    changes: tuple[TimelineChange, ...]
    reasons: tuple[str, ...]
    rules: tuple[str, ...]
    has_earlier: bool


async def read_timeline(
    session: AsyncSession, caller: StaffCaller, conversation_id: UUID, *, before: UUID | None = None
) -> Timeline:
    """The last messages of a conversation, or the last ones ``before`` a message of it."""
    require(caller, Permission.READ_CONVERSATIONS)
    conversation = await session.get(Conversation, (caller.workspace.id, conversation_id))
    if conversation is None:
        raise NotFound("There is no such conversation.")
    messages = select(Message).where(*_of(Message, conversation))
    if before is not None:
        messages = messages.where(col(Message.id) < before)
    found = await session.execute(messages.order_by(col(Message.id).desc()).limit(SHOWN_MESSAGES + 1))
    rows = found.scalars().all()
    notes = await session.execute(
        select(ConversationNote)
        .where(*_of(ConversationNote, conversation))
        .order_by(col(ConversationNote.id))
    )
    changes = await session.execute(
        select(ConversationTransition)
        .where(*_of(ConversationTransition, conversation))
        .order_by(col(ConversationTransition.id))
    )
    asked = await session.execute(
        select(col(Escalation.reason), col(Escalation.rule_name), col(Escalation.notice_of))
        .where(*_of(Escalation, conversation))
        .order_by(col(Escalation.id))
    )
    escalations = asked.tuples().all()
    return Timeline(
        conversation,
        tuple(message_view(row) for row in reversed(rows[:SHOWN_MESSAGES])),
        tuple(note_view(row) for row in notes.scalars()),
        tuple(_change(row) for row in changes.scalars()),
        tuple(dict.fromkeys(reason for reason, _, notice_of in escalations if notice_of is None)),
        tuple(dict.fromkeys(rule for _, rule, _ in escalations if rule)),
        has_earlier=len(rows) > SHOWN_MESSAGES,
    )


def _of(table: Any, conversation: Conversation) -> tuple[Any, Any]:
    return (
        col(table.workspace_id) == conversation.workspace_id,
        col(table.conversation_id) == conversation.id,
    )


def message_view(row: Message) -> TimelineMessage:
    return TimelineMessage(
        id=row.id,
        role=row.role,
        text=row.text,
        kind=row.kind,
        confidence=row.confidence if row.kind in JUDGED_KINDS else None,
        citations=tuple(row.citations),
        model=row.model,
        author_id=row.author_id,
        author_name=row.author_name,
        rating=row.rating,
        created_at=row.created_at,
    )


def note_view(row: ConversationNote) -> TimelineNote:
    return TimelineNote(row.id, row.text, row.author_id, row.author_name, tuple(row.mentions), row.created_at)


def _change(row: ConversationTransition) -> TimelineChange:
    return TimelineChange(row.from_status, row.to_status, row.actor, row.reason, row.created_at)
