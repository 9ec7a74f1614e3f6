"""What members chose for a page by hand, its audience and title, holds however often it is read again."""

from __future__ import annotations

import httpx
import pytest

from helpninja_app.resources import Resources
from tests.api.ingesting import documents, found, ingest, sitemap, xml
from tests.api.test_sources import source_of, two_pages
from tests.conftest import OpenSite
from tests.factories import Factory, Tenant
from tests.loopback_site import LoopbackSite, answer

pytestmark = pytest.mark.usefixtures("worker", "no_backoff")

GONE = answer("gone", status="404 Not Found")


async def choose(client: httpx.AsyncClient, tenant: Tenant, url: str, **body: str) -> None:
    document = (await documents(client, tenant))[url]
    response = await client.patch(f"/api/documents/{document['id']}", json=body, headers=tenant.headers)
    assert response.status_code == 200, response.text


async def lose_and_find(
    client: httpx.AsyncClient, tenant: Tenant, site: LoopbackSite, address: str, why: str
) -> None:
    """Have ``/a`` gone for one run, and there again for the next."""
    path = "/a" if why == "404" else "/sitemap.xml"
    there = site.routes[path]
    site.routes[path] = GONE if why == "404" else xml(sitemap(f"{site.url}/b"))
    await ingest(client, tenant, address)
    assert f"{site.url}/a" not in await documents(client, tenant)
    site.routes[path] = there
    await ingest(client, tenant, address)


@pytest.mark.parametrize("why", ["404", "not listed"])
async def test_a_page_for_members_that_was_gone_for_once_comes_back_for_members(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, open_site: OpenSite, why: str
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    await ingest(client, tenant, address)
    await choose(client, tenant, f"{site.url}/a", audience="members")
    await lose_and_find(client, tenant, site, address, why)
    stored = await documents(client, tenant)
    assert {url: item["audience"] for url, item in stored.items()} == {
        f"{site.url}/a": "members",
        f"{site.url}/b": "visitors",
    }
    assert await found(resources, tenant, "axes") == [f"{site.url}/b"]


async def test_a_page_comes_back_for_members_through_another_source(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    await ingest(client, tenant, address)
    await choose(client, tenant, f"{site.url}/a", audience="members")
    source = await source_of(client, tenant, address)
    deleted = await client.delete(f"/api/sources/{source['id']}", headers=tenant.headers)
    assert deleted.status_code == 200
    await ingest(client, tenant, f"{site.url}/a")
    assert (await documents(client, tenant))[f"{site.url}/a"]["audience"] == "members"
    # The source that has it now says who all of it is for, this page too while it is gone.
    one = await source_of(client, tenant, f"{site.url}/a")
    there, site.routes["/a"] = site.routes["/a"], GONE
    await client.post("/api/ingest", json={"input": f"{site.url}/a"}, headers=tenant.headers)
    assert await documents(client, tenant) == {}
    path = f"/api/sources/{one['id']}"
    changed = await client.patch(path, json={"audience": "visitors"}, headers=tenant.headers)
    assert changed.status_code == 200
    site.routes["/a"] = there
    await ingest(client, tenant, f"{site.url}/a")
    assert (await documents(client, tenant))[f"{site.url}/a"]["audience"] == "visitors"


async def test_a_page_for_visitors_in_a_source_for_members_comes_back_for_visitors(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    await ingest(client, tenant, address)
    path = f"/api/sources/{(await source_of(client, tenant, address))['id']}"
    await client.patch(path, json={"audience": "members"}, headers=tenant.headers)
    await choose(client, tenant, f"{site.url}/a", audience="visitors")
    await lose_and_find(client, tenant, site, address, "404")
    stored = await documents(client, tenant)
    assert {item["audience"] for item in stored.values()} == {"members", "visitors"}
    # What is said for the whole source afterwards holds for a page that is not there just then.
    there, site.routes["/a"] = site.routes["/a"], GONE
    await ingest(client, tenant, address)
    await client.patch(path, json={"audience": "members"}, headers=tenant.headers)
    site.routes["/a"] = there
    await ingest(client, tenant, address)
    assert {item["audience"] for item in (await documents(client, tenant)).values()} == {"members"}


async def test_a_choice_of_one_workspace_is_none_of_another(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, mine, theirs = await open_site(), await factory.tenant(), await factory.tenant()
    address = await two_pages(site)
    await ingest(client, mine, address)
    await choose(client, mine, f"{site.url}/a", audience="members")
    await ingest(client, theirs, address)
    assert {item["audience"] for item in (await documents(client, theirs)).values()} == {"visitors"}
