"""Two-factor sign-in: a code of an authenticator app, or a recovery code, after the password.

Every function needs the user's own scope. ``keys`` are the texts that encrypt the secrets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.links import Purpose, forget_links
from helpninja_app.accounts.models import SecondFactor
from helpninja_app.accounts.recovery_codes import (
    count_recovery_codes,
    forget_recovery_codes,
    renew_recovery_codes,
    use_recovery_code,
)
from helpninja_app.accounts.totp import is_totp, new_secret, step_of
from helpninja_app.errors import Conflict, FieldError, Invalid, NotFound, Unavailable
from helpninja_app.kernel.encryption import decrypt, encrypt, renewed

# How long somebody may take to bring the secret into their app.
BEGUN_FOR = timedelta(minutes=15)
WRONG_CODE = "This code is not right, or it was used already. Your app shows a new one every half minute."
_ON = "Two-factor sign-in is on already."
_OFF = "Two-factor sign-in is not on."
_TOO_OLD = "This took longer than 15 minutes. Please begin again."

UsedCode = Literal["totp", "recovery"]


@dataclass(frozen=True, slots=True)
class TwoFactorStatus:
    is_on: bool
    codes_left: int


async def begin_two_factor(
    session: AsyncSession, keys: Sequence[str], user_id: UUID, session_id: UUID
) -> str:
    """A new secret for an authenticator app, instead of one that was begun before; ``Conflict`` when on.

    It is shown and confirmed in the session of ``session_id`` alone, whose owner gave the password. It counts
    for nothing until ``confirm_two_factor``, and for that ``BEGUN_FOR``.
    """
    secret = new_secret()
    encrypted = encrypt(keys, secret, context=_context(user_id))
    moment = datetime.now(UTC)
    begun = await session.execute(
        insert(SecondFactor)
        .values(user_id=user_id, secret=encrypted, created_at=moment, begun_in=session_id)
        .on_conflict_do_update(
            index_elements=["user_id"],
            set_={"secret": encrypted, "created_at": moment, "begun_in": session_id},
            where=col(SecondFactor.confirmed_at).is_(None),
        )
        .returning(col(SecondFactor.user_id))
    )
    if begun.first() is None:
        raise Conflict(_ON)
    return secret


async def load_begun_secret(
    session: AsyncSession, keys: Sequence[str], user_id: UUID, session_id: UUID
) -> str | None:
    """The secret that was begun with and not confirmed, while it can be."""
    found = await session.execute(
        select(SecondFactor).where(
            col(SecondFactor.user_id) == user_id,
            col(SecondFactor.begun_in) == session_id,
            col(SecondFactor.confirmed_at).is_(None),
            col(SecondFactor.created_at) > datetime.now(UTC) - BEGUN_FOR,
        )
    )
    begun = found.scalar_one_or_none()
    return decrypt(keys, begun.secret, context=_context(user_id)) if begun else None


async def confirm_two_factor(
    session: AsyncSession, keys: Sequence[str], user_id: UUID, session_id: UUID, code: str
) -> list[str]:
    """Switch it on by a first code; returns the recovery codes, which nobody can read again.

    ``Invalid`` for a wrong code, ``Conflict`` when it is on already or was begun too long ago.
    """
    found = await session.execute(
        select(SecondFactor).where(col(SecondFactor.user_id) == user_id).with_for_update()
    )
    begun = found.scalar_one_or_none()
    if begun is not None and begun.confirmed_at is not None:
        raise Conflict(_ON)
    moment = datetime.now(UTC)
    if begun is None or begun.begun_in != session_id or begun.created_at <= moment - BEGUN_FOR:
        raise Conflict(_TOO_OLD)
    step = step_of(decrypt(keys, begun.secret, context=_context(user_id)), code)
    if step is None:
        raise Invalid(WRONG_CODE, errors=(FieldError("body.code", WRONG_CODE),))
    begun.confirmed_at, begun.last_step = moment, step
    session.add(begun)
    return await renew_recovery_codes(session, user_id)


async def is_two_factor_on(session: AsyncSession, user_id: UUID) -> bool:
    return await _encrypted_secret(session, user_id) is not None


async def load_status(session: AsyncSession, user_id: UUID) -> TwoFactorStatus:
    if not await is_two_factor_on(session, user_id):
        return TwoFactorStatus(is_on=False, codes_left=0)
    return TwoFactorStatus(is_on=True, codes_left=await count_recovery_codes(session, user_id))


async def check_code(session: AsyncSession, keys: Sequence[str], user_id: UUID, code: str) -> UsedCode | None:
    """What ``code`` is, if it counts: it does once, however many try it at the same time.

    ``None`` for a wrong one, also when two-factor sign-in is off. ``Unavailable`` for a code of an app whose
    secret cannot be decrypted; recovery codes need no secret.
    """
    if is_totp(code):
        return "totp" if await _use_totp(session, keys, user_id, code) else None
    if await is_two_factor_on(session, user_id) and await use_recovery_code(session, user_id, code):
        return "recovery"
    return None


async def choose_new_recovery_codes(
    session: AsyncSession, keys: Sequence[str], user_id: UUID, code: str
) -> list[str]:
    """New recovery codes instead of the old ones, for a present code of the app.

    ``Invalid`` for a wrong code, ``Conflict`` when two-factor sign-in is off.
    """
    if not await is_two_factor_on(session, user_id):
        raise Conflict(_OFF)
    if not (is_totp(code) and await _use_totp(session, keys, user_id, code)):
        raise Invalid(WRONG_CODE, errors=(FieldError("body.code", WRONG_CODE),))
    return await renew_recovery_codes(session, user_id)


async def remove_two_factor(session: AsyncSession, user_id: UUID) -> None:
    """Switch it off; ``NotFound`` when it is not on. What was only begun ends by itself."""
    # First, as who signs in takes them in the same order: neither waits for the other.
    await forget_links(session, user_id, Purpose.SECOND_FACTOR)
    removed = await session.execute(
        delete(SecondFactor)
        .where(col(SecondFactor.user_id) == user_id, col(SecondFactor.confirmed_at).is_not(None))
        .returning(col(SecondFactor.user_id))
    )
    if removed.first() is None:
        raise NotFound(_OFF)
    await forget_recovery_codes(session, user_id)


async def rotate_second_factor(session: AsyncSession, keys: Sequence[str], user_id: UUID) -> tuple[int, int]:
    """Encrypt a user's secret under the first of ``keys``: how many had another; how many no key reads."""
    found = await session.execute(
        select(SecondFactor).where(col(SecondFactor.user_id) == user_id).with_for_update()
    )
    factor = found.scalar_one_or_none()
    if factor is None:
        return 0, 0
    before = factor.secret
    try:
        factor.secret = renewed(keys, before, context=_context(user_id))
    except Unavailable:
        return 0, 1
    return int(factor.secret != before), 0


async def _use_totp(session: AsyncSession, keys: Sequence[str], user_id: UUID, code: str) -> bool:
    encrypted = await _encrypted_secret(session, user_id)
    if encrypted is None:
        return False
    step = step_of(decrypt(keys, encrypted, context=_context(user_id)), code)
    if step is None:
        return False
    # A code and those before it count once (RFC 6238, 5.2): also for two who send it at the same time.
    used = await session.execute(
        update(SecondFactor)
        .where(
            col(SecondFactor.user_id) == user_id,
            col(SecondFactor.secret) == encrypted,
            or_(col(SecondFactor.last_step).is_(None), col(SecondFactor.last_step) < step),
        )
        .values(last_step=step)
        .returning(col(SecondFactor.user_id))
    )
    return used.first() is not None


async def _encrypted_secret(session: AsyncSession, user_id: UUID) -> str | None:
    """The secret in force, as it is stored."""
    found = await session.execute(
        select(col(SecondFactor.secret)).where(
            col(SecondFactor.user_id) == user_id, col(SecondFactor.confirmed_at).is_not(None)
        )
    )
    return found.scalar_one_or_none()


def _context(user_id: UUID) -> str:
    return f"second factor of {user_id}"
