"""Stores events for customers' webhooks, in the transaction that makes them happen.

See docs/adr/0025-outbound-webhooks.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.integrations.channels.webhook import as_json
from helpninja_app.integrations.webhooks.models import EventType, WebhookEvent
from helpninja_app.kernel.database import new_id
from helpninja_app.kernel.live import CHANNEL

DUE_TOPIC = "due-webhooks"
# Longer texts are cut: a receiver has the ids to ask for the rest.
LONGEST_TEXT = 20_000

# One round trip, and nothing written where nobody listens. Also in the scope of a visitor, who may write here
# and read nothing of it.
_RECORD = text("""
    with hears as materialized (
      select endpoint_id from webhook_subscribers where workspace_id = :workspace and event_type = :type
    ), stored as (
      insert into webhook_events (workspace_id, id, type, data)
      select :workspace, :id, :type, cast(:data as jsonb) where exists (select from hears)
    ), made as (
      insert into webhook_deliveries (workspace_id, endpoint_id, event_id)
      select :workspace, endpoint_id, :id from hears
    ), due as (
      insert into due_webhooks (workspace_id, endpoint_id, event_id)
      select :workspace, endpoint_id, :id from hears returning event_id
    )
    select pg_notify(:channel, :notice) from due limit 1
""")


async def record_event(
    session: AsyncSession, workspace_id: UUID, event_type: EventType, data: Mapping[str, Any]
) -> None:
    """Have the workspace's endpoints that asked for it told of this once the transaction commits.

    ``data`` is JSON; texts in it are cut at 20,000 characters.
    """
    await session.flush()
    await session.execute(
        _RECORD,
        {
            "workspace": workspace_id,
            "id": new_id(),
            "type": event_type.value,
            "data": json.dumps({name: _cut(value) for name, value in data.items()}),
            "channel": CHANNEL,
            "notice": json.dumps([DUE_TOPIC, "due"]),
        },
    )


def body_of(event: WebhookEvent) -> bytes:
    """What is posted, the same at every attempt."""
    return as_json({"type": event.type, "timestamp": event.created_at.isoformat(), "data": event.data})


def _cut(value: Any) -> Any:
    return value[:LONGEST_TEXT] if isinstance(value, str) else value
