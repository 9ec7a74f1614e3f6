"""The table of rules."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from helpninja_app.kernel.columns import id_column, time_column, workspace_column


class StoredRule(SQLModel, table=True):
    """``position`` is the place in the order in which they are tried; ``condition`` is as ``write_group``
    made it.

    One with ``deleted_at`` is only kept to be brought back: it is neither listed, counted nor tried.
    """

    __tablename__ = "rules"

    workspace_id: UUID = workspace_column()
    id: UUID = id_column()
    name: str
    position: int
    is_on: bool = True
    action: str
    condition: dict[str, Any] = Field(sa_type=JSONB)
    destinations: list[UUID] = Field(default_factory=list, sa_type=ARRAY(Uuid))
    created_at: datetime = time_column()
    updated_at: datetime = time_column()
    deleted_at: datetime | None = time_column(is_optional=True)
