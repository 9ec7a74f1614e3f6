"""Tables of the members' private chats and of their messages."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from helpninja_app.kernel.columns import id_column, time_column, workspace_column


class Role(StrEnum):
    USER = "user"
    ASSISTANT = "assistant"


class MessageState(StrEnum):
    """What became of a message. A question is ``complete``, or ``replaced`` with all that followed it."""

    COMPLETE = "complete"
    WRITING = "writing"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    REPLACED = "replaced"


class Chat(SQLModel, table=True):
    """A member's own (``user_id``) or a program's (``key_id``).

    ``preference`` is what its owner asked of every answer (the API's system messages); ``document_ids`` and
    ``uses_all_knowledge`` are what the last question was asked about.
    """

    __tablename__ = "chats"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    user_id: UUID | None = None
    key_id: UUID | None = None
    title: str
    model: str = ""
    preference: str = ""
    document_ids: list[UUID] = Field(default_factory=list, sa_type=ARRAY(Uuid))
    uses_all_knowledge: bool = False
    created_at: datetime = time_column()
    updated_at: datetime = time_column()
    deleted_at: datetime | None = time_column(is_optional=True)


class ChatMessage(SQLModel, table=True):
    """``finish`` is how the model ended, ``reason`` why it failed; ``credits`` what it took.

    ``request_id`` is that of a question whose sender may send it again.
    """

    __tablename__ = "chat_messages"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    chat_id: UUID
    position: int
    role: str
    text: str
    state: str = MessageState.COMPLETE.value
    finish: str = ""
    reason: str = ""
    model: str = ""
    citations: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSONB)
    input_tokens: int = 0
    output_tokens: int = 0
    credits: int = 0
    request_id: UUID | None = None
    created_at: datetime = time_column()
