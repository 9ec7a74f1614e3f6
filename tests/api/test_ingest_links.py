"""``/api/ingest`` with ``followLinks``: a website without a sitemap is read by its links."""

from __future__ import annotations

from collections import Counter
from typing import Any

import httpx
import pytest

from tests.api.ingesting import documents, html, ingest_links, linking, pages_of, sitemap, xml
from tests.conftest import OpenSite
from tests.factories import Factory
from tests.loopback_site import LoopbackSite, answer, redirect

pytestmark = pytest.mark.usefixtures("worker", "no_backoff")


def paths(found: dict[str, dict[str, Any]], site: LoopbackSite) -> set[str]:
    return {url.removeprefix(site.url) for url in found}


async def test_pages_are_found_by_links_and_each_is_asked_for_once(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    site.routes |= {
        "/": linking(
            "home", "/a", "/a#part", "/a?utm_source=x", "/c", "https://elsewhere.example/", "/x.png"
        ),
        "/a": linking("axes", "/", "/b", "/a"),
        "/b": linking("bows", "/a", "/c", "mailto:a@b.example"),
        "/c": linking("cups", "/b"),
        "/hidden": html("hidden things"),
    }
    told = await ingest_links(client, tenant, f"{site.url}/")
    assert (told["docs"], told["failed"], told["skipped"]) == (4, [], [])
    assert paths(await documents(client, tenant), site) == {"/", "/a", "/b", "/c"}
    asked = Counter(site.paths())
    # The first page is looked at before it is read.
    assert asked == {"/robots.txt": 1, "/": 2, "/a": 1, "/b": 1, "/c": 1}
    (source,) = (await client.get("/api/sources", headers=tenant.headers)).json()["sources"]
    assert (source["kind"], source["documents"]) == ("site", 4)


async def test_a_page_is_read_alone_unless_links_are_asked_for(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    site.routes |= {"/": linking("home", "/a"), "/a": html("axes")}
    for body in ({}, {"followLinks": False}):
        response = await client.post(
            "/api/ingest", json={"input": f"{site.url}/"} | body, headers=tenant.headers
        )
        assert response.json()["docs"] == 1
    assert "/a" not in site.paths()
    assert (await ingest_links(client, tenant, f"{site.url}/"))["docs"] == 2
    # What was chosen once holds for who does not say.
    response = await client.post("/api/ingest", json={"input": f"{site.url}/"}, headers=tenant.headers)
    assert response.json()["docs"] == 2
    response = await client.post(
        "/api/ingest", json={"input": f"{site.url}/", "followLinks": False}, headers=tenant.headers
    )
    assert response.json()["docs"] == 1
    assert (await client.get("/api/sources", headers=tenant.headers)).json()["sources"][0]["kind"] == "page"
    # Those that were read before stay until the source goes.
    assert paths(await documents(client, tenant), site) == {"/", "/a"}


async def test_the_website_is_the_one_that_the_address_leads_to(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    old, site, tenant = await open_site(), await open_site(), await factory.tenant()
    old.routes["/"] = redirect(f"{site.url}/")
    site.routes |= {"/": linking("home", "/a", f"{old.url}/b"), "/a": html("axes")}
    assert (await ingest_links(client, tenant, f"{old.url}/"))["docs"] == 2
    assert paths(await documents(client, tenant), site) == {"/", "/a"}


async def test_a_file_is_read_alone(client: httpx.AsyncClient, factory: Factory, open_site: OpenSite) -> None:
    site, tenant = await open_site(), await factory.tenant()
    site.routes["/a.txt"] = answer("All about axes.", content_type="text/plain")
    assert (await ingest_links(client, tenant, f"{site.url}/a.txt"))["docs"] == 1
    assert (await client.get("/api/sources", headers=tenant.headers)).json()["sources"][0]["kind"] == "page"


async def test_a_sitemap_is_read_as_a_sitemap(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    site.routes |= {
        "/map": xml(sitemap(f"{site.url}/a")),
        "/a": linking("axes", "/b"),
        "/b": html("bows"),
    }
    assert (await ingest_links(client, tenant, f"{site.url}/map"))["docs"] == 1
    assert (await client.get("/api/sources", headers=tenant.headers)).json()["sources"][0][
        "kind"
    ] == "sitemap"


async def test_what_is_no_page_here_is_left_out_with_its_reason(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, other, tenant = await open_site(), await open_site(), await factory.tenant()
    site.routes |= {
        "/robots.txt": answer("User-agent: *\nDisallow: /private", content_type="text/plain"),
        "/": linking("home", "/private", "/away", "/json", "/guide.pdf", "/unlisted", "/broken", "/a"),
        "/away": redirect(f"{other.url}/page"),
        "/json": answer("{}", content_type="application/json"),
        "/unlisted": linking("listings", "/behind", head='<meta name="robots" content="noindex">'),
        "/behind": html("what stands behind"),
        "/a": answer("<title>A</title><p>Axes.</p><a rel=nofollow href=/b>b</a><base href=/deep/><a href=c>"),
        "/deep/c": html("deep things"),
    }
    told = await ingest_links(client, tenant, f"{site.url}/")
    assert paths(await documents(client, tenant), site) == {"/", "/behind", "/a", "/deep/c"}
    reasons = {skip["url"].removeprefix(site.url): skip["reason"] for skip in told["skipped"]}
    assert set(reasons) == {"/private", "/away", "/json", "/guide.pdf", "/unlisted"}
    assert "robots.txt" in reasons["/private"]
    assert "redirects to another site" in reasons["/away"]
    assert "not a page" in reasons["/json"]
    assert "noindex" in reasons["/unlisted"]
    assert [failed["url"] for failed in told["failed"]] == [f"{site.url}/broken"]
    assert not {"/private", "/guide.pdf", "/b"} & set(site.paths())
    assert other.paths() == []


async def test_a_page_with_several_addresses_is_kept_once(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    own = '<link rel=canonical href="/real">'
    site.routes |= {
        "/": linking("home", "/real?sort=up", "/moved", "/real", "/old"),
        "/real": linking("axes", head=own),
        "/real?sort=up": linking("axes", head=own),
        "/moved": redirect("/real"),
        "/old": redirect("/new"),
        "/new": linking("news", "/old", "/new"),
    }
    told = await ingest_links(client, tenant, f"{site.url}/")
    assert paths(await documents(client, tenant), site) == {"/", "/real", "/new"}
    assert told["docs"] == 3


async def test_two_pages_that_each_call_themselves_the_other_lose_nothing(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    site.routes |= {
        "/": linking("home", "/one?a=1", "/lost", "/front"),
        "/one?a=1": linking("ones", head='<link rel=canonical href="/one?b=2">'),
        "/one?b=2": linking("twos", head='<link rel=canonical href="/one?a=1">'),
        "/lost": linking("losses", head='<link rel=canonical href="https://elsewhere.example/">'),
    }
    site.routes["/front"] = linking("fronts", head='<link rel=canonical href="/">')
    await ingest_links(client, tenant, f"{site.url}/")
    assert paths(await documents(client, tenant), site) == {"/", "/one?b=2", "/lost", "/front"}


async def test_a_calendar_without_an_end_ends(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    site.routes["/"] = linking("home", "/month/0", "/list?page=0")
    site.routes |= {
        f"/month/{number}": linking(f"month {number}", f"/month/{number + 1}") for number in range(30)
    }
    site.routes["/list?page=0"] = linking("lists", *(f"/list?page={number}" for number in range(150)))
    site.routes |= {f"/list?page={number}": html(f"list {number}") for number in range(1, 150)}
    told = await ingest_links(client, tenant, f"{site.url}/")
    asked = site.paths()
    assert [path for path in asked if path.startswith("/month")] == [f"/month/{n}" for n in range(10)]
    assert sum(path.startswith("/list") for path in asked) == 100
    reasons = {skip["reason"] for skip in told["skipped"]}
    assert "more than 10 links away from the first page" in reasons
    assert "over 100 forms of one address that differ after the question mark" in reasons


async def test_a_page_that_was_deleted_here_stays_away_and_leads_on(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    site.routes |= {"/": linking("home", "/a"), "/a": linking("axes", "/b"), "/b": html("bows")}
    await ingest_links(client, tenant, f"{site.url}/")
    page = (await documents(client, tenant))[f"{site.url}/a"]["id"]
    await client.delete(f"/api/documents/{page}", headers=tenant.headers)
    told = await ingest_links(client, tenant, f"{site.url}/")
    assert paths(await documents(client, tenant), site) == {"/", "/b"}
    assert (told["gone"], told["skippedCount"]) == (0, 1)


async def test_the_pages_of_a_run_are_listed_with_what_became_of_them(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant, foreign = await open_site(), await factory.tenant(), await factory.tenant()
    site.routes |= {"/": linking("home", "/a", "/b.pdf"), "/a": html("axes")}
    told = await ingest_links(client, tenant, f"{site.url}/")
    assert await pages_of(client, tenant, told["jobId"]) == {
        f"{site.url}/": "changed",
        f"{site.url}/a": "changed",
        f"{site.url}/b.pdf": "skipped",
    }
    response = await client.get(f"/api/ingest/{told['jobId']}", headers=foreign.headers)
    assert response.status_code == 404
