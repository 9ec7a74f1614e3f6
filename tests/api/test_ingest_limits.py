"""``/api/ingest`` holds to a plan's websites, documents and pages of a crawl."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import select
from sqlmodel import col

from helpninja_app.billing import plans
from helpninja_app.errors import LimitUsedUp
from helpninja_app.knowledge.crawl.discovery import Discovery
from helpninja_app.knowledge.ingest_requests import request_ingest
from helpninja_app.knowledge.limits import KnowledgeLimits
from helpninja_app.knowledge.models import Source
from helpninja_app.knowledge.room import claim_sites
from tests.api.ingesting import documents, html, ingest, sitemap, sitemap_index, xml
from tests.conftest import OpenResources, OpenSite
from tests.factories import Factory, Tenant
from tests.loopback_site import redirect
from tests.plan_words import assert_shows_the_way

pytestmark = pytest.mark.usefixtures("worker", "no_backoff")


async def test_the_limit_of_websites_names_host_current_and_limit(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite, with_resources: OpenResources
) -> None:
    first, second = await open_site({"/a": html("axes")}), await open_site({"/b": html("bags")})
    first.routes["/sitemap.xml"] = xml(sitemap(f"{first.url}/a"))
    tenant = await factory.in_person("free")
    async with with_resources(unlimited=False):
        await ingest(client, tenant, f"{first.url}/a")
        await ingest(client, tenant, f"{first.url}/sitemap.xml")
        response = await client.post("/api/ingest", json={"input": f"{second.url}/b"}, headers=tenant.headers)
    assert response.status_code == 402
    body = response.json()
    assert (body["limit"], body["used"], body["ok"]) == (1, 1, False)
    assert second.host in body["error"]
    assert "free" in body["error"]
    assert_shows_the_way(body)
    assert second.requests == []


async def test_an_address_that_gave_nothing_takes_no_place_of_a_website(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite, with_resources: OpenResources
) -> None:
    wrong, right, third = await open_site(), await open_site({"/a": html("axes")}), await open_site()
    tenant = await factory.in_person("free")
    async with with_resources(unlimited=False):
        mistyped = await client.post("/api/ingest", json={"input": f"{wrong.url}/a"}, headers=tenant.headers)
        assert mistyped.status_code == 422
        assert (await ingest(client, tenant, f"{right.url}/a"))["docs"] == 1
        # What failed once does not slip in later either.
        wrong.routes["/a"] = html("bags")
        for other in (wrong, third):
            response = await client.post(
                "/api/ingest", json={"input": f"{other.url}/a"}, headers=tenant.headers
            )
            assert response.status_code == 402


async def refused(client: httpx.AsyncClient, tenant: Tenant, address: str) -> str:
    response = await client.post("/api/ingest", json={"input": address}, headers=tenant.headers)
    assert response.status_code in {402, 422}, response.text
    return str(response.json()["error"])


async def test_the_website_that_counts_is_the_one_that_an_address_leads_to(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    named, site, third = await open_site(), await open_site(), await open_site({"/c": html("caps")})
    named.routes |= {f"/{name}": redirect(f"{site.url}/{name}") for name in "ab"}
    named.routes["/c"] = redirect(f"{third.url}/c")
    site.routes |= {"/a": html("axes"), "/b": html("bags"), "/d": html("dice")}
    tenant = await factory.tenant()
    limit(monkeypatch, sites=1)
    assert (await ingest(client, tenant, f"{named.url}/a"))["docs"] == 1
    # Both names of it are known now, and neither takes the place of another.
    for address in (f"{named.url}/b", f"{site.url}/d", f"{named.url}/a"):
        assert (await ingest(client, tenant, address))["docs"] == 1
    assert f"{third.host} would be website number 2" in await refused(client, tenant, f"{named.url}/c")
    assert third.host in await refused(client, tenant, f"{third.url}/c")
    assert set(await documents(client, tenant)) == {f"{site.url}/{name}" for name in "abd"}


async def test_a_sitemap_with_pages_of_two_websites_counts_for_two(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    named, site = await open_site({"/a": html("axes")}), await open_site({"/b": html("bags")})
    named.routes["/sitemap.xml"] = redirect(f"{site.url}/sitemap.xml")
    site.routes["/sitemap.xml"] = xml(sitemap(f"{named.url}/a", f"{site.url}/b"))
    tenant = await factory.tenant()
    limit(monkeypatch, sites=1)
    assert "website number 2" in await refused(client, tenant, f"{named.url}/sitemap.xml")
    assert await documents(client, tenant) == {}
    site.routes["/sitemap.xml"] = xml(sitemap(f"{site.url}/b"))
    assert (await ingest(client, tenant, f"{named.url}/sitemap.xml"))["docs"] == 1


async def test_a_website_with_and_without_www_is_one(factory: Factory) -> None:
    tenant = await factory.tenant(plan="free")
    limits = KnowledgeLimits("free", sites=1, documents=None, pages_per_crawl=1, upload_bytes=1)
    bare = "https://example.com/"
    async with factory.resources.database.unit_of_work(tenant.scope) as session:
        queue = factory.resources.queue
        await request_ingest(session, queue, tenant.id, bare, limits, requested_by="test")
        source_id = (await session.execute(select(col(Source.id)))).scalar_one()
        found = Discovery("page", "example.com", pages=["https://www.example.com/"])
        await claim_sites(session, tenant.id, source_id, found.hosts, limits)
        with pytest.raises(LimitUsedUp):
            await claim_sites(session, tenant.id, source_id, ["example.com", "example.org"], limits)
        await session.rollback()


async def test_a_note_takes_no_place_of_a_website(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite, with_resources: OpenResources
) -> None:
    site, tenant = await open_site({"/a": html("axes")}), await factory.in_person("free")
    async with with_resources(unlimited=False):
        body = {"title": "Tents", "text": "The quokka tent weighs two kilograms."}
        written = await client.post("/api/notes", json=body, headers=tenant.headers)
        assert written.status_code == 201
        assert (await ingest(client, tenant, f"{site.url}/a"))["docs"] == 1


async def test_pages_over_the_limit_of_documents_fail_with_the_limit_as_their_reason(
    client: httpx.AsyncClient,
    factory: Factory,
    open_site: OpenSite,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    for number in range(9):
        site.routes[f"/{number}"] = html(f"thing {number}")
    site.routes["/sitemap.xml"] = xml(sitemap(*(f"{site.url}/{number}" for number in range(9))))
    limit(monkeypatch, documents=4)
    result = await ingest(client, tenant, f"{site.url}/sitemap.xml")
    assert (result["docs"], result["failedCount"]) == (4, 5)
    assert {failed["reason"] for failed in result["failed"]} == {
        "Over the limit of 4 documents of the agency plan."
    }
    assert len(await documents(client, tenant)) == 4
    again = await ingest(client, tenant, f"{site.url}/sitemap.xml")
    assert (again["unchanged"], again["failedCount"]) == (4, 5)


async def test_a_sitemap_without_end_is_cut_at_the_limit_of_pages(
    client: httpx.AsyncClient,
    factory: Factory,
    open_site: OpenSite,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    for number in range(5):
        site.routes[f"/{number}"] = html(f"thing {number}")
    site.routes |= {
        # Each names itself and the next one.
        f"/map{level}.xml": xml(
            sitemap_index(
                f"{site.url}/map{level}.xml", f"{site.url}/map{level + 1}.xml", f"{site.url}/pages.xml"
            )
        )
        for level in range(8)
    }
    site.routes["/pages.xml"] = xml(sitemap(*(f"{site.url}/{number}" for number in range(3000))))
    limit(monkeypatch, pages_per_crawl=5)
    result = await ingest(client, tenant, f"{site.url}/map0.xml")
    assert result["docs"] == 5
    assert result["skippedCount"] >= 200
    assert len(result["skipped"]) == 200
    assert any("limit of 5 pages" in skipped["reason"] for skipped in result["skipped"])
    assert site.paths().count("/pages.xml") == 1


def limit(monkeypatch: pytest.MonkeyPatch, **limits: int) -> None:
    changed = {name: getattr(plans.UNLIMITED, name) for name in plans.Plan.__dataclass_fields__} | limits
    monkeypatch.setattr(plans, "UNLIMITED", plans.Plan(**changed))
