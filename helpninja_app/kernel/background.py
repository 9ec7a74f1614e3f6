"""Work that goes on when the request that began it is over, and is waited for when the process ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class Background:
    """Tasks of this process that nobody else holds on to."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        """Run ``work`` to its end, whoever leaves meanwhile; who waits for it shields it from leaving."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def finish(self, seconds: float) -> None:
        """Give what is under way ``seconds`` to end by itself, then cancel it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                # What ends may have begun other work.
                while self._tasks:
                    await asyncio.wait(self._tasks)
        late = list(self._tasks)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
