"""Random tokens: what a credential is, and what is stored of it."""

from __future__ import annotations

import hashlib
import secrets


def new_token() -> str:
    """256 random bits, as 43 letters, digits, dashes and underscores."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """SHA-256 of a random token: 32 bytes. A slow hash is not needed for 256 random bits."""
    return hashlib.sha256(token.encode()).digest()
