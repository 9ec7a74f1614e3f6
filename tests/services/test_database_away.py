"""The database drops all connections: in the middle of an ingest, and in the middle of an answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import psycopg
import pytest
from procrastinate.retry import RetryStrategy
from sqlalchemy import text

from api_routes.app import create_api
from helpninja_app import runtime
from helpninja_app.answers.answerers import Answerers
from helpninja_app.answers.providers.base import TextDelta
from helpninja_app.answers.providers.fake import FakeProvider, spoken
from helpninja_app.billing.plans import Terms
from helpninja_app.errors import Unavailable
from helpninja_app.jobs import MAX_ATTEMPTS, rescue_stalled_jobs, tasks
from helpninja_app.kernel.embedded_postgres import Urls
from helpninja_app.kernel.queue import stop
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.knowledge.ingest_requests import IngestProgress, load_progress, request_ingest
from helpninja_app.knowledge.models import JobState
from helpninja_app.resources import Resources, knowledge_limits, open_resources
from tests.api.chatting import answering, ask, ask_streaming, events_in, shop
from tests.api.ingesting import page, sitemap, xml
from tests.conftest import make_settings
from tests.factories import Factory
from tests.loopback_site import LoopbackSite, Request, answer

PAGES = 16


@contextlib.asynccontextmanager
async def opened(
    urls: Urls, folder: Path, *, host: str = "", answerers: Answerers | None = None
) -> AsyncIterator[Resources]:
    settings = make_settings(urls, folder, allowed_private_hosts=frozenset({host} if host else ()))
    async with open_resources(
        settings, urls.app, tasks=tasks, embedder=HashingEmbedder(), answerers=answerers or Answerers()
    ) as resources:
        yield resources


async def drop_connections(urls: Urls) -> int:
    """End every other connection of the run-time role to this database; returns how many there were."""
    async with await psycopg.AsyncConnection.connect(urls.app, autocommit=True) as connection:
        found = await connection.execute(
            "select count(*) filter (where pg_terminate_backend(pid)) from pg_stat_activity"
            " where datname = current_database() and usename = current_user and pid <> pg_backend_pid()"
        )
        row = await found.fetchone()
        return int(row[0]) if row else 0


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await is_so():
            await asyncio.sleep(0.05)


async def test_an_ingest_goes_on_when_the_database_is_back(
    own_urls: Urls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slowly(request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)
        writer.write(answer(page(request.path.strip("/"))))

    monkeypatch.setattr(runtime, "RESTART_SECONDS", 0.1)
    async with LoopbackSite() as site, opened(own_urls, tmp_path, host=site.host) as own:
        urls = [f"{site.url}/page-{number}" for number in range(PAGES)]
        site.routes |= {f"/page-{number}": slowly for number in range(PAGES)}
        site.routes["/sitemap.xml"] = xml(sitemap(*urls))
        at_once = RetryStrategy(max_attempts=MAX_ATTEMPTS, wait=0)
        monkeypatch.setattr(own.queue.app.tasks["helpninja:ingest"], "retry_strategy", at_once)
        tenant = await Factory(own).tenant()
        limits = knowledge_limits(own.settings, Terms("agency"))
        async with own.database.unit_of_work(tenant.scope) as session:
            job_id = await request_ingest(
                session, own.queue, tenant.id, f"{site.url}/sitemap.xml", limits, requested_by="test"
            )

        async def progress() -> IngestProgress:
            async with own.database.unit_of_work(tenant.scope) as session:
                return await load_progress(session, tenant.id, job_id)

        async def is_under_way() -> bool:
            return (await progress()).changed >= 3

        async def is_over() -> bool:
            # A job whose worker could not even say that it failed is found by its heartbeat.
            with contextlib.suppress(Unavailable):
                return (await progress()).state.is_over
            return False

        working = asyncio.create_task(runtime.keep_working(own))
        await until(is_under_way)
        assert await drop_connections(own_urls) > 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(8):
                await until(is_over)
        if not await is_over():
            async with own.database.unit_of_work() as session:
                await session.execute(
                    text(
                        "update procrastinate_workers"
                        " set last_heartbeat = last_heartbeat - interval '10 minutes'"
                    )
                )
            await rescue_stalled_jobs(own)
            await until(is_over)
        await stop(working)
        done = await progress()
        assert (done.state, done.docs, done.failed_count) == (JobState.COMPLETED, PAGES, 0)
        async with own.database.unit_of_work(tenant.scope) as session:
            stored = (await session.execute(text("select url from documents"))).scalars()
            assert Counter(stored) == dict.fromkeys(urls, 1)
            for table in ("chunks", "embeddings"):
                assert (await session.execute(text(f"select count(*) from {table}"))).scalar_one() == PAGES


async def test_a_visitor_hears_of_it_and_the_next_question_is_answered(
    own_urls: Urls, tmp_path: Path
) -> None:
    go_on = asyncio.Event()
    fake = FakeProvider(
        [[TextDelta("Boots can be "), go_on, *spoken("returned [1].")], spoken("Sixty days [1].")]
    )
    async with opened(own_urls, tmp_path, answerers=answering(fake)) as own:
        tenant = await shop(Factory(own))
        transport = httpx.ASGITransport(app=create_api(), raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://helpninja.test", timeout=60
        ) as client:
            asking = asyncio.create_task(
                ask(client, tenant, headers={"accept": "text/event-stream"}, session_id="sid-away-1")
            )

            async def is_answering() -> bool:
                return fake.open_streams == 1

            await until(is_answering)
            assert await drop_connections(own_urls) > 0
            go_on.set()
            events = events_in((await asking).text)
            assert events[0].name == "token"
            assert events[-1].name in {"done", "error"}
            if events[-1].name == "error":
                assert events[-1].data["status"] == 503
                assert "psycopg" not in str(events)
            answered = await ask_streaming(client, tenant, session_id="sid-away-2")
            assert answered[-1].name == "done"
            assert "Sixty days" in answered[-1].data["answer"]
