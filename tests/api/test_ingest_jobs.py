"""``/api/ingest/{jobId}``: jobs that take long, are cancelled, or run at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from api_routes import ingest as ingest_routes
from helpninja_app.resources import Resources
from tests.api.ingesting import documents, html, ingest, sitemap, xml
from tests.conftest import OpenSite
from tests.factories import Factory, Tenant
from tests.loopback_site import LoopbackSite, Request

pytestmark = pytest.mark.usefixtures("worker", "no_backoff")


class SlowSite:
    """Serves a sitemap whose pages wait until they are let go."""

    def __init__(self, site: LoopbackSite, count: int) -> None:
        self.site = site
        self.go = asyncio.Event()
        self.address = f"{site.url}/sitemap.xml"
        urls = [f"{site.url}/slow/{number}" for number in range(count)]
        site.routes["/sitemap.xml"] = xml(sitemap(f"{site.url}/fast", *urls))
        site.routes["/fast"] = html("quick things")
        for number in range(count):
            site.routes[f"/slow/{number}"] = self._wait(number)

    def _wait(self, number: int) -> Callable[[Request, asyncio.StreamWriter], Any]:
        async def wait(_request: Request, writer: asyncio.StreamWriter) -> None:
            await self.go.wait()
            writer.write(html(f"slow thing {number}"))

        return wait


async def _until(client: httpx.AsyncClient, tenant: Tenant, job_id: str, **wanted: Any) -> dict[str, Any]:
    """The job's progress once it has these values."""
    async with asyncio.timeout(30):
        while True:
            response = await client.get(f"/api/ingest/{job_id}", headers=tenant.headers)
            progress: dict[str, Any] = response.json()
            if wanted.items() <= progress.items():
                return progress
            await asyncio.sleep(0.05)


async def test_a_long_ingest_is_answered_with_202_and_goes_on(
    client: httpx.AsyncClient,
    factory: Factory,
    open_site: OpenSite,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ingest_routes, "WAIT_SECONDS", 0.2)
    slow, tenant = SlowSite(await open_site(), 2), await factory.tenant()
    response = await client.post("/api/ingest", json={"input": slow.address}, headers=tenant.headers)
    assert response.status_code == 202
    answered = response.json()
    assert answered["ok"] is True
    assert answered["docs"] <= 1
    progress = await _until(client, tenant, answered["jobId"], docs=1)
    assert (progress["state"], progress["found"], progress["pending"]) == ("running", 3, 2)
    slow.go.set()
    progress = await _until(client, tenant, answered["jobId"], state="completed")
    assert (progress["docs"], progress["pending"]) == (3, 0)


async def test_a_cancelled_ingest_keeps_what_it_has_and_stores_nothing_more(
    client: httpx.AsyncClient,
    factory: Factory,
    open_site: OpenSite,
    resources: Resources,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ingest_routes, "WAIT_SECONDS", 0.2)
    slow, tenant = SlowSite(await open_site(), 3), await factory.tenant()
    job_id = (await client.post("/api/ingest", json={"input": slow.address}, headers=tenant.headers)).json()[
        "jobId"
    ]
    await _until(client, tenant, job_id, docs=1)
    cancelled = await client.delete(f"/api/ingest/{job_id}", headers=tenant.headers)
    assert cancelled.status_code == 200
    assert cancelled.json()["state"] == "cancelled"
    slow.go.set()
    again = await client.delete(f"/api/ingest/{job_id}", headers=tenant.headers)
    assert again.status_code == 409
    async with asyncio.timeout(30):
        while await _jobs_of(resources, job_id):
            await asyncio.sleep(0.05)
    assert set(await documents(client, tenant)) == {f"{slow.site.url}/fast"}
    # The same address may be read again.
    monkeypatch.undo()
    assert (await ingest(client, tenant, slow.address))["docs"] == 4


async def _jobs_of(resources: Resources, job_id: str) -> int:
    async with resources.database.unit_of_work() as session:
        counted = await session.execute(
            text("select count(*) from procrastinate_jobs where args->>'job_id' = :job"), {"job": job_id}
        )
        return int(counted.scalar_one())


async def test_a_finished_ingest_cannot_be_cancelled(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site({"/a": html("axes")}), await factory.tenant()
    job_id = (await ingest(client, tenant, f"{site.url}/a"))["jobId"]
    response = await client.delete(f"/api/ingest/{job_id}", headers=tenant.headers)
    assert response.status_code == 409
    assert response.json()["ok"] is False


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_job_is_nobody_elses(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite, method: str
) -> None:
    site, mine, theirs = await open_site({"/a": html("axes")}), await factory.tenant(), await factory.tenant()
    job_id = (await ingest(client, mine, f"{site.url}/a"))["jobId"]
    assert (await client.request(method, f"/api/ingest/{job_id}")).status_code == 401
    foreign = await client.request(method, f"/api/ingest/{job_id}", headers=theirs.headers)
    assert foreign.status_code == 404
    malformed = await client.request(method, "/api/ingest/not-an-id", headers=mine.headers)
    assert malformed.status_code == 400


async def test_the_same_input_twice_at_once_is_one_job(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    slow, tenant = SlowSite(await open_site(), 2), await factory.tenant()

    async def post() -> dict[str, Any]:
        return await ingest(client, tenant, slow.address)

    asking = [asyncio.create_task(post()) for _ in range(4)]
    async with asyncio.timeout(30):
        while "/slow/1" not in slow.site.paths():
            await asyncio.sleep(0.02)
    slow.go.set()
    results = await asyncio.gather(*asking)
    assert len({result["jobId"] for result in results}) == 1
    assert slow.site.paths().count("/sitemap.xml") == 1
    assert slow.site.paths().count("/slow/0") == 1


async def test_two_jobs_that_meet_at_a_page_store_it_once(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site(), await factory.tenant()
    names = [f"/{number}" for number in range(6)]
    for name in names:
        site.routes[name] = html(f"thing {name}")
    for number in (1, 2):
        site.routes[f"/{number}.xml"] = xml(sitemap(*(site.url + name for name in names)))
    one, two = await asyncio.gather(
        ingest(client, tenant, f"{site.url}/1.xml"), ingest(client, tenant, f"{site.url}/2.xml")
    )
    assert (one["docs"], two["docs"]) == (6, 6)
    assert len(await documents(client, tenant)) == 6


async def test_changing_a_document_while_its_page_is_read_again_blocks_nobody(
    client: httpx.AsyncClient, factory: Factory, open_site: OpenSite
) -> None:
    site, tenant = await open_site({"/a": html("axes")}), await factory.tenant()
    await ingest(client, tenant, f"{site.url}/a")
    (document,) = (await documents(client, tenant)).values()
    is_over = asyncio.Event()

    async def keep_changing(audience: str) -> None:
        url = f"/api/documents/{document['id']}"
        while not is_over.is_set():
            response = await client.patch(url, json={"audience": audience}, headers=tenant.headers)
            assert response.status_code == 200, response.text

    changing = [asyncio.create_task(keep_changing(audience)) for audience in ("visitors", "members")]
    for number in ("one", "two", "three", "four"):
        site.routes["/a"] = html(f"axes {number}")
        assert (await ingest(client, tenant, f"{site.url}/a"))["changed"] == 1
    is_over.set()
    await asyncio.gather(*changing)
