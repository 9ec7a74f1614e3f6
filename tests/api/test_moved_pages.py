"""A page that is led to another address stands there once: nothing answers from its old address."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from helpninja_app.resources import Resources
from tests.api.ingesting import documents, found, html, ingest, sitemap, xml
from tests.api.test_gone_pages import BROKEN
from tests.api.test_ingest_limits import limit
from tests.api.test_page_choices import choose
from tests.api.test_sources import two_pages
from tests.conftest import OpenSite
from tests.factories import Factory
from tests.loopback_site import Request, answer, redirect

pytestmark = pytest.mark.usefixtures("worker", "no_backoff")

PERMANENT = "301 Moved Permanently"
FOR_NOW = "302 Found"
GONE = answer("gone", status="404 Not Found")


@pytest.mark.parametrize("status", [PERMANENT, FOR_NOW])
@pytest.mark.parametrize("kind", ["page", "sitemap"])
async def test_a_page_that_moved_is_found_at_its_new_address_alone(
    client: httpx.AsyncClient,
    factory: Factory,
    resources: Resources,
    open_site: OpenSite,
    kind: str,
    status: str,
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    listing = await two_pages(site)
    address = listing if kind == "sitemap" else f"{site.url}/a"
    await ingest(client, tenant, address)
    site.routes |= {"/a": redirect("/axes", status), "/axes": html("axes")}
    await ingest(client, tenant, address)
    assert f"{site.url}/a" not in await documents(client, tenant)
    assert (await found(resources, tenant, "axes"))[0] == f"{site.url}/axes"
    again = await ingest(client, tenant, address)
    assert (again["changed"], f"{site.url}/axes" in await documents(client, tenant)) == (0, True)
    # It moves on, and home again.
    site.routes |= {"/a": redirect("/tools", status), "/tools": html("axes"), "/axes": GONE}
    await ingest(client, tenant, address)
    assert set(await documents(client, tenant)) - {f"{site.url}/b"} == {f"{site.url}/tools"}
    site.routes |= {"/a": html("axes"), "/tools": GONE}
    await ingest(client, tenant, address)
    assert set(await documents(client, tenant)) - {f"{site.url}/b"} == {f"{site.url}/a"}


async def test_a_page_that_was_led_elsewhere_goes_with_its_old_address(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site({"/a": redirect("/axes"), "/axes": html("axes")}), await factory.tenant()
    await ingest(client, tenant, f"{site.url}/a")
    site.routes["/a"] = GONE
    await client.post("/api/ingest", json={"input": f"{site.url}/a"}, headers=tenant.headers)
    assert await documents(client, tenant) == {}


async def test_old_addresses_of_one_page_leave_it_there_once(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    await ingest(client, tenant, address)
    site.routes |= {name: redirect("/axes", PERMANENT) for name in ("/a", "/b")} | {"/axes": html("axes")}
    await ingest(client, tenant, address)
    assert set(await documents(client, tenant)) == {f"{site.url}/axes"}


async def test_a_site_whose_pages_all_lead_to_one_for_now_loses_nothing(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    await ingest(client, tenant, address)
    there = dict(site.routes)
    site.routes |= {name: redirect("/soon") for name in ("/a", "/b")} | {"/soon": html("our maintenance")}
    await ingest(client, tenant, address)
    assert {f"{site.url}/a", f"{site.url}/b"} < set(await documents(client, tenant))
    site.routes.update(there)
    await ingest(client, tenant, address)
    assert set(await documents(client, tenant)) == {f"{site.url}/a", f"{site.url}/b"}


async def test_an_old_address_stays_while_the_new_one_cannot_be_read(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    await ingest(client, tenant, address)
    site.routes |= {"/a": redirect("/axes", PERMANENT), "/axes": BROKEN}
    await ingest(client, tenant, address)
    assert set(await documents(client, tenant)) == {f"{site.url}/a", f"{site.url}/b"}


@pytest.mark.parametrize("status", [PERMANENT, FOR_NOW])
@pytest.mark.parametrize("is_listed", [True, False])
async def test_what_was_chosen_for_a_page_goes_with_it(
    client: httpx.AsyncClient,
    factory: Factory,
    resources: Resources,
    open_site: OpenSite,
    status: str,
    is_listed: bool,
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    await ingest(client, tenant, address)
    await choose(client, tenant, f"{site.url}/a", audience="members", title="Our tools")
    site.routes |= {"/a": redirect("/axes", status), "/axes": html("axes")}
    if is_listed:
        # Its new address is read first, as a page like any other.
        async def lead(_request: Request, writer: asyncio.StreamWriter) -> None:
            async with asyncio.timeout(60):
                while f"{site.url}/axes" not in await documents(client, tenant):
                    await asyncio.sleep(0.05)
            writer.write(redirect("/axes", status))

        site.routes["/a"] = lead
        site.routes["/sitemap.xml"] = xml(sitemap(*(f"{site.url}/{name}" for name in ("axes", "a", "b"))))
    await ingest(client, tenant, address)
    stored = await documents(client, tenant)
    assert set(stored) == {f"{site.url}/axes", f"{site.url}/b"}
    moved = stored[f"{site.url}/axes"]
    assert (moved["audience"], moved["title"]) == ("members", "Our tools")
    assert await found(resources, tenant, "axes") == [f"{site.url}/b"]


async def test_a_page_that_was_there_before_keeps_its_own_audience_when_another_is_led_to_it(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    await ingest(client, tenant, address)
    await choose(client, tenant, f"{site.url}/a", audience="members")
    site.routes["/a"] = redirect("/b", PERMANENT)
    await ingest(client, tenant, address)
    stored = await documents(client, tenant)
    assert {url: item["audience"] for url, item in stored.items()} == {f"{site.url}/b": "visitors"}


async def test_pages_move_also_where_the_plan_has_room_for_no_more(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    await ingest(client, tenant, address)
    limit(monkeypatch, documents=2)
    site.routes |= {f"/{name}": redirect(f"/new/{name}", PERMANENT) for name in "ab"}
    site.routes |= {"/new/a": html("axes"), "/new/b": html("bags")}
    assert (await ingest(client, tenant, address))["failedCount"] == 0
    assert set(await documents(client, tenant)) == {f"{site.url}/new/a", f"{site.url}/new/b"}
