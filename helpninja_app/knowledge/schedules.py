"""When a source is read again by itself: the clock of its schedule, and starting what is due."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.kernel.queue import Priority, Queue
from helpninja_app.knowledge.ingest_requests import start_job
from helpninja_app.knowledge.models import Schedule, Source

_PERIODS = {Schedule.DAILY: timedelta(days=1), Schedule.WEEKLY: timedelta(weeks=1)}
_MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
SCHEDULER = "schedule"


def next_run(source_id: UUID, schedule: Schedule, after: datetime) -> datetime | None:
    """The first run after a moment, ``None`` where there is none.

    Each source has a second of the day or week of its own, by its id: sources are spread evenly, and a run
    that was missed or took long moves none of the later ones.
    """
    period = _PERIODS.get(schedule)
    if period is None:
        return None
    seconds = int(period.total_seconds())
    offset = int.from_bytes(hashlib.sha256(source_id.bytes).digest()[:8]) % seconds
    first = _MONDAY + timedelta(seconds=offset)
    return first + ((after - first) // period + 1) * period


async def start_due_syncs(session: AsyncSession, queue: Queue, workspace_id: UUID, moment: datetime) -> int:
    """Start a run of each source that is due, behind everything that somebody waits for; returns how many.

    Runs that were missed are made up for by one. A source that is being read already is not read twice.
    """
    found = await session.execute(
        select(Source)
        .where(
            col(Source.workspace_id) == workspace_id,
            col(Source.deleted_at).is_(None),
            col(Source.next_sync_at) <= moment,
        )
        .order_by(col(Source.next_sync_at))
        .with_for_update()
    )
    started = 0
    for source in found.scalars().all():
        source.next_sync_at = next_run(source.id, Schedule(source.schedule), moment)
        if source.next_sync_at is not None:
            _, is_new = await start_job(
                session, queue, source, requested_by=SCHEDULER, priority=Priority.SCHEDULED
            )
            started += is_new
    await session.flush()
    return started
