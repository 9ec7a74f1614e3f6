"""The conversations of a workspace at a glance: how many, who waits, and the latest ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.conversations.models import (
    JUDGED_KINDS,
    Conversation,
    ConversationTransition,
    Message,
    Sender,
    Status,
)
from helpninja_app.kernel.columns import now

RECENT = timedelta(days=7)
LATEST = 10
_QUESTION_LENGTH = 200


@dataclass(frozen=True, slots=True)
class ConversationCounts:
    """``recent`` had a message in the last seven days; ``waiting_since`` is when the longest wait began."""

    total: int
    recent: int
    waiting: int
    waiting_since: datetime | None


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    """``question`` is the beginning of the visitor's first message, empty before it;
    ``confidence`` is that of the bot's last answer (0..1), ``None`` when it gave none.
    """

    id: UUID
    status: str
    reason: str | None
    question: str
    confidence: float | None
    last_message_at: datetime


async def count_conversations(session: AsyncSession, workspace_id: UUID) -> ConversationCounts:
    is_waiting = col(Conversation.status) == Status.WAITING.value
    began_to_wait = (
        select(func.max(col(ConversationTransition.created_at)))
        .where(
            col(ConversationTransition.workspace_id) == col(Conversation.workspace_id),
            col(ConversationTransition.conversation_id) == col(Conversation.id),
            col(ConversationTransition.to_status) == Status.WAITING.value,
            # What was resolved by mistake goes on waiting.
            col(ConversationTransition.from_status) != Status.RESOLVED.value,
        )
        .scalar_subquery()
    )
    found = await session.execute(
        select(
            func.count(),
            func.count().filter(col(Conversation.last_message_at) > now() - RECENT),
            func.count().filter(is_waiting),
            func.min(began_to_wait).filter(is_waiting),
        ).where(col(Conversation.workspace_id) == workspace_id)
    )
    return ConversationCounts(*found.tuples().one())


async def latest_conversations(
    session: AsyncSession, workspace_id: UUID, *, limit: int = LATEST
) -> tuple[ConversationSummary, ...]:
    """The conversations with the newest messages, newest first."""
    in_conversation = (
        col(Message.workspace_id) == col(Conversation.workspace_id),
        col(Message.conversation_id) == col(Conversation.id),
    )
    question = (
        select(func.left(col(Message.text), _QUESTION_LENGTH))
        .where(*in_conversation, col(Message.role) == Sender.VISITOR.value)
        .order_by(col(Message.id))
        .limit(1)
        .scalar_subquery()
    )
    confidence = (
        select(col(Message.confidence))
        .where(
            *in_conversation,
            col(Message.role) == Sender.BOT.value,
            col(Message.kind).in_(JUDGED_KINDS),
        )
        .order_by(col(Message.id).desc())
        .limit(1)
        .scalar_subquery()
    )
    found = await session.execute(
        select(
            col(Conversation.id),
            col(Conversation.status),
            col(Conversation.reason),
            func.coalesce(question, ""),
            confidence,
            col(Conversation.last_message_at),
        )
        .where(col(Conversation.workspace_id) == workspace_id)
        .order_by(col(Conversation.last_message_at).desc(), col(Conversation.id).desc())
        .limit(limit)
    )
    return tuple(ConversationSummary(*row) for row in found.tuples())
