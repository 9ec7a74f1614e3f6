"""Many units of work for few connections: each gets one in the order they came, and none waits for ever."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, text

from helpninja_app.errors import Unavailable
from helpninja_app.kernel import database as database_module
from helpninja_app.kernel.database import Database
from helpninja_app.resources import Resources

CROWD = 60
ROUNDS = 5
CONNECTIONS = 15


@pytest.fixture
async def database(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> Database:
    """With all its connections open: making one takes long on a busy machine, and others go ahead."""
    monkeypatch.setattr(database_module, "_OVERFLOW", 0)
    made = Database(resources.database.url, pool_size=CONNECTIONS)
    all_open = asyncio.Barrier(CONNECTIONS)

    async def open_one() -> None:
        async with made.unit_of_work() as session:
            await session.execute(text("select 1"))
            await all_open.wait()

    await asyncio.gather(*(open_one() for _ in range(CONNECTIONS)))
    return made


async def test_nobody_who_waits_for_a_connection_is_overtaken(database: Database) -> None:
    begun, overtaken = 0, list[int]()
    before: ContextVar[int] = ContextVar("before")

    # Not when its first answer comes: how soon each gets that is up to the server's processes.
    def has_one(*_: object) -> None:
        nonlocal begun
        begun += 1
        overtaken.append(begun - before.get())

    async def visit() -> None:
        for _ in range(ROUNDS):
            before.set(begun)
            async with database.unit_of_work() as session:
                await session.execute(text("select 1"))

    event.listen(database.engine.sync_engine, "checkout", has_one)
    await asyncio.gather(*(visit() for _ in range(CROWD)))
    await database.close()
    assert len(overtaken) == CROWD * ROUNDS
    # Those who were there before, and of who came at the same time as many as there are connections.
    assert max(overtaken) <= CROWD + CONNECTIONS


async def test_who_waits_too_long_is_told_and_the_next_is_served(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "_PATIENCE", 0.2)
    done = asyncio.Event()

    async def hold() -> None:
        async with database.unit_of_work() as session:
            await session.execute(text("select 1"))
            await done.wait()

    holding = [asyncio.create_task(hold()) for _ in range(CONNECTIONS)]
    await asyncio.sleep(0.1)
    with pytest.raises(Unavailable) as away:
        async with database.unit_of_work():
            pass
    assert int(away.value.headers["retry-after"]) > 0
    done.set()
    await asyncio.gather(*holding)
    async with database.unit_of_work() as session:
        assert (await session.execute(text("select 1"))).scalar_one() == 1
    await database.close()


async def test_who_leaves_while_waiting_does_not_take_a_turn_along(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "_PATIENCE", 5.0)

    async def visit() -> int:
        async with database.unit_of_work() as session:
            return int((await session.execute(text("select 1"))).scalar_one())

    for _ in range(5):
        leaving = [asyncio.create_task(visit()) for _ in range(CROWD)]
        await asyncio.sleep(0.02)
        for each in leaving:
            each.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)
    assert await asyncio.gather(*(visit() for _ in range(CROWD))) == [1] * CROWD
    await database.close()


class Work:
    """A unit of work that goes on until it may end."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.may_end = asyncio.Event()
        self._has_begun = asyncio.Event()

    async def begin(self) -> asyncio.Task[psycopg.AsyncConnection[Any]]:
        """Gives the connection that was used."""
        doing = asyncio.create_task(self._do())
        await self._has_begun.wait()
        return doing

    async def _do(self) -> psycopg.AsyncConnection[Any]:
        async with self._database.unit_of_work() as session:
            raw = await (await session.connection()).get_raw_connection()
            self._has_begun.set()
            await self.may_end.wait()
            await session.execute(text("select 1"))
            assert isinstance(raw.driver_connection, psycopg.AsyncConnection)
            return raw.driver_connection


async def test_what_is_under_way_ends_before_its_connection_is_closed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "_LAST_MOMENT", 60.0)
    work = Work(database)
    working = await work.begin()
    closing = asyncio.create_task(database.close())
    await asyncio.sleep(0.05)
    work.may_end.set()
    await closing
    assert (await working).closed


async def test_work_that_does_not_end_keeps_nobody_from_closing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "_LAST_MOMENT", 0.1)
    work = Work(database)
    working = await work.begin()
    await database.close()
    assert not working.done()
    work.may_end.set()
    await (await working).close()


async def test_transactions_that_wait_for_each_other_are_told_so_and_not_that_the_database_is_away(
    resources: Resources,
) -> None:
    met = asyncio.Barrier(2)

    async def take(first: int, second: int) -> None:
        async with resources.database.unit_of_work() as session:
            lock = text("select pg_advisory_xact_lock(:number)")
            await session.execute(lock, {"number": first})
            await met.wait()
            await session.execute(lock, {"number": second})

    ends = await asyncio.gather(take(9_001, 9_002), take(9_002, 9_001), return_exceptions=True)
    [refused] = [each for each in ends if each is not None]
    assert isinstance(refused, Unavailable)
    assert int(refused.headers["retry-after"]) > 0
    assert refused.detail.startswith("Somebody changed the same at that moment")
