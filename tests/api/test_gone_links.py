"""What a run by links takes out of the index, and what it keeps because it did not see all of a website."""

from __future__ import annotations

import httpx
import pytest

from tests.api.ingesting import documents, html, ingest_links, linking, pages_of
from tests.conftest import OpenSite
from tests.factories import Factory, Tenant
from tests.loopback_site import LoopbackSite, answer

pytestmark = pytest.mark.usefixtures("worker", "no_backoff")

BROKEN = answer("oops", status="503 Service Unavailable")
DENIED = answer("no", status="403 Forbidden")


async def kept(client: httpx.AsyncClient, tenant: Tenant, site: LoopbackSite) -> set[str]:
    return {url.removeprefix(site.url) for url in await documents(client, tenant)}


@pytest.fixture
async def site(open_site: OpenSite) -> LoopbackSite:
    site = await open_site()
    site.routes |= {
        "/": linking("home", "/list", "/sign-in"),
        "/list": linking("lists", "/a", "/b"),
        "/a": linking("axes", "/"),
        "/b": linking("bows", "/a"),
        "/sign-in": DENIED,
    }
    return site


@pytest.fixture
async def tenant(client: httpx.AsyncClient, factory: Factory, site: LoopbackSite) -> Tenant:
    tenant = await factory.tenant()
    await ingest_links(client, tenant, f"{site.url}/")
    assert await kept(client, tenant, site) == {"/", "/list", "/a", "/b"}
    return tenant


async def test_a_page_that_no_link_leads_to_any_more_is_gone(
    client: httpx.AsyncClient, tenant: Tenant, site: LoopbackSite
) -> None:
    site.routes["/list"] = linking("lists", "/a")
    told = await ingest_links(client, tenant, f"{site.url}/")
    assert (told["gone"], told["docs"]) == (1, 3)
    assert await kept(client, tenant, site) == {"/", "/list", "/a"}
    states = await pages_of(client, tenant, told["jobId"])
    assert states[f"{site.url}/b"] == "gone"
    response = await client.get(
        f"/api/ingest/{told['jobId']}/pages", params={"state": "gone"}, headers=tenant.headers
    )
    assert response.json()["pages"][0]["reason"] == "No link leads to it any more."


@pytest.mark.parametrize("trouble", [BROKEN, DENIED])
async def test_a_list_that_cannot_be_read_for_once_keeps_what_stands_behind_it(
    client: httpx.AsyncClient, tenant: Tenant, site: LoopbackSite, trouble: bytes
) -> None:
    site.routes["/list"] = trouble
    told = await ingest_links(client, tenant, f"{site.url}/")
    assert told["gone"] == 0
    assert await kept(client, tenant, site) == {"/", "/list", "/a", "/b"}


async def test_a_new_page_that_is_down_may_lead_to_the_old_ones(
    client: httpx.AsyncClient, tenant: Tenant, site: LoopbackSite
) -> None:
    site.routes |= {"/": linking("home", "/new-list"), "/new-list": BROKEN}
    assert (await ingest_links(client, tenant, f"{site.url}/"))["gone"] == 0
    assert await kept(client, tenant, site) == {"/", "/list", "/a", "/b"}


async def test_when_the_pages_that_failed_are_read_after_all_the_run_knows_all(
    client: httpx.AsyncClient, tenant: Tenant, site: LoopbackSite
) -> None:
    site.routes |= {"/": linking("home", "/list", "/new"), "/list": BROKEN, "/new": linking("news", "/a")}
    told = await ingest_links(client, tenant, f"{site.url}/")
    assert (told["gone"], told["failedCount"]) == (0, 1)
    site.routes["/list"] = linking("lists", "/c")
    site.routes["/c"] = html("cups")
    again = await client.post(f"/api/ingest/{told['jobId']}/retry", headers=tenant.headers)
    assert again.status_code == 202
    # Asks for the run under way, and waits for it.
    await ingest_links(client, tenant, f"{site.url}/")
    assert await kept(client, tenant, site) == {"/", "/list", "/new", "/a", "/c"}


async def test_a_page_that_is_gone_itself_leaves_at_once(
    client: httpx.AsyncClient, tenant: Tenant, site: LoopbackSite
) -> None:
    site.routes["/b"] = answer("gone", status="410 Gone")
    assert (await ingest_links(client, tenant, f"{site.url}/"))["gone"] == 1
    assert await kept(client, tenant, site) == {"/", "/list", "/a"}


@pytest.mark.parametrize("front", [html("our maintenance"), answer("<title>App</title><script src=/app.js>")])
async def test_a_first_page_without_links_removes_nothing(
    client: httpx.AsyncClient, tenant: Tenant, site: LoopbackSite, front: bytes
) -> None:
    site.routes["/"] = front
    assert (await ingest_links(client, tenant, f"{site.url}/"))["gone"] == 0
    assert await kept(client, tenant, site) == {"/", "/list", "/a", "/b"}


async def test_a_first_page_that_is_down_fails_the_run_and_removes_nothing(
    client: httpx.AsyncClient, tenant: Tenant, site: LoopbackSite
) -> None:
    site.routes["/"] = BROKEN
    body = {"input": f"{site.url}/", "followLinks": True}
    response = await client.post("/api/ingest", json=body, headers=tenant.headers)
    assert response.status_code == 422
    assert await kept(client, tenant, site) == {"/", "/list", "/a", "/b"}


async def test_a_crawl_that_the_limits_cut_removes_nothing(
    client: httpx.AsyncClient, tenant: Tenant, site: LoopbackSite
) -> None:
    site.routes["/list"] = linking("lists", *(f"/x?page={number}" for number in range(120)))
    site.routes |= {f"/x?page={number}": html(f"x {number}") for number in range(120)}
    assert (await ingest_links(client, tenant, f"{site.url}/"))["gone"] == 0
    assert {"/a", "/b"} <= await kept(client, tenant, site)
