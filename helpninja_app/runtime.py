"""The life of one process: opens its resources, runs the worker and the clock, and closes all of it."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from helpninja_app.demo.workspace import prepare_demo
from helpninja_app.errors import HelpNinjaError, Unavailable
from helpninja_app.jobs import follow_configured_model, follow_plans, make_clock, tasks
from helpninja_app.kernel.queue import stop
from helpninja_app.kernel.telemetry import configure_logging
from helpninja_app.resources import Resources, open_resources
from helpninja_app.settings import Settings, get_settings

log = structlog.get_logger(__name__)

RESTART_SECONDS = 2.0
# Whoever streams an answer takes the interpreter back a hundred times for it, from a thread that cuts a large
# document into passages each time so late. Python's own 5 ms made half a second of that.
TURN_SECONDS = 0.0005


@asynccontextmanager
async def running(settings: Settings | None = None) -> AsyncIterator[Resources]:
    """Everything a web process does beside answering requests, for as long as the block runs."""
    settings = settings or get_settings()
    configure_logging(settings.log_level, settings.log_format)
    sys.setswitchinterval(TURN_SECONDS)
    if settings.database_url is None:
        raise Unavailable("DATABASE_URL is missing: start with `helpninja serve`, which fills it in.")
    async with open_resources(settings, settings.database_url, tasks=tasks) as resources:
        background = [asyncio.create_task(warm_up(resources))]
        clock = make_clock(resources)
        clock.start()
        if settings.worker_concurrency:
            background.append(asyncio.create_task(keep_working(resources)))
            background.append(asyncio.create_task(resources.courier.run()))
            background.append(asyncio.create_task(resources.webhook_courier().run()))
        if settings.is_development:
            background.append(asyncio.create_task(prepare_demo(resources)))
        try:
            yield resources
        finally:
            clock.shutdown(wait=False)
            for task in background:
                await stop(task)


async def keep_working(resources: Resources) -> None:
    """Run the worker, and run it again when the database went away under it."""
    while True:
        try:
            await follow_configured_model(resources)
            await follow_plans(resources)
            await resources.queue.work(
                concurrency=resources.settings.worker_concurrency or 1, context={"resources": resources}
            )
        except Exception:
            log.exception("worker_failed")
        await asyncio.sleep(RESTART_SECONDS)


async def warm_up(resources: Resources) -> None:
    """Load what the first request would have to wait for."""
    try:
        await resources.knowledge.embedders.current.load()
    except HelpNinjaError as error:
        # /api/health/ready says it is missing; searching says why.
        log.error("embedder_not_loaded", detail=error.detail)
    # What is there now stays until the end. To look all of it through, which the collector does every few
    # hundred requests, held every stream up for a third of a second.
    gc.collect()
    gc.freeze()
