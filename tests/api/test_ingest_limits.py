"""``/api/ingest`` holds to a plan's websites, documents and pages of a crawl."""

from __future__ import annotations

import httpx
import pytest

from helpninja_app.billing import plans
from tests.api.ingesting import documents, html, ingest, sitemap, sitemap_index, xml
from tests.conftest import OpenResources, OpenSite
from tests.factories import Factory
from tests.plan_words import assert_shows_the_way

pytestmark = pytest.mark.usefixtures("worker", "no_backoff")


async def test_the_limit_of_websites_names_host_current_and_limit(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite, with_resources: OpenResources
) -> None:
    first, second = await open_site({"/a": html("axes")}), await open_site({"/b": html("bags")})
    first.routes["/sitemap.xml"] = xml(sitemap(f"{first.url}/a"))
    tenant = await factory.tenant(plan="free")
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
    tenant = await factory.tenant(plan="free")
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


async def test_a_note_takes_no_place_of_a_website(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite, with_resources: OpenResources
) -> None:
    site, tenant = await open_site({"/a": html("axes")}), await factory.tenant(plan="free")
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
