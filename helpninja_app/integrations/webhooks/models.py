"""Tables of customers' webhooks."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from helpninja_app.kernel.columns import id_column, texts_column, time_column, workspace_column


class EventType(StrEnum):
    CONVERSATION_STARTED = "conversation.started"
    CONVERSATION_ENDED = "conversation.ended"
    MESSAGE_CREATED = "message.created"
    ESCALATION_CREATED = "escalation.created"
    DOCUMENT_INDEXED = "document.indexed"
    FEEDBACK_CREATED = "feedback.created"


class WebhookEndpoint(SQLModel, table=True):
    """``secret`` and ``old_secret``, which counts until ``old_secret_until``, are encrypted.

    ``status`` is ``active``, ``disabled``, or ``paused`` while the plan has no outbound webhooks.
    ``failing_since`` is when the first attempt failed of those since one went well.
    """

    __tablename__ = "webhook_endpoints"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    url: str
    description: str = ""
    events: list[str] = texts_column()
    status: str = "active"
    disabled_because: str = ""
    secret: str = Field(repr=False)
    old_secret: str = Field(default="", repr=False)
    old_secret_until: datetime | None = time_column(is_optional=True)
    failing_since: datetime | None = time_column(is_optional=True)
    last_error: str = ""
    created_at: datetime = time_column()
    updated_at: datetime = time_column()


class WebhookEvent(SQLModel, table=True):
    __tablename__ = "webhook_events"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    type: str
    data: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)
    created_at: datetime = time_column()


class WebhookDelivery(SQLModel, table=True):
    """One event on its way to one endpoint: ``waiting``, ``sent`` or ``failed``."""

    __tablename__ = "webhook_deliveries"

    workspace_id: UUID = workspace_column()
    endpoint_id: UUID = Field(primary_key=True)
    event_id: UUID = Field(primary_key=True)
    status: str = "waiting"
    attempts: int = 0
    last_error: str = ""
    created_at: datetime = time_column()
    finished_at: datetime | None = time_column(is_optional=True)


class WebhookAttempt(SQLModel, table=True):
    """``error`` is empty when it went well; ``status`` and ``answer``, its beginning, are what came back."""

    __tablename__ = "webhook_attempts"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    endpoint_id: UUID
    event_id: UUID
    error: str = ""
    milliseconds: int
    status: int | None = None
    answer: str = ""
    created_at: datetime = time_column()


class WebhookSubscriber(SQLModel, table=True):
    """Which endpoints hear of which events: those that are active."""

    __tablename__ = "webhook_subscribers"

    workspace_id: UUID = workspace_column()
    event_type: str = Field(primary_key=True)
    endpoint_id: UUID = Field(primary_key=True)


class DueWebhook(SQLModel, table=True):
    """When a delivery is to be tried; ``lease`` is of the process that is at it, until ``leased_until``."""

    __tablename__ = "due_webhooks"

    workspace_id: UUID = workspace_column()
    endpoint_id: UUID = Field(primary_key=True)
    event_id: UUID = Field(primary_key=True)
    due_at: datetime = time_column()
    lease: UUID | None = None
    leased_until: datetime | None = time_column(is_optional=True)
