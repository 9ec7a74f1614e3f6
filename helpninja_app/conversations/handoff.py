"""The one table of changes between bot, waiting, human and resolved; nothing else changes a status."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.conversations.models import (
    Conversation,
    ConversationTransition,
    Escalation,
    Reason,
    Status,
)
from helpninja_app.errors import Conflict
from helpninja_app.kernel.database import new_id

TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.BOT: frozenset({Status.WAITING, Status.HUMAN, Status.RESOLVED}),
    Status.WAITING: frozenset({Status.BOT, Status.HUMAN, Status.RESOLVED}),
    Status.HUMAN: frozenset({Status.BOT, Status.RESOLVED}),
    Status.RESOLVED: frozenset({Status.BOT, Status.HUMAN}),
}


async def change_status(
    session: AsyncSession, conversation: Conversation, status: Status, *, actor: str, reason: str
) -> None:
    """Move a locked conversation to ``status`` and record who did it and why; ``Conflict`` if not allowed."""
    current = Status(conversation.status)
    if status not in TRANSITIONS[current]:
        raise Conflict(f"A conversation that is {current.value} cannot become {status.value}.")
    conversation.status = status.value
    conversation.reason = reason if status is Status.WAITING else None
    session.add(
        ConversationTransition(
            workspace_id=conversation.workspace_id,
            conversation_id=conversation.id,
            from_status=current.value,
            to_status=status.value,
            actor=actor,
            reason=reason,
        )
    )
    await session.flush()


async def escalate(session: AsyncSession, conversation: Conversation, reason: Reason) -> bool:
    """Ask for a person; True when this conversation had not asked for this reason before.

    The conversation has to be locked. While a person handles it, or when it is resolved, nothing changes.
    """
    if Status(conversation.status) not in {Status.BOT, Status.WAITING}:
        return False
    made = await session.execute(
        insert(Escalation)
        .values(
            workspace_id=conversation.workspace_id,
            id=new_id(),
            conversation_id=conversation.id,
            reason=reason.value,
        )
        .on_conflict_do_nothing(index_elements=["workspace_id", "conversation_id", "reason"])
        .returning(col(Escalation.id))
    )
    if made.first() is None:
        return False
    if Status(conversation.status) is Status.BOT:
        await change_status(session, conversation, Status.WAITING, actor="bot", reason=reason.value)
    return True


async def wake_up(session: AsyncSession, conversation: Conversation) -> None:
    """A visitor who writes into a resolved conversation opens it again for the bot."""
    if Status(conversation.status) is Status.RESOLVED:
        await change_status(session, conversation, Status.BOT, actor="visitor", reason="new message")
