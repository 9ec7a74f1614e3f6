"""The database: one engine, units of work, and the session settings that row-level security reads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session, SessionTransaction

from helpninja_app.errors import Unavailable
from helpninja_app.kernel.scope import Scope

_SET_SCOPE = text(
    "select set_config('app.workspace', :workspace, true), set_config('app.audience', :audience, true),"
    " set_config('app.user', :user, true), set_config('app.visitor', :visitor, true),"
    " set_config('app.visitor_is_proven', :is_proven, true)"
)

_AWAY = "The database is not available right now. Nothing was lost; please try again in a moment."


def new_id() -> UUID:
    """A UUID version 7 (RFC 9562): unique, and ordered by the time it was made."""
    return uuid_utils.compat.uuid7()


def sqlalchemy_url(url: str) -> str:
    """``postgresql://…`` as SQLAlchemy's async psycopg 3 driver wants it."""
    scheme, _, rest = url.partition("://")
    if scheme not in {"postgres", "postgresql", "postgresql+psycopg"}:
        raise ValueError("DATABASE_URL has to start with postgresql://")
    return f"postgresql+psycopg://{rest}"


class Database:
    """Hands out units of work on a connection pool of the run-time role."""

    def __init__(self, url: str, *, pool_size: int = 20) -> None:
        self.url = url
        self.engine: AsyncEngine = create_async_engine(
            sqlalchemy_url(url),
            pool_size=pool_size,
            max_overflow=10,
            pool_timeout=10,
            pool_pre_ping=True,
            pool_recycle=1800,
            connect_args={"connect_timeout": 5, "application_name": "helpninja"},
        )

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
            async with session, session.begin():
                yield session
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            raise Unavailable(_AWAY) from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise Unavailable(_AWAY) from error
            raise

    async def close(self) -> None:
        await self.engine.dispose()


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


def _settings_of(scope: Scope) -> dict[str, str]:
    return {
        "workspace": str(scope.workspace_id or ""),
        "audience": scope.audience.value,
        "user": str(scope.user_id or ""),
        "visitor": scope.visitor or "",
        "is_proven": "true" if scope.is_proven else "",
    }
