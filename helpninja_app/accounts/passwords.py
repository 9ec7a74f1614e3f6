"""Password hashes: Argon2id."""

from __future__ import annotations

import asyncio
import secrets
from uuid import UUID

from pwdlib import PasswordHash

_passwords = PasswordHash.recommended()
# Verified for an unknown address, so that the time taken does not tell whether an account exists.
_DUMMY_HASH = _passwords.hash(secrets.token_urlsafe(16))


async def hash_password(password: str) -> str:
    """Argon2id of a password, in a thread: it takes about 100 ms."""
    return await asyncio.to_thread(_passwords.hash, password)


async def is_password_right(known: tuple[UUID, str] | None, password: str) -> bool:
    """Takes as long for an unknown account as for a known one."""
    stored = known[1] if known else _DUMMY_HASH
    is_right = await asyncio.to_thread(_passwords.verify, password, stored)
    return is_right and known is not None
