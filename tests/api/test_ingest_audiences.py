"""Who is answered from a website that is named again, from its pages, and from pages that others brought."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from helpninja_app.accounts.audit import list_audit
from helpninja_app.resources import Resources
from tests.api.ingesting import documents, found, html, sitemap, xml
from tests.api.test_sources import source_of, two_pages
from tests.conftest import OpenSite
from tests.factories import Factory, Tenant

pytestmark = pytest.mark.usefixtures("worker", "no_backoff")


async def ask(client: httpx.AsyncClient, tenant: Tenant, address: str, **chosen: str) -> None:
    response = await client.post("/api/ingest", json={"input": address} | chosen, headers=tenant.headers)
    assert response.status_code == 200, response.text


async def audiences(client: httpx.AsyncClient, tenant: Tenant, address: str) -> tuple[str, set[str]]:
    """Of the source at this address, and of all documents."""
    stored = await documents(client, tenant)
    source = await source_of(client, tenant, address)
    return source["audience"], {item["audience"] for item in stored.values()}


@pytest.mark.parametrize(("before", "after"), [("visitors", "members"), ("members", "visitors")])
async def test_a_website_that_is_named_again_is_for_whom_is_chosen_now(
    client: httpx.AsyncClient,
    factory: Factory,
    resources: Resources,
    open_site: OpenSite,
    before: str,
    after: str,
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    await ask(client, tenant, address, audience=before)
    assert await audiences(client, tenant, address) == (before, {before})
    site.routes["/c"] = html("cups")
    site.routes["/sitemap.xml"] = xml(sitemap(*(f"{site.url}/{name}" for name in "abc")))
    await ask(client, tenant, address, audience=after)
    assert await audiences(client, tenant, address) == (after, {after})
    assert len(await found(resources, tenant, "axes, bags and cups")) == (3 if after == "visitors" else 0)
    async with resources.database.unit_of_work(tenant.scope) as session:
        [entry], _ = await list_audit(session, tenant.id, action="source.changed", limit=5, offset=0)
    assert entry.detail == {"audience": {"before": before, "after": after}}


async def test_a_website_that_is_named_again_keeps_its_audience_where_none_is_chosen(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    await ask(client, tenant, address, audience="members")
    await ask(client, tenant, address)
    assert await audiences(client, tenant, address) == ("members", {"members"})
    source = await source_of(client, tenant, address)
    await client.delete(f"/api/sources/{source['id']}", headers=tenant.headers)
    await ask(client, tenant, address)
    assert await audiences(client, tenant, address) == ("members", {"members"})


async def test_what_was_chosen_for_a_page_counts_no_more_when_its_deleted_website_is_added_for_others(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    await ask(client, tenant, address, audience="members")
    page: dict[str, Any] = (await documents(client, tenant))[f"{site.url}/a"]
    for audience in ("members", "visitors"):
        path = f"/api/documents/{page['id']}"
        await client.patch(path, json={"audience": audience}, headers=tenant.headers)
    source = await source_of(client, tenant, address)
    await client.patch(f"/api/sources/{source['id']}", json={"title": "Ours"}, headers=tenant.headers)
    await client.delete(f"/api/sources/{source['id']}", headers=tenant.headers)
    await ask(client, tenant, address, audience="visitors")
    source = await source_of(client, tenant, address)
    await client.delete(f"/api/sources/{source['id']}", headers=tenant.headers)
    await ask(client, tenant, address, audience="members")
    assert await audiences(client, tenant, address) == ("members", {"members"})


async def test_a_page_that_was_deleted_by_itself_comes_back_for_whom_its_website_is_by_then(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    await ask(client, tenant, address, audience="visitors")
    page: dict[str, Any] = (await documents(client, tenant))[f"{site.url}/a"]
    await client.delete(f"/api/documents/{page['id']}", headers=tenant.headers)
    source = await source_of(client, tenant, address)
    await client.delete(f"/api/sources/{source['id']}", headers=tenant.headers)
    await ask(client, tenant, address, audience="members")
    back = await client.post(f"/api/documents/{page['id']}/restore", headers=tenant.headers)
    assert back.status_code == 200, back.text
    assert (await documents(client, tenant))[f"{site.url}/a"]["audience"] == "members"
    assert await found(resources, tenant, "axes and bags") == []


@pytest.mark.parametrize(("first", "second"), [("visitors", "members"), ("members", "visitors")])
async def test_a_page_that_another_source_brought_stays_for_whom_that_one_is(
    client: httpx.AsyncClient,
    factory: Factory,
    resources: Resources,
    open_site: OpenSite,
    first: str,
    second: str,
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    await ask(client, tenant, f"{site.url}/a", audience=first)
    told = await client.post("/api/ingest/preview", json={"input": address}, headers=tenant.headers)
    assert (told.json()["known"], told.json()["elsewhere"], told.json()["audience"]) == (1, 1, None)
    await ask(client, tenant, address, audience=second)
    site.routes["/a"] = html("anvils")
    await ask(client, tenant, address, audience=second)
    stored = await documents(client, tenant)
    assert stored[f"{site.url}/a"]["title"] == "About anvils"
    assert [stored[f"{site.url}/{name}"]["audience"] for name in "ab"] == [first, second]
    public = f"{site.url}/a" if first == "visitors" else f"{site.url}/b"
    assert await found(resources, tenant, "anvils and bags") == [public]


async def test_the_preview_says_for_whom_a_known_website_is(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)

    async def told() -> tuple[str | None, int]:
        body = {"input": address, "audience": "visitors"}
        answer = (await client.post("/api/ingest/preview", json=body, headers=tenant.headers)).json()
        return answer["audience"], answer["elsewhere"]

    assert await told() == (None, 0)
    await ask(client, tenant, address, audience="members")
    assert await told() == ("members", 0)
    source = await source_of(client, tenant, address)
    await client.delete(f"/api/sources/{source['id']}", headers=tenant.headers)
    assert await told() == (None, 0)


async def test_only_an_audience_that_there_is_can_be_chosen(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await factory.tenant()
    body = {"input": "https://example.com/", "audience": "everybody"}
    refused = await client.post("/api/ingest", json=body, headers=tenant.headers)
    assert refused.status_code == 422
