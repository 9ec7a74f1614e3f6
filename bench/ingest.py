"""Ingest of 1,000 small HTML pages, from the request to the moment when the last one can be found."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from sqlalchemy import text

from bench.report import Figure, at_most, say, show
from bench.scratch import Scratch, make_workspace, opened, scratch_database
from bench.site import Site, running_site
from bench.stages import StageClock, TimedDatabase, TimedEmbedder, TimedExtractor, TimedFetcher
from bench.texts import stamp
from helpninja_app.accounts.callers import WorkspaceView
from helpninja_app.kernel.queue import stop
from helpninja_app.kernel.safe_http import SafeHttp
from helpninja_app.kernel.scope import Scope
from helpninja_app.knowledge.crawl.agent import USER_AGENT
from helpninja_app.knowledge.embedders import Embedders
from helpninja_app.knowledge.ingest_requests import IngestProgress, load_progress, request_ingest
from helpninja_app.knowledge.models import JobState
from helpninja_app.resources import Resources, knowledge_limits
from helpninja_app.runtime import keep_working

PAGES = 1_000
MOST_SECONDS = 300.0
# Texts embedded alone, for the floor that no ingest with this embedder can go below.
FLOOR_TEXTS = 100
_LOOK_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Ingested:
    seconds: float
    progress: IngestProgress
    stages: Mapping[str, float]
    texts: int


async def run() -> None:
    """Ingest a sitemap, ingest it again unchanged, and print both."""
    with running_site(PAGES) as site, scratch_database() as scratch:
        clock = StageClock()
        async with _working(scratch, site, clock) as resources:
            workspace = await make_workspace(resources, "Ingest")
            say(f"ingesting {PAGES} pages")
            first = await ingest(resources, workspace, site.sitemap, clock)
            await _prove_searchable(resources, workspace)
            say("ingesting them again, unchanged")
            again = await ingest(resources, workspace, site.sitemap, clock)
            floor = await _seconds_of_embedding_alone(resources, workspace, first.texts)
    show(f"Ingest of {PAGES:,} HTML pages", _figures(first, again, floor))


async def ingest(
    resources: Resources, workspace: WorkspaceView, address: str, clock: StageClock | None = None
) -> Ingested:
    """Ingest an address with the worker that runs, and wait until it is over."""
    clock = clock or StageClock()
    clock.take()
    texts = clock.texts
    started = time.perf_counter()
    scope = Scope.members(workspace.id)
    async with resources.database.unit_of_work(scope) as session:
        job_id = await request_ingest(
            session,
            resources.queue,
            workspace.id,
            address,
            knowledge_limits(resources.settings, workspace),
            requested_by="bench",
        )
    while True:
        async with resources.database.unit_of_work(scope) as session:
            progress = await load_progress(session, workspace.id, job_id)
        if progress.state.is_over:
            break
        await asyncio.sleep(_LOOK_SECONDS)
    elapsed = time.perf_counter() - started
    if progress.state is not JobState.COMPLETED or progress.failed_count or progress.skipped_count:
        raise RuntimeError(f"The ingest did not succeed: {progress}")
    return Ingested(elapsed, progress, clock.take(), clock.texts - texts)


@asynccontextmanager
async def _working(scratch: Scratch, site: Site, clock: StageClock) -> AsyncIterator[Resources]:
    """Resources whose ingests are timed, with a worker on them."""
    hosts = frozenset({site.host})
    embedder = TimedEmbedder(clock)
    async with (
        opened(scratch, embedder=embedder, allowed_private_hosts=hosts) as resources,
        SafeHttp(user_agent=USER_AGENT, allowed_private_hosts=hosts) as http,
        AsyncExitStack() as stack,
    ):
        database = TimedDatabase(scratch.urls.app, clock)
        stack.push_async_callback(database.close)
        extractor = TimedExtractor(clock)
        stack.push_async_callback(extractor.aclose)
        timed = replace(
            resources,
            knowledge=replace(
                resources.knowledge,
                database=database,
                embedders=Embedders(embedder),
                extractor=extractor,
                fetcher=TimedFetcher(http, clock),
            ),
        )
        worker = asyncio.create_task(keep_working(timed))
        stack.push_async_callback(stop, worker)
        yield timed


async def _prove_searchable(resources: Resources, workspace: WorkspaceView) -> None:
    number = PAGES - 1
    found = await resources.knowledge.index.search_question(
        resources.knowledge.embedders.current,
        Scope.visitors(workspace.id),
        stamp(number, 0),
    )
    if not any(passage.url and passage.url.endswith(f"/{number}") for passage in found.passages):
        raise RuntimeError(f"Page {number} was ingested but is not found.")


async def _seconds_of_embedding_alone(resources: Resources, workspace: WorkspaceView, texts: int) -> float:
    """What as many passages take when nothing else is done, from a sample of them."""
    async with resources.database.unit_of_work(Scope.visitors(workspace.id)) as session:
        found = await session.execute(
            text("select text from chunks where workspace_id = :workspace order by content_hash limit :most"),
            {"workspace": workspace.id, "most": FLOOR_TEXTS},
        )
        sample = list(found.scalars())
    started = time.perf_counter()
    await resources.knowledge.embedders.current.embed_passages(sample)
    return (time.perf_counter() - started) * texts / len(sample)


def _figures(first: Ingested, again: Ingested, floor: float) -> list[Figure]:
    figures = [
        at_most(
            "until all are searchable",
            first.seconds,
            MOST_SECONDS,
            "s",
            peer=f"embedding alone {floor:.1f} s: ratio {first.seconds / floor:.2f}",
        ),
        Figure("pages a second", f"{first.progress.docs / first.seconds:.1f}"),
        Figure("passages embedded", f"{first.texts:,}"),
    ]
    for name in ("fetch", "extract", "embed", "store"):
        seconds = first.stages.get(name, 0.0)
        share = 100 * seconds / first.seconds
        figures.append(Figure(f"time with a page in: {name}", f"{seconds:.1f} s ({share:.0f} %)"))
    figures += [
        Figure("again, unchanged", f"{again.seconds:.1f} s, {PAGES / again.seconds:.1f} pages/s"),
        Figure(
            "embedded again",
            str(again.texts),
            "0",
            again.texts == 0 and again.progress.unchanged == PAGES,
        ),
    ]
    return figures
