"""Users: people with an e-mail address, whatever workspaces they belong to."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.models import User, UserEmail
from helpninja_app.errors import FieldError, Invalid
from helpninja_app.kernel.database import enter_scope, new_id
from helpninja_app.kernel.scope import Scope

# Without what mail software reads as more than one address, or as something beside it (RFC 5322, specials).
_PART = r"[^@\s\x00-\x1f,;:<>()\[\]\"\\]"
EMAIL = re.compile(rf"{_PART}{{1,64}}@{_PART}{{1,190}}\.[^@\s.,;:<>()\[\]\"\\]{{2,63}}")


def check_email(email: str) -> str:
    """An address in the form it is stored in, lower case; ``Invalid`` for what cannot be one."""
    folded = email.strip().lower()
    if not EMAIL.fullmatch(folded):
        message = "This is not an e-mail address."
        raise Invalid(message, errors=(FieldError("body.email", message),))
    return folded


async def create_user(session: AsyncSession, *, email: str, password_hash: str, name: str = "") -> User:
    user = User(email=email.lower(), password_hash=password_hash, name=name)
    await enter_scope(session, Scope(user_id=user.id))
    session.add(user)
    await session.flush()
    session.add(UserEmail(email=user.email, user_id=user.id))
    await session.flush()
    return user


async def find_user_id(session: AsyncSession, email: str) -> UUID | None:
    found = await session.execute(
        select(col(UserEmail.user_id)).where(col(UserEmail.email) == email.strip().lower())
    )
    return found.scalar_one_or_none()


async def all_users(session: AsyncSession) -> list[UUID]:
    """Everybody who has an account here; readable without a scope."""
    found = await session.execute(select(col(UserEmail.user_id)).distinct().order_by(col(UserEmail.user_id)))
    return list(found.scalars())


async def find_password_hash(session: AsyncSession, email: str) -> tuple[UUID, str] | None:
    """The user with this address and the hash of their password.

    As many queries for an unknown address: how long they take must not tell.
    """
    user_id = await find_user_id(session, email) or new_id()
    await enter_scope(session, Scope(user_id=user_id))
    user = (await session.execute(select(User).where(col(User.id) == user_id))).scalar_one_or_none()
    return (user.id, user.password_hash) if user else None


async def is_password_still(session: AsyncSession, user_id: UUID, password_hash: str) -> bool:
    """Whether it was not changed since; whoever changes it now waits for the end of this transaction."""
    await enter_scope(session, Scope(user_id=user_id))
    found = await session.execute(
        select(col(User.password_hash))
        .where(col(User.id) == user_id)
        # Not against rows that only refer to the user: whoever inserts one may hold what we need next.
        .with_for_update(key_share=True)
    )
    return found.scalar_one_or_none() == password_hash


async def change_password(session: AsyncSession, user_id: UUID, password_hash: str) -> None:
    """Needs the user's own scope."""
    await session.execute(update(User).where(col(User.id) == user_id).values(password_hash=password_hash))


async def change_name(session: AsyncSession, user_id: UUID, name: str) -> None:
    """Needs the user's own scope."""
    await session.execute(update(User).where(col(User.id) == user_id).values(name=name))


async def change_address(session: AsyncSession, user_id: UUID, email: str) -> None:
    """Follow a change made elsewhere, unless the address is another account's; needs the user's own scope."""
    if await find_user_id(session, email) is not None:
        return
    await session.execute(
        update(User).where(col(User.id) == user_id).values(email=email, email_verified_at=None)
    )
    await session.execute(update(UserEmail).where(col(UserEmail.user_id) == user_id).values(email=email))


async def confirm_address(session: AsyncSession, user_id: UUID, email: str) -> None:
    """Note that the user reads this address, if it still is theirs."""
    await enter_scope(session, Scope(user_id=user_id))
    await session.execute(
        update(User)
        .where(col(User.id) == user_id, col(User.email) == email, col(User.email_verified_at).is_(None))
        .values(email_verified_at=datetime.now(UTC))
    )


async def is_confirmed(session: AsyncSession, user_id: UUID) -> bool:
    """Whether the user has shown that they read their address."""
    found = await session.execute(
        select(col(User.id)).where(col(User.id) == user_id, col(User.email_verified_at).is_not(None))
    )
    return found.first() is not None
