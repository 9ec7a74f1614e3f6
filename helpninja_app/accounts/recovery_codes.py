"""Recovery codes: ten single-use codes on paper, for who has lost their authenticator app."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.models import RecoveryCode

AMOUNT = 10
_BYTES = 10
_IGNORED = re.compile(r"[\s\-\u2010-\u2015]+")


async def renew_recovery_codes(session: AsyncSession, user_id: UUID) -> list[str]:
    """New codes instead of all there were, such as ``abcd-efgh-ijkl-mnop``; only their hashes are stored.

    Needs the user's own scope.
    """
    await forget_recovery_codes(session, user_id)
    codes = [_new_code() for _ in range(AMOUNT)]
    session.add_all(RecoveryCode(user_id=user_id, code_hash=_hash(user_id, code)) for code in codes)
    await session.flush()
    return codes


async def use_recovery_code(session: AsyncSession, user_id: UUID, code: str) -> bool:
    """Whether this is an unused code of the user's; used up when the transaction commits, once.

    Spaces, dashes and upper case do not matter. Needs the user's own scope.
    """
    used = await session.execute(
        update(RecoveryCode)
        .where(
            col(RecoveryCode.user_id) == user_id,
            col(RecoveryCode.code_hash) == _hash(user_id, code),
            col(RecoveryCode.used_at).is_(None),
        )
        .values(used_at=datetime.now(UTC))
        .returning(col(RecoveryCode.user_id))
    )
    return used.first() is not None


async def count_recovery_codes(session: AsyncSession, user_id: UUID) -> int:
    """How many are left. Needs the user's own scope."""
    found = await session.execute(
        select(func.count())
        .select_from(RecoveryCode)
        .where(col(RecoveryCode.user_id) == user_id, col(RecoveryCode.used_at).is_(None))
    )
    return found.scalar_one()


async def forget_recovery_codes(session: AsyncSession, user_id: UUID) -> None:
    await session.execute(delete(RecoveryCode).where(col(RecoveryCode.user_id) == user_id))


def _new_code() -> str:
    """80 random bits in base32."""
    code = base64.b32encode(secrets.token_bytes(_BYTES)).decode().lower()
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def _hash(user_id: UUID, code: str) -> bytes:
    """SHA-256, with the user so that equal codes do not look alike; 80 random bits need no slow hash."""
    plain = _IGNORED.sub("", code).lower()
    return hashlib.sha256(user_id.bytes + plain.encode()).digest()
