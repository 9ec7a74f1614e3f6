"""Sessions: signed-in browsers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.models import Session
from helpninja_app.accounts.tokens import new_token, token_hash

SESSION_COOKIE = "hn_session"
SESSION_LIFETIME = timedelta(days=30)


async def open_session(session: AsyncSession, user_id: UUID) -> str:
    """Sign a user in; the token goes into the cookie, and nowhere else."""
    token = new_token()
    now = datetime.now(UTC)
    session.add(
        Session(
            token_hash=token_hash(token),
            user_id=user_id,
            created_at=now,
            expires_at=now + SESSION_LIFETIME,
        )
    )
    await session.flush()
    return token


async def end_session(session: AsyncSession, token: str) -> None:
    await session.execute(
        update(Session)
        .where(col(Session.token_hash) == token_hash(token), col(Session.revoked_at).is_(None))
        .values(revoked_at=datetime.now(UTC))
    )
