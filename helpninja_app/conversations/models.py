"""Tables of conversations, their messages, changes of status and escalations."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from helpninja_app.kernel.columns import id_column, time_column, workspace_column


class Status(StrEnum):
    """Who answers: the bot, the bot while a person is awaited, a person, or nobody any more."""

    BOT = "bot"
    WAITING = "waiting"
    HUMAN = "human"
    RESOLVED = "resolved"


class Reason(StrEnum):
    """Why a person is asked for."""

    LOW_CONFIDENCE = "low_confidence"
    VISITOR_REQUEST = "visitor_request"
    NO_ANSWER = "no_answer"
    RULE = "rule"
    PROVIDER_ERROR = "provider_error"
    NEGATIVE_FEEDBACK = "negative_feedback"
    USAGE_LIMIT = "usage_limit"


class Sender(StrEnum):
    """The role column of a message."""

    VISITOR = "visitor"
    BOT = "bot"
    MEMBER = "member"
    SYSTEM = "system"


class Conversation(SQLModel, table=True):
    """``is_signed`` once a visitor token proved its session: from then on only that token may continue it."""

    __tablename__ = "conversations"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    session_id: str
    is_signed: bool
    status: str = Status.BOT.value
    reason: str | None = None
    page_url: str = ""
    created_at: datetime = time_column()
    last_message_at: datetime = time_column()


class Message(SQLModel, table=True):
    __tablename__ = "messages"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    conversation_id: UUID
    role: str
    text: str
    kind: str = "message"
    confidence: float | None = None
    citations: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSONB)
    model: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    created_at: datetime = time_column()


class ConversationTransition(SQLModel, table=True):
    """A change of status: who made it, and why."""

    __tablename__ = "conversation_transitions"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    conversation_id: UUID
    from_status: str
    to_status: str
    actor: str
    reason: str
    created_at: datetime = time_column()


class Escalation(SQLModel, table=True):
    """That a person was asked for: once per conversation and reason."""

    __tablename__ = "escalations"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    conversation_id: UUID
    reason: str
    created_at: datetime = time_column()
