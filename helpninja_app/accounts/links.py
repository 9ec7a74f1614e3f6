"""Single-use tokens: of mailed links, which prove who reads an address, and of the step after a password."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, case, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.models import AccountLink, AccountLinkHash
from helpninja_app.accounts.tokens import new_token, token_hash
from helpninja_app.errors import Invalid
from helpninja_app.kernel.database import enter_scope
from helpninja_app.kernel.scope import Scope

_KEPT_FOR = timedelta(days=7)
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
    """A token for a link; continues in the user's own scope."""
    token = new_token()
    now = datetime.now(UTC)
    await enter_scope(session, Scope(user_id=user_id))
    await session.execute(
        delete(AccountLink).where(
            col(AccountLink.user_id) == user_id, col(AccountLink.expires_at) < now - _KEPT_FOR
        )
    )
    link = AccountLink(
        user_id=user_id,
        purpose=purpose.value,
        email=email,
        created_at=now,
        expires_at=now + LIFETIMES[purpose],
    )
    session.add(link)
    await session.flush()
    session.add(AccountLinkHash(token_hash=token_hash(token), user_id=user_id, link_id=link.id))
    await session.flush()
    return token


async def use_link(session: AsyncSession, token: str, purpose: Purpose) -> tuple[UUID, str]:
    """The user and address that a link was made for; ``Invalid`` when it does not count any more.

    It is used up when the transaction commits, once however many try at the same time. Continues in the
    user's own scope.
    """
    now = datetime.now(UTC)
    used = await session.execute(
        update(AccountLink)
        .where(*await _one_that_counts(session, token, purpose))
        .values(used_at=now)
        .returning(col(AccountLink.user_id), col(AccountLink.email))
    )
    row = used.one_or_none()
    if row is None:
        raise Invalid(OVER)
    return row.user_id, row.email


async def try_link(session: AsyncSession, token: str, purpose: Purpose, *, most: int) -> UUID:
    """The user of a link that is not used up by one try but by ``most``; ``Invalid`` when it is.

    Whoever tries it at the same time waits for the end of this transaction. Continues in the user's scope.
    """
    is_last = col(AccountLink.tries) + 1 >= most
    tried = await session.execute(
        update(AccountLink)
        .where(*await _one_that_counts(session, token, purpose))
        .values(tries=col(AccountLink.tries) + 1, used_at=case((is_last, datetime.now(UTC)), else_=None))
        .returning(col(AccountLink.user_id))
    )
    user_id = tried.scalar_one_or_none()
    if user_id is None:
        raise Invalid(OVER)
    return user_id


async def owner_of_link(session: AsyncSession, token: str, purpose: Purpose) -> UUID:
    """Whose link this is; ``Invalid`` when it does not count any more, before work is put into it.

    Continues in the user's own scope.
    """
    found = await session.execute(
        select(col(AccountLink.user_id)).where(*await _one_that_counts(session, token, purpose))
    )
    user_id = found.scalar_one_or_none()
    if user_id is None:
        raise Invalid(OVER)
    return user_id


async def end_link(session: AsyncSession, token: str, purpose: Purpose) -> None:
    """Use up a link that was tried, now that the try was right."""
    await session.execute(
        update(AccountLink)
        .where(*await _one_that_counts(session, token, purpose))
        .values(used_at=datetime.now(UTC))
    )


async def forget_links(session: AsyncSession, user_id: UUID, purpose: Purpose) -> None:
    """Make a user's unused links of one kind useless; needs their own scope."""
    await session.execute(
        update(AccountLink)
        .where(
            col(AccountLink.user_id) == user_id,
            col(AccountLink.purpose) == purpose.value,
            col(AccountLink.used_at).is_(None),
        )
        .values(used_at=datetime.now(UTC))
    )


async def _one_that_counts(
    session: AsyncSession, token: str, purpose: Purpose
) -> tuple[ColumnElement[bool], ...]:
    """What is true of the link of ``token`` alone, in the scope of whose link it is."""
    found = await session.execute(
        select(col(AccountLinkHash.user_id), col(AccountLinkHash.link_id)).where(
            col(AccountLinkHash.token_hash) == token_hash(token)
        )
    )
    known = found.one_or_none()
    if known is None:
        raise Invalid(OVER)
    await enter_scope(session, Scope(user_id=known.user_id))
    return (
        col(AccountLink.user_id) == known.user_id,
        col(AccountLink.id) == known.link_id,
        col(AccountLink.purpose) == purpose.value,
        col(AccountLink.used_at).is_(None),
        col(AccountLink.expires_at) > datetime.now(UTC),
    )
