"""The database: one engine, units of work, and the session settings that row-level security reads."""

from __future__ import annotations

import asyncio
import select
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import structlog
import uuid_utils.compat
from psycopg.rows import namedtuple_row
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session, SessionTransaction
from sqlalchemy.pool import ConnectionPoolEntry

from helpninja_app.errors import Unavailable
from helpninja_app.kernel.scope import Scope

_SET_SCOPE = text(
    "select set_config('app.workspace', :workspace, true), set_config('app.audience', :audience, true),"
    " set_config('app.user', :user, true), set_config('app.visitor', :visitor, true),"
    " set_config('app.visitor_is_proven', :is_proven, true)"
)
_SET_SCOPE_AT_ONCE = (
    "select set_config('app.workspace', %(workspace)s, true), set_config('app.audience', %(audience)s, true),"
    " set_config('app.user', %(user)s, true), set_config('app.visitor', %(visitor)s, true),"
    " set_config('app.visitor_is_proven', %(is_proven)s, true)"
)

# How many connections there may be beyond those that are kept open, and how long to wait for one.
_OVERFLOW = 10
_PATIENCE = 10.0
_CONNECT = 5
# How long what is under way may take when the database is closed.
_LAST_MOMENT = 2.0
# A connection that nobody used for so many seconds is asked whether it is still there.
_UNUSED = 30.0

# Seconds until it is worth asking again, for who reads no sentences.
_MOMENT = 2
_AWAY = "The database is not available right now. Nothing was lost; please try again in a moment."
_AT_ODDS = "Somebody changed the same at that moment, so this was not done. Please try again."

log = structlog.get_logger(__name__)


def new_id() -> UUID:
    """A UUID version 7 (RFC 9562): unique, and ordered by the time it was made."""
    return uuid_utils.compat.uuid7()


def sqlalchemy_url(url: str) -> str:
    """``postgresql://…`` as SQLAlchemy's async psycopg 3 driver wants it."""
    scheme, _, rest = url.partition("://")
    if scheme not in {"postgres", "postgresql", "postgresql+psycopg"}:
        raise ValueError("DATABASE_URL has to start with postgresql://")
    return f"postgresql+psycopg://{rest}"


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement in psycopg's own form (``%(name)s``), with its values."""

    sql: str
    values: Mapping[str, Any]


class Database:
    """Hands out units of work on a connection pool of the run-time role."""

    def __init__(self, url: str, *, pool_size: int = 20) -> None:
        self.url = url
        self.engine: AsyncEngine = create_async_engine(
            sqlalchemy_url(url),
            pool_size=pool_size,
            max_overflow=_OVERFLOW,
            pool_timeout=_PATIENCE,
            pool_recycle=1800,
            connect_args={"connect_timeout": _CONNECT, "application_name": "helpninja"},
        )
        event.listen(self.engine.sync_engine, "checkin", _note_use)
        event.listen(self.engine.sync_engine, "checkout", self._refuse_dead)
        # The pool lets whoever comes just then overtake those who wait, so that in a crowd some wait in vain.
        # Nobody waits there who has come through here, where turns are taken.
        self._connections = pool_size + _OVERFLOW
        self._turns = asyncio.Semaphore(self._connections)

    @asynccontextmanager
    async def unit_of_work(
        self, scope: Scope | None = None, *, consistent: bool = False
    ) -> AsyncIterator[AsyncSession]:
        """One transaction: committed when the block ends, rolled back when it raises.

        ``consistent`` makes all reads see one snapshot (repeatable read). Raises ``Unavailable`` when the
        database cannot be reached.
        """
        engine = (
            self.engine.execution_options(isolation_level="REPEATABLE READ") if consistent else self.engine
        )
        session = AsyncSession(engine, expire_on_commit=False, info={"scope": scope or Scope()})
        try:
            async with self._turn(), session, session.begin():
                yield session
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            raise _why_not(error) from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise _why_not(error) from error
            raise

    async def at_once(self, scope: Scope | None, *statements: Statement) -> list[Any]:
        """``rows_at_once``, but of each the first row alone, or ``None``."""
        return [rows[0] if rows else None for rows in await self.rows_at_once(scope, *statements)]

    async def rows_at_once(self, scope: Scope | None, *statements: Statement) -> list[Sequence[Any]]:
        """A transaction whose statements do not wait for each other: one round trip, for what is done often.

        Gives the rows of each, by their columns' names; each has to return rows. When one
        fails nothing was done and psycopg's error is raised; ``Unavailable`` as ``unit_of_work`` does.
        """
        try:
            async with self._turn(), self.engine.connect() as connection:
                driver = (await connection.get_raw_connection()).driver_connection
                if not isinstance(driver, psycopg.AsyncConnection):
                    raise TypeError("The driver is not psycopg's.")
                try:
                    return await _run_all(driver, scope or Scope(), statements)
                except BaseException:
                    # Whatever was on its way then: nobody else gets this connection.
                    await connection.invalidate()
                    raise
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise _why_not(error) from error
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            raise _why_not(error) from error

    def _refuse_dead(self, connection: Any, entry: ConnectionPoolEntry, _proxy: Any) -> None:
        """Have the pool make other connections than those that the database has closed meanwhile.

        Asking each time costs a round trip; what the database says when it closes a connection is there
        already, and one that went silently is found when it is asked.
        """
        used_at = entry.info.get("used_at")
        if used_at is None or (time.monotonic() - used_at < _UNUSED and not _has_spoken(connection)):
            return
        dialect = self.engine.sync_engine.dialect
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError() from error

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._turns.acquire()
        except TimeoutError as error:
            raise Unavailable(_AWAY, retry_after=_MOMENT) from error
        try:
            yield
        finally:
            self._turns.release()

    async def close(self) -> None:
        """Let what is under way end first, within reason: what comes back later is closed by nobody."""
        async with AsyncExitStack() as ended:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_MOMENT):
                    for _ in range(self._connections):
                        await ended.enter_async_context(self._turns)
            await self.engine.dispose()


