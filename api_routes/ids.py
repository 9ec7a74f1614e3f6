"""Ids in requests: opaque to callers, UUIDs to us."""

from __future__ import annotations

from uuid import UUID

from helpninja_app.errors import MalformedId


def parse_id(value: str) -> UUID:
    """``MalformedId`` (400) when it cannot be an id of ours."""
    try:
        return UUID(value)
    except ValueError:
        raise MalformedId() from None
