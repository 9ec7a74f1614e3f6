"""Webhook endpoints of a workspace whose plan loses outbound webhooks, and gets them back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from helpninja_app.billing.models import Subscription
from helpninja_app.billing.subscriptions import apply_subscription
from helpninja_app.jobs import follow_plans
from helpninja_app.kernel.columns import now
from helpninja_app.resources import Resources
from tests.conftest import OpenResources
from tests.factories import Factory
from tests.hooks import Hook, hooked

PATH = "/api/webhook-endpoints"


@pytest.fixture
async def hook(factory: Factory, with_resources: OpenResources) -> AsyncIterator[Hook]:
    """Of a workspace with the pro plan, where plans are limited."""
    async with (
        with_resources(unlimited=False) as limited,
        hooked(limited, await factory.in_person("pro")) as hook,
    ):
        yield hook


async def _subscribe(hook: Hook, status: str) -> None:
    """Stripe says this of a subscription to the pro plan."""
    started = now() - timedelta(days=3)
    async with hook.resources.database.unit_of_work(hook.tenant.scope) as session:
        await session.merge(
            Subscription(
                workspace_id=hook.tenant.id,
                id=f"sub_{hook.tenant.id.hex}",
                status=status,
                plan="pro",
                interval="month",
                anchor=started,
                period_start=started,
                period_end=started + timedelta(days=30),
                read_at=now(),
            )
        )
        await session.flush()
        await apply_subscription(session, hook.tenant.id, hook.resources.plan_of, now())


async def _set_plan(hook: Hook, plan: str) -> None:
    await hook.run("update workspaces set plan = :plan where id = :workspace", plan=plan)


async def _shown(client: httpx.AsyncClient, hook: Hook) -> dict[str, Any]:
    [shown] = (await client.get(PATH, headers=hook.tenant.headers)).json()["endpoints"]
    found: dict[str, Any] = shown
    return found


async def _stored(hook: Hook) -> int:
    found = await hook.run("select count(*) from webhook_events where workspace_id = :workspace")
    return int(found.scalar_one())


async def test_after_a_downgrade_nothing_is_stored_or_sent_and_it_says_why(
    client: httpx.AsyncClient, hook: Hook
) -> None:
    await hook.say("before")
    await hook.deliver()
    await _subscribe(hook, "canceled")
    await hook.say("after")
    await hook.deliver()
    assert [message["data"]["text"] for _, message in hook.peer.taken] == ["before"]
    assert await _stored(hook) == 1
    shown = await _shown(client, hook)
    assert shown["status"] == "paused"
    assert shown["disabledBecause"].startswith("The free plan has no outbound webhooks.")


async def test_when_the_plan_is_back_it_goes_on(client: httpx.AsyncClient, hook: Hook) -> None:
    await _subscribe(hook, "canceled")
    await _subscribe(hook, "active")
    shown = await _shown(client, hook)
    assert (shown["status"], shown["disabledBecause"]) == ("active", "")
    await hook.say("back")
    await hook.deliver()
    assert [message["data"]["text"] for _, message in hook.peer.taken] == ["back"]


async def test_what_was_on_its_way_is_not_sent_later(client: httpx.AsyncClient, hook: Hook) -> None:
    await hook.say("too late")
    await _subscribe(hook, "canceled")
    await _subscribe(hook, "active")
    await hook.deliver()
    assert hook.peer.requests == []
    [missed] = await hook.log()
    assert (missed.status, missed.last_error) == ("failed", "The endpoint was paused.")
    below = f"{PATH}/{hook.id}/deliveries/{missed.event_id}/resend"
    assert (await client.post(below, headers=hook.tenant.headers)).status_code == 200
    await hook.deliver()
    assert len(hook.peer.taken) == 1


async def test_while_it_is_paused_nothing_is_resent_or_switched_on(
    client: httpx.AsyncClient, hook: Hook
) -> None:
    await hook.say("before")
    await hook.deliver()
    [sent] = await hook.log()
    await _subscribe(hook, "canceled")
    below = f"{PATH}/{hook.id}"
    again = await client.post(f"{below}/deliveries/{sent.event_id}/resend", headers=hook.tenant.headers)
    assert again.status_code == 409
    assert "free plan" in again.json()["detail"]
    on = await client.patch(below, json={"on": True}, headers=hook.tenant.headers)
    assert on.status_code == 403
    other = await client.patch(below, json={"events": ["message.created"]}, headers=hook.tenant.headers)
    assert other.json()["status"] == "paused"
    await hook.say("after")
    assert await _stored(hook) == 1


async def test_one_that_a_member_switched_off_stays_off(client: httpx.AsyncClient, hook: Hook) -> None:
    await _subscribe(hook, "canceled")
    off = await client.patch(f"{PATH}/{hook.id}", json={"on": False}, headers=hook.tenant.headers)
    assert off.json()["status"] == "disabled"
    await _subscribe(hook, "active")
    assert (await _shown(client, hook))["status"] == "disabled"


async def test_the_plan_counts_when_something_is_sent_however_it_was_changed(
    client: httpx.AsyncClient, hook: Hook
) -> None:
    await _set_plan(hook, "starter")
    await hook.say("stored all the same")
    await hook.deliver()
    assert hook.peer.requests == []
    assert "starter plan" in (await _shown(client, hook))["disabledBecause"]
    await hook.say("not stored")
    assert await _stored(hook) == 1


async def test_a_start_without_limits_lets_all_go_on(
    client: httpx.AsyncClient, hook: Hook, resources: Resources
) -> None:
    await _set_plan(hook, "starter")
    await follow_plans(hook.resources)
    assert (await _shown(client, hook))["status"] == "paused"
    await follow_plans(resources)
    assert (await _shown(client, hook))["status"] == "active"


async def test_endpoints_of_others_go_on(client: httpx.AsyncClient, hook: Hook, factory: Factory) -> None:
    async with hooked(hook.resources, await factory.in_person("pro")) as theirs:
        await _subscribe(hook, "canceled")
        assert (await _shown(client, theirs))["status"] == "active"
        await theirs.say("still told")
        await theirs.deliver()
        assert len(theirs.peer.taken) == 1
