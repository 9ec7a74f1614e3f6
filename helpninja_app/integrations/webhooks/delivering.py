"""Sends events to endpoints: claims what is due, posts it outside of any transaction, notes the outcome.

An attempt that is interrupted is made again when its lease runs out: each event arrives at least once, with
the same ``webhook-id`` each time. See docs/adr/0025-outbound-webhooks.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.billing.plans import Feature, PlanOf
from helpninja_app.errors import DeliveryFailed, HelpNinjaError
from helpninja_app.integrations.posting import beginning, post_json
from helpninja_app.integrations.retries import MAX_ATTEMPTS, delay_after
from helpninja_app.integrations.signatures import sign
from helpninja_app.integrations.webhooks.endpoints import disable
from helpninja_app.integrations.webhooks.events import DUE_TOPIC, body_of
from helpninja_app.integrations.webhooks.models import (
    DueWebhook,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
)
from helpninja_app.integrations.webhooks.notices import request_notices
from helpninja_app.integrations.webhooks.plans import follow_plan, plan_of_workspace, why_paused
from helpninja_app.integrations.webhooks.secrets import secrets_in_use
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.outbox import Answer, Attempt, Outbox, OutboxCourier
from helpninja_app.kernel.queue import Queue
from helpninja_app.kernel.safe_http import SafeHttp

# Of the slots for one endpoint, so that one that is slow does not hold up everybody else's.
PER_ENDPOINT = 4
DISABLED_AFTER = timedelta(days=3)
KEPT = timedelta(days=30)
GONE = 410

_FORGET = text("""
    delete from webhook_events where workspace_id = :workspace and id in (
      select id from webhook_events
      where workspace_id = :workspace and created_at < :before and id <> :current limit 200
    )
""")


@dataclass(frozen=True, slots=True)
class Taken:
    """A delivery that is ours until its lease runs out."""

    workspace_id: UUID
    endpoint_id: UUID
    event_id: UUID
    lease: UUID


@dataclass(frozen=True, slots=True)
class Prepared:
    """What to post where."""

    url: str
    body: bytes
    headers: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookCourier(OutboxCourier[Taken, Prepared]):
    """``keys`` decrypt the secrets; ``plan_of`` says whether a workspace's plan has outbound webhooks."""

    outbox: ClassVar[Outbox[Taken]] = Outbox(
        DUE_TOPIC,
        "due_webhooks",
        id="event_id",
        taken=Taken,
        lane=("workspace_id", "endpoint_id"),
        per_lane=PER_ENDPOINT,
    )
    queue: Queue
    http: SafeHttp
    keys: Sequence[str] = field(repr=False)
    plan_of: PlanOf

    async def prepare(self, session: AsyncSession, taken: Taken) -> Prepared | DeliveryFailed | None:
        endpoint = await session.get(WebhookEndpoint, (taken.workspace_id, taken.endpoint_id))
        event = await session.get(WebhookEvent, (taken.workspace_id, taken.event_id))
        if endpoint is None or event is None:
            # Deleted since it was claimed, and all that was on its way with it.
            return None
        plan = await plan_of_workspace(session, taken.workspace_id, self.plan_of)
        if Feature.WEBHOOKS not in plan.features:
            # Stored while the plan changed, or the plan was changed by hand.
            await follow_plan(session, taken.workspace_id, plan)
            return DeliveryFailed(why_paused(plan), is_final=True, is_ours=True)
        body = body_of(event)
        try:
            secrets = secrets_in_use(self.keys, endpoint, now())
        except HelpNinjaError as error:
            return DeliveryFailed(error.detail, is_ours=True)
        return Prepared(endpoint.url, body, sign(secrets, str(taken.event_id), now(), body))

    async def hand_over(self, prepared: Prepared) -> Answer:
        answer = await post_json(
            self.http, prepared.url, prepared.body, headers=prepared.headers, final=frozenset({GONE})
        )
        return Answer(answer.status, beginning(answer))

    async def note(self, session: AsyncSession, taken: Taken, attempt: Attempt) -> None:
        await _note(session, self.queue, taken, attempt)


