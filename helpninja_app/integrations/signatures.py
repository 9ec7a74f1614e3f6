"""Signatures of webhooks as in Standard Webhooks 1.0 (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

PREFIX = "whsec_"
TOLERANCE_SECONDS = 300
_KEY_BYTES = 32


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """The bytes that sign: after ``whsec_`` those of its base64, otherwise the text as it stands.

    Raises ``ValueError`` when it is empty or no base64.
    """
    if not secret.startswith(PREFIX):
        key = secret.encode()
    else:
        try:
            key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error as error:
            raise ValueError("What follows whsec_ is not base64.") from error
    if not key:
        raise ValueError("The secret is empty.")
    return key


def sign(secrets_in_use: Sequence[str], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of a webhook, with a signature for each secret (two of them while one is rotated).

    ``message_id`` stays the same when it is sent again, ``at`` is the time of this attempt.
    """
    if "." in message_id:
        # The signed text is joined with dots.
        raise ValueError("The id of a message has no dot.")
    timestamp = str(int(at.timestamp()))
    signatures = (_signature(secret, message_id, timestamp, body) for secret in secrets_in_use)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
    }


def verify(secrets_in_use: Sequence[str], headers: Mapping[str, str], body: bytes, *, now: datetime) -> bool:
    """Whether one of the secrets signed this body, no more than five minutes before or after ``now``.

    ``headers`` have their names in lower case.
    """
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message_id or not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16):
        return False
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    given = headers.get("webhook-signature", "").split(" ")
    is_right = False
    for secret in secrets_in_use:
        expected = _signature(secret, message_id, timestamp, body).encode()
        for signature in given:
            is_right |= hmac.compare_digest(expected, signature.encode())
    return is_right


def _signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.digest(key_of(secret), signed, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"
