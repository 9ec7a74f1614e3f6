"""Live updates between processes: who listens to a topic is told that something about it has changed.

A notice says what changed and never what it is: whoever hears it reads that under a scope of their own.
PostgreSQL's NOTIFY (https://www.postgresql.org/docs/current/sql-notify.html) goes out with the commit.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.kernel.database import Statement
from helpninja_app.kernel.queue import stop

log = structlog.get_logger(__name__)

EVERYTHING = "*"
"""Heard in the place of a notice when some may have been missed: look at everything again."""

CHANNEL = "helpninja_live"
MAX_PENDING = 200
# A connection that died without a word is found out after this long.
CHECK_SECONDS = 15.0
# After the first loss at once, then twice as long each time.
_PAUSES = (0.1, 30.0)

_TELL = text("select pg_notify(:channel, :notice)")


async def tell(session: AsyncSession, topic: str, about: str) -> None:
    """Have all who listen to ``topic`` hear ``about`` when the session's transaction commits.

    Both are ids and names of events: together at most 7,000 bytes, and nothing that is secret.
    """
    await session.execute(_TELL, {"channel": CHANNEL, "notice": json.dumps([topic, about])})


def telling(topic: str, about: str) -> Statement:
    """``tell`` as a statement, for what goes to the database at once."""
    values = {"channel": CHANNEL, "notice": json.dumps([topic, about])}
    return Statement("select pg_notify(%(channel)s, %(notice)s)", values)


class Listening:
    """What one listener has not heard yet, each notice once: one that is slow never holds up the others."""

    def __init__(self) -> None:
        self._pending: dict[str, None] = {}
        self._is_told = asyncio.Event()

    async def hear(self, seconds: float | None = None) -> tuple[str, ...]:
        """What was told since the last call, in order; waits for the first. Empty after ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                await self._is_told.wait()
        except TimeoutError:
            return ()
        self._is_told.clear()
        told, self._pending = tuple(self._pending), {}
        return told

    def take(self, about: str) -> None:
        """Add a notice that was not taken yet."""
        if about == EVERYTHING or len(self._pending) >= MAX_PENDING:
            self._pending = {EVERYTHING: None}
        elif EVERYTHING not in self._pending:
            self._pending[about] = None
        self._is_told.set()


class Live:
    """Listens on one connection for all of a process: one that a session keeps, so no transaction pooler."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._listeners: defaultdict[str, set[Listening]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        self._task = asyncio.create_task(self._keep_hearing())

    async def close(self) -> None:
        if self._task is not None:
            await stop(self._task)

    @contextmanager
    def listening(self, *topics: str) -> Iterator[Listening]:
        """From here on everything about ``topics`` is heard: read what there is afterwards, not before."""
        listener = Listening()
        for topic in topics:
            self._listeners[topic].add(listener)
        try:
            yield listener
        finally:
            for topic in topics:
                self._listeners[topic].discard(listener)
                if not self._listeners[topic]:
                    del self._listeners[topic]

    def count(self, topic: str) -> int:
        """How many in this process listen to it."""
        return len(self._listeners.get(topic, ()))

    async def _keep_hearing(self) -> None:
        pause, longest = _PAUSES
        while True:
            started = asyncio.get_running_loop().time()
            try:
                await self._hear()
            except psycopg.Error as error:
                log.warning("live_updates_lost", reason=type(error).__name__)
            except Exception:
                log.exception("live_updates_failed")
            lasted = asyncio.get_running_loop().time() - started
            pause = _PAUSES[0] if lasted > longest else min(pause * 2, longest)
            await asyncio.sleep(pause)

    async def _hear(self) -> None:
        connection = await psycopg.AsyncConnection.connect(
            self._url,
            autocommit=True,
            connect_timeout=5,
            application_name="helpninja live",
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
        )
        async with connection:
            await connection.execute(f"listen {CHANNEL}")
            # Whatever was told while nobody heard.
            for listener in {each for listeners in self._listeners.values() for each in listeners}:
                listener.take(EVERYTHING)
            while True:
                async for notice in connection.notifies(timeout=CHECK_SECONDS):
                    self._hand_out(notice.payload)
                await connection.execute("select 1")

    def _hand_out(self, payload: str) -> None:
        match _read(payload):
            case [str(topic), str(about)]:
                for listener in self._listeners.get(topic, ()):
                    listener.take(about)
            case _:
                log.warning("live_update_not_understood")


def _read(payload: str) -> object:
    try:
        return json.loads(payload)
    except ValueError:
        return None
