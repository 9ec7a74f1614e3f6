"""``/api/sources``: what a source holds and did last, who it is for, and its end and return."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from helpninja_app.accounts.models import Role
from helpninja_app.resources import Resources
from tests.api.ingesting import documents, found, html, ingest, sitemap, xml
from tests.api.uploading import upload
from tests.conftest import OpenResources, OpenSite
from tests.factories import Factory, Tenant
from tests.loopback_site import LoopbackSite, Request, answer

pytestmark = pytest.mark.usefixtures("worker", "no_backoff")


async def source_of(client: httpx.AsyncClient, tenant: Tenant, location: str) -> dict[str, Any]:
    listed = (await client.get("/api/sources", headers=tenant.headers)).json()["sources"]
    [source] = [item for item in listed if item["location"] == location]
    return dict(source)


async def two_pages(site: LoopbackSite) -> str:
    site.routes |= {"/a": html("axes"), "/b": html("bags")}
    site.routes["/sitemap.xml"] = xml(sitemap(f"{site.url}/a", f"{site.url}/b"))
    return f"{site.url}/sitemap.xml"


async def test_a_source_shows_its_documents_and_what_its_last_run_did(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    site.routes["/broken"] = answer("oops", status="500 Internal Server Error")
    await ingest(client, tenant, address)
    site.routes["/a"] = html("anvils")
    urls = [f"{site.url}/{name}" for name in ("a", "b", "broken")]
    site.routes["/sitemap.xml"] = xml(sitemap(*urls, "https://elsewhere.example/"))
    await ingest(client, tenant, address)
    source = await source_of(client, tenant, address)
    assert (source["kind"], source["name"], source["host"]) == ("sitemap", address, site.host)
    assert (source["documents"], source["completed"], source["failed"]) == (2, 2, 0)
    assert (source["audience"], source["schedule"], source["nextSyncAt"]) == ("visitors", "off", None)
    run = source["lastRun"]
    counts = {name: run[name] for name in ("changed", "unchanged", "gone", "failed", "skipped", "pending")}
    assert counts == {"changed": 1, "unchanged": 1, "gone": 0, "failed": 1, "skipped": 1, "pending": 0}
    assert (run["state"], run["scheduled"]) == ("completed", False)
    assert source["lastSyncedAt"] is not None


async def test_sources_are_listed_newest_first_by_kind_and_in_pages(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site({"/a": html("axes"), "/b": html("bags")}), await factory.tenant()
    await ingest(client, tenant, f"{site.url}/a")
    await ingest(client, tenant, f"{site.url}/b")
    await upload(client, tenant.headers, "tent.md")

    async def names(**params: Any) -> tuple[list[str], int]:
        listed = (await client.get("/api/sources", params=params, headers=tenant.headers)).json()
        return [item["name"] for item in listed["sources"]], listed["total"]

    assert await names() == (["tent.md", f"{site.url}/b", f"{site.url}/a"], 3)
    assert await names(kind="page") == ([f"{site.url}/b", f"{site.url}/a"], 2)
    assert await names(limit=1, offset=1) == ([f"{site.url}/b"], 3)
    refused = await client.get("/api/sources", params={"limit": 0}, headers=tenant.headers)
    assert refused.status_code == 422


async def test_another_audience_of_a_source_holds_for_all_its_documents_and_for_later_pages(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    await ingest(client, tenant, address)
    path = f"/api/sources/{(await source_of(client, tenant, address))['id']}"
    changed = await client.patch(path, json={"audience": "members"}, headers=tenant.headers)
    assert (changed.json()["audience"], changed.json()["exceptions"]) == ("members", 0)
    assert await found(resources, tenant, "axes and bags") == []
    site.routes["/c"] = html("cups")
    site.routes["/sitemap.xml"] = xml(sitemap(*(f"{site.url}/{name}" for name in "abc")))
    await ingest(client, tenant, address)
    assert {item["audience"] for item in (await documents(client, tenant)).values()} == {"members"}
    assert await found(resources, tenant, "cups") == []
    await client.patch(path, json={"audience": "visitors"}, headers=tenant.headers)
    assert set(await found(resources, tenant, "axes, bags and cups")) == {f"{site.url}/{n}" for n in "abc"}


async def test_a_page_on_its_way_gets_the_audience_that_its_source_has_by_then(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, open_site: OpenSite
) -> None:
    site, tenant = await open_site({"/a": html("axes")}), await factory.tenant()
    await ingest(client, tenant, f"{site.url}/a")
    source = await source_of(client, tenant, f"{site.url}/a")
    asked, go = asyncio.Event(), asyncio.Event()

    async def wait(_request: Request, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await go.wait()
        writer.write(html("secret prices"))

    site.routes["/sitemap.xml"] = xml(sitemap(f"{site.url}/new"))
    site.routes["/new"] = wait
    under_way = asyncio.create_task(ingest(client, tenant, f"{site.url}/sitemap.xml"))
    await asyncio.wait_for(asked.wait(), 60)
    new = await source_of(client, tenant, f"{site.url}/sitemap.xml")
    await client.patch(f"/api/sources/{new['id']}", json={"audience": "members"}, headers=tenant.headers)
    go.set()
    await under_way
    assert (await documents(client, tenant))[f"{site.url}/new"]["audience"] == "members"
    assert await found(resources, tenant, "secret prices") == [f"{site.url}/a"]
    assert source["audience"] == "visitors"


async def test_a_name_is_given_and_taken_away(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site({"/a": html("axes")}), await factory.tenant()
    await ingest(client, tenant, f"{site.url}/a")
    path = f"/api/sources/{(await source_of(client, tenant, f'{site.url}/a'))['id']}"
    for title, name in (("Our axes", "Our axes"), ("", f"{site.url}/a")):
        changed = await client.patch(path, json={"title": title}, headers=tenant.headers)
        assert changed.json()["name"] == name
    for body in ({"title": "a" * 501}, {"audience": "all"}, {"schedule": "hourly"}, {"name": "x"}):
        assert (await client.patch(path, json=body, headers=tenant.headers)).status_code == 422


async def test_a_deleted_source_takes_its_documents_along_and_brings_them_back(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    await ingest(client, tenant, address)
    before = await documents(client, tenant)
    path = f"/api/sources/{(await source_of(client, tenant, address))['id']}"
    await client.patch(path, json={"schedule": "daily"}, headers=tenant.headers)
    assert (await client.post(f"{path}/restore", headers=tenant.headers)).status_code == 409
    assert (await client.delete(path, headers=tenant.headers)).status_code == 200
    assert await found(resources, tenant, "axes and bags") == []
    assert await documents(client, tenant) == {}
    for method, below in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/sync")):
        response = await client.request(method, f"{path}{below}", json={}, headers=tenant.headers)
        assert response.status_code == 404, method
    restored = (await client.post(f"{path}/restore", headers=tenant.headers)).json()
    assert (restored["documents"], restored["schedule"]) == (2, "daily")
    assert restored["nextSyncAt"] is not None
    assert await documents(client, tenant) == before
    assert set(await found(resources, tenant, "axes and bags")) == set(before)
    assert (await ingest(client, tenant, address))["unchanged"] == 2


async def test_a_deleted_source_that_is_named_again_begins_anew(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    address = await two_pages(site)
    await ingest(client, tenant, address)
    first = await source_of(client, tenant, address)
    await client.delete(f"/api/sources/{first['id']}", headers=tenant.headers)
    assert (await ingest(client, tenant, address))["changed"] == 2
    assert (await source_of(client, tenant, address))["documents"] == 2
    restored = await client.post(f"/api/sources/{first['id']}/restore", headers=tenant.headers)
    assert restored.status_code == 409


async def test_nothing_of_a_run_that_was_under_way_comes_after_its_source_is_deleted(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    asked, go = asyncio.Event(), asyncio.Event()

    async def wait(_request: Request, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await go.wait()
        writer.write(html("axes"))

    site.routes |= {"/a": wait, "/sitemap.xml": xml(sitemap(f"{site.url}/a"))}
    address = f"{site.url}/sitemap.xml"
    under_way = asyncio.create_task(
        client.post("/api/ingest", json={"input": address}, headers=tenant.headers)
    )
    await asyncio.wait_for(asked.wait(), 60)
    source = await source_of(client, tenant, address)
    await client.delete(f"/api/sources/{source['id']}", headers=tenant.headers)
    go.set()
    await under_way
    job = (await client.get(f"/api/ingest/{source['lastRun']['jobId']}", headers=tenant.headers)).json()
    assert (job["state"], job["docs"]) == ("cancelled", 0)
    assert await documents(client, tenant) == {}


async def test_a_source_comes_back_only_where_the_plan_has_room(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite, with_resources: OpenResources
) -> None:
    first, second = await open_site({"/a": html("axes")}), await open_site({"/b": html("bags")})
    tenant = await factory.in_person("free")
    async with with_resources(unlimited=False):
        await ingest(client, tenant, f"{first.url}/a")
        deleted = await source_of(client, tenant, f"{first.url}/a")
        await client.delete(f"/api/sources/{deleted['id']}", headers=tenant.headers)
        await ingest(client, tenant, f"{second.url}/b")
        response = await client.post(f"/api/sources/{deleted['id']}/restore", headers=tenant.headers)
    assert response.status_code == 402
    assert response.json()["limit"] == 1
    assert set(await documents(client, tenant)) == {f"{second.url}/b"}


async def test_a_source_is_read_again_at_once_and_once_at_a_time(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site({"/a": html("axes")}), await factory.tenant()
    await ingest(client, tenant, f"{site.url}/a")
    source = await source_of(client, tenant, f"{site.url}/a")
    go = asyncio.Event()

    async def wait(_request: Request, writer: asyncio.StreamWriter) -> None:
        await go.wait()
        writer.write(html("anvils"))

    site.routes["/a"] = wait
    started = [
        await client.post(f"/api/sources/{source['id']}/sync", headers=tenant.headers) for _ in range(2)
    ]
    assert [response.status_code for response in started] == [202, 202]
    assert len({response.json()["jobId"] for response in started} - {source["lastRun"]["jobId"]}) == 1
    go.set()
    async with asyncio.timeout(60):
        while (await source_of(client, tenant, f"{site.url}/a"))["lastRun"]["state"] != "completed":
            await asyncio.sleep(0.05)
    assert (await documents(client, tenant))[f"{site.url}/a"]["title"] == "About anvils"


async def test_a_file_is_not_read_again_and_has_no_schedule(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await factory.tenant()
    document = (await upload(client, tenant.headers, "tent.md")).json()["documentId"]
    path = f"/api/sources/{(await source_of(client, tenant, document))['id']}"
    assert (await client.post(f"{path}/sync", headers=tenant.headers)).status_code == 409
    refused = await client.patch(path, json={"schedule": "daily"}, headers=tenant.headers)
    assert refused.status_code == 422


async def test_whoever_may_only_read_changes_no_source(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant = await factory.tenant()
    await factory.document(tenant, "# Boots\n\nUnworn boots can be returned.", url="https://a.example/")
    source = await source_of(client, tenant, "https://a.example/")
    _, agent = await factory.member(tenant, Role.AGENT)
    path = f"/api/sources/{source['id']}"
    assert (await client.get(path, headers=agent)).status_code == 200
    for method, below in (("PATCH", ""), ("DELETE", ""), ("POST", "/sync"), ("POST", "/restore")):
        response = await client.request(method, f"{path}{below}", json={"title": "x"}, headers=agent)
        assert response.status_code == 403, method