async def _note(session: AsyncSession, queue: Queue, taken: Taken, attempt: Attempt) -> None:
    """Note an attempt, and what follows of it for the delivery and its endpoint."""
    of_it = (
        col(DueWebhook.workspace_id) == taken.workspace_id,
        col(DueWebhook.endpoint_id) == taken.endpoint_id,
        col(DueWebhook.event_id) == taken.event_id,
        col(DueWebhook.lease) == taken.lease,
    )
    # The endpoint first, as everybody who locks it and its deliveries.
    endpoint = (
        await session.execute(
            select(WebhookEndpoint)
            .where(
                col(WebhookEndpoint.workspace_id) == taken.workspace_id,
                col(WebhookEndpoint.id) == taken.endpoint_id,
            )
            .with_for_update()
        )
    ).scalar_one_or_none()
    due = (await session.execute(select(DueWebhook).where(*of_it).with_for_update())).scalar_one_or_none()
    delivery = await session.get(
        WebhookDelivery, (taken.workspace_id, taken.endpoint_id, taken.event_id), with_for_update=True
    )
    if endpoint is None or due is None or delivery is None:
        # Deleted, disabled, or another's after the lease ran out: theirs is noted.
        return
    failure, answer = attempt.failure, attempt.answer
    error = failure.detail[:500] if failure else ""
    session.add(
        WebhookAttempt(
            workspace_id=taken.workspace_id,
            endpoint_id=taken.endpoint_id,
            event_id=taken.event_id,
            error=error,
            milliseconds=attempt.milliseconds,
            status=answer.status if answer else None,
            answer=answer.beginning if answer else "",
        )
    )
    delivery.attempts += 1
    delivery.last_error = error
    await session.execute(
        _FORGET, {"workspace": taken.workspace_id, "current": taken.event_id, "before": now() - KEPT}
    )
    if failure is None:
        delivery.status, delivery.finished_at = "sent", now()
        endpoint.failing_since, endpoint.last_error = None, ""
        await session.execute(delete(DueWebhook).where(*of_it))
        return
    is_over = failure.is_final or delivery.attempts >= MAX_ATTEMPTS
    if is_over:
        delivery.status, delivery.finished_at = "failed", now()
        await session.execute(delete(DueWebhook).where(*of_it))
    else:
        wait = max(delay_after(delivery.attempts), timedelta(seconds=failure.retry_after or 0))
        due.due_at, due.lease, due.leased_until = now() + wait, None, None
    await session.flush()
    if failure.is_ours:
        return
    endpoint.failing_since, endpoint.last_error = endpoint.failing_since or now(), error
    await session.flush()
    if failure.remote_status == GONE:
        reason = "It answered that it is gone (410)."
    elif now() - endpoint.failing_since >= DISABLED_AFTER and (
        is_over or now() - await _tried_since(session, taken, delivery.attempts) >= DISABLED_AFTER
    ):
        # Not at any that is made again: where little is told, one of days ago may be all that failed.
        reason = f"Every attempt has failed for three days. The last time: {error}"
    else:
        return
    await disable(session, endpoint, reason)
    await request_notices(session, queue, taken.workspace_id, taken.endpoint_id)


async def _tried_since(session: AsyncSession, taken: Taken, attempts: int) -> datetime:
    """When the first of an event's last ``attempts`` was made: those since it was sent, or sent again."""
    of_it = (
        select(col(WebhookAttempt.created_at))
        .where(
            col(WebhookAttempt.workspace_id) == taken.workspace_id,
            col(WebhookAttempt.endpoint_id) == taken.endpoint_id,
            col(WebhookAttempt.event_id) == taken.event_id,
        )
        .order_by(col(WebhookAttempt.id).desc())
        .limit(attempts)
        .subquery()
    )
    found = await session.execute(select(func.min(of_it.c.created_at)))
    since: datetime = found.scalar_one()
    return since