def _note_use(_connection: Any, entry: ConnectionPoolEntry) -> None:
    entry.info["used_at"] = time.monotonic()


def _has_spoken(connection: Any) -> bool:
    """Whether something came that nobody has read: of an idle connection that it was closed, mostly."""
    try:
        asked = select.poll()
        asked.register(connection.driver_connection.fileno(), select.POLLIN)
        return bool(asked.poll(0))
    except (psycopg.Error, OSError, ValueError):
        return True


async def _run_all(
    driver: psycopg.AsyncConnection[Any], scope: Scope, statements: tuple[Statement, ...]
) -> list[Sequence[Any]]:
    # The driver's own begin and commit would be waited for, each by itself. Without any, what was sent before
    # this is cancelled would be committed by the Sync at the pipeline's end.
    await driver.set_autocommit(True)
    async with driver.pipeline():
        await driver.execute("begin")
        await driver.execute(_SET_SCOPE_AT_ONCE, _settings_of(scope))
        cursors = []
        for each in statements:
            cursor = driver.cursor(row_factory=namedtuple_row)
            cursors.append(await cursor.execute(each.sql, each.values))
        await driver.execute("commit")
    await driver.set_autocommit(False)
    return [await cursor.fetchall() for cursor in cursors]


@event.listens_for(Session, "after_begin")
def _set_scope(session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    # Set at the start of each transaction, so that it is there again after a commit in the middle,
    # and local to it, so that the next user of a pooled connection starts with nothing.
    scope = session.info.get("scope")
    if isinstance(scope, Scope):
        connection.execute(_SET_SCOPE, _settings_of(scope))


async def enter_scope(session: AsyncSession, scope: Scope) -> None:
    """Continue the transaction under way in ``scope``: for when the workspace is only found on the way."""
    session.info["scope"] = scope
    await session.execute(_SET_SCOPE, _settings_of(scope))


async def run(session: AsyncSession, statement: Statement) -> Any:
    """The first row of ``statement`` in the transaction under way, by its columns' names; or ``None``."""
    rows = await run_for_rows(session, statement)
    return rows[0] if rows else None


async def run_for_rows(session: AsyncSession, statement: Statement) -> Sequence[Any]:
    """The rows of ``statement`` in the transaction under way, by their columns' names."""
    connection = await session.connection()
    return (await connection.exec_driver_sql(statement.sql, dict(statement.values))).all()


def _settings_of(scope: Scope) -> dict[str, str]:
    return {
        "workspace": str(scope.workspace_id or ""),
        "audience": scope.audience.value,
        "user": str(scope.user_id or ""),
        "visitor": scope.visitor or "",
        "is_proven": "true" if scope.is_proven else "",
    }


def _why_not(error: Exception) -> Unavailable:
    """What to say of a transaction that could not be; the log says what PostgreSQL's own reason was.

    Transactions that wait for each other in a circle are a mistake of ours; the database is not away then.
    """
    reason = error.orig if isinstance(error, DBAPIError) else error
    state = reason.sqlstate if isinstance(reason, psycopg.Error) else None
    log.warning("transaction_failed", reason=type(reason).__name__, sqlstate=state)
    is_at_odds = isinstance(reason, psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure)
    return Unavailable(_AT_ODDS if is_at_odds else _AWAY, retry_after=_MOMENT)
