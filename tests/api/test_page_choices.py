"""What members chose for a page by hand, its audience and title, holds however often it is read again."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from helpninja_app.resources import Resources
from tests.api.ingesting import documents, found, html, ingest, sitemap, xml
from tests.api.test_sources import source_of, two_pages
from tests.api.uploading import finished
from tests.conftest import OpenSite
from tests.factories import Factory, Tenant
from tests.loopback_site import LoopbackSite, Request, answer

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


async def test_a_title_given_by_hand_stays_when_the_page_changes_or_was_gone(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    await ingest(client, tenant, address)
    await choose(client, tenant, f"{site.url}/a", title="Quokkas and their tools")
    site.routes |= {"/a": html("anvils"), "/b": html("boxes")}
    assert (await ingest(client, tenant, address))["changed"] == 2
    titles = {url: item["title"] for url, item in (await documents(client, tenant)).items()}
    assert titles == {f"{site.url}/a": "Quokkas and their tools", f"{site.url}/b": "About boxes"}
    # Its words lead to the page.
    assert (await found(resources, tenant, "quokkas"))[0] == f"{site.url}/a"
    assert (await ingest(client, tenant, address))["unchanged"] == 2
    await lose_and_find(client, tenant, site, address, "404")
    assert (await documents(client, tenant))[f"{site.url}/a"]["title"] == "Quokkas and their tools"
    # What is said of the audience of all of the source says nothing of titles.
    path = f"/api/sources/{(await source_of(client, tenant, address))['id']}"
    await client.patch(path, json={"audience": "members"}, headers=tenant.headers)
    await lose_and_find(client, tenant, site, address, "not listed")
    stored = (await documents(client, tenant))[f"{site.url}/a"]
    assert (stored["title"], stored["audience"]) == ("Quokkas and their tools", "members")


async def test_a_title_given_while_the_page_is_read_stays(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site({"/a": html("axes")}), await factory.tenant()
    await ingest(client, tenant, f"{site.url}/a")
    asked, go = asyncio.Event(), asyncio.Event()

    async def wait(_request: Request, writer: asyncio.StreamWriter) -> None:
        # First it is looked at whether it is a sitemap.
        if site.paths().count("/a") == 4:
            asked.set()
            await go.wait()
        writer.write(html("anvils"))

    site.routes["/a"] = wait
    under_way = asyncio.create_task(ingest(client, tenant, f"{site.url}/a"))
    await asyncio.wait_for(asked.wait(), 60)
    await choose(client, tenant, f"{site.url}/a", title="Our tools")
    go.set()
    assert (await under_way)["changed"] == 1
    assert (await documents(client, tenant))[f"{site.url}/a"]["title"] == "Our tools"


@pytest.mark.parametrize("given", ["Our tools", None])
async def test_a_page_that_is_asked_for_by_itself_has_the_title_it_was_given_or_its_own(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite, given: str | None
) -> None:
    site, tenant = await open_site({"/a": html("axes")}), await factory.tenant()
    await ingest(client, tenant, f"{site.url}/a")
    if given:
        await choose(client, tenant, f"{site.url}/a", title=given)
    site.routes["/a"] = html("anvils")
    [stored] = (await documents(client, tenant)).values()
    await client.post("/api/rag", json={"documentId": stored["id"]}, headers=tenant.headers)
    read = await finished(client, tenant, stored["id"])
    assert (read["status"], read["title"]) == ("completed", given or "About anvils")
    assert (await ingest(client, tenant, f"{site.url}/a"))["unchanged"] == 1
