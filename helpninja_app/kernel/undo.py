"""Owns how long what was deleted can be brought back, and that a job removes it for good afterwards."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.kernel.columns import now
from helpninja_app.kernel.queue import Queue

UNDO_PERIOD = timedelta(hours=1)
# So much later comes the job, which sees by its own clock whether it is time: that may be behind ours.
_CLOCKS_DIFFER = timedelta(minutes=1)


def gone_since() -> datetime:
    """What was deleted then or earlier comes back no more."""
    return now() - UNDO_PERIOD


async def purge_later(session: AsyncSession, queue: Queue, task: str, **ids: object) -> None:
    """Have ``task`` remove what has been deleted just now, once it comes back no more."""
    arguments: dict[str, Any] = {name: str(value) for name, value in ids.items()}
    await queue.enqueue(session, task, after=UNDO_PERIOD + _CLOCKS_DIFFER, **arguments)
