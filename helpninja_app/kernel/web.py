"""What stands around every request: whose websocket is let in, and the headers that protect pages."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from pathlib import Path
from typing import Any

from helpninja_app.settings import Settings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

EVENTS_PATH = "/_event"

_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)
_HASHED_FILE = re.compile(r"^/assets/[^/]+-[\w-]{8}\.(?:js|css)$")
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
)


def header(scope: Scope, name: bytes) -> str | None:
    """The first value of a request header, ``name`` in lower case."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), None)


def own_origin(scope: Scope, settings: Settings) -> str:
    """The origin this request was sent to, such as ``https://help.example.com``, without a trailing slash.

    HELPNINJA_PUBLIC_URL when set; else scheme and Host of the request, as forwarded by a trusted proxy.
    """
    if settings.public_url:
        return _origin_of(settings.public_url)
    scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"])
    host = header(scope, b"host") or ""
    if _is_trusted_proxy(scope, settings.trusted_proxies):
        scheme = _last(header(scope, b"x-forwarded-proto")) or scheme
        host = _last(header(scope, b"x-forwarded-host")) or host
    return _origin_of(f"{scheme}://{host}")


def is_own_origin(scope: Scope, settings: Settings) -> bool:
    """Whether the request's Origin header is present and is our own."""
    origin = header(scope, b"origin")
    return origin is not None and _origin_of(origin) == own_origin(scope, settings)


class OwnOriginOnly:
    """Lets only our own pages open the websocket that drives them.

    Reflex answers any origin, and the browser sends our cookie along. A request without Origin comes from no
    browser and has no business there.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_below(scope, EVENTS_PATH) or is_own_origin(scope, self._settings):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 4403})
        else:
            await send({"type": "http.response.start", "status": 403, "headers": []})
            await send({"type": "http.response.body"})


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
        wanted = list(self._always)
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
        is_below = any(_is_below(scope, prefix) for prefix in self._prefixes)
        await (self._below if is_below else self._otherwise)(scope, receive, send)


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


def _is_below(scope: Scope, prefix: str) -> bool:
    path: str = scope.get("path", "")
    return path == prefix or path.startswith(f"{prefix}/")


def _origin_of(url: str) -> str:
    scheme, _, rest = url.strip().lower().partition("://")
    host = rest.split("/", 1)[0]
    default = {"http": ":80", "https": ":443"}.get(scheme)
    return f"{scheme}://{host.removesuffix(default) if default else host}"


def _last(forwarded: str | None) -> str | None:
    """The value the nearest proxy added; what stands before it may come from the client."""
    return forwarded.rsplit(",", 1)[-1].strip() if forwarded else None


def _is_trusted_proxy(scope: Scope, trusted: frozenset[str]) -> bool:
    client = scope.get("client")
    if not client or not trusted:
        return False
    try:
        address = ipaddress.ip_address(client[0])
        return any(address in ipaddress.ip_network(network, strict=False) for network in trusted)
    except ValueError:
        return False
