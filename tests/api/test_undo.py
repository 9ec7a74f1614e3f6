"""Integrations and rules that are deleted: out of sight at once, brought back as they were, then gone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.accounts.models import Role
from helpninja_app.conversations.rules.deleting import purge_rule
from helpninja_app.conversations.rules.service import load_rules
from helpninja_app.integrations.deleting import purge_integration
from helpninja_app.integrations.rotation import rotate_credentials
from helpninja_app.kernel import undo
from helpninja_app.resources import Resources
from tests.api.test_rules import add
from tests.conftest import OpenSite
from tests.deliveries import ask_for_a_person, deliveries_of, integrate
from tests.factories import Factory, Tenant
from tests.loopback_site import answer

Purge = Callable[..., Awaitable[None]]
# The table, what deletes for good, and its job.
KINDS: dict[str, tuple[Purge, str]] = {
    "integrations": (purge_integration, "purge_integration"),
    "rules": (purge_rule, "purge_rule"),
}


async def made(client: httpx.AsyncClient, resources: Resources, tenant: Tenant, kind: str) -> str:
    if kind == "integrations":
        return str(await integrate(resources, tenant))
    return str((await add(client, tenant.headers, "Refunds"))["id"])


async def listed(client: httpx.AsyncClient, tenant: Tenant, kind: str) -> list[dict[str, Any]]:
    found = (await client.get(f"/api/{kind}", headers=tenant.headers)).json()
    rows: list[dict[str, Any]] = found if isinstance(found, list) else found["rules"]
    return rows


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_deleted_is_out_of_sight_and_comes_back_as_it_was(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, kind: str
) -> None:
    tenant = await factory.tenant()
    id = await made(client, resources, tenant, kind)
    path, before = f"/api/{kind}/{id}", await listed(client, tenant, kind)
    assert (await client.delete(path, headers=tenant.headers)).status_code == 200
    assert await listed(client, tenant, kind) == []
    change = await client.patch(path, json={"name": "Other"}, headers=tenant.headers)
    twice = await client.delete(path, headers=tenant.headers)
    assert (change.status_code, twice.status_code) == (404, 404)
    restored = await client.post(f"{path}/restore", headers=tenant.headers)
    again = await client.post(f"{path}/restore", headers=tenant.headers)
    assert (restored.status_code, again.status_code) == (200, 200)
    assert await listed(client, tenant, kind) == before == [restored.json()] == [again.json()]
    audit = await client.get(f"/api/workspaces/{tenant.id}/audit", headers=tenant.headers)
    told = [each["action"] for each in audit.json()["events"]]
    assert told.count(f"{kind.removesuffix('s')}.restored") == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_only_who_may_delete_in_this_workspace_brings_back(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, kind: str
) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    _, agent = await factory.member(tenant, Role.AGENT)
    id = await made(client, resources, tenant, kind)
    await client.delete(f"/api/{kind}/{id}", headers=tenant.headers)
    answers = [
        (await client.post(f"/api/{kind}/{id}/restore", headers=headers)).status_code
        for headers in ({}, agent, other.headers)
    ]
    assert answers == [401, 403, 404]
    assert await listed(client, tenant, kind) == []


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_not_brought_back_in_time_is_gone_for_good(
    client: httpx.AsyncClient,
    factory: Factory,
    resources: Resources,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    purge, task = KINDS[kind]
    tenant = await factory.tenant()
    gone, kept = [await made(client, resources, tenant, kind) for _ in range(2)]
    await client.delete(f"/api/{kind}/{gone}", headers=tenant.headers)

    async def left() -> set[str]:
        async with resources.database.unit_of_work(tenant.scope) as session:
            for id in (gone, kept):
                await purge(session, tenant.id, UUID(id))
            found = await session.execute(text(f"select id::text from {kind}"))
            return set(found.scalars())

    assert await left() == {gone, kept}
    async with resources.database.unit_of_work() as session:
        waits = await session.execute(
            text(
                "select extract(epoch from scheduled_at - now()) from procrastinate_jobs"
                " where task_name = :task and args ->> 'workspace_id' = :workspace"
            ),
            {"task": f"helpninja:{task}", "workspace": str(tenant.id)},
        )
    [seconds] = waits.scalars()
    # Later than the hour: a clock that is behind would else keep it for ever.
    assert 3_640 < seconds <= 3_660
    monkeypatch.setattr(undo, "UNDO_PERIOD", timedelta(0))
    assert (await client.post(f"/api/{kind}/{gone}/restore", headers=tenant.headers)).status_code == 404
    assert await left() == {kept}


async def test_a_rule_that_is_deleted_is_not_tried_and_comes_back_to_its_place(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    ids = [(await add(client, tenant.headers, name))["id"] for name in ("one", "two", "three")]

    async def tried() -> list[str]:
        async with resources.database.unit_of_work(tenant.scope) as session:
            return [rule.name for rule in await load_rules(session, tenant.id)]

    await client.delete(f"/api/rules/{ids[1]}", headers=tenant.headers)
    assert await tried() == ["one", "three"]
    await client.post(f"/api/rules/{ids[1]}/restore", headers=tenant.headers)
    assert await tried() == ["one", "two", "three"]


async def test_a_rule_does_not_come_back_as_one_too_many(
    client: httpx.AsyncClient, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("helpninja_app.conversations.rules.service.MOST_RULES", 1)
    tenant = await factory.tenant()
    gone = (await add(client, tenant.headers, "one"))["id"]
    await client.delete(f"/api/rules/{gone}", headers=tenant.headers)
    await add(client, tenant.headers, "two")
    refused = await client.post(f"/api/rules/{gone}/restore", headers=tenant.headers)
    assert refused.status_code == 409
    assert [each["name"] for each in await listed(client, tenant, "rules")] == ["two"]


async def test_an_integration_that_is_deleted_is_sent_nothing_until_it_is_back(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, open_site: OpenSite
) -> None:
    tenant, site = await factory.tenant(), await open_site({"/hook": answer("ok")})
    path = f"/api/integrations/{await integrate(resources, tenant, f'{site.url}/hook')}"
    await ask_for_a_person(resources, tenant)
    [due] = [each.id for each in await deliveries_of(resources, tenant.id)]
    await client.delete(path, headers=tenant.headers)
    await resources.courier.deliver_due([due])
    again = f"/api/deliveries/{due}/resend"
    assert (await client.post(again, headers=tenant.headers)).status_code == 409
    await client.post(f"{path}/restore", headers=tenant.headers)
    assert (await client.post(again, headers=tenant.headers)).status_code == 200
    assert site.requests == []
    await resources.courier.deliver_due([due])
    assert [each.status for each in await deliveries_of(resources, tenant.id)] == ["sent"]
    assert [request.path for request in site.requests] == ["/hook"]


async def test_a_rule_cannot_name_an_integration_that_is_deleted(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    gone = await integrate(resources, tenant)
    await client.delete(f"/api/integrations/{gone}", headers=tenant.headers)
    rule = await add(client, tenant.headers, "Refunds")
    wished = {"destinations": [str(gone)]}
    refused = await client.patch(f"/api/rules/{rule['id']}", json=wished, headers=tenant.headers)
    assert refused.status_code == 422


async def test_credentials_of_what_is_deleted_follow_the_keys(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    id = await integrate(resources, tenant)
    await client.delete(f"/api/integrations/{id}", headers=tenant.headers)
    keys = ("a-new-key-of-thirty-two-characters!", *resources.courier.keys)
    async with resources.database.unit_of_work(tenant.scope) as session:
        rotated = await rotate_credentials(session, tenant.id, keys)
    assert (rotated.changed, rotated.unreadable) == (1, 0)
