"""Texts that the database keeps encrypted: who reads a copy of it alone reads nothing of them."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from helpninja_app.errors import Unavailable

UNREADABLE = "This cannot be read: an encryption key of this server is missing. Please ask who runs it."


def encrypt(keys: Sequence[str], text: str, *, context: str) -> str:
    """``text`` under the first of ``keys`` (Fernet: AES-128-CBC and HMAC-SHA256).

    It is only readable in the same ``context``: moved into the row of somebody else it is worth nothing.
    """
    return _fernet(keys, context).encrypt(text.encode()).decode()


def decrypt(keys: Sequence[str], encrypted: str, *, context: str) -> str:
    """What was encrypted under any of ``keys``; ``Unavailable`` when it was none of them."""
    try:
        return _fernet(keys, context).decrypt(encrypted).decode()
    except InvalidToken:
        # Without its cause: a traceback would show what was to be read.
        raise Unavailable(UNREADABLE) from None


def renewed(keys: Sequence[str], encrypted: str, *, context: str) -> str:
    """The same under the first of ``keys``, unchanged where it is already; ``Unavailable`` as ``decrypt``."""
    try:
        decrypt(keys[:1], encrypted, context=context)
        return encrypted
    except Unavailable:
        return encrypt(keys, decrypt(keys, encrypted, context=context), context=context)


def _fernet(keys: Sequence[str], context: str) -> MultiFernet:
    return MultiFernet([Fernet(_derived(key, context)) for key in keys])


def _derived(key: str, context: str) -> bytes:
    """A Fernet key of a text of any length (HKDF, RFC 5869)."""
    info = f"helpninja encryption: {context}".encode()
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(key.encode())
    return base64.urlsafe_b64encode(derived)
