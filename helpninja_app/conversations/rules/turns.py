"""What rules have to know of a conversation."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.callers import WorkspaceView
from helpninja_app.conversations.models import JUDGED_KINDS, Conversation, Message, Sender
from helpninja_app.conversations.rules.facts import Facts
from helpninja_app.kernel.columns import now


async def facts_of(
    session: AsyncSession, workspace: WorkspaceView, conversation: Conversation, question: Message | None
) -> Facts:
    """Of now, about ``question`` and what the bot answered to it."""
    answer = await _answer_to(session, question) if question is not None else None
    return Facts(
        question=question.text if question else "",
        confidence=answer.confidence if answer and answer.kind in JUDGED_KINDS else None,
        page_url=conversation.page_url,
        message_count=await _count_messages(session, conversation),
        moment=now(),
        time_zone=workspace.time_zone,
        business_hours=workspace.business_hours,
        holidays=workspace.holidays,
    )


async def last_question(session: AsyncSession, workspace_id: UUID, conversation_id: UUID) -> Message | None:
    found = await session.execute(
        select(Message)
        .where(
            col(Message.workspace_id) == workspace_id,
            col(Message.conversation_id) == conversation_id,
            col(Message.role) == Sender.VISITOR.value,
        )
        .order_by(col(Message.id).desc())
        .limit(1)
    )
    return found.scalar_one_or_none()


async def _answer_to(session: AsyncSession, question: Message) -> Message | None:
    found = await session.execute(
        select(Message)
        .where(
            col(Message.workspace_id) == question.workspace_id,
            col(Message.conversation_id) == question.conversation_id,
            col(Message.role) == Sender.BOT.value,
            col(Message.id) > question.id,
        )
        .order_by(col(Message.id))
        .limit(1)
    )
    return found.scalar_one_or_none()


async def _count_messages(session: AsyncSession, conversation: Conversation) -> int:
    found = await session.execute(
        select(func.count()).where(
            col(Message.workspace_id) == conversation.workspace_id,
            col(Message.conversation_id) == conversation.id,
            col(Message.role) == Sender.VISITOR.value,
        )
    )
    return int(found.scalar_one())
