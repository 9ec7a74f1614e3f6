"""Single-use tokens: of mailed links, which prove who reads an address, and of the step after a password."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import case, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.models import AccountLink
from helpninja_app.accounts.tokens import new_token, token_hash
from helpninja_app.errors import Invalid

OVER = "This link was used already or is too old. Please ask for a new one."


class Purpose(StrEnum):
    VERIFY = "verify"
    RESET = "reset"
    SECOND_FACTOR = "second_factor"


LIFETIMES = {
    Purpose.VERIFY: timedelta(days=3),
    Purpose.RESET: timedelta(hours=1),
    Purpose.SECOND_FACTOR: timedelta(minutes=10),
}


async def make_link(session: AsyncSession, user_id: UUID, email: str, purpose: Purpose) -> str:
    """A token for a link; only its SHA-256 is stored."""
    token = new_token()
    now = datetime.now(UTC)
    session.add(
        AccountLink(
            token_hash=token_hash(token),
            user_id=user_id,
            purpose=purpose.value,
            email=email,
            created_at=now,
            expires_at=now + LIFETIMES[purpose],
        )
    )
    await session.flush()
    return token


async def use_link(session: AsyncSession, token: str, purpose: Purpose) -> tuple[UUID, str]:
    """The user and address that a link was made for; ``Invalid`` when it does not count any more.

    It is used up when the transaction commits, once however many try at the same time.
    """
    now = datetime.now(UTC)
    used = await session.execute(
        update(AccountLink)
        .where(
            col(AccountLink.token_hash) == token_hash(token),
            col(AccountLink.purpose) == purpose.value,
            col(AccountLink.used_at).is_(None),
            col(AccountLink.expires_at) > now,
        )
        .values(used_at=now)
        .returning(col(AccountLink.user_id), col(AccountLink.email))
    )
    row = used.one_or_none()
    if row is None:
        raise Invalid(OVER)
    return row.user_id, row.email


async def try_link(session: AsyncSession, token: str, purpose: Purpose, *, most: int) -> UUID:
    """The user of a link that is not used up by one try but by ``most``; ``Invalid`` when it is.

    Whoever tries it at the same time waits for the end of this transaction.
    """
    now = datetime.now(UTC)
    is_last = col(AccountLink.tries) + 1 >= most
    tried = await session.execute(
        update(AccountLink)
        .where(
            col(AccountLink.token_hash) == token_hash(token),
            col(AccountLink.purpose) == purpose.value,
            col(AccountLink.used_at).is_(None),
            col(AccountLink.expires_at) > now,
        )
        .values(tries=col(AccountLink.tries) + 1, used_at=case((is_last, now), else_=None))
        .returning(col(AccountLink.user_id))
    )
    user_id = tried.scalar_one_or_none()
    if user_id is None:
        raise Invalid(OVER)
    return user_id


async def end_link(session: AsyncSession, token: str, purpose: Purpose) -> None:
    """Use up a link that was tried, now that the try was right."""
    await session.execute(
        update(AccountLink)
        .where(
            col(AccountLink.token_hash) == token_hash(token),
            col(AccountLink.purpose) == purpose.value,
            col(AccountLink.used_at).is_(None),
        )
        .values(used_at=datetime.now(UTC))
    )


async def owner_of_link(session: AsyncSession, token: str, purpose: Purpose) -> UUID:
    """Whose link this is; ``Invalid`` when it does not count any more, before work is put into it."""
    found = await session.execute(
        select(col(AccountLink.user_id)).where(
            col(AccountLink.token_hash) == token_hash(token),
            col(AccountLink.purpose) == purpose.value,
            col(AccountLink.used_at).is_(None),
            col(AccountLink.expires_at) > datetime.now(UTC),
        )
    )
    user_id = found.scalar_one_or_none()
    if user_id is None:
        raise Invalid(OVER)
    return user_id


async def forget_links(session: AsyncSession, user_id: UUID, purpose: Purpose) -> None:
    """Make a user's unused links of one kind useless."""
    await session.execute(
        update(AccountLink)
        .where(
            col(AccountLink.user_id) == user_id,
            col(AccountLink.purpose) == purpose.value,
            col(AccountLink.used_at).is_(None),
        )
        .values(used_at=datetime.now(UTC))
    )
