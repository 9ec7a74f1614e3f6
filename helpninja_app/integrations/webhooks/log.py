"""What became of each event at each endpoint, what was posted and answered there, and sending one again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.audit import Actor, record
from helpninja_app.errors import Conflict, NotFound
from helpninja_app.integrations.webhooks.endpoints import get_endpoint, lock_endpoint, refuse_silent
from helpninja_app.integrations.webhooks.events import DUE_TOPIC, body_of
from helpninja_app.integrations.webhooks.models import (
    DueWebhook,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEvent,
)
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.live import tell

DeliveryStatus = Literal["waiting", "sent", "failed"]
MAX_SHOWN = 100
MAX_BODY = 20_000
# What is sent again and again has any number of them; the latest are shown.
MAX_ATTEMPTS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class AttemptView:
    """``error`` is a sentence, empty when the attempt went well.

    ``status`` and ``answer``, the beginning of its body, are what came back, if anything did.
    """

    at: datetime
    error: str
    milliseconds: int
    status: int | None
    answer: str


@dataclass(frozen=True, slots=True)
class SentView:
    """``body`` is the JSON that each attempt posts, with line breaks; ``length`` is that of all of it."""

    event_id: UUID
    body: str
    length: int
    log: tuple[AttemptView, ...]


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """``next_at`` is when it is tried again; ``attempts`` are those since it was last asked for."""

    event_id: UUID
    type: str
    status: str
    attempts: int
    last_error: str
    created_at: datetime
    finished_at: datetime | None
    next_at: datetime | None
    log: tuple[AttemptView, ...]


async def list_deliveries(
    session: AsyncSession,
    workspace_id: UUID,
    endpoint_id: UUID,
    *,
    status: DeliveryStatus | None = None,
    before: UUID | None = None,
    limit: int = 50,
) -> list[DeliveryView]:
    """The latest events for an endpoint, those before the event ``before``, with their attempts."""
    await get_endpoint(session, workspace_id, endpoint_id)
    query = (
        select(WebhookDelivery, col(WebhookEvent.type), col(DueWebhook.due_at))
        .join(
            WebhookEvent,
            (col(WebhookEvent.workspace_id) == col(WebhookDelivery.workspace_id))
            & (col(WebhookEvent.id) == col(WebhookDelivery.event_id)),
        )
        .outerjoin(
            DueWebhook,
            (col(DueWebhook.workspace_id) == col(WebhookDelivery.workspace_id))
            & (col(DueWebhook.endpoint_id) == col(WebhookDelivery.endpoint_id))
            & (col(DueWebhook.event_id) == col(WebhookDelivery.event_id)),
        )
        .where(
            col(WebhookDelivery.workspace_id) == workspace_id,
            col(WebhookDelivery.endpoint_id) == endpoint_id,
        )
        .order_by(col(WebhookDelivery.event_id).desc())
        .limit(min(limit, MAX_SHOWN))
    )
    if status is not None:
        query = query.where(col(WebhookDelivery.status) == status)
    if before is not None:
        query = query.where(col(WebhookDelivery.event_id) < before)
    found = (await session.execute(query)).tuples().all()
    logs = await _attempts(session, workspace_id, endpoint_id, [row[0].event_id for row in found])
    return [
        DeliveryView(
            event_id=delivery.event_id,
            type=kind,
            status=delivery.status,
            attempts=delivery.attempts,
            last_error=delivery.last_error,
            created_at=delivery.created_at,
            finished_at=delivery.finished_at,
            next_at=due_at,
            log=tuple(logs.get(delivery.event_id, ())),
        )
        for delivery, kind, due_at in found
    ]


async def read_sent(session: AsyncSession, workspace_id: UUID, endpoint_id: UUID, event_id: UUID) -> SentView:
    """What an endpoint is sent of an event, and what it answered; of a longer body 20,000 characters."""
    found = await session.execute(
        select(WebhookEvent)
        .join(
            WebhookDelivery,
            (col(WebhookDelivery.workspace_id) == col(WebhookEvent.workspace_id))
            & (col(WebhookDelivery.event_id) == col(WebhookEvent.id)),
        )
        .where(
            col(WebhookEvent.workspace_id) == workspace_id,
            col(WebhookEvent.id) == event_id,
            col(WebhookDelivery.endpoint_id) == endpoint_id,
        )
    )
    event = found.scalar_one_or_none()
    if event is None:
        raise NotFound("There is no such delivery.")
    body = _legible(json.loads(body_of(event)))
    logs = await _attempts(session, workspace_id, endpoint_id, [event_id])
    return SentView(event_id, body[:MAX_BODY], len(body), tuple(logs.get(event_id, ())))


def _legible(body: object) -> str:
    """JSON as it is read best: what nobody would see, or what turns letters round, as its number."""
    shown = json.dumps(body, ensure_ascii=False, indent=2)
    return "".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in shown)


async def resend(session: AsyncSession, actor: Actor, endpoint_id: UUID, event_id: UUID) -> None:
    """Send an event again, with the id it had; ``Conflict`` while it waits or the endpoint hears nothing."""
    endpoint = await lock_endpoint(session, actor.workspace_id, endpoint_id)
    found = await session.execute(
        select(WebhookDelivery)
        .where(
            col(WebhookDelivery.workspace_id) == actor.workspace_id,
            col(WebhookDelivery.endpoint_id) == endpoint_id,
            col(WebhookDelivery.event_id) == event_id,
        )
        .with_for_update()
    )
    delivery = found.scalar_one_or_none()
    if delivery is None:
        raise NotFound("There is no such delivery.")
    refuse_silent(endpoint)
    if delivery.status == "waiting":
        raise Conflict("This event is on its way already.")
    delivery.status, delivery.attempts, delivery.finished_at = "waiting", 0, None
    await session.flush()
    await session.execute(
        insert(DueWebhook)
        .values(workspace_id=actor.workspace_id, endpoint_id=endpoint_id, event_id=event_id, due_at=now())
        .on_conflict_do_nothing()
    )
    await tell(session, DUE_TOPIC, "due")
    await record(session, actor, "webhook.resent", str(event_id))


async def _attempts(
    session: AsyncSession, workspace_id: UUID, endpoint_id: UUID, event_ids: list[UUID]
) -> dict[UUID, list[AttemptView]]:
    if not event_ids:
        return {}
    latest = func.row_number().over(
        partition_by=col(WebhookAttempt.event_id), order_by=col(WebhookAttempt.id).desc()
    )
    ranked = (
        select(col(WebhookAttempt.id), latest.label("rank"))
        .where(
            col(WebhookAttempt.workspace_id) == workspace_id,
            tuple_(col(WebhookAttempt.endpoint_id), col(WebhookAttempt.event_id)).in_(
                [(endpoint_id, event_id) for event_id in event_ids]
            ),
        )
        .subquery()
    )
    found = await session.execute(
        select(WebhookAttempt)
        .where(
            col(WebhookAttempt.workspace_id) == workspace_id,
            col(WebhookAttempt.id).in_(select(ranked.c.id).where(ranked.c.rank <= MAX_ATTEMPTS_SHOWN)),
        )
        .order_by(col(WebhookAttempt.id))
    )
    logs: dict[UUID, list[AttemptView]] = {}
    for each in found.scalars():
        view = AttemptView(each.created_at, each.error, each.milliseconds, each.status, each.answer)
        logs.setdefault(each.event_id, []).append(view)
    return logs
