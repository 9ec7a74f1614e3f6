"""Liveness, readiness, metrics, and the demo's pages, which stand only where developers work."""

from __future__ import annotations

import httpx
import pytest
from pydantic import SecretStr

from api_routes.app import create_api
from helpninja_app.demo import workspace as demo
from helpninja_app.kernel.database import new_id
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.resources import Resources
from helpninja_app.version import VERSION
from tests.conftest import OpenResources

TOKEN = "m3trics-token-for-tests-0123456789-abc"


async def ask_from(
    address: str, path: str, headers: dict[str, str] | None = None, *, host: str = "127.0.0.1:3000"
) -> httpx.Response:
    """A request whose connection comes from ``address``."""
    transport = httpx.ASGITransport(app=create_api(), client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
        return await client.get(path, headers=headers)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/api/health/live", "/api/health/ready"])
async def test_health_answers_get_and_head(client: httpx.AsyncClient, method: str, path: str) -> None:
    response = await client.request(method, path)
    assert response.status_code == 200
    assert method == "HEAD" or response.json()["version"] == VERSION


@pytest.mark.usefixtures("resources")
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_this_machine_may_read_the_metrics(address: str) -> None:
    response = await ask_from(address, "/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain")
    assert "# HELP" in response.text


@pytest.mark.usefixtures("resources")
@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded"])
async def test_what_a_proxy_on_this_machine_forwards_is_not_from_this_machine(header: str) -> None:
    response = await ask_from("127.0.0.1", "/metrics", {header: "for=127.0.0.1"})
    assert response.status_code == 401
    assert "# HELP" not in response.text


@pytest.mark.usefixtures("resources")
@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost:3000", 200), ("[::1]:3000", 200), ("evil.example", 401), ("localhost.evil.example", 401)],
)
async def test_a_foreign_name_for_this_machine_does_not_open_the_metrics(host: str, status: int) -> None:
    assert (await ask_from("127.0.0.1", "/metrics", host=host)).status_code == status


@pytest.mark.usefixtures("resources")
@pytest.mark.parametrize("address", ["203.0.113.7", "2001:db8::1", "10.0.0.1", "not-an-address"])
async def test_other_machines_may_not_read_the_metrics(address: str) -> None:
    assert (await ask_from(address, "/metrics")).status_code == 401


@pytest.mark.usefixtures("resources")
async def test_a_token_opens_nothing_where_none_is_set() -> None:
    response = await ask_from("203.0.113.7", "/metrics", {"authorization": f"Bearer {TOKEN}"})
    assert response.status_code == 401


@pytest.mark.parametrize(("offered", "status"), [(TOKEN, 200), (TOKEN[:-1], 401), ("m", 401)])
async def test_the_metrics_token_opens_the_metrics_from_anywhere(
    with_resources: OpenResources, offered: str, status: int
) -> None:
    async with with_resources(metrics_token=SecretStr(TOKEN)):
        for address in ("203.0.113.7", "127.0.0.1"):
            headers = {"authorization": f"Bearer {offered}"}
            assert (await ask_from(address, "/metrics", headers)).status_code == status


async def test_a_process_is_not_ready_before_its_embedder_is_loaded(
    client: httpx.AsyncClient, with_resources: OpenResources, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with with_resources():
        monkeypatch.setattr(HashingEmbedder, "loaded", False)
        response = await client.get("/api/health/ready")
        assert response.status_code == 503
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["detail"] == "Not ready yet: the embedder is not loaded."
        # Whoever restarts processes that are not alive must leave this one alone.
        assert (await client.get("/api/health/live")).status_code == 200


async def test_development_is_not_ready_before_its_demo_is(
    client: httpx.AsyncClient, with_resources: OpenResources, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A key of its own: another test may have made the demo in this database.
    monkeypatch.setattr(demo, "PUBLIC_KEY", f"hn_pk_{new_id().hex}")
    async with with_resources(env="development"):
        response = await client.get("/api/health/ready")
    assert response.status_code == 503
    assert response.json()["detail"] == "Not ready yet: the demo is not searchable."


DEMO = ["/demo", "/demo/", "/demo/help", "/demo/help/", "/demo/help/sitemap.xml", "/demo/help/index.html"]


@pytest.mark.parametrize("path", DEMO)
async def test_there_is_no_demo_in_production(
    client: httpx.AsyncClient, resources: Resources, path: str
) -> None:
    assert not resources.settings.is_development
    response = await client.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", DEMO)
async def test_the_demo_is_served_in_development(
    client: httpx.AsyncClient, with_resources: OpenResources, path: str
) -> None:
    async with with_resources(env="development"):
        response = await client.get(path, follow_redirects=True)
        assert response.status_code == 200
        expected = "application/xml" if path.endswith(".xml") else "text/html"
        assert response.headers["content-type"].startswith(expected)


@pytest.mark.parametrize("name", ["nothing-like-this.html", "sitemap.html", "..%2Fshop.html", "index.php"])
async def test_the_help_centre_serves_its_own_pages_only(
    client: httpx.AsyncClient, with_resources: OpenResources, name: str
) -> None:
    async with with_resources(env="development"):
        assert (await client.get(f"/demo/help/{name}")).status_code == 404


@pytest.mark.parametrize("origin", ["http://127.0.0.1:4321", "https://shop.example"])
async def test_the_sitemap_names_the_origin_it_was_asked_at(
    client: httpx.AsyncClient, with_resources: OpenResources, origin: str
) -> None:
    async with with_resources(env="development", public_url=None):
        response = await client.get(f"{origin}/demo/help/sitemap.xml")
        locations = [part.partition("</loc>")[0] for part in response.text.split("<loc>")[1:]]
        assert locations
        assert all(location.startswith(f"{origin}/demo/help/") for location in locations)
        for location in locations[:5]:
            assert (await client.get(location)).status_code == 200
