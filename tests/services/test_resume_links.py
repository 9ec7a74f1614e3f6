"""A crawl by links that is interrupted: killed, at the end of its slice, cancelled; and one that is slow."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from helpninja_app.answers.answerers import Answerers
from helpninja_app.jobs import rescue_stalled_jobs, tasks
from helpninja_app.kernel.embedded_postgres import Urls
from helpninja_app.knowledge import ingest
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.knowledge.ingest_requests import cancel_ingest
from helpninja_app.knowledge.models import JobState
from helpninja_app.resources import Resources, open_resources
from tests.conftest import make_settings
from tests.factories import Factory, Tenant
from tests.loopback_site import LoopbackSite, Request, answer
from tests.services.conftest import Gate
from tests.services.test_resume import (
    jobs_left,
    progress_of,
    start_ingest,
    until,
    work_off,
    worker_process,
)

PAGES = 31


@pytest.fixture
async def site(gate: Gate) -> AsyncIterator[LoopbackSite]:
    """A tree: each page leads to two further ones, takes a moment, and nothing lists them."""

    async def slowly(request: Request, writer: asyncio.StreamWriter) -> None:
        await gate.pass_through()
        await asyncio.sleep(0.1)
        number = int(request.path.rpartition("-")[2])
        links = "".join(f'<a href="/page-{n}">x</a>' for n in (2 * number, 2 * number + 1) if n <= PAGES)
        writer.write(answer(f"<html><title>{number}</title><body><p>This is page {number}.</p>{links}"))

    async with LoopbackSite() as opened:
        opened.routes |= {f"/page-{number}": slowly for number in range(1, PAGES + 1)}
        yield opened


@pytest.fixture
async def own(file_urls: Urls, site: LoopbackSite, tmp_path: Path) -> AsyncIterator[Resources]:
    settings = make_settings(file_urls, tmp_path, allowed_private_hosts=frozenset({site.host}))
    async with open_resources(
        settings, file_urls.app, tasks=tasks, embedder=HashingEmbedder(), answerers=Answerers()
    ) as resources:
        yield resources


async def work_off_slices(own: Resources, tenant: Tenant, job_id: UUID) -> None:
    """The worker ends when nothing waits, so each slice that is put back into the queue needs another."""
    async with asyncio.timeout(60):
        while not (await progress_of(own, tenant, job_id)).state.is_over:
            await work_off(own)


@pytest.mark.timeout(300)
async def test_a_killed_crawl_goes_on_and_asks_for_no_page_twice(
    own: Resources, site: LoopbackSite, gate: Gate
) -> None:
    gate.close_after(10)
    tenant = await Factory(own).tenant()
    job_id = await start_ingest(own, tenant, f"{site.url}/page-1", follows_links=True)

    async def is_well_under_way() -> bool:
        return (await progress_of(own, tenant, job_id)).changed >= 6

    async with worker_process(own, site) as first:
        await until(is_well_under_way)
        os.kill(first.pid, signal.SIGKILL)
        await first.wait()
    gate.open()
    stopped = await progress_of(own, tenant, job_id)
    assert 6 <= stopped.changed < stopped.found < PAGES
    await asyncio.sleep(0.3)
    before = Counter(site.paths())
    async with own.database.unit_of_work() as session:
        await session.execute(
            text("update procrastinate_workers set last_heartbeat = last_heartbeat - interval '10 minutes'")
        )
    await rescue_stalled_jobs(own)
    await work_off(own)
    done = await progress_of(own, tenant, job_id)
    assert (done.state, done.docs, done.found, done.pending) == (JobState.COMPLETED, PAGES, PAGES, 0)
    async with own.database.unit_of_work(tenant.scope) as session:
        urls = (await session.execute(text("select url from documents where status = 'completed'"))).scalars()
        assert Counter(urls) == {f"{site.url}/page-{number}": 1 for number in range(1, PAGES + 1)}
    # Only those that were on their way when it was killed are asked for again; the first is looked at first.
    asked = Counter(site.paths())
    again = [path for path in before if path.startswith("/page-") and asked[path] > before[path]]
    assert len(again) <= sum(before.values()) - before["/robots.txt"] - 1 - stopped.changed


async def test_at_the_end_of_its_slice_a_crawl_lets_others_go_first_and_goes_on(
    own: Resources, site: LoopbackSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "SLICE_SECONDS", 0.3)
    tenant = await Factory(own).tenant()
    job_id = await start_ingest(own, tenant, f"{site.url}/page-1", follows_links=True)
    slices = 0
    run_ingest = ingest._work_through

    async def counted(*arguments: object) -> bool:
        nonlocal slices
        slices += 1
        return await run_ingest(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(ingest, "_work_through", counted)
    found: list[int] = []

    async def watch() -> None:
        while True:
            found.append((await progress_of(own, tenant, job_id)).found)
            await asyncio.sleep(0.05)

    watching = asyncio.create_task(watch())
    await work_off_slices(own, tenant, job_id)
    watching.cancel()
    done = await progress_of(own, tenant, job_id)
    assert (done.state, done.docs) == (JobState.COMPLETED, PAGES)
    assert slices >= 3
    assert found == sorted(found)
    assert len(set(found)) >= 4
    assert Counter(site.paths()) - Counter({"/page-1": 1}) == Counter(set(site.paths()))


async def test_a_crawl_is_cancelled_in_the_middle(own: Resources, site: LoopbackSite, gate: Gate) -> None:
    gate.close_after(6)
    tenant = await Factory(own).tenant()
    job_id = await start_ingest(own, tenant, f"{site.url}/page-1", follows_links=True)
    working = asyncio.create_task(work_off(own))

    async def has_some() -> bool:
        return (await progress_of(own, tenant, job_id)).changed >= 3

    await until(has_some)
    async with own.database.unit_of_work(tenant.scope) as session:
        await cancel_ingest(session, tenant.id, job_id)
    gate.open()
    await working
    progress = await progress_of(own, tenant, job_id)
    assert (progress.state, await jobs_left(own)) == (JobState.CANCELLED, [])
    assert progress.docs < PAGES


async def test_a_page_that_is_read_alone_is_begun_anew_with_its_links(
    own: Resources, site: LoopbackSite
) -> None:
    tenant = await Factory(own).tenant()
    alone = await start_ingest(own, tenant, f"{site.url}/page-16")
    linked = await start_ingest(own, tenant, f"{site.url}/page-16", follows_links=True)
    again = await start_ingest(own, tenant, f"{site.url}/page-16")
    assert again == linked != alone
    await work_off(own)
    assert (await progress_of(own, tenant, alone)).state is JobState.CANCELLED
    assert (await progress_of(own, tenant, linked)).docs == 1


async def test_sitemaps_that_take_long_let_others_go_first(
    own: Resources, site: LoopbackSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slowly(request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.2)
        number = request.path.strip("/").removesuffix(".xml")
        loc = f"<loc>{site.url}/page-{number}</loc>"
        writer.write(answer(f"<urlset><url>{loc}</url></urlset>", content_type="text/xml"))

    names = [f"/{number}.xml" for number in range(1, 7)]
    entries = "".join(f"<sitemap><loc>{site.url}{name}</loc></sitemap>" for name in names)
    site.routes["/index.xml"] = answer(f"<sitemapindex>{entries}</sitemapindex>", content_type="text/xml")
    site.routes |= dict.fromkeys(names, slowly)
    monkeypatch.setattr(ingest, "SLICE_SECONDS", 0.3)
    slices = 0
    discover = ingest._discover

    async def counted(*arguments: object) -> bool:
        nonlocal slices
        slices += 1
        return await discover(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(ingest, "_discover", counted)
    tenant = await Factory(own).tenant()
    job_id = await start_ingest(own, tenant, f"{site.url}/index.xml")
    await work_off_slices(own, tenant, job_id)
    done = await progress_of(own, tenant, job_id)
    assert (done.state, done.docs) == (JobState.COMPLETED, 6)
    assert slices >= 2
    asked = Counter(site.paths())
    assert all(asked[name] == 1 for name in ("/index.xml", *names))
