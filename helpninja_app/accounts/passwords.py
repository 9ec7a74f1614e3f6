"""Passwords: how they are hashed (Argon2id), and which are too easy to guess."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import zxcvbn
from pwdlib import PasswordHash

from helpninja_app.errors import FieldError, Invalid

SHORTEST = 8
LONGEST = 1000
# zxcvbn's scale is 0 to 4; 3 withstands 10^8 guesses, more than a throttled sign-in allows in a lifetime.
_STRONG_ENOUGH = 3
# Its own bound: the work grows faster than the length.
_MOST_LOOKED_AT = 24
# Threads of their own: who floods us with passwords keeps nobody else's work waiting.
_workers = ThreadPoolExecutor(2, thread_name_prefix="passwords")

_WORD = re.compile(r"\w{3,}")

_passwords = PasswordHash.recommended()
# Verified for an unknown address, so that the time taken does not tell whether an account exists.
_DUMMY_HASH = _passwords.hash(secrets.token_urlsafe(16))


async def hash_password(password: str) -> str:
    """Argon2id of a password, in a thread: it takes about 100 ms."""
    return await asyncio.get_running_loop().run_in_executor(_workers, _passwords.hash, password)


async def is_password_right(known: tuple[UUID, str] | None, password: str) -> bool:
    """Takes as long for an unknown account as for a known one."""
    # Users of Supabase have none here.
    stored = known[1] if known and known[1] else _DUMMY_HASH
    loop = asyncio.get_running_loop()
    is_right = await loop.run_in_executor(_workers, _passwords.verify, password, stored)
    return is_right and known is not None and bool(known[1])


async def refuse_weak_password(password: str, personal: Sequence[str] = ()) -> None:
    """Raise ``Invalid`` for a password that is short, well known, or guessed from ``personal`` words.

    By zxcvbn (Wheeler, USENIX Security 2016) and its bundled lists; length and no composition rules, as NIST
    SP 800-63B has it.
    """
    words = [part for text in personal for part in (text, text.partition("@")[0], *_WORD.findall(text))]
    problem = await asyncio.get_running_loop().run_in_executor(_workers, _weakness, password, words)
    if problem:
        raise Invalid(problem, errors=(FieldError("body.password", problem),))


def _weakness(password: str, personal: list[str]) -> str:
    if len(password) < SHORTEST:
        return f"A password needs at least {SHORTEST} characters."
    found = zxcvbn.zxcvbn(password[:_MOST_LOOKED_AT], user_inputs=personal)
    if found["score"] >= _STRONG_ENOUGH:
        return ""
    feedback = found["feedback"]
    hint = feedback["warning"] or next(iter(feedback["suggestions"]), "")
    return " ".join(filter(None, ["This password is easy to guess.", hint and f"{hint.rstrip('.')}."]))
