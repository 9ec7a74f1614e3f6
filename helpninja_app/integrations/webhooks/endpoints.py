"""A workspace's webhook endpoints: made, changed, given a new secret, deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import Select, delete, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.audit import Actor, record
from helpninja_app.errors import Conflict, NotFound
from helpninja_app.integrations.signatures import new_secret
from helpninja_app.integrations.webhooks.models import EventType, WebhookEndpoint, WebhookSubscriber
from helpninja_app.integrations.webhooks.secrets import sealed
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.database import new_id

MAX_ENDPOINTS = 10
SWITCHED_OFF = "Switched off by a member."
OLD_SECRET_COUNTS_FOR = timedelta(hours=24)
_LOCK = text("select pg_advisory_xact_lock(hashtextextended('webhook-endpoints:' || :workspace, 0))")
# What is still on its way to an endpoint that is disabled is not sent later, when nobody expects it.
_GIVE_UP = text("""
    with gone as (
      delete from due_webhooks where workspace_id = :workspace and endpoint_id = :endpoint
      returning event_id
    )
    update webhook_deliveries set status = 'failed', finished_at = now(), last_error = :reason
    from gone where webhook_deliveries.workspace_id = :workspace
      and webhook_deliveries.endpoint_id = :endpoint and webhook_deliveries.event_id = gone.event_id
""")


@dataclass(frozen=True, slots=True)
class EndpointView:
    """``status`` is ``failing`` from the first attempt that fails until one goes well, ``paused`` while the
    plan has no outbound webhooks. ``disabled_because`` is of both kinds that hear nothing.
    """

    id: UUID
    url: str
    description: str
    events: tuple[str, ...]
    status: str
    disabled_because: str
    failing_since: datetime | None
    last_error: str
    old_secret_until: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class EndpointChange:
    """What is ``None`` stays as it is. ``url`` was checked as one that may be posted to."""

    url: str | None = None
    description: str | None = None
    events: frozenset[EventType] | None = None
    is_on: bool | None = None


async def list_endpoints(session: AsyncSession, workspace_id: UUID) -> list[EndpointView]:
    """All of them, the latest first."""
    found = await session.execute(
        select(WebhookEndpoint)
        .where(col(WebhookEndpoint.workspace_id) == workspace_id)
        .order_by(col(WebhookEndpoint.id).desc())
    )
    return [view_of(endpoint) for endpoint in found.scalars()]


async def get_endpoint(session: AsyncSession, workspace_id: UUID, endpoint_id: UUID) -> EndpointView:
    """One of this workspace's; ``NotFound`` otherwise."""
    found = await session.execute(_of(workspace_id, endpoint_id))
    return view_of(_there(found.scalar_one_or_none()))


async def create_endpoint(
    session: AsyncSession,
    actor: Actor,
    keys: Sequence[str],
    *,
    url: str,
    description: str,
    events: frozenset[EventType],
) -> tuple[EndpointView, str]:
    """A new endpoint and its secret, which is not shown again; ``Conflict`` when there are ten."""
    await session.execute(_LOCK, {"workspace": str(actor.workspace_id)})
    if len(await list_endpoints(session, actor.workspace_id)) >= MAX_ENDPOINTS:
        raise Conflict(f"A workspace has at most {MAX_ENDPOINTS} webhook endpoints. Please delete one first.")
    secret, endpoint_id = new_secret(), new_id()
    endpoint = WebhookEndpoint(
        workspace_id=actor.workspace_id,
        id=endpoint_id,
        url=url,
        description=description,
        events=sorted(events),
        secret=sealed(keys, secret, actor.workspace_id, endpoint_id),
    )
    session.add(endpoint)
    await session.flush()
    await _subscribe(session, endpoint)
    await record(session, actor, "webhook.created", _host(url), events=list(endpoint.events))
    return view_of(endpoint), secret


async def change_endpoint(
    session: AsyncSession, actor: Actor, endpoint_id: UUID, change: EndpointChange
) -> EndpointView:
    """Apply a change. Switched on again or at another address, an endpoint counts as one that works."""
    endpoint = await lock_endpoint(session, actor.workspace_id, endpoint_id)
    if change.url is not None and change.url != endpoint.url:
        endpoint.url, endpoint.failing_since, endpoint.last_error = change.url, None, ""
    if change.description is not None:
        endpoint.description = change.description
    if change.events is not None:
        endpoint.events = sorted(change.events)
    if change.is_on is not None:
        if change.is_on:
            await resume(session, endpoint)
        else:
            await disable(session, endpoint, SWITCHED_OFF)
    endpoint.updated_at = now()
    await session.flush()
    await _subscribe(session, endpoint)
    await record(
        session,
        actor,
        "webhook.changed",
        _host(endpoint.url),
        status=endpoint.status,
        events=list(endpoint.events),
    )
    return view_of(endpoint)


