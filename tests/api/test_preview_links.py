"""``/api/ingest/preview`` with ``followLinks``: the first pages of a website without a sitemap, in time."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from helpninja_app.knowledge import previews
from tests.api.ingesting import documents, html, ingest_links, linking, sitemap, xml
from tests.conftest import OpenResources, OpenSite
from tests.factories import Factory, Tenant
from tests.loopback_site import LoopbackSite, Request, answer

pytestmark = pytest.mark.usefixtures("worker", "no_backoff")


async def look(client: httpx.AsyncClient, tenant: Tenant, address: str, **body: Any) -> dict[str, Any]:
    response = await client.post(
        "/api/ingest/preview", json={"input": address, "followLinks": True} | body, headers=tenant.headers
    )
    assert response.status_code == 200, response.text
    return dict(response.json())


def urls(told: dict[str, Any], site: LoopbackSite) -> list[str]:
    return [page["url"].removeprefix(site.url) for page in told["pages"]]


async def test_the_first_pages_are_told_and_none_is_kept(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    site.routes |= {
        "/robots.txt": answer("User-agent: *\nDisallow: /private", content_type="text/plain"),
        "/": linking("home", "/a", "/private", "/gone", "/a?x=1"),
        "/a": linking("axes", "/b"),
        "/b": linking("bows", "/"),
        "/a?x=1": linking("axes", "/b", head='<link rel=canonical href="/a">'),
    }
    told = await look(client, tenant, f"{site.url}/")
    assert (told["kind"], told["host"], told["found"], told["complete"]) == ("site", site.host, 3, True)
    assert urls(told, site) == ["/", "/a", "/b"]
    reasons = {skip["url"].removeprefix(site.url): skip["reason"] for skip in told["skipped"]}
    assert set(reasons) == {"/private", "/gone", "/a?x=1"}
    assert "404" in reasons["/gone"]
    assert await documents(client, tenant) == {}
    assert (await client.get("/api/sources", headers=tenant.headers)).json()["total"] == 0


async def test_it_is_told_alone_or_with_its_links_as_it_was_chosen(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    site.routes |= {"/": linking("home", "/a"), "/a": html("axes")}
    assert (await look(client, tenant, f"{site.url}/", followLinks=False))["kind"] == "page"
    assert (await look(client, tenant, f"{site.url}/", followLinks=None))["kind"] == "page"
    await ingest_links(client, tenant, f"{site.url}/")
    told = await look(client, tenant, f"{site.url}/", followLinks=None)
    assert (told["kind"], told["known"]) == ("site", 2)


async def test_a_sitemap_is_told_as_a_sitemap(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    site.routes["/map"] = xml(sitemap(f"{site.url}/a"))
    told = await look(client, tenant, f"{site.url}/map")
    assert (told["kind"], told["found"]) == ("sitemap", 1)


async def test_of_a_large_website_only_the_beginning_is_looked_at(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    site.routes["/"] = linking("home", *(f"/{number}" for number in range(300)))
    told = await look(client, tenant, f"{site.url}/")
    assert (told["found"], len(told["pages"]), told["complete"]) == (301, 50, False)
    assert len(site.requests) <= 3


async def test_a_slow_website_is_told_as_far_as_it_was_seen(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    monkeypatch.setattr(previews, "SECONDS", 20.0)

    async def never(_request: Request, _writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    site.routes |= {"/": linking("home", "/slow", "/a"), "/slow": never}
    async with asyncio.timeout(60):
        told = await look(client, tenant, f"{site.url}/")
    assert (urls(told, site), told["complete"]) == (["/", "/slow", "/a"], False)


async def test_the_limit_of_the_plan_is_told(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite, with_resources: OpenResources
) -> None:
    site, tenant = await open_site(), await factory.in_person("free")
    site.routes["/"] = linking("home", *(f"/{number}" for number in range(300)))
    async with with_resources(unlimited=False):
        told = await look(client, tenant, f"{site.url}/")
    assert told["found"] == 50
    assert "50 pages" in told["limits"][0]
