"""Jobs that are interrupted: by a killed process, a deleted workspace, or an error that does not go away."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import UUID

import pytest
from procrastinate.retry import RetryStrategy
from sqlalchemy import text

from helpninja_app.accounts.workspaces import delete_workspace
from helpninja_app.answers.answerers import Answerers
from helpninja_app.billing.plans import Terms
from helpninja_app.errors import Unavailable
from helpninja_app.jobs import MAX_ATTEMPTS, remove_expired_workspaces, rescue_stalled_jobs, tasks
from helpninja_app.kernel.embedded_postgres import Urls
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.knowledge.ingest_requests import IngestProgress, load_progress, request_ingest
from helpninja_app.knowledge.models import JobState
from helpninja_app.resources import Resources, knowledge_limits, open_resources
from tests.conftest import make_settings
from tests.factories import Factory, Tenant
from tests.loopback_site import LoopbackSite, Request, answer
from tests.services.conftest import Gate

PAGES = 40
ROOT = Path(__file__).parents[2]


@pytest.fixture
async def site(gate: Gate) -> AsyncIterator[LoopbackSite]:
    """A sitemap of pages that take a moment each."""

    async def slowly(request: Request, writer: asyncio.StreamWriter) -> None:
        await gate.pass_through()
        await asyncio.sleep(0.1)
        name = request.path.strip("/")
        writer.write(answer(f"<html><title>{name}</title><body><p>This is about {name}.</p></body></html>"))

    async with LoopbackSite() as opened:
        urls = [f"{opened.url}/page-{number}" for number in range(PAGES)]
        opened.routes |= {f"/page-{number}": slowly for number in range(PAGES)}
        entries = "".join(f"<url><loc>{url}</loc></url>" for url in urls)
        opened.routes["/sitemap.xml"] = answer(f"<urlset>{entries}</urlset>", content_type="text/xml")
        yield opened


@pytest.fixture
async def own(file_urls: Urls, site: LoopbackSite, tmp_path: Path) -> AsyncIterator[Resources]:
    settings = make_settings(file_urls, tmp_path, allowed_private_hosts=frozenset({site.host}))
    async with open_resources(
        settings, file_urls.app, tasks=tasks, embedder=HashingEmbedder(), answerers=Answerers()
    ) as resources:
        yield resources


async def start_ingest(
    own: Resources, tenant: Tenant, address: str, *, follows_links: bool | None = None
) -> UUID:
    limits = knowledge_limits(own.settings, Terms("agency"))
    async with own.database.unit_of_work(tenant.scope) as session:
        return await request_ingest(
            session,
            own.queue,
            tenant.id,
            address,
            limits,
            requested_by="test",
            follows_links=follows_links,
        )


async def progress_of(own: Resources, tenant: Tenant, job_id: UUID) -> IngestProgress:
    async with own.database.unit_of_work(tenant.scope) as session:
        return await load_progress(session, tenant.id, job_id)


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(150):
        while not await is_so():
            await asyncio.sleep(0.05)


async def work_off(own: Resources) -> None:
    """Run what waits in the queue, and end."""
    await own.queue.app.run_worker_async(
        concurrency=2,
        wait=False,
        install_signal_handlers=False,
        delete_jobs="successful",
        additional_context={"resources": own},
    )


async def jobs_left(own: Resources) -> list[str]:
    async with own.database.unit_of_work() as session:
        found = await session.execute(text("select status from procrastinate_jobs where status <> 'failed'"))
        return list(found.scalars())


@contextlib.asynccontextmanager
async def worker_process(own: Resources, site: LoopbackSite) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.services.ingest_worker",
        own.database.url,
        str(own.settings.data_dir),
        site.host,
        cwd=ROOT,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@pytest.mark.timeout(300)
async def test_a_killed_worker_loses_no_page_and_doubles_none(
    own: Resources, site: LoopbackSite, gate: Gate
) -> None:
    gate.close_after(12)
    tenant = await Factory(own).tenant()
    job_id = await start_ingest(own, tenant, f"{site.url}/sitemap.xml")

    async def is_well_under_way() -> bool:
        return (await progress_of(own, tenant, job_id)).changed >= 8

    async with worker_process(own, site) as first:
        await until(is_well_under_way)
        os.kill(first.pid, signal.SIGKILL)
        await first.wait()
    gate.open()
    stopped = await progress_of(own, tenant, job_id)
    assert stopped.state is JobState.RUNNING
    assert 8 <= stopped.changed < PAGES
    before = set(site.paths())
    await asyncio.sleep(0.2)
    assert await jobs_left(own) == ["doing"]
    # Nobody hears of it before its heartbeat is overdue: that is a matter of time, which is turned back here.
    await rescue_stalled_jobs(own)
    assert await jobs_left(own) == ["doing"]
    async with own.database.unit_of_work() as session:
        await session.execute(
            text("update procrastinate_workers set last_heartbeat = last_heartbeat - interval '10 minutes'")
        )
    await rescue_stalled_jobs(own)
    assert await jobs_left(own) == ["todo"]

    await work_off(own)
    done = await progress_of(own, tenant, job_id)
    assert (done.state, done.docs, done.failed_count, done.pending) == (JobState.COMPLETED, PAGES, 0, 0)
    async with own.database.unit_of_work(tenant.scope) as session:
        urls = (await session.execute(text("select url from documents where status = 'completed'"))).scalars()
        assert Counter(urls) == {f"{site.url}/page-{number}": 1 for number in range(PAGES)}
        for table in ("chunks", "embeddings"):
            assert (await session.execute(text(f"select count(*) from {table}"))).scalar_one() == PAGES, table
        live = "select sum(chunk_count) - (select count(*) from lexical_tombstones) from lexical_segments"
        assert (await session.execute(text(live))).scalar_one() == PAGES
    # It went on and did not begin again: pages that were stored were not asked for a second time.
    asked = Counter(site.paths())
    assert asked["/sitemap.xml"] == 1
    assert (
        sum(asked[path] - 1 for path in before if path.startswith("/page-")) <= len(before) - stopped.changed
    )


async def test_a_job_whose_workspace_was_deleted_ends_quietly(own: Resources, site: LoopbackSite) -> None:
    tenant = await Factory(own).tenant()
    await start_ingest(own, tenant, f"{site.url}/sitemap.xml")
    async with own.database.unit_of_work() as session:
        await delete_workspace(session, tenant.id)
    await work_off(own)
    assert await jobs_left(own) == []
    assert site.paths() == []


async def test_a_workspace_that_is_deleted_during_its_ingest_takes_everything_with_it(
    own: Resources, site: LoopbackSite, gate: Gate
) -> None:
    gate.close_after(6)
    tenant = await Factory(own).tenant()
    job_id = await start_ingest(own, tenant, f"{site.url}/sitemap.xml")
    working = asyncio.create_task(work_off(own))

    async def has_some() -> bool:
        return (await progress_of(own, tenant, job_id)).changed >= 3

    await until(has_some)
    async with own.database.unit_of_work() as session:
        await delete_workspace(session, tenant.id)
    gate.open()
    await working
    assert await jobs_left(own) == []
    await _assert_nothing_left(own, tenant)


async def test_deleting_a_workspace_with_documents_leaves_no_row(own: Resources, site: LoopbackSite) -> None:
    tenant, other = await Factory(own).tenant(), await Factory(own).tenant()
    for owner in (tenant, other):
        for number in range(3):
            await Factory(own).document(owner, f"Text number {number} of the workspace.")
    async with own.database.unit_of_work() as session:
        await delete_workspace(session, tenant.id)
    await _assert_nothing_left(own, tenant)
    async with own.database.unit_of_work(other.scope) as session:
        assert (await session.execute(text("select count(*) from chunks"))).scalar_one() == 3
        assert (await session.execute(text("select count(*) from lexical_tombstones"))).scalar_one() == 0


async def test_a_throw_away_workspace_is_removed_when_its_time_is_over(
    own: Resources, site: LoopbackSite
) -> None:
    tenant = await Factory(own).tenant()
    await Factory(own).document(tenant, "A text.")
    folder = own.settings.data_dir / "files" / str(tenant.id)
    folder.mkdir()
    (folder / "file").write_text("x")
    await remove_expired_workspaces(own)
    assert folder.exists()
    async with own.database.unit_of_work() as session:
        await session.execute(
            text(
                "update workspace_handles set expires_at = now() - interval '1 second'"
                " where workspace_id = :id"
            ),
            {"id": tenant.id},
        )
    await remove_expired_workspaces(own)
    await _assert_nothing_left(own, tenant)
    assert not folder.exists()


async def _assert_nothing_left(own: Resources, tenant: Tenant) -> None:
    async with own.database.unit_of_work(tenant.scope) as session:
        tables = await session.execute(
            text(
                "select table_name from information_schema.columns"
                " where table_schema = 'public' and column_name = 'workspace_id'"
            )
        )
        for table in tables.scalars().all():
            left = await session.execute(
                text(f"select count(*) from {table} where workspace_id = :id"), {"id": tenant.id}
            )
            assert left.scalar_one() == 0, table


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (RuntimeError("psycopg says: secret detail"), "This ingest was stopped by an error on our side."),
        (Unavailable("The embedding model is away."), "The embedding model is away."),
    ],
)
async def test_a_job_that_fails_every_time_ends_as_failed_with_our_sentence(
    own: Resources,
    site: LoopbackSite,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    sentence: str,
) -> None:
    tenant = await Factory(own).tenant()
    tries = 0

    async def fail(*_: object, **__: object) -> None:
        nonlocal tries
        tries += 1
        raise error

    # Before the pages for what nobody expects, and within one for what a model does.
    target = "page_storing.swap_document" if isinstance(error, Unavailable) else "ingest._discover"
    monkeypatch.setattr(f"helpninja_app.knowledge.{target}", fail)
    at_once = RetryStrategy(max_attempts=MAX_ATTEMPTS, wait=0)
    monkeypatch.setattr(own.queue.app.tasks["helpninja:ingest"], "retry_strategy", at_once)
    job_id = await start_ingest(own, tenant, f"{site.url}/page-0")
    for _ in range(MAX_ATTEMPTS + 2):
        await work_off(own)
    progress = await progress_of(own, tenant, job_id)
    assert progress.state is JobState.FAILED
    assert (progress.reason or "").startswith(sentence)
    assert "secret" not in (progress.reason or "")
    assert tries == MAX_ATTEMPTS
    assert await jobs_left(own) == []
