"""How good visitors found an answer, and a whole conversation."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.callers import VisitorCaller
from helpninja_app.billing.plans import Plan
from helpninja_app.conversations.handoff import escalate
from helpninja_app.conversations.models import (
    Conversation,
    ConversationTransition,
    Message,
    Reason,
    Sender,
    Status,
)
from helpninja_app.conversations.notices import Change, announce
from helpninja_app.conversations.outgoing_events import tell_feedback
from helpninja_app.conversations.rules.applying import judge_turn
from helpninja_app.conversations.threads import latest_conversation, lock_conversation
from helpninja_app.errors import Conflict, NotFound
from helpninja_app.kernel.columns import now

DOWN_TO_ESCALATE = 2


class Rating(StrEnum):
    UP = "up"
    DOWN = "down"


async def rate_answer(
    session: AsyncSession, caller: VisitorCaller, message_id: UUID, rating: Rating | None, plan: Plan
) -> bool:
    """Rate an answer of the bot's, change that, or take it back with ``None``; whether a person is asked now.

    A person is asked at the second thumb down since the conversation began or was resolved. ``NotFound`` for
    what is no answer to this visitor.
    """
    message = await session.get(Message, (caller.workspace.id, message_id))
    if message is None or message.role != Sender.BOT.value:
        raise NotFound("There is no such answer.")
    conversation = await lock_conversation(session, caller.workspace.id, message.conversation_id)
    if conversation.session_id != caller.session_id:
        raise NotFound("There is no such answer.")
    await session.refresh(message)
    if message.rating == rating:
        return False
    message.rating = rating.value if rating else None
    await session.flush()
    await tell_feedback(session, conversation, message_id=message.id, rating=message.rating)
    await announce(session, caller.workspace.id, conversation.id, Change.DETAILS)
    if rating is not Rating.DOWN or await _thumbs_down(session, conversation) < DOWN_TO_ESCALATE:
        return False
    question = await _question_before(session, message)
    decision = await judge_turn(session, caller.workspace, conversation, plan, question)
    is_asked = await escalate(
        session,
        conversation,
        Reason.NEGATIVE_FEEDBACK,
        topic=question.text if question else "",
        workspace=caller.workspace,
        destinations=decision.destinations,
    )
    if is_asked:
        # Nothing was written, and yet it is something new of the visitor's.
        conversation.last_visitor_at = now()
    return is_asked


async def rate_conversation(session: AsyncSession, caller: VisitorCaller, csat: int, comment: str) -> None:
    """Rate the latest conversation from 1 to 5 once it is resolved; the last rating counts."""
    conversation = await lock_conversation(
        session, caller.workspace.id, await latest_conversation(session, caller)
    )
    if Status(conversation.status) is not Status.RESOLVED:
        raise Conflict("A conversation is rated once it is resolved.")
    conversation.csat, conversation.csat_comment = csat, comment
    await session.flush()
    await tell_feedback(session, conversation, csat=csat, comment=comment)
    # The visitor's other tabs no longer ask.
    await announce(session, caller.workspace.id, conversation.id, Change.STATUS)


async def _thumbs_down(session: AsyncSession, conversation: Conversation) -> int:
    resolved = (
        select(col(ConversationTransition.created_at))
        .where(
            col(ConversationTransition.workspace_id) == conversation.workspace_id,
            col(ConversationTransition.conversation_id) == conversation.id,
            col(ConversationTransition.to_status) == Status.RESOLVED.value,
        )
        .order_by(col(ConversationTransition.id).desc())
        .limit(1)
        .scalar_subquery()
    )
    found = await session.execute(
        select(func.count()).where(
            col(Message.workspace_id) == conversation.workspace_id,
            col(Message.conversation_id) == conversation.id,
            col(Message.rating) == Rating.DOWN.value,
            col(Message.created_at) > func.coalesce(resolved, conversation.created_at),
        )
    )
    return int(found.scalar_one())


async def _question_before(session: AsyncSession, answer: Message) -> Message | None:
    found = await session.execute(
        select(Message)
        .where(
            col(Message.workspace_id) == answer.workspace_id,
            col(Message.conversation_id) == answer.conversation_id,
            col(Message.role) == Sender.VISITOR.value,
            col(Message.id) < answer.id,
        )
        .order_by(col(Message.id).desc())
        .limit(1)
    )
    return found.scalar_one_or_none()
