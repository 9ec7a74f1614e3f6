"""Users: people with an e-mail address, whatever workspaces they belong to."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.models import User, UserEmail
from helpninja_app.kernel.database import enter_scope
from helpninja_app.kernel.scope import Scope


async def create_user(session: AsyncSession, *, email: str, password_hash: str, name: str = "") -> User:
    user = User(email=email.lower(), password_hash=password_hash, name=name)
    await enter_scope(session, Scope(user_id=user.id))
    session.add(user)
    await session.flush()
    session.add(UserEmail(email=user.email, user_id=user.id))
    await session.flush()
    return user


async def find_password_hash(session: AsyncSession, email: str) -> tuple[UUID, str] | None:
    """The user with this address and the hash of their password."""
    found = await session.execute(
        select(col(UserEmail.user_id)).where(col(UserEmail.email) == email.strip().lower())
    )
    user_id = found.scalar_one_or_none()
    if user_id is None:
        return None
    await enter_scope(session, Scope(user_id=user_id))
    user = (await session.execute(select(User).where(col(User.id) == user_id))).scalar_one_or_none()
    return (user.id, user.password_hash) if user else None
