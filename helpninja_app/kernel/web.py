"""What stands around every request: the headers that protect pages, and who answers which path."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from pathlib import Path
from typing import Any

from helpninja_app.kernel.database import new_id
from helpninja_app.settings import Settings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)
_HASHED_FILE = re.compile(r"^/assets/[^/]+-[\w-]{8}\.(?:js|css)$")
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
)


class SecurityHeaders:
    """Adds what a response lacks; a response that brings its own Content-Security-Policy keeps it."""

    def __init__(self, app: ASGIApp, settings: Settings, *, script_hashes: Iterable[str] = ()) -> None:
        self._app = app
        self._page_policy = page_policy(script_hashes).encode()
        is_https = (settings.public_url or "").startswith("https://")
        self._always = (
            (*_ALWAYS, (b"strict-transport-security", b"max-age=31536000")) if is_https else _ALWAYS
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *self._missing(scope, message)]
            await send(message)

        await self._app(scope, receive, send_protected)

    def _missing(self, scope: Scope, message: Message) -> list[tuple[bytes, bytes]]:
        present = {name.lower(): value for name, value in message.get("headers", ())}
        # An API route has given one already, under which its log lines stand.
        wanted = [*self._always, (b"x-request-id", str(new_id()).encode())]
        if b"content-security-policy" not in present:
            is_page = present.get(b"content-type", b"").startswith(b"text/html")
            wanted.append(
                (b"content-security-policy", self._page_policy if is_page else b"frame-ancestors 'none'")
            )
            wanted.append((b"x-frame-options", b"DENY"))
        if message["status"] == 200 and _HASHED_FILE.match(scope["path"]):
            wanted.append((b"cache-control", b"public, max-age=31536000, immutable"))
        return [(name, value) for name, value in wanted if name not in present]


class ByPrefix:
    """Gives paths below some prefixes to one app and all else, the lifespan included, to another."""

    def __init__(self, prefixes: Iterable[str], below: ASGIApp, otherwise: ASGIApp) -> None:
        self._prefixes = tuple(prefixes)
        self._below = below
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_ours = any(is_below(scope, prefix) for prefix in self._prefixes)
        await (self._below if is_ours else self._otherwise)(scope, receive, send)


def page_policy(script_hashes: Iterable[str] = ()) -> str:
    """The Content-Security-Policy of our pages: own files, and inline scripts only by their hash."""
    scripts = " ".join(["'self'", *(f"'{digest}'" for digest in sorted(script_hashes))])
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src {scripts}",
            # React and Reflex set styles from scripts and in style attributes.
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def inline_script_hashes(pages: Path) -> frozenset[str]:
    """``sha256-…`` of every inline script in the built HTML below ``pages``, as a policy names them."""
    found: set[str] = set()
    for page in pages.rglob("*.html"):
        for script in _INLINE_SCRIPT.findall(page.read_bytes()):
            found.add("sha256-" + base64.b64encode(hashlib.sha256(script).digest()).decode())
    return frozenset(found)


def is_below(scope: Scope, prefix: str) -> bool:
    path: str = scope.get("path", "")
    return path == prefix or path.startswith(f"{prefix}/")
