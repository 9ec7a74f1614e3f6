"""Sends events to endpoints: claims what is due, posts it outside of any transaction, notes the outcome.

An attempt that is interrupted is made again when its lease runs out: each event arrives at least once, with
the same ``webhook-id`` each time. See docs/adr/0026-outbound-webhooks.md.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import delete, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.errors import DeliveryFailed, HelpNinjaError
from helpninja_app.integrations.channels.webhook import as_json
from helpninja_app.integrations.posting import post_json
from helpninja_app.integrations.retries import MAX_ATTEMPTS, delay_after
from helpninja_app.integrations.signatures import sign
from helpninja_app.integrations.webhooks.endpoints import disable
from helpninja_app.integrations.webhooks.events import DUE_TOPIC
from helpninja_app.integrations.webhooks.models import (
    DueWebhook,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
)
from helpninja_app.integrations.webhooks.notices import request_notices
from helpninja_app.integrations.webhooks.secrets import secrets_in_use
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.database import Database, new_id
from helpninja_app.kernel.live import Live
from helpninja_app.kernel.queue import Queue
from helpninja_app.kernel.safe_http import SafeHttp
from helpninja_app.kernel.scope import Scope

log = structlog.get_logger(__name__)

SEND_SECONDS = 40.0
LEASE_SECONDS = 75.0
CONCURRENT = 16
# Of these for one endpoint, so that one that is slow does not hold up everybody else's.
PER_ENDPOINT = 4
POLL_SECONDS = 10.0
SHUTDOWN_SECONDS = 3.0
DISABLED_AFTER = timedelta(days=3)
KEPT = timedelta(days=30)
GONE = 410

_CLAIM = text("""
    with ranked as (
      select workspace_id, endpoint_id, event_id, due_at, leased_until > now() as is_leased,
             row_number() over (
               partition by endpoint_id order by coalesce(leased_until > now(), false) desc, due_at, event_id
             ) as place
      from due_webhooks where due_at <= now() or leased_until > now()
    ), chosen as (
      select workspace_id, endpoint_id, event_id from ranked
      where is_leased is not true and place <= :per_endpoint order by due_at limit :count
    )
    update due_webhooks set lease = :lease, leased_until = now() + make_interval(secs => :seconds)
    from chosen
    where due_webhooks.workspace_id = chosen.workspace_id
      and due_webhooks.endpoint_id = chosen.endpoint_id and due_webhooks.event_id = chosen.event_id
      and (due_webhooks.leased_until is null or due_webhooks.leased_until <= now())
    returning due_webhooks.workspace_id, due_webhooks.endpoint_id, due_webhooks.event_id
