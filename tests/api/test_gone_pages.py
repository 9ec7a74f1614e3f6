"""What a run takes out of the index: pages that are gone, and never more because a site is in trouble."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update
from sqlmodel import col

from helpninja_app.kernel.columns import now
from helpninja_app.knowledge.crawl import discovery
from helpninja_app.knowledge.deadlines import meet_knowledge_deadline
from helpninja_app.knowledge.models import IngestJob, Source
from helpninja_app.resources import Resources
from tests.api.ingesting import documents, found, html, ingest, sitemap, sitemap_index, xml
from tests.api.test_sources import source_of, two_pages
from tests.conftest import OpenSite
from tests.factories import Factory, Tenant
from tests.loopback_site import answer, redirect

pytestmark = pytest.mark.usefixtures("worker", "no_backoff")

BROKEN = answer("oops", status="503 Service Unavailable")


async def pages(client: httpx.AsyncClient, tenant: Tenant, job_id: str, **params: Any) -> dict[str, Any]:
    response = await client.get(f"/api/ingest/{job_id}/pages", params=params, headers=tenant.headers)
    assert response.status_code == 200, response.text
    return dict(response.json())


async def test_a_page_that_left_the_sitemap_leaves_the_index(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    await ingest(client, tenant, address)
    site.routes["/sitemap.xml"] = xml(sitemap(f"{site.url}/b"))
    result = await ingest(client, tenant, address)
    assert (result["docs"], result["gone"]) == (1, 1)
    assert await found(resources, tenant, "axes") == [f"{site.url}/b"]
    gone = await pages(client, tenant, result["jobId"], state="gone")
    assert (gone["total"], [page["url"] for page in gone["pages"]]) == (1, [f"{site.url}/a"])
    assert "sitemap" in gone["pages"][0]["reason"]


async def test_a_sitemap_that_was_not_read_whole_removes_nothing(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    await two_pages(site)
    site.routes |= {"/one.xml": xml(sitemap(f"{site.url}/a")), "/two.xml": xml(sitemap(f"{site.url}/b"))}
    site.routes["/index.xml"] = xml(sitemap_index(f"{site.url}/one.xml", f"{site.url}/two.xml"))
    await ingest(client, tenant, f"{site.url}/index.xml")
    site.routes["/two.xml"] = BROKEN
    result = await ingest(client, tenant, f"{site.url}/index.xml")
    assert (result["gone"], result["docs"]) == (0, 1)
    assert len(await documents(client, tenant)) == 2


async def test_pages_over_the_limit_of_a_crawl_are_not_gone(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    await ingest(client, tenant, address)
    monkeypatch.setattr(discovery, "MAX_ENTRIES", 1)
    result = await ingest(client, tenant, address)
    assert result["gone"] == 0
    assert len(await documents(client, tenant)) == 2


@pytest.mark.parametrize("trouble", ["all pages fail", "robots.txt fails", "the sitemap fails"])
async def test_a_site_in_trouble_loses_nothing(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite, resources: Resources, trouble: str
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    await ingest(client, tenant, address)
    site.routes["/sitemap.xml"] = xml(sitemap(f"{site.url}/b"))
    if trouble == "the sitemap fails":
        site.routes["/sitemap.xml"] = BROKEN
    elif trouble == "robots.txt fails":
        site.routes["/robots.txt"] = BROKEN
        resources.knowledge.fetcher.robots._kept.clear()
    site.routes |= {"/a": BROKEN, "/b": BROKEN}
    response = await client.post("/api/ingest", json={"input": address}, headers=tenant.headers)
    assert response.status_code in {200, 422}
    assert set(await documents(client, tenant)) == {f"{site.url}/a", f"{site.url}/b"}


async def test_a_redirect_that_fails_once_keeps_the_page_it_led_to(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    site.routes |= {"/a": redirect("/axes"), "/axes": html("axes")}
    await ingest(client, tenant, address)
    for _ in range(2):
        site.routes["/a"] = BROKEN
        result = await ingest(client, tenant, address)
        assert (result["failedCount"], result["gone"]) == (1, 0)
    assert set(await documents(client, tenant)) == {f"{site.url}/axes", f"{site.url}/b"}
    site.routes["/a"] = answer("gone", status="410 Gone")
    assert (await ingest(client, tenant, address))["gone"] == 1
    assert set(await documents(client, tenant)) == {f"{site.url}/b"}


async def test_an_old_address_that_goes_leaves_the_page_that_has_an_address_of_its_own(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    site.routes["/a"] = redirect("/b")
    await ingest(client, tenant, address)
    site.routes["/a"] = answer("gone", status="404 Not Found")
    result = await ingest(client, tenant, address)
    assert (result["gone"], result["unchanged"]) == (1, 1)
    assert set(await documents(client, tenant)) == {f"{site.url}/b"}
    # The old address keeps nothing that is not listed any more.
    site.routes["/sitemap.xml"] = xml(sitemap(f"{site.url}/a", f"{site.url}/c"))
    site.routes["/c"] = html("caps")
    await ingest(client, tenant, address)
    assert set(await documents(client, tenant)) == {f"{site.url}/c"}


async def test_an_old_address_that_goes_leaves_the_page_that_another_source_has(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site({"/a": redirect("/b"), "/b": html("bags")}), await factory.tenant()
    address = f"{site.url}/sitemap.xml"
    site.routes["/sitemap.xml"] = xml(sitemap(f"{site.url}/a", f"{site.url}/c"))
    site.routes["/c"] = html("caps")
    await ingest(client, tenant, address)
    await ingest(client, tenant, f"{site.url}/b")
    site.routes["/a"] = answer("gone", status="404 Not Found")
    await ingest(client, tenant, address)
    assert set(await documents(client, tenant)) == {f"{site.url}/b", f"{site.url}/c"}


async def test_a_page_that_another_source_lists_stays(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    await ingest(client, tenant, address)
    await ingest(client, tenant, f"{site.url}/a")
    site.routes["/sitemap.xml"] = xml(sitemap(f"{site.url}/b"))
    assert (await ingest(client, tenant, address))["gone"] == 0
    assert len(await documents(client, tenant)) == 2


async def test_a_page_in_the_place_of_a_sitemap_fails_a_scheduled_run_and_changes_nothing(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite, resources: Resources
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    await ingest(client, tenant, address)
    source = await source_of(client, tenant, address)
    path = f"/api/sources/{source['id']}"
    await client.patch(path, json={"schedule": "daily"}, headers=tenant.headers)
    site.routes["/sitemap.xml"] = html("our maintenance")
    async with resources.database.unit_of_work(tenant.scope) as session:
        await session.execute(
            update(Source).where(col(Source.workspace_id) == tenant.id).values(next_sync_at=now())
        )
    await meet_knowledge_deadline(
        resources.database, resources.queue, resources.knowledge.files, tenant.id, now()
    )
    async with asyncio.timeout(60):
        while (run := (await source_of(client, tenant, address))["lastRun"])["state"] != "failed":
            await asyncio.sleep(0.05)
    assert (run["scheduled"], "sitemap" in run["reason"]) == (True, True)
    assert set(await documents(client, tenant)) == {f"{site.url}/a", f"{site.url}/b"}


async def test_failed_pages_are_listed_and_tried_again(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    site.routes |= {"/a": BROKEN, "/b": BROKEN}
    job = (await ingest(client, tenant, address))["jobId"]
    failed = await pages(client, tenant, job, state="failed", limit=1, offset=1)
    assert (failed["total"], [page["url"] for page in failed["pages"]]) == (2, [f"{site.url}/b"])
    assert "503" in failed["pages"][0]["reason"]
    site.routes["/a"] = html("axes")
    retried = await client.post(f"/api/ingest/{job}/retry", headers=tenant.headers)
    # A worker may have taken one by now.
    told = retried.json()
    assert retried.status_code == 202
    assert told["pending"] + told["changed"] + told["failedCount"] == 2
    async with asyncio.timeout(60):
        while (progress := (await client.get(f"/api/ingest/{job}", headers=tenant.headers)).json())[
            "state"
        ] != "completed":
            await asyncio.sleep(0.05)
    assert (progress["changed"], progress["failedCount"]) == (1, 1)
    assert set(await documents(client, tenant)) == {f"{site.url}/a"}


async def test_a_run_that_found_nothing_is_tried_again_from_its_start(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    works, site.routes["/sitemap.xml"] = site.routes["/sitemap.xml"], BROKEN
    refused = await client.post("/api/ingest", json={"input": address}, headers=tenant.headers)
    assert refused.status_code == 422
    job = (await source_of(client, tenant, address))["lastRun"]["jobId"]
    site.routes["/sitemap.xml"] = works
    assert (await client.post(f"/api/ingest/{job}/retry", headers=tenant.headers)).status_code == 202
    async with asyncio.timeout(60):
        while (await source_of(client, tenant, address))["documents"] < 2:
            await asyncio.sleep(0.05)


async def test_what_has_not_failed_or_is_not_the_last_is_not_tried_again(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    site.routes["/a"] = BROKEN
    first = (await ingest(client, tenant, address))["jobId"]
    site.routes["/a"] = html("axes")
    second = (await ingest(client, tenant, address))["jobId"]
    for job, word in ((first, "read again since"), (second, "No page")):
        response = await client.post(f"/api/ingest/{job}/retry", headers=tenant.headers)
        assert (response.status_code, word in response.json()["error"]) == (409, True)


async def test_only_the_latest_runs_of_a_source_are_kept(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite, resources: Resources
) -> None:
    site, tenant = await open_site({"/a": html("axes")}), await factory.tenant()
    jobs = [(await ingest(client, tenant, f"{site.url}/a"))["jobId"] for _ in range(12)]
    async with resources.database.unit_of_work(tenant.scope) as session:
        kept = {str(found) for found in (await session.execute(select(col(IngestJob.id)))).scalars()}
    assert kept == set(jobs[2:])
