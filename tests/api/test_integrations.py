"""Integrations over HTTP: what is refused, what is shown, and that credentials never come back."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import structlog
from sqlalchemy import text

from helpninja_app.integrations.credentials import Secrets
from helpninja_app.resources import Resources
from tests.conftest import OpenResources, OpenSite
from tests.deliveries import ask_for_a_person, deliveries_of, integrate, integration_of
from tests.factories import Factory, Tenant
from tests.loopback_site import answer
from tests.plan_words import assert_shows_the_way

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CANARY = "canary-9f3c1e7ab2"


async def _create(client: httpx.AsyncClient, tenant: Tenant, **body: Any) -> httpx.Response:
    wished = {"provider": "email", "name": "Support", "credentials": {"to": "team@example.com"}} | body
    return await client.post("/api/integrations", json=wished, headers=tenant.headers)


async def _list(client: httpx.AsyncClient, tenant: Tenant) -> list[dict[str, Any]]:
    response = await client.get("/api/integrations", headers=tenant.headers)
    assert response.status_code == 200
    found: list[dict[str, Any]] = response.json()
    return found


async def test_what_is_created_is_listed_with_redacted_credentials(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    tenant, site = await factory.tenant(), await open_site()
    url = f"{site.url}/services/T000/B000/abcdefghijklmnop"
    made = await _create(
        client, tenant, provider="slack", name="Support Slack", credentials={"webhook_url": url}
    )
    assert made.status_code == 201
    (found,) = await _list(client, tenant)
    assert found["id"] == made.json()["id"]
    assert found["credentials"] == {"webhook_url": f"{site.url}/…mnop"}
    assert (found["status"], found["config"]) == ("active", {})


@pytest.mark.parametrize(
    ("provider", "credentials", "field"),
    [
        ("slack", {}, "webhook_url"),
        ("slack", {"webhook_url": "http://hooks.slack.com/services/x"}, "webhook_url"),
        ("slack", {"webhook_url": "https://127.0.0.1/x"}, "webhook_url"),
        ("teams", {"webhook_url": "https://169.254.169.254/latest"}, "webhook_url"),
        ("discord", {"webhook_url": "https://intranet/x"}, "webhook_url"),
        ("discord", {"webhook_url": "ftp://discord.com/x"}, "webhook_url"),
        ("email", {"to": "nobody"}, "to"),
        ("email", {"to": "a@example.com\nBcc: b@example.com"}, "to"),
        ("email", {"to": "a@example.com", "webhook_url": "https://example.com"}, "webhook_url"),
        ("webhook", {"url": "https://10.0.0.1/x", "secret": SECRET}, "url"),
        ("webhook", {"secret": SECRET}, "url"),
        ("webhook", {"url": "https://10.0.0.1/x", "secret": "short"}, "secret"),
        ("webhook", {"url": "https://10.0.0.1/x", "secret": "whsec_*"}, "secret"),
    ],
)
async def test_wrong_credentials_are_refused_by_their_field(
    client: httpx.AsyncClient, factory: Factory, provider: str, credentials: dict[str, str], field: str
) -> None:
    tenant = await factory.tenant()
    response = await _create(client, tenant, provider=provider, credentials=credentials)
    assert response.status_code == 422
    assert f"body.credentials.{field}" in {each["field"] for each in response.json()["errors"]}
    assert await _list(client, tenant) == []


async def test_the_plan_says_how_many_there_may_be(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.in_person("free")
    async with with_resources(unlimited=False):
        assert (await _create(client, tenant)).status_code == 201
        refused = await _create(client, tenant)
    assert refused.status_code == 402
    assert (refused.json()["limit"], refused.json()["used"]) == (1, 1)
    assert_shows_the_way(refused.json())


async def test_what_is_sent_back_redacted_stays_as_it_was(
    client: httpx.AsyncClient, resources: Resources, factory: Factory, open_site: OpenSite
) -> None:
    tenant, site = await factory.tenant(), await open_site({"/long/enough/for/its/end": answer("ok")})
    id = await integrate(resources, tenant, f"{site.url}/long/enough/for/its/end")
    (shown,) = await _list(client, tenant)
    changed = await client.patch(
        f"/api/integrations/{id}",
        json={"credentials": shown["credentials"] | {"channel": "#help"}, "name": "Other"},
        headers=tenant.headers,
    )
    assert changed.status_code == 200
    assert changed.json()["credentials"] == shown["credentials"] | {"channel": "#help"}
    tried = await client.post(f"/api/integrations/{id}/test", headers=tenant.headers)
    assert tried.json() == {"ok": True}
    assert [request.path for request in site.requests] == ["/long/enough/for/its/end"]


async def test_what_waits_for_an_integration_that_is_deleted_is_shown_as_failed(
    client: httpx.AsyncClient, resources: Resources, factory: Factory
) -> None:
    tenant = await factory.tenant()
    id = await integrate(resources, tenant)
    await ask_for_a_person(resources, tenant)
    assert (await client.delete(f"/api/integrations/{id}", headers=tenant.headers)).status_code == 200
    await resources.courier.deliver_due([each.id for each in await deliveries_of(resources, tenant.id)])
    (shown,) = (await client.get("/api/deliveries", headers=tenant.headers)).json()["deliveries"]
    assert (shown["status"], shown["error"]) == ("failed", "The integration was deleted.")
    again = await client.post(f"/api/deliveries/{shown['id']}/resend", headers=tenant.headers)
    assert again.status_code == 409


async def test_what_failed_can_be_sent_again(
    client: httpx.AsyncClient, resources: Resources, factory: Factory, open_site: OpenSite
) -> None:
    tenant = await factory.tenant()
    site = await open_site({"/hook": [answer("no", status="403 Forbidden"), answer("ok")]})
    await integrate(resources, tenant, f"{site.url}/hook")
    await ask_for_a_person(resources, tenant)
    due = [each.id for each in await deliveries_of(resources, tenant.id)]
    await resources.courier.deliver_due(due)
    failed = await client.get("/api/deliveries", params={"status": "failed"}, headers=tenant.headers)
    assert failed.json()["total"] == 1
    again = await client.post(f"/api/deliveries/{due[0]}/resend", headers=tenant.headers)
    assert (again.status_code, again.json()["status"]) == (200, "waiting")
    await resources.courier.deliver_due(due)
    assert [each.status for each in await deliveries_of(resources, tenant.id)] == ["sent"]
    assert len(site.requests) == 2


async def test_a_trial_says_what_went_wrong(
    client: httpx.AsyncClient, resources: Resources, factory: Factory, open_site: OpenSite
) -> None:
    tenant = await factory.tenant()
    site = await open_site({"/hook": answer("no", status="404 Not Found")})
    id = await integrate(resources, tenant, f"{site.url}/hook")
    tried = await client.post(f"/api/integrations/{id}/test", headers=tenant.headers)
    assert tried.status_code == 200
    assert tried.json()["ok"] is False
    assert "404" in tried.json()["error"]
    assert (await integration_of(resources, tenant, id)).status == "failing"


async def test_trials_are_limited(
    client: httpx.AsyncClient, resources: Resources, factory: Factory, open_site: OpenSite
) -> None:
    tenant = await factory.tenant()
    site = await open_site({"/hook": answer("ok")})
    id = await integrate(resources, tenant, f"{site.url}/hook")
    statuses = [
        (await client.post(f"/api/integrations/{id}/test", headers=tenant.headers)).status_code
        for _ in range(11)
    ]
    assert statuses == [200] * 10 + [429]


async def test_a_secret_is_nowhere_to_be_seen(
    client: httpx.AsyncClient, resources: Resources, factory: Factory, open_site: OpenSite
) -> None:
    tenant = await factory.tenant()
    site = await open_site({f"/{CANARY}/hook": answer(CANARY, status="500 Oh")})
    url, seen = f"{site.url}/{CANARY}/hook", ""
    with structlog.testing.capture_logs() as logs:
        made = await _create(
            client,
            tenant,
            provider="webhook",
            credentials={"url": url, "secret": f"{CANARY}-{CANARY}-long-enough"},
        )
        assert made.status_code == 201
        id = made.json()["id"]
        path = f"/api/integrations/{id}"
        await ask_for_a_person(resources, tenant)
        await resources.courier.deliver_due([each.id for each in await deliveries_of(resources, tenant.id)])
        for response in (
            made,
            await client.get("/api/integrations", headers=tenant.headers),
            await client.get("/api/deliveries", headers=tenant.headers),
            await client.post(f"{path}/test", headers=tenant.headers),
            await client.patch(path, json={"name": "Other"}, headers=tenant.headers),
            await client.patch(
                path, json={"credentials": {"secret": f"{CANARY}-other-one"}}, headers=tenant.headers
            ),
            await client.patch(path, json={"credentials": {"url": 1}}, headers=tenant.headers),
            await _create(client, tenant, provider="slack", credentials={"webhook_url": f"x{CANARY}"}),
            await _create(client, tenant, provider="slack", credentials={"webhook_url": [CANARY]}),
            await client.delete(path, headers=tenant.headers),
        ):
            seen += response.text
    async with resources.database.unit_of_work(tenant.scope) as session:
        for table in ("integrations", "deliveries", "audit_events"):
            rows = await session.execute(text(f"select row_to_json(t)::text from {table} t"))
            seen += " ".join(rows.scalars())
    assert CANARY not in seen
    assert CANARY not in str(logs)
    assert CANARY not in repr(resources.courier)
    assert CANARY not in repr(Secrets({"secret": CANARY}))
    assert any(each["event"] == "delivery_postponed" for each in logs)