async def delete_endpoint(session: AsyncSession, actor: Actor, endpoint_id: UUID) -> None:
    """With all that is on its way to it, and its log."""
    endpoint = await lock_endpoint(session, actor.workspace_id, endpoint_id)
    await session.delete(endpoint)
    await session.flush()
    await record(session, actor, "webhook.deleted", _host(endpoint.url))


async def rotate_secret(
    session: AsyncSession, actor: Actor, keys: Sequence[str], endpoint_id: UUID
) -> tuple[EndpointView, str]:
    """A new secret, shown this once. For a day everything is signed with the old one too."""
    endpoint = await lock_endpoint(session, actor.workspace_id, endpoint_id)
    secret = new_secret()
    endpoint.old_secret, endpoint.old_secret_until = endpoint.secret, now() + OLD_SECRET_COUNTS_FOR
    endpoint.secret = sealed(keys, secret, actor.workspace_id, endpoint_id)
    endpoint.updated_at = now()
    await session.flush()
    await record(session, actor, "webhook.secret_rotated", _host(endpoint.url))
    return view_of(endpoint), secret


async def lock_endpoint(session: AsyncSession, workspace_id: UUID, endpoint_id: UUID) -> WebhookEndpoint:
    """An endpoint of this workspace, locked until the transaction ends; ``NotFound`` otherwise."""
    found = await session.execute(_of(workspace_id, endpoint_id).with_for_update())
    return _there(found.scalar_one_or_none())


def refuse_silent(endpoint: WebhookEndpoint) -> None:
    """``Conflict`` with why nothing is sent to an endpoint, where nothing is."""
    if endpoint.status == "paused":
        raise Conflict(endpoint.disabled_because)
    if endpoint.status == "disabled":
        raise Conflict("This webhook is switched off (disabled). Switch it on first.")


async def disable(session: AsyncSession, endpoint: WebhookEndpoint, reason: str) -> None:
    """Tell a locked endpoint of nothing more until a member switches it on."""
    await stop_telling(session, endpoint, "disabled", reason)


async def stop_telling(
    session: AsyncSession, endpoint: WebhookEndpoint, status: Literal["disabled", "paused"], reason: str
) -> None:
    """Tell a locked endpoint of nothing more, and give up what is on its way."""
    endpoint.status, endpoint.disabled_because = status, reason
    endpoint.updated_at = now()
    await session.flush()
    await _subscribe(session, endpoint)
    await session.execute(
        _GIVE_UP,
        {
            "workspace": endpoint.workspace_id,
            "endpoint": endpoint.id,
            "reason": f"The endpoint was {status}.",
        },
    )


async def resume(session: AsyncSession, endpoint: WebhookEndpoint) -> None:
    """Tell a locked endpoint again, as one that works."""
    endpoint.status, endpoint.disabled_because, endpoint.failing_since = "active", "", None
    endpoint.updated_at = now()
    await session.flush()
    await _subscribe(session, endpoint)


def _of(workspace_id: UUID, endpoint_id: UUID) -> Select[WebhookEndpoint]:
    return select(WebhookEndpoint).where(
        col(WebhookEndpoint.workspace_id) == workspace_id, col(WebhookEndpoint.id) == endpoint_id
    )


def _there(endpoint: WebhookEndpoint | None) -> WebhookEndpoint:
    if endpoint is None:
        raise NotFound("There is no such webhook endpoint.")
    return endpoint


def view_of(endpoint: WebhookEndpoint) -> EndpointView:
    is_failing = endpoint.status == "active" and endpoint.failing_since
    until = endpoint.old_secret_until
    return EndpointView(
        id=endpoint.id,
        url=endpoint.url,
        description=endpoint.description,
        events=tuple(endpoint.events),
        status="failing" if is_failing else endpoint.status,
        disabled_because=endpoint.disabled_because,
        failing_since=endpoint.failing_since,
        last_error=endpoint.last_error,
        old_secret_until=until if until and until > now() else None,
        created_at=endpoint.created_at,
    )


async def _subscribe(session: AsyncSession, endpoint: WebhookEndpoint) -> None:
    await session.execute(
        delete(WebhookSubscriber).where(
            col(WebhookSubscriber.workspace_id) == endpoint.workspace_id,
            col(WebhookSubscriber.endpoint_id) == endpoint.id,
        )
    )
    if endpoint.status == "active":
        session.add_all(
            WebhookSubscriber(workspace_id=endpoint.workspace_id, event_type=each, endpoint_id=endpoint.id)
            for each in endpoint.events
        )
    await session.flush()


def _host(url: str) -> str:
    # The rest of an address may be a secret of the customer's.
    return urlsplit(url).netloc
