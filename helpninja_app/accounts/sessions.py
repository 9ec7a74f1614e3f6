"""Sessions: signed-in browsers, which can be listed and ended one by one or all at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.models import Session, SessionHash, User
from helpninja_app.accounts.tokens import new_token, token_hash
from helpninja_app.errors import NotFound
from helpninja_app.kernel.database import enter_scope
from helpninja_app.kernel.scope import Scope

SESSION_COOKIE = "hn_session"
SESSION_LIFETIME = timedelta(days=30)
_MOST_LISTED = 100
_KEPT_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Device:
    """Where a session was opened: as its owner recognises it in their list."""

    user_agent: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class SessionView:
    id: UUID
    user_agent: str
    address: str
    created_at: datetime
    last_seen_at: datetime


async def open_session(
    session: AsyncSession, user_id: UUID, device: Device | None = None, *, workspace_id: UUID | None = None
) -> str:
    """Sign a user in; the token goes into the cookie, and nowhere else. Continues in their own scope."""
    token = new_token()
    now = datetime.now(UTC)
    device = device or Device()
    await enter_scope(session, Scope(user_id=user_id))
    await session.execute(
        delete(Session).where(col(Session.user_id) == user_id, col(Session.expires_at) < now - _KEPT_FOR)
    )
    opened = Session(
        user_id=user_id,
        workspace_id=workspace_id,
        user_agent=device.user_agent[:300],
        address=device.address[:100],
        created_at=now,
        last_seen_at=now,
        expires_at=now + SESSION_LIFETIME,
    )
    session.add(opened)
    await session.flush()
    session.add(SessionHash(token_hash=token_hash(token), user_id=user_id, session_id=opened.id))
    await session.flush()
    return token


async def end_session(session: AsyncSession, token: str, *, is_everywhere: bool = False) -> None:
    """End the session of a token, over or not; with all others of its user if ``is_everywhere``.

    Continues in the scope of its user.
    """
    found = await session.execute(
        select(col(SessionHash.user_id), col(SessionHash.session_id)).where(
            col(SessionHash.token_hash) == token_hash(token)
        )
    )
    if (known := found.one_or_none()) is None:
        return
    if is_everywhere:
        await end_sessions(session, known.user_id)
        return
    await enter_scope(session, Scope(user_id=known.user_id))
    await session.execute(
        update(Session)
        .where(
            col(Session.user_id) == known.user_id,
            col(Session.id) == known.session_id,
            col(Session.revoked_at).is_(None),
        )
        .values(revoked_at=datetime.now(UTC))
    )


async def end_sessions(session: AsyncSession, user_id: UUID, *, but: UUID | None = None) -> int:
    """End all of a user's sessions, ``but`` one; returns how many. Continues in their own scope."""
    await enter_scope(session, Scope(user_id=user_id))
    ended = await session.execute(
        update(Session)
        .where(
            col(Session.user_id) == user_id,
            col(Session.revoked_at).is_(None),
            *([col(Session.id) != but] if but else []),
        )
        .values(revoked_at=datetime.now(UTC))
        .returning(col(Session.id))
    )
    # Those that another service vouches for and that were never seen here end with it.
    await session.execute(
        update(User).where(col(User.id) == user_id).values(sessions_ended_at=datetime.now(UTC))
    )
    return len(ended.all())


async def end_session_of(session: AsyncSession, user_id: UUID, session_id: UUID) -> None:
    """End one of a user's sessions; ``NotFound`` when it is not theirs or over."""
    ended = await session.execute(
        update(Session)
        .where(
            col(Session.user_id) == user_id,
            col(Session.id) == session_id,
            col(Session.revoked_at).is_(None),
        )
        .values(revoked_at=datetime.now(UTC))
        .returning(col(Session.id))
    )
    if ended.first() is None:
        raise NotFound("There is no such session.")


async def list_sessions(session: AsyncSession, user_id: UUID) -> list[SessionView]:
    """A user's sessions that count, the latest used first; needs their own scope."""
    found = await session.execute(
        select(Session)
        .where(
            col(Session.user_id) == user_id,
            col(Session.revoked_at).is_(None),
            col(Session.expires_at) > datetime.now(UTC),
        )
        .order_by(col(Session.last_seen_at).desc())
        .limit(_MOST_LISTED)
    )
    return [
        SessionView(item.id, item.user_agent, item.address, item.created_at, item.last_seen_at)
        for item in found.scalars()
    ]


async def choose_workspace(
    session: AsyncSession, user_id: UUID, session_id: UUID, workspace_id: UUID
) -> None:
    """Make a workspace the one that a session means where none is named; needs its user's scope."""
    await session.execute(
        update(Session)
        .where(col(Session.user_id) == user_id, col(Session.id) == session_id)
        .values(workspace_id=workspace_id)
    )
