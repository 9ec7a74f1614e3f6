"""The job queue: procrastinate on our PostgreSQL, with jobs that outlive a killed worker."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any

import procrastinate
import structlog
from procrastinate.exceptions import AlreadyEnqueued, UniqueViolation
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

log = structlog.get_logger(__name__)

HEARTBEAT_SECONDS = 5.0
STALLED_AFTER_SECONDS = 20.0
SHUTDOWN_SECONDS = 3.0

_BRING_FORWARD = text(
    "update procrastinate_jobs set scheduled_at = :moment"
    " where queueing_lock = :once and status = 'todo' and scheduled_at > :moment"
)


class Priority(IntEnum):
    """What somebody waits for goes before long work, and long work before scheduled work."""

    INTERACTIVE = 100
    LONG = 10
    SCHEDULED = 0


class Queue:
    """Enqueues jobs in the caller's own transaction and runs workers.

    Job arguments are ids only: the queue's tables have no row-level security.
    """

    def __init__(self, url: str, *, tasks: procrastinate.Blueprint | None = None) -> None:
        connector = procrastinate.PsycopgConnector(
            conninfo=url, min_size=1, max_size=5, kwargs={"connect_timeout": 5}
        )
        self.app = procrastinate.App(connector=connector)
        if tasks is not None:
            self.app.add_tasks_from(_own_copy(tasks), namespace="helpninja")

    async def open(self) -> None:
        await self.app.open_async()

    async def close(self) -> None:
        await self.app.close_async()

    async def enqueue(
        self,
        session: AsyncSession,
        task: str,
        *,
        priority: Priority = Priority.INTERACTIVE,
        once: str | None = None,
        after: timedelta | None = None,
        **arguments: str,
    ) -> None:
        """Add a job that exists exactly when the session's transaction commits.

        With ``once`` nothing happens while a job of that name still waits; it is not run before ``after``.
        """
        try:
            async with session.begin_nested():
                # Asked for in here: only then does SQLAlchemy set the savepoint that a refusal rolls back to.
                driver = (await (await session.connection()).get_raw_connection()).driver_connection
                job = self.app.configure_task(
                    f"helpninja:{task}",
                    priority=int(priority),
                    queueing_lock=once,
                    schedule_at=datetime.now(UTC) + after if after else None,
                    connection=driver,
                )
                await job.defer_async(**arguments)
        except AlreadyEnqueued:
            log.debug("job_already_waiting", task=task, once=once)

    async def bring_forward(self, session: AsyncSession, once: str, moment: datetime) -> None:
        """Have the job of that name be run by then, if one waits for longer."""
        await session.execute(_BRING_FORWARD, {"once": once, "moment": moment})

    async def work(self, *, concurrency: int, context: Mapping[str, Any]) -> None:
        """Run jobs until cancelled; jobs under way get ``SHUTDOWN_SECONDS`` and are then tried again."""
        await self.app.run_worker_async(
            name="helpninja",
            concurrency=concurrency,
            install_signal_handlers=False,
            shutdown_graceful_timeout=SHUTDOWN_SECONDS,
            update_heartbeat_interval=HEARTBEAT_SECONDS,
            stalled_worker_timeout=STALLED_AFTER_SECONDS,
            fetch_job_polling_interval=2.0,
            delete_jobs="successful",
            additional_context=dict(context),
        )

    async def rescue_stalled(self) -> int:
        """Give the jobs of workers that died back to the queue; returns how many."""
        stalled = list(
            await self.app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER_SECONDS)
        )
        rescued = 0
        for job in stalled:
            if job.id is None:
                continue
            try:
                await self.app.job_manager.retry_job_by_id_async(
                    job.id, datetime.now(UTC), priority=job.priority, queue=job.queue, lock=job.lock
                )
            except UniqueViolation:
                # Another of its name waits, which is looked at first; the others do not wait for that.
                log.debug("job_rescued_later", job=job.id, task=job.task_name)
            else:
                rescued += 1
                log.warning("job_rescued", job=job.id, task=job.task_name)
        return rescued


def _own_copy(tasks: procrastinate.Blueprint) -> procrastinate.Blueprint:
    # Adding a blueprint renames its tasks in place and binds them to the app: a second queue in the process
    # would take them away from the first.
    own = procrastinate.Blueprint()
    own.tasks = {name: copy.copy(task) for name, task in tasks.tasks.items()}
    return own


async def stop(task: asyncio.Task[None]) -> None:
    """Cancel a background task and wait until it is gone."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
