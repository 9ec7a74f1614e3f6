"""Conversations and their messages: finding or starting one, reading and adding messages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import exists, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.callers import VisitorCaller
from helpninja_app.answers.standalone import Turn
from helpninja_app.conversations.models import Conversation, Message, Sender
from helpninja_app.errors import NotFound
from helpninja_app.kernel.columns import now

# A visitor who comes back after a day starts anew; what they said before is still shown to them.
CONTINUES_FOR = timedelta(hours=24)
CONTEXT_MESSAGES = 6
SHOWN_MESSAGES = 200

_LOCK_SESSION = text("select pg_advisory_xact_lock(hashtextextended(:workspace || :session, 0))")


@dataclass(frozen=True, slots=True)
class MessageView:
    id: UUID
    role: str
    text: str
    kind: str
    confidence: float | None
    citations: tuple[dict[str, Any], ...]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Thread:
    """A visitor's conversation as the widget shows it; ``conversation_id`` is ``None`` before the first."""

    conversation_id: UUID | None
    status: str
    messages: tuple[MessageView, ...]


async def open_conversation(
    session: AsyncSession, caller: VisitorCaller, *, page_url: str = ""
) -> Conversation:
    """The visitor's conversation, locked; a new one after a day, or when the session is not proven.

    Without its token a session id may go on with a conversation that has never had one: a program that only
    knows the older API. Once a token was given out, the id alone starts anew and sees nothing earlier.
    """
    await session.execute(
        _LOCK_SESSION, {"workspace": str(caller.workspace.id), "session": caller.session_id}
    )
    query = (
        select(Conversation)
        .where(
            col(Conversation.workspace_id) == caller.workspace.id,
            col(Conversation.session_id) == caller.session_id,
            col(Conversation.is_signed) == caller.is_signed,
            col(Conversation.last_message_at) > now() - CONTINUES_FOR,
        )
        .order_by(col(Conversation.created_at).desc())
        .limit(1)
        .with_for_update()
    )
    found = (await session.execute(query)).scalar_one_or_none()
    if found is not None:
        if page_url:
            found.page_url = page_url
        return found
    made = Conversation(
        workspace_id=caller.workspace.id,
        session_id=caller.session_id,
        is_signed=caller.is_signed,
        page_url=page_url,
    )
    session.add(made)
    await session.flush()
    return made


async def lock_conversation(session: AsyncSession, workspace_id: UUID, conversation_id: UUID) -> Conversation:
    """A conversation of this workspace, locked until the transaction ends; ``NotFound`` otherwise."""
    found = await session.execute(
        select(Conversation)
        .where(col(Conversation.workspace_id) == workspace_id, col(Conversation.id) == conversation_id)
        .with_for_update()
    )
    conversation = found.scalar_one_or_none()
    if conversation is None:
        raise NotFound("There is no such conversation.")
    return conversation


async def is_session_taken(session: AsyncSession, workspace_id: UUID, session_id: str) -> bool:
    """Whether a session id has conversations already; a token for it then needs an older token."""
    found = await session.execute(
        select(
            exists().where(
                col(Conversation.workspace_id) == workspace_id, col(Conversation.session_id) == session_id
            )
        )
    )
    return bool(found.scalar_one())


async def recent_turns(session: AsyncSession, workspace_id: UUID, conversation_id: UUID) -> tuple[Turn, ...]:
    """The last messages that an answer may refer to, oldest first."""
    found = await session.execute(
        select(col(Message.role), col(Message.text))
        .where(
            col(Message.workspace_id) == workspace_id,
            col(Message.conversation_id) == conversation_id,
            col(Message.role) != Sender.SYSTEM.value,
        )
        .order_by(col(Message.id).desc())
        .limit(CONTEXT_MESSAGES)
    )
    return tuple(
        Turn("user" if role == Sender.VISITOR else "assistant", words)
        for role, words in reversed(found.tuples().all())
        if words
    )


async def add_message(session: AsyncSession, message: Message) -> Message:
    """Store a message and note the time in its conversation."""
    session.add(message)
    await session.execute(
        update(Conversation)
        .where(
            col(Conversation.workspace_id) == message.workspace_id,
            col(Conversation.id) == message.conversation_id,
        )
        .values(last_message_at=message.created_at)
    )
    await session.flush()
    return message


async def read_thread(session: AsyncSession, caller: VisitorCaller) -> Thread:
    """The visitor's latest conversation, its last messages oldest first. Only for a proven session."""
    found = await session.execute(
        select(Conversation)
        .where(
            col(Conversation.workspace_id) == caller.workspace.id,
            col(Conversation.session_id) == caller.session_id,
            col(Conversation.is_signed).is_(True),
        )
        .order_by(col(Conversation.created_at).desc())
        .limit(1)
    )
    conversation = found.scalar_one_or_none()
    if conversation is None:
        return Thread(None, "bot", ())
    messages = await session.execute(
        select(Message)
        .where(
            col(Message.workspace_id) == caller.workspace.id,
            col(Message.conversation_id) == conversation.id,
        )
        .order_by(col(Message.id).desc())
        .limit(SHOWN_MESSAGES)
    )
    return Thread(
        conversation.id,
        conversation.status,
        tuple(_view(message) for message in reversed(messages.scalars().all())),
    )


def _view(message: Message) -> MessageView:
    return MessageView(
        id=message.id,
        role=message.role,
        text=message.text,
        kind=message.kind,
        confidence=message.confidence,
        citations=tuple(message.citations),
        created_at=message.created_at,
    )
