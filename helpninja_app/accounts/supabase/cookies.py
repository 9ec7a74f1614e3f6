"""Supabase's session in cookies, as the project's server-side clients for JavaScript write and read it."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

# @supabase/ssr cuts where a browser's limit of 4,096 bytes for a cookie would be near (src/utils/chunker.ts).
CHUNK = 3180
MOST_CHUNKS = 10
PREFIX = "base64-"
_CHUNK_NUMBER = re.compile(r"[0-9]{1,3}")


@dataclass(frozen=True, slots=True)
class StoredSession:
    """What the cookies hold, none of it checked."""

    access_token: str
    refresh_token: str


def cookie_name(url: str) -> str:
    """``sb-<ref>-auth-token``, where the ref is the first label of the project's host."""
    return f"sb-{(urlsplit(url).hostname or '').split('.')[0]}-auth-token"


def read_session(cookies: Mapping[str, str], name: str) -> StoredSession | None:
    """The session of a browser, ``None`` without one that can be read."""
    held = _decoded(_whole(cookies, name))
    if not isinstance(held, dict):
        return None
    access, refresh = held.get("access_token"), held.get("refresh_token")
    if not isinstance(access, str) or not isinstance(refresh, str):
        return None
    return StoredSession(access, refresh)


def write_session(session: Mapping[str, Any], name: str) -> dict[str, str]:
    """The cookies of a session, which is what GoTrue answers with."""
    return _cut(_encoded(dict(session)), name)


def read_text(cookies: Mapping[str, str], name: str) -> str | None:
    """A text, such as the verifier of a flow under way."""
    held = _decoded(_whole(cookies, name))
    return held if isinstance(held, str) else None


def write_text(text: str, name: str) -> dict[str, str]:
    return {name: _encoded(text)}


def names_of(cookies: Mapping[str, str], name: str) -> list[str]:
    """Those of ``cookies`` that hold the session: after a change, those not written again have to go."""
    return [
        held
        for held in cookies
        if held == name or (held.startswith(f"{name}.") and _CHUNK_NUMBER.fullmatch(held[len(name) + 1 :]))
    ]


def _whole(cookies: Mapping[str, str], name: str) -> str:
    if name in cookies:
        return cookies[name]
    parts: list[str] = []
    while len(parts) < MOST_CHUNKS and (part := cookies.get(f"{name}.{len(parts)}")):
        parts.append(part)
    return "".join(parts)


def _cut(value: str, name: str) -> dict[str, str]:
    if len(value) <= CHUNK:
        return {name: value}
    pieces = [value[start : start + CHUNK] for start in range(0, len(value), CHUNK)]
    return {f"{name}.{number}": piece for number, piece in enumerate(pieces)}


def _encoded(held: object) -> str:
    raw = json.dumps(held, separators=(",", ":"), ensure_ascii=False).encode()
    return PREFIX + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decoded(value: str) -> object:
    if not value.startswith(PREFIX):
        return None
    encoded = value[len(PREFIX) :]
    try:
        return json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
