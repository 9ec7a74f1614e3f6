"""Column definitions that several features' tables share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ARRAY, DateTime, Text
from sqlmodel import Field

from helpninja_app.kernel.database import new_id


def now() -> datetime:
    return datetime.now(UTC)


def id_column() -> Any:
    """The UUIDv7 of a row."""
    return Field(default_factory=new_id, primary_key=True)


def workspace_column() -> Any:
    """The workspace a row belongs to: the first part of every tenant table's primary key."""
    return Field(primary_key=True)


def time_column(*, is_optional: bool = False) -> Any:
    """A moment with time zone; made now unless it is optional."""
    if is_optional:
        return Field(default=None, sa_type=DateTime(timezone=True))
    return Field(default_factory=now, sa_type=DateTime(timezone=True))


def texts_column() -> Any:
    """A list of strings (``text[]``)."""
    return Field(default_factory=list, sa_type=ARRAY(Text))
