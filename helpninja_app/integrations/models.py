"""The table of integrations: where a workspace wants to be told that a person is needed."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from helpninja_app.kernel.columns import id_column, time_column, workspace_column


class Provider(StrEnum):
    SLACK = "slack"
    EMAIL = "email"
    TEAMS = "teams"
    DISCORD = "discord"
    WEBHOOK = "webhook"


class IntegrationStatus(StrEnum):
    """``failing`` ones are sent to all the same: the first message that arrives makes them active again."""

    ACTIVE = "active"
    DISABLED = "disabled"
    FAILING = "failing"


class Integration(SQLModel, table=True):
    """``credentials`` are encrypted; ``failures`` counts the attempts that failed since one went well.

    One with ``deleted_at`` is only kept to be brought back: it is neither listed, counted nor sent to.
    """

    __tablename__ = "integrations"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    provider: str
    name: str
    status: str = IntegrationStatus.ACTIVE.value
    credentials: str = Field(repr=False)
    config: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)
    failures: int = 0
    last_error: str = ""
    created_at: datetime = time_column()
    updated_at: datetime = time_column()
    deleted_at: datetime | None = time_column(is_optional=True)
