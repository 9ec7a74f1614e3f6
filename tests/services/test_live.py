"""Notices between processes: two of them, each with a connection of its own that listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import psycopg
import pytest
from sqlalchemy import text

from helpninja_app.kernel.database import Database
from helpninja_app.kernel.embedded_postgres import Urls
from helpninja_app.kernel.live import EVERYTHING, MAX_PENDING, Listening, Live, tell

Tell = Callable[..., Awaitable[None]]

_SESSIONS = "from pg_stat_activity where application_name = 'helpninja live' and datname = current_database()"


@pytest.fixture
async def processes(database_urls: Urls) -> AsyncIterator[tuple[Live, Live]]:
    both = Live(database_urls.app), Live(database_urls.app)
    with both[0].listening("start") as one, both[1].listening("start") as other:
        for live in both:
            live.open()
        for listener in (one, other):
            assert await listener.hear(30) == (EVERYTHING,)
    try:
        yield both
    finally:
        for live in both:
            await live.close()


@pytest.fixture
async def telling(database_urls: Urls) -> AsyncIterator[Tell]:
    database = Database(database_urls.app, pool_size=1)

    async def say(topic: str, *notices: str) -> None:
        async with database.unit_of_work() as session:
            for about in notices:
                await tell(session, topic, about)

    try:
        yield say
    finally:
        await database.close()


async def heard_until(listener: Listening, last: str) -> list[str]:
    """What is heard up to ``last``: one commit's notices need not come in one piece."""
    heard: list[str] = []
    async with asyncio.timeout(30):
        while last not in heard:
            heard += await listener.hear()
    return heard


async def test_every_process_hears_once_what_was_committed_about_its_topic(
    processes: tuple[Live, Live], telling: Tell
) -> None:
    with (
        processes[0].listening("a", "c") as one,
        processes[1].listening("a") as two,
        processes[1].listening("b") as other,
    ):
        await telling("a", "first", "second", "first")
        await telling("a", "last")
        assert await heard_until(one, "last") == ["first", "second", "last"]
        assert await heard_until(two, "last") == ["first", "second", "last"]
        await telling("c", "third")
        assert await one.hear(30) == ("third",)
        assert await other.hear(0.2) == ()


async def test_what_is_rolled_back_is_not_told(
    processes: tuple[Live, Live], telling: Tell, database_urls: Urls
) -> None:
    database = Database(database_urls.app, pool_size=1)
    with processes[0].listening("a") as listener:
        async with database.unit_of_work() as session:
            await tell(session, "a", "never")
            await session.rollback()
        await telling("a", "after")
        assert await listener.hear(30) == ("after",)
    await database.close()


async def test_who_may_have_missed_something_looks_at_everything_again(
    processes: tuple[Live, Live], telling: Tell, database_urls: Urls
) -> None:
    with processes[0].listening("a") as listener:
        async with await psycopg.AsyncConnection.connect(database_urls.app, autocommit=True) as connection:
            cut = await connection.execute(f"select pg_terminate_backend(pid) {_SESSIONS}")
            assert len(await cut.fetchall()) >= 2
        assert await listener.hear(30) == (EVERYTHING,)
        await telling("a", "afterwards")
        assert await listener.hear(30) == ("afterwards",)


async def test_a_listener_that_is_slow_keeps_little_and_looks_at_everything_again(
    processes: tuple[Live, Live], telling: Tell
) -> None:
    with processes[0].listening("a") as slow, processes[0].listening("end") as mark:
        await telling("a", *(str(n) for n in range(MAX_PENDING + 50)))
        await telling("end", "end")
        assert await mark.hear(30) == ("end",)
        assert await slow.hear(1) == (EVERYTHING,)


async def test_what_is_no_notice_of_ours_is_left_alone(
    processes: tuple[Live, Live], telling: Tell, database_urls: Urls
) -> None:
    database = Database(database_urls.app, pool_size=1)
    with processes[0].listening("a") as listener:
        async with database.unit_of_work() as session:
            for payload in ("", "{", "[]", "[1]", '["a"]', "7", '{"a": 1}', '["a", 1]', '[["a"], "b"]'):
                await session.execute(
                    text("select pg_notify('helpninja_live', :payload)"), {"payload": payload}
                )
        await telling("a", "ours")
        assert await listener.hear(30) == ("ours",)
    await database.close()


async def test_a_process_that_cannot_connect_tries_again() -> None:
    live = Live("postgresql://nobody@127.0.0.1:1/none")
    live.open()
    with live.listening("a") as listener:
        assert await listener.hear(0.5) == ()
    await live.close()


def test_nothing_is_kept_of_who_does_not_listen_any_more() -> None:
    live = Live("postgresql://nobody@127.0.0.1:1/none")
    with live.listening("a", "b"):
        pass
    assert not live._listeners


async def test_a_notice_that_comes_while_one_waits_is_heard_at_once() -> None:
    listener = Listening()
    waiting = asyncio.create_task(listener.hear(5))
    await asyncio.sleep(0)
    listener.take("now")
    assert await waiting == ("now",)
