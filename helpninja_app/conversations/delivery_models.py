"""Tables of the outbox: one delivery for each escalation and destination, and which of them are due."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlmodel import Field, SQLModel

from helpninja_app.kernel.columns import id_column, time_column, workspace_column

# The destination of an escalation for which no integration was there: what the settings name, if anything.
FALLBACKS = "env"


class DeliveryStatus(StrEnum):
    SENT = "sent"
    WAITING = "waiting"
    FAILED = "failed"


class Delivery(SQLModel, table=True):
    """``destination`` is the id of an integration, ``env:slack``, ``env:email``, or ``env`` before it is
    known which of these two there are; ``name`` is what the integration was called then. One that ends with
    ``:`` and an address is for this one alone, which was refused when the others took the mail.
    """

    __tablename__ = "deliveries"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    conversation_id: UUID
    escalation_id: UUID
    integration_id: UUID | None = None
    destination: str
    provider: str
    name: str
    status: str = DeliveryStatus.WAITING.value
    attempts: int = 0
    last_error: str = ""
    created_at: datetime = time_column()
    attempted_at: datetime | None = time_column(is_optional=True)
    finished_at: datetime | None = time_column(is_optional=True)


class DueDelivery(SQLModel, table=True):
    """A delivery that waits, ``since`` when: who holds the ``lease`` sends it, and anybody may when that has
    run out.
    """

    __tablename__ = "due_deliveries"

    delivery_id: UUID = Field(primary_key=True)
    workspace_id: UUID
    due_at: datetime = time_column()
    since: datetime = time_column()
    lease: UUID | None = None
    leased_until: datetime | None = time_column(is_optional=True)
