"""``/api/ingest/preview``: what would be read, told in time and without reading it."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from helpninja_app.knowledge import previews
from helpninja_app.knowledge.crawl import discovery
from tests.api.ingesting import documents, html, ingest, sitemap, sitemap_index, xml
from tests.api.test_sources import two_pages
from tests.conftest import OpenResources, OpenSite
from tests.factories import Factory
from tests.loopback_site import Request, answer

pytestmark = pytest.mark.usefixtures("worker", "no_backoff")

PATH = "/api/ingest/preview"


async def test_a_sitemap_is_told_with_what_is_known_and_what_robots_forbids(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    await two_pages(site)
    site.routes["/robots.txt"] = answer("User-agent: *\nDisallow: /private", content_type="text/plain")
    urls = [f"{site.url}/{name}" for name in ("a", "b", "private/c")]
    site.routes["/sitemap.xml"] = xml(sitemap(*urls, "https://elsewhere.example/"))
    await ingest(client, tenant, f"{site.url}/a")
    site.requests.clear()
    response = await client.post(PATH, json={"input": f"{site.url}/sitemap.xml"}, headers=tenant.headers)
    assert response.json() == {
        "ok": True,
        "kind": "sitemap",
        "host": site.host,
        "found": 3,
        "known": 1,
        "audience": None,
        "elsewhere": 1,
        "leftOut": 0,
        "forbidden": 1,
        "skippedCount": 1,
        "pages": [
            {"url": urls[0], "known": True, "leftOut": False},
            {"url": urls[1], "known": False, "leftOut": False},
        ],
        "robots": [urls[2]],
        "skipped": [{"url": "https://elsewhere.example/", "reason": "other host"}],
        "limits": [],
        "complete": True,
    }
    assert {request.path for request in site.requests} <= {"/sitemap.xml", "/robots.txt"}
    assert set(await documents(client, tenant)) == {urls[0]}


async def test_a_page_is_told_as_one(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site({"/a": html("axes")}), await factory.tenant()
    told = (await client.post(PATH, json={"input": f"{site.url}/a"}, headers=tenant.headers)).json()
    assert (told["kind"], told["found"], told["pages"][0]["url"]) == ("page", 1, f"{site.url}/a")
    assert (await client.get("/api/sources", headers=tenant.headers)).json()["total"] == 0


async def test_what_was_deleted_here_is_said_to_stay_away(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    await ingest(client, tenant, address)
    page = (await documents(client, tenant))[f"{site.url}/a"]["id"]
    await client.delete(f"/api/documents/{page}", headers=tenant.headers)
    told = (await client.post(PATH, json={"input": address}, headers=tenant.headers)).json()
    assert (told["leftOut"], told["pages"][0]["leftOut"], told["pages"][1]["leftOut"]) == (1, True, False)


async def test_the_first_fifty_pages_are_shown(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    site.routes["/sitemap.xml"] = xml(sitemap(*(f"{site.url}/{number}" for number in range(120))))
    told = (await client.post(PATH, json={"input": f"{site.url}/sitemap.xml"}, headers=tenant.headers)).json()
    assert (told["found"], len(told["pages"])) == (120, 50)


async def test_limits_that_would_be_met_are_told_and_refuse_nothing(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite, with_resources: OpenResources
) -> None:
    first, second = await open_site({"/a": html("axes")}), await open_site()
    tenant = await factory.in_person("free")
    second.routes["/sitemap.xml"] = xml(sitemap(*(f"{second.url}/{number}" for number in range(60))))
    async with with_resources(unlimited=False):
        await ingest(client, tenant, f"{first.url}/a")
        response = await client.post(
            PATH, json={"input": f"{second.url}/sitemap.xml"}, headers=tenant.headers
        )
    told = response.json()
    assert (response.status_code, told["found"]) == (200, 50)
    assert len(told["limits"]) == 2
    assert second.host in told["limits"][0]
    assert "50 pages" in told["limits"][1]


async def test_a_site_that_takes_too_long_is_told_in_time(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    monkeypatch.setattr(previews, "SECONDS", 0.5)

    async def never(_request: Request, _writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    site.routes["/slow"] = never
    async with asyncio.timeout(60):
        response = await client.post(PATH, json={"input": f"{site.url}/slow"}, headers=tenant.headers)
    assert (response.status_code, "too slow" in response.json()["error"]) == (422, True)


async def test_sitemaps_that_there_was_no_time_for_are_said_to_be_missing(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    site.routes |= {"/one.xml": xml(sitemap(f"{site.url}/a")), "/two.xml": xml(sitemap(f"{site.url}/b"))}
    site.routes["/index.xml"] = xml(sitemap_index(f"{site.url}/one.xml", f"{site.url}/two.xml"))
    read = discovery._SitemapWalk._read

    async def slowly(walk: discovery._SitemapWalk, address: str, depth: int) -> None:
        await read(walk, address, depth)
        walk._deadline = 0

    monkeypatch.setattr(discovery._SitemapWalk, "_read", slowly)
    told = (await client.post(PATH, json={"input": f"{site.url}/index.xml"}, headers=tenant.headers)).json()
    assert (told["found"], told["complete"]) == (1, False)
    assert f"{previews.SECONDS / 2:g} seconds" in told["skipped"][0]["reason"]


@pytest.mark.parametrize(
    "address", ["http://10.0.0.1/", "http://127.0.0.1:1/", "ftp://a.example/", "nothing"]
)
async def test_an_address_that_is_not_fetched_is_refused(
    client: httpx.AsyncClient, factory: Factory, address: str
) -> None:
    tenant = await factory.tenant()
    response = await client.post(PATH, json={"input": address}, headers=tenant.headers)
    assert (response.status_code, response.json()["ok"]) == (422, False)
