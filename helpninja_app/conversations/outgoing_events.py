"""What customers' webhooks are told of conversations: the events and what is in them.

Each is stored in the transaction under way, whoever's scope it has.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.conversations.models import Conversation, Message
from helpninja_app.integrations.webhooks.events import record_event
from helpninja_app.integrations.webhooks.models import EventType


async def tell_started(session: AsyncSession, conversation: Conversation) -> None:
    data = {"conversationId": str(conversation.id), "pageUrl": conversation.page_url}
    await record_event(session, conversation.workspace_id, EventType.CONVERSATION_STARTED, data)


async def tell_ended(session: AsyncSession, conversation: Conversation, *, actor: str, reason: str) -> None:
    """``actor`` is ``member:…``, ``key:…``, ``bot`` or ``visitor``."""
    data = {"conversationId": str(conversation.id), "actor": actor, "reason": reason}
    await record_event(session, conversation.workspace_id, EventType.CONVERSATION_ENDED, data)


async def tell_message(session: AsyncSession, message: Message) -> None:
    data = {
        "conversationId": str(message.conversation_id),
        "messageId": str(message.id),
        "role": message.role,
        "text": message.text,
        "authorName": message.author_name,
        "confidence": message.confidence,
        "createdAt": message.created_at.isoformat(),
    }
    await record_event(session, message.workspace_id, EventType.MESSAGE_CREATED, data)


async def tell_escalated(
    session: AsyncSession, conversation: Conversation, escalation_id: UUID, *, reason: str, question: str
) -> None:
    data = {
        "conversationId": str(conversation.id),
        "escalationId": str(escalation_id),
        "reason": reason,
        "question": question,
        "pageUrl": conversation.page_url,
        "visitor": {"name": conversation.visitor_name, "email": conversation.visitor_email},
    }
    await record_event(session, conversation.workspace_id, EventType.ESCALATION_CREATED, data)


async def tell_feedback(
    session: AsyncSession,
    conversation: Conversation,
    *,
    message_id: UUID | None = None,
    rating: str | None = None,
    csat: int | None = None,
    comment: str = "",
) -> None:
    """An answer was rated (``up``, ``down``, ``None`` when taken back), or a whole conversation."""
    data = {
        "conversationId": str(conversation.id),
        "messageId": str(message_id) if message_id else None,
        "rating": rating,
        "csat": csat,
        "comment": comment,
    }
    await record_event(session, conversation.workspace_id, EventType.FEEDBACK_CREATED, data)
