"""What a plan has not: the 403 says which plan has it and the way there, and nothing is limited unpaid."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from helpninja_app.billing.plans import FREE, MEGABYTE
from tests.api.uploading import upload
from tests.conftest import OpenResources
from tests.factories import Factory
from tests.plan_words import assert_shows_the_way

RULE = {
    "name": "Refunds",
    "action": "escalate",
    "condition": {
        "match": "all",
        "conditions": [{"fact": "keyword", "operator": "any", "values": ["refund"]}],
    },
}
ENDPOINT = {"url": "https://93.184.215.14/hook", "events": ["message.created"]}
KEY = {"name": "CI", "permissions": ["knowledge:read"]}
# Route, body, the first plan that has it, and what pro answers.
WANTED = {
    "API keys": ("POST", "/api/workspaces/{workspace}/keys", KEY, "starter", 201),
    "escalation rules": ("POST", "/api/rules", RULE, "pro", 201),
    "outbound webhooks": ("POST", "/api/webhook-endpoints", ENDPOINT, "pro", 201),
    "conversation export": ("GET", "/api/inbox/export", None, "pro", 200),
}


@pytest.mark.parametrize("feature", WANTED)
async def test_what_a_plan_has_not_is_403_with_the_way_on(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources, feature: str
) -> None:
    method, path, body, plan, status = WANTED[feature]

    async def wanted(plan: str) -> httpx.Response:
        tenant = await factory.tenant(plan=plan)
        _, owner = await factory.member(tenant)
        return await client.request(method, path.format(workspace=tenant.id), json=body, headers=owner)

    async with with_resources(unlimited=False):
        refused, had = await wanted("free"), await wanted("pro")
    unpaid = await wanted("free")
    problem: dict[str, Any] = refused.json()
    assert refused.status_code == 403
    assert problem["type"] == "urn:helpninja:problem:not-in-the-plan"
    assert problem["detail"].startswith(f"The free plan has no {feature}: ")
    assert f"with the {plan} plan." in problem["detail"]
    assert_shows_the_way(problem)
    assert (had.status_code, unpaid.status_code) == (status, status)


@pytest.mark.parametrize("feature", [name for name, (method, *_) in WANTED.items() if method == "POST"])
async def test_the_plan_comes_before_what_is_wrong_with_the_body(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources, feature: str
) -> None:
    tenant = await factory.tenant(plan="free")
    _, owner = await factory.member(tenant)
    path = WANTED[feature][1].format(workspace=tenant.id)
    async with with_resources(unlimited=False):
        refused = await client.post(path, json={}, headers=owner)
    wrong = await client.post(path, json={}, headers=owner)
    assert (refused.status_code, wrong.status_code) == (403, 422)


async def test_a_plan_without_the_export_is_told_before_what_is_wrong_with_the_question(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant(plan="starter")
    async with with_resources(unlimited=False):
        refused = await client.get("/api/inbox/export?format=xml", headers=tenant.headers)
    assert refused.status_code == 403


async def test_what_a_role_may_not_do_does_not_lead_to_billing(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await factory.tenant()
    narrow = await factory.key(tenant, frozenset())
    refused = await client.get("/api/inbox/export", headers=narrow)
    assert refused.status_code == 403
    assert "billing" not in refused.json()


async def test_a_key_that_may_not_read_hears_nothing_of_the_plan(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant(plan="starter")
    narrow = await factory.key(tenant, frozenset())
    async with with_resources(unlimited=False):
        refused = await client.get("/api/inbox/export", headers=narrow)
    assert "plan" not in refused.json()["detail"]


async def test_a_file_over_the_plan_s_size_hears_which_plan_takes_it(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.in_person("free")
    async with with_resources(unlimited=False):
        # Found by the length that is announced, and by the file's own.
        for more in (MEGABYTE, 1):
            refused = await upload(client, tenant.headers, "big.txt", b"x" * (FREE.upload_bytes + more))
            assert refused.status_code == 400
            assert (
                "10 MB that the free plan takes. The pro plan takes up to 25 MB." in refused.json()["detail"]
            )
            assert_shows_the_way(refused.json())
