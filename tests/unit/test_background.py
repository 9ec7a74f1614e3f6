"""Work that outlives the request that began it."""

from __future__ import annotations

import asyncio

from helpninja_app.kernel.background import Background


async def test_what_is_under_way_ends_by_itself_when_there_is_time() -> None:
    background, done = Background(), asyncio.Event()

    async def work() -> None:
        await asyncio.sleep(0.01)
        done.set()

    background.start(work())
    await background.finish(5)
    assert done.is_set()


async def test_what_work_begins_at_its_end_is_waited_for_too() -> None:
    background, done = Background(), asyncio.Event()

    async def later() -> None:
        await asyncio.sleep(0.01)
        done.set()

    async def work() -> None:
        await asyncio.sleep(0.01)
        background.start(later())

    background.start(work())
    await background.finish(5)
    assert done.is_set()


async def test_what_takes_too_long_is_cancelled() -> None:
    background = Background()
    cancelled = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    background.start(work())
    await asyncio.sleep(0)
    await background.finish(0.01)
    assert cancelled.is_set()


async def test_there_is_nothing_to_wait_for_without_work() -> None:
    await Background().finish(0)
