"""Which websites may use a workspace's chat, and what their browsers are told."""

from __future__ import annotations

import httpx
import pytest
from starlette.middleware.cors import CORSMiddleware

from api_routes.app import create_api
from api_routes.middleware import PublicPreflight
from tests.api.chatting import ask, shop
from tests.factories import Factory

LISTED = ["shop.example", "*.wild.example", "localhost:8080"]


@pytest.mark.parametrize(
    "origin",
    [
        "https://shop.example",
        "http://shop.example",
        "https://www.shop.example",
        "https://SHOP.example",
        "https://a.wild.example",
        "https://a.b.wild.example",
        "http://localhost:8080",
    ],
)
async def test_a_listed_website_may_ask_with_cors_and_without_credentials(
    client: httpx.AsyncClient, factory: Factory, origin: str
) -> None:
    tenant = await shop(factory, allowed_domains=LISTED)
    for accept in ("application/json", "text/event-stream"):
        response = await ask(client, tenant, headers={"origin": origin, "accept": accept})
        assert response.status_code == 200
        assert response.headers["access-control-allow-origin"] == origin
        assert "origin" in response.headers["vary"].lower()
        assert "access-control-allow-credentials" not in response.headers


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://shop.example.evil.example",
        "https://evilshop.example",
        "https://sub.shop.example",
        "https://wild.example",
        "https://notwild.example",
        "https://shop.example@evil.example",
        "http://localhost:9090",
        "http://localhost",
        "null",
        "file://",
        "chrome-extension://shop.example",
        "https://[",
        "https://shop.example:99999",
    ],
)
async def test_any_other_website_is_refused(client: httpx.AsyncClient, factory: Factory, origin: str) -> None:
    tenant = await shop(factory, allowed_domains=LISTED)
    response = await ask(client, tenant, headers={"origin": origin})
    assert response.status_code == 403
    assert response.json()["type"].endswith("origin-not-allowed")
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("headers", [{}, {"origin": "http://helpninja.test"}])
async def test_no_origin_and_our_own_are_allowed_whatever_the_list_says(
    client: httpx.AsyncClient, factory: Factory, headers: dict[str, str]
) -> None:
    tenant = await shop(factory, allowed_domains=LISTED)
    response = await ask(client, tenant, headers=headers)
    assert response.status_code == 200
    assert "access-control-allow-origin" not in response.headers


async def test_an_empty_list_means_any_website(client: httpx.AsyncClient, factory: Factory) -> None:
    response = await ask(client, await shop(factory), headers={"origin": "https://anywhere.example"})
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "https://anywhere.example"


async def test_a_refused_origin_is_403_before_the_body_is_judged(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await shop(factory, allowed_domains=LISTED)
    response = await ask(client, tenant, "", headers={"origin": "https://evil.example"})
    assert response.status_code == 403


async def test_a_listed_website_can_read_why_its_request_failed(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await shop(factory, allowed_domains=LISTED)
    origin = {"origin": "https://shop.example"}
    session = {"tenantId": tenant.workspace.public_key, "sessionId": "x"}
    for response in (
        await ask(client, tenant, "", headers=origin),
        await ask(client, tenant, headers=origin | {"authorization": "Bearer forged"}),
        await client.post("/api/widget/session", json=session, headers=origin),
    ):
        assert response.status_code in {401, 422}
        assert response.headers["access-control-allow-origin"] == "https://shop.example"
        assert "origin" in response.headers["vary"].lower()


@pytest.mark.parametrize("path", ["/api/chat", "/api/widget/session", "/api/widget/config"])
async def test_a_pre_flight_is_answered_without_credentials(path: str) -> None:
    async with _outside() as outside:
        response = await outside.options(path, headers=_preflight("https://shop.example"))
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "https://shop.example"
    assert "POST" in response.headers["access-control-allow-methods"]
    allowed = {name.strip() for name in response.headers["access-control-allow-headers"].split(",")}
    assert {"content-type", "authorization"} <= allowed
    assert "access-control-allow-credentials" not in response.headers
    assert response.headers["vary"] == "origin"


@pytest.mark.parametrize("path", ["/api/ingest", "/api/auth/sign-in", "/api/chats", "/api/widgetry"])
async def test_routes_of_members_answer_no_pre_flight(path: str) -> None:
    async with _outside() as outside:
        response = await outside.options(path, headers=_preflight("https://evil.example"))
    assert response.status_code in {404, 405}
    assert "access-control-allow-origin" not in response.headers


async def test_a_pre_flight_of_no_website_is_allowed_nothing() -> None:
    async with _outside() as outside:
        response = await outside.options("/api/chat", headers=_preflight("null"))
    assert "access-control-allow-origin" not in response.headers


def _outside() -> httpx.AsyncClient:
    """The API as it stands behind the layer that answers pre-flights."""
    app = PublicPreflight(create_api())
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://helpninja.test")


def _preflight(origin: str) -> dict[str, str]:
    return {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type, authorization",
    }


async def test_no_layer_around_a_visitor_s_route_allows_credentials() -> None:
    allowing = CORSMiddleware(create_api(), allow_origins=["https://shop.example"], allow_credentials=True)
    transport = httpx.ASGITransport(app=PublicPreflight(allowing))
    async with httpx.AsyncClient(transport=transport, base_url="http://helpninja.test") as client:
        for path, is_public in (("/api/chat", True), ("/api/health/live", False)):
            answer = await client.get(path, headers={"origin": "https://shop.example"})
            assert answer.status_code == 200
            assert ("access-control-allow-credentials" in answer.headers) is not is_public