""")
_SECONDS_TO_NEXT = text(
    "select extract(epoch from min(greatest(due_at, coalesce(leased_until, due_at))) - now())"
    " from due_webhooks"
)
_FORGET = text("""
    delete from webhook_events where workspace_id = :workspace and id in (
      select id from webhook_events where workspace_id = :workspace and created_at < :before limit 200
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
class _Prepared:
    url: str
    body: bytes
    secrets: list[str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class WebhookCourier:
    """``keys`` decrypt the secrets."""

    database: Database
    live: Live
    queue: Queue
    http: SafeHttp
    keys: Sequence[str] = field(repr=False)
    lease_seconds: float = LEASE_SECONDS

    async def run(self) -> None:
        """Send whatever is due until cancelled; what is being sent then gets a moment to end."""
        under_way: set[asyncio.Task[None]] = set()
        with self.live.listening(DUE_TOPIC) as told:
            hearing = asyncio.create_task(told.hear())
            try:
                while True:
                    pause = await self._start_what_is_due(under_way)
                    done, _ = await asyncio.wait(
                        {hearing, *under_way}, timeout=pause, return_when=asyncio.FIRST_COMPLETED
                    )
                    if hearing in done:
                        hearing = asyncio.create_task(told.hear())
                    under_way -= done
            finally:
                hearing.cancel()
                if under_way:
                    await asyncio.wait(under_way, timeout=SHUTDOWN_SECONDS)
                for task in under_way:
                    # What was being sent is sent again by whoever finds its lease over.
                    task.cancel()
                await asyncio.gather(hearing, *under_way, return_exceptions=True)

    async def deliver_due(self) -> int:
        """Send all that is due now; returns how many attempts were made."""
        count = 0
        while taken := await self._claim(CONCURRENT):
            await asyncio.gather(*(self._carry(each) for each in taken))
            count += len(taken)
        return count

    async def _start_what_is_due(self, under_way: set[asyncio.Task[None]]) -> float:
        """Seconds after which to look again when nothing is told and nothing ends."""
        try:
            free = CONCURRENT - len(under_way)
            taken = await self._claim(free) if free else []
            under_way |= {asyncio.create_task(self._carry(each)) for each in taken}
            if under_way:
                return POLL_SECONDS
            async with self.database.unit_of_work() as session:
                seconds = (await session.execute(_SECONDS_TO_NEXT)).scalar_one_or_none()
            return POLL_SECONDS if seconds is None else min(max(float(seconds), 0.05), POLL_SECONDS)
        except Exception as error:
            log.warning("webhooks_not_claimed", reason=type(error).__name__)
            return 1.0

    async def _claim(self, count: int) -> list[Taken]:
        lease = new_id()
        values = {
            "count": count,
            "per_endpoint": PER_ENDPOINT,
            "lease": lease,
            "seconds": self.lease_seconds,
        }
        async with self.database.unit_of_work() as session:
            found = await session.execute(_CLAIM, values)
            return [Taken(row.workspace_id, row.endpoint_id, row.event_id, lease) for row in found]

    async def _carry(self, taken: Taken) -> None:
        scope = Scope.members(taken.workspace_id)
        try:
            started = time.monotonic()
            try:
                async with self.database.unit_of_work(scope) as session:
                    prepared = await _prepare(session, taken, self.keys)
                failure = await self._post(taken, prepared)
            except DeliveryFailed as error:
                failure = error
            milliseconds = round((time.monotonic() - started) * 1000)
            async with self.database.unit_of_work(scope) as session:
                await _note(session, self.queue, taken, failure, milliseconds)
        except Exception as error:
            # Without its traceback: what was to be sent could stand in it.
            log.error("webhook_interrupted", event_id=str(taken.event_id), reason=type(error).__name__)

    async def _post(self, taken: Taken, prepared: _Prepared) -> DeliveryFailed | None:
        headers = sign(prepared.secrets, str(taken.event_id), now(), prepared.body)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await post_json(
                    self.http, prepared.url, prepared.body, headers=headers, final=frozenset({GONE})
                )
        except TimeoutError:
            return DeliveryFailed("The endpoint took too long to take the event.")
        return None


async def _prepare(session: AsyncSession, taken: Taken, keys: Sequence[str]) -> _Prepared:
    endpoint = await session.get(WebhookEndpoint, (taken.workspace_id, taken.endpoint_id))
    event = await session.get(WebhookEvent, (taken.workspace_id, taken.event_id))
    if endpoint is None or event is None:
        raise DeliveryFailed("The endpoint was deleted.", is_final=True)
    message = {"type": event.type, "timestamp": event.created_at.isoformat(), "data": event.data}
    try:
        secrets = secrets_in_use(keys, endpoint, now())
    except HelpNinjaError as error:
        raise DeliveryFailed(error.detail) from None
    return _Prepared(endpoint.url, as_json(message), secrets)


async def _note(
    session: AsyncSession, queue: Queue, taken: Taken, failure: DeliveryFailed | None, milliseconds: int
) -> None:
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
    error = failure.detail[:500] if failure else ""
    session.add(
        WebhookAttempt(
            workspace_id=taken.workspace_id,
            endpoint_id=taken.endpoint_id,
            event_id=taken.event_id,
            error=error,
            milliseconds=milliseconds,
        )
    )
    delivery.attempts += 1
    delivery.last_error = endpoint.last_error = error
    if failure is None:
        delivery.status, delivery.finished_at, endpoint.failing_since = "sent", now(), None
        await session.execute(delete(DueWebhook).where(*of_it))
        await session.execute(_FORGET, {"workspace": taken.workspace_id, "before": now() - KEPT})
        return
    endpoint.failing_since = endpoint.failing_since or now()
    if failure.is_final or delivery.attempts >= MAX_ATTEMPTS:
        delivery.status, delivery.finished_at = "failed", now()
        await session.execute(delete(DueWebhook).where(*of_it))
    else:
        wait = max(delay_after(delivery.attempts), timedelta(seconds=failure.retry_after or 0))
        due.due_at, due.lease, due.leased_until = now() + wait, None, None
    await session.flush()
    if failure.remote_status == GONE:
        reason = "It answered that it is gone (410)."
    elif now() - endpoint.failing_since >= DISABLED_AFTER:
        reason = f"Every attempt has failed for three days. The last time: {error}"
    else:
        return
    await disable(session, endpoint, reason)
    await request_notices(session, queue, taken.workspace_id, taken.endpoint_id)
