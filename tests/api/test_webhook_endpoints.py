"""Customers' webhook endpoints over HTTP: what is shown, what is refused, and whose they are."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from helpninja_app.accounts.models import Role
from helpninja_app.integrations.webhooks.trials import TRIALS
from helpninja_app.resources import Resources
from tests.conftest import OpenResources, OpenSite
from tests.factories import Factory, Tenant
from tests.hooks import hooked

PATH = "/api/webhook-endpoints"


async def _create(
    client: httpx.AsyncClient, headers: dict[str, str], url: str, **fields: Any
) -> httpx.Response:
    body = {"url": url, "events": ["message.created", "conversation.ended"]} | fields
    return await client.post(PATH, json=body, headers=headers)


@pytest.fixture
async def tenant(factory: Factory) -> Tenant:
    return await factory.tenant()


@pytest.fixture
async def url(open_site: OpenSite) -> str:
    """An address that may be posted to."""
    return f"{(await open_site()).url}/hook"


async def test_an_endpoint_is_made_shown_changed_and_deleted(
    client: httpx.AsyncClient, tenant: Tenant, url: str
) -> None:
    made = await _create(client, tenant.headers, url, description=" Ours ")
    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    below = f"{PATH}/{made.json()['id']}"
    [shown] = (await client.get(PATH, headers=tenant.headers)).json()["endpoints"]
    assert (shown["url"], shown["description"], shown["status"]) == (url, "Ours", "active")
    assert "secret" not in shown
    changed = await client.patch(
        below, json={"events": ["feedback.created"], "on": False}, headers=tenant.headers
    )
    assert (changed.json()["events"], changed.json()["status"]) == (["feedback.created"], "disabled")
    assert (await client.delete(below, headers=tenant.headers)).json() == {"ok": True}
    assert (await client.get(PATH, headers=tenant.headers)).json() == {"endpoints": []}


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/hook",
        "https://localhost/hook",
        "https://10.0.0.8/hook",
        "https://[::1]/hook",
        "http://93.184.215.14/hook",
        "ftp://93.184.215.14/hook",
        "https://user:password@93.184.215.14/hook",
        "not an address",
    ],
)
async def test_only_public_https_addresses_are_told(
    client: httpx.AsyncClient, tenant: Tenant, url: str
) -> None:
    assert (await _create(client, tenant.headers, url)).status_code == 422


async def test_an_address_is_checked_when_it_is_changed_too(
    client: httpx.AsyncClient, tenant: Tenant, url: str
) -> None:
    made = (await _create(client, tenant.headers, url)).json()
    changed = await client.patch(
        f"{PATH}/{made['id']}", json={"url": "https://192.168.1.1/"}, headers=tenant.headers
    )
    assert changed.status_code == 422


@pytest.mark.parametrize("events", [[], ["message.deleted"], "message.created"])
async def test_events_are_of_a_closed_set(
    client: httpx.AsyncClient, tenant: Tenant, url: str, events: Any
) -> None:
    assert (await _create(client, tenant.headers, url, events=events)).status_code == 422


async def test_there_are_at_most_ten(client: httpx.AsyncClient, tenant: Tenant, url: str) -> None:
    statuses = [(await _create(client, tenant.headers, url)).status_code for _ in range(11)]
    assert statuses == [201] * 10 + [409]


@pytest.mark.parametrize("role", [Role.AGENT, Role.ANALYST, Role.VIEWER])
async def test_who_does_not_manage_the_workspace_sees_and_makes_none(
    client: httpx.AsyncClient, factory: Factory, tenant: Tenant, url: str, role: Role
) -> None:
    _, headers = await factory.member(tenant, role)
    assert (await client.get(PATH, headers=headers)).status_code == 403
    assert (await _create(client, headers, url)).status_code == 403


async def test_nobody_is_told_without_signing_in(client: httpx.AsyncClient, url: str) -> None:
    assert (await client.get(PATH)).status_code == 401
    assert (await _create(client, {}, url)).status_code == 401


async def test_another_workspace_s_endpoint_is_not_there(
    client: httpx.AsyncClient, factory: Factory, tenant: Tenant, url: str
) -> None:
    made = (await _create(client, tenant.headers, url)).json()
    other = await factory.tenant()
    below = f"{PATH}/{made['id']}"
    answers = [
        await client.patch(below, json={"on": False}, headers=other.headers),
        await client.delete(below, headers=other.headers),
        await client.post(f"{below}/rotate-secret", headers=other.headers),
        await client.get(f"{below}/deliveries", headers=other.headers),
        await client.post(f"{below}/test", headers=other.headers),
    ]
    assert [answer.status_code for answer in answers] == [404] * 5
    assert (await client.get(PATH, headers=other.headers)).json() == {"endpoints": []}
    assert len((await client.get(PATH, headers=tenant.headers)).json()["endpoints"]) == 1


async def test_a_new_secret_is_shown_once_and_the_old_one_counts_for_a_day(
    client: httpx.AsyncClient, tenant: Tenant, url: str
) -> None:
    made = (await _create(client, tenant.headers, url)).json()
    rotated = (await client.post(f"{PATH}/{made['id']}/rotate-secret", headers=tenant.headers)).json()
    assert rotated["secret"] != made["secret"]
    assert rotated["oldSecretUntil"] is not None
    shown = (await client.get(PATH, headers=tenant.headers)).text
    assert not any(secret in shown for secret in (made["secret"], rotated["secret"]))


async def test_deliveries_are_listed_and_sent_again(
    client: httpx.AsyncClient, resources: Resources, tenant: Tenant
) -> None:
    async with hooked(resources, tenant) as hook:
        for words in ("first", "second"):
            await hook.say(words)
        await hook.deliver()
        below = f"{PATH}/{hook.id}/deliveries"
        sent = (await client.get(below, params={"status": "sent"}, headers=tenant.headers)).json()[
            "deliveries"
        ]
        assert [item["type"] for item in sent] == ["message.created"] * 2
        assert [len(item["log"]) for item in sent] == [1, 1]
        later, earlier = (item["eventId"] for item in sent)
        page = await client.get(below, params={"before": later, "limit": 1}, headers=tenant.headers)
        assert [item["eventId"] for item in page.json()["deliveries"]] == [earlier]
        failed = await client.get(below, params={"status": "failed"}, headers=tenant.headers)
        assert failed.json() == {"deliveries": []}
        again = await client.post(f"{below}/{earlier}/resend", headers=tenant.headers)
        assert again.json() == {"ok": True}
        twice = await client.post(f"{below}/{earlier}/resend", headers=tenant.headers)
        assert twice.status_code == 409
        await hook.deliver()
        assert len(hook.peer.taken) == 3


async def test_a_test_event_is_sent_to_one_endpoint_alone(
    client: httpx.AsyncClient, resources: Resources, tenant: Tenant
) -> None:
    async with hooked(resources, tenant) as hook, hooked(resources, tenant) as another:
        made = await client.post(f"{PATH}/{hook.id}/test", headers=tenant.headers)
        assert made.status_code == 202
        await hook.deliver()
        below = await client.get(f"{PATH}/{hook.id}/deliveries", headers=tenant.headers)
        [sent] = below.json()["deliveries"]
        assert (sent["eventId"], sent["type"], sent["status"]) == (
            made.json()["eventId"],
            "webhook.test",
            "sent",
        )
        assert another.peer.requests == []


async def test_test_events_are_limited_in_a_workspace(
    client: httpx.AsyncClient, resources: Resources, tenant: Tenant, factory: Factory
) -> None:
    other = await factory.tenant()
    async with hooked(resources, tenant) as hook, hooked(resources, other) as theirs:
        path = f"{PATH}/{hook.id}/test"
        statuses = [(await client.post(path, headers=tenant.headers)).status_code for _ in range(12)]
        assert statuses == [202] * TRIALS.amount + [429] * 2
        there = await client.post(f"{PATH}/{theirs.id}/test", headers=other.headers)
        assert there.status_code == 202


async def test_an_endpoint_that_is_switched_off_is_sent_no_test(
    client: httpx.AsyncClient, resources: Resources, tenant: Tenant
) -> None:
    async with hooked(resources, tenant) as hook:
        await client.patch(f"{PATH}/{hook.id}", json={"on": False}, headers=tenant.headers)
        refused = await client.post(f"{PATH}/{hook.id}/test", headers=tenant.headers)
        assert (refused.status_code, "switched off" in refused.json()["detail"]) == (409, True)
        assert await hook.log() == []


async def test_a_plan_without_webhooks_has_none(
    factory: Factory, with_resources: OpenResources, client: httpx.AsyncClient, url: str
) -> None:
    tenant = await factory.tenant(plan="starter")
    async with with_resources(unlimited=False):
        refused = await _create(client, tenant.headers, url)
    assert refused.status_code == 403
    assert "pro plan" in refused.json()["detail"]
