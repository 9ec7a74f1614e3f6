"""Keys of a workspace whose plan loses API keys, and gets them back."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.resources import Resources
from tests.conftest import OpenResources
from tests.factories import Factory, Tenant
from tests.plan_words import assert_shows_the_way


async def set_plan(resources: Resources, tenant: Tenant, plan: str) -> None:
    async with resources.database.unit_of_work(tenant.scope) as session:
        changed = text("update workspaces set plan = :plan where id = :workspace")
        await session.execute(changed, {"plan": plan, "workspace": tenant.id})


async def ask(client: httpx.AsyncClient, tenant: Tenant, *, by: str | None = None) -> httpx.Response:
    params = {"tenantId": by} if by else {}
    return await client.get("/api/sources", params=params, headers=tenant.headers)


@pytest.mark.parametrize("handle", ["key", "id", "slug", "public_key"])
async def test_after_a_downgrade_keys_wait_and_say_why(
    client: httpx.AsyncClient,
    factory: Factory,
    with_resources: OpenResources,
    resources: Resources,
    handle: str,
) -> None:
    tenant = await factory.tenant(plan="starter")
    by = None if handle == "key" else str(getattr(tenant.workspace, handle))
    async with with_resources(unlimited=False):
        before = await ask(client, tenant, by=by)
        await set_plan(resources, tenant, "free")
        refused = await ask(client, tenant, by=by)
        await set_plan(resources, tenant, "pro")
        back = await ask(client, tenant, by=by)
    assert (before.status_code, refused.status_code, back.status_code) == (200, 403, 200)
    problem = refused.json()
    assert problem["type"] == "urn:helpninja:problem:not-in-the-plan"
    assert problem["detail"].startswith("The free plan has no API keys: they come with the starter plan.")
    assert_shows_the_way(problem)


async def test_nothing_is_done_for_a_key_that_waits(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant(plan="free")
    _, owner = await factory.member(tenant)
    note = {"title": "Opening hours", "text": "From 9 to 17."}
    async with with_resources(unlimited=False):
        refused = await client.post("/api/notes", json=note, headers=tenant.headers)
        written = await client.post("/api/notes", json=note, headers=owner)
    assert (refused.status_code, written.status_code) == (403, 201)


async def test_people_go_on_and_see_the_keys_that_wait(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant(plan="free")
    _, owner = await factory.member(tenant)
    path = f"/api/workspaces/{tenant.id}/keys"
    async with with_resources(unlimited=False):
        [listed] = (await client.get(path, headers=owner)).json()["keys"]
        revoked = await client.delete(f"{path}/{listed['id']}", headers=owner)
    assert (listed["name"], revoked.status_code) == ("tests", 200)


async def test_a_key_that_does_not_count_hears_nothing_of_the_plan(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant, other = await factory.tenant(plan="free"), await factory.tenant(plan="free")
    async with with_resources(unlimited=False):
        unknown = await client.get("/api/sources", headers={"authorization": f"Bearer {tenant.key}x"})
        elsewhere = await ask(client, tenant, by=other.workspace.slug)
    assert (unknown.status_code, elsewhere.status_code) == (401, 404)


async def test_where_nothing_is_limited_every_plan_s_keys_count(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    assert (await ask(client, await factory.tenant(plan="free"))).status_code == 200


async def test_keys_that_wait_count_against_their_own_limit(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant(plan="free")
    async with with_resources(unlimited=False, member_limit=2):
        answers = [(await ask(client, tenant)).status_code for _ in range(3)]
    assert answers == [403, 403, 429]
