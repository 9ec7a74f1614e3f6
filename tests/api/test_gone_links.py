"""What a run by links takes out of the index: what says that it is gone, nothing that is out of sight."""

from __future__ import annotations

import httpx
import pytest

from tests.api.ingesting import documents, html, ingest_links, linking, pages_of
from tests.conftest import OpenSite
from tests.factories import Factory, Tenant
from tests.loopback_site import LoopbackSite, answer, redirect

pytestmark = pytest.mark.usefixtures("worker", "no_backoff")

BROKEN = answer("oops", status="503 Service Unavailable")
MOVED = "301 Moved Permanently"
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


async def test_a_page_that_no_link_leads_to_any_more_stays_as_long_as_it_answers(
    client: httpx.AsyncClient, tenant: Tenant, site: LoopbackSite
) -> None:
    site.routes |= {"/list": linking("lists", "/a"), "/b": html("new bows")}
    told = await ingest_links(client, tenant, f"{site.url}/")
    assert (told["gone"], told["docs"]) == (0, 4)
    assert (await pages_of(client, tenant, told["jobId"]))[f"{site.url}/b"] == "changed"
    site.routes["/b"] = answer("gone", status="404 Not Found")
    told = await ingest_links(client, tenant, f"{site.url}/")
    assert (told["gone"], told["docs"]) == (1, 3)
    assert await kept(client, tenant, site) == {"/", "/list", "/a"}
    assert (await pages_of(client, tenant, told["jobId"]))[f"{site.url}/b"] == "gone"


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


async def test_pages_that_lead_to_a_sign_in_for_once_stay(
    client: httpx.AsyncClient, tenant: Tenant, site: LoopbackSite
) -> None:
    site.routes |= {path: redirect("/sign-in", status="302 Found") for path in ("/a", "/b")}
    site.routes["/sign-in"] = html("please sign in")
    assert (await ingest_links(client, tenant, f"{site.url}/"))["gone"] == 0
    assert {"/a", "/b"} <= await kept(client, tenant, site)


async def test_a_page_for_members_is_for_members_where_it_moved_to(
    client: httpx.AsyncClient, tenant: Tenant, site: LoopbackSite
) -> None:
    page = (await documents(client, tenant))[f"{site.url}/a"]
    wanted = "members" if page["audience"] == "visitors" else "visitors"
    path = f"/api/documents/{page['id']}"
    assert (await client.patch(path, json={"audience": wanted}, headers=tenant.headers)).status_code == 200
    # The new address is met first.
    site.routes |= {
        "/": linking("home", "/new", "/list"),
        "/new": linking("axes"),
        "/a": redirect("/new", MOVED),
    }
    await ingest_links(client, tenant, f"{site.url}/")
    found = await documents(client, tenant)
    assert f"{site.url}/a" not in found
    assert found[f"{site.url}/new"]["audience"] == wanted


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
