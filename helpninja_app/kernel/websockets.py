"""Bounds what a stranger can do with the websocket that drives the pages."""

from __future__ import annotations

import time
from collections import Counter

import structlog

from helpninja_app.errors import RateLimited
from helpninja_app.kernel.proxies import is_own_origin, limited_address
from helpninja_app.kernel.rate_limits import Burst, RateLimiter
from helpninja_app.kernel.web import ASGIApp, Message, Receive, Scope, Send, is_below
from helpninja_app.settings import Settings

log = structlog.get_logger(__name__)

EVENTS_PATH = "/_event"
# Unix time in seconds.
BEGAN_AT = b"x-connection-began-at"

# Reflex keeps parts of an event in the state of its tab, until some time after the tab has gone.
MOST_BYTES = 32_000
# A person's clicks and keys, and a page's own events; what a script sends is cut off.
EVENTS_AT_ONCE = 60
EVENTS_PER_SECOND = 10.0
OPEN_PER_ADDRESS = 100
OPENED_PER_ADDRESS = Burst(200, 60)

# RFC 6455, 7.4.1, and the range for applications.
_POLICY, _TOO_LARGE, _FOREIGN = 1008, 1009, 4403


class GuardedEvents:
    """Lets only our own pages open the websocket, at a rate and size that pages have.

    Reflex answers any origin, and the browser sends our cookie along. A request without Origin comes from no
    browser and has no business there.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._opened = RateLimiter()
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not is_below(scope, EVENTS_PATH):
            await self._app(scope, receive, send)
        elif scope["type"] != "websocket":
            if is_own_origin(scope, self._settings):
                await self._app(scope, receive, send)
            else:
                await send({"type": "http.response.start", "status": 403, "headers": []})
                await send({"type": "http.response.body"})
        else:
            await self._guard(scope, receive, send)

    async def _guard(self, scope: Scope, receive: Receive, send: Send) -> None:
        address = limited_address(scope, self._settings)
        if refusal := await self._refusal(scope, address):
            await receive()
            await send({"type": "websocket.close", "code": refusal})
            return
        self._open[address] += 1
        try:
            await self._app(_with_beginning(scope), _Bounded(receive, send, address).receive, send)
        finally:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]

    async def _refusal(self, scope: Scope, address: str) -> int | None:
        if not is_own_origin(scope, self._settings):
            return _FOREIGN
        try:
            await self._opened.hit("websocket", address, OPENED_PER_ADDRESS)
        except RateLimited:
            return _POLICY
        return _POLICY if self._open[address] >= OPEN_PER_ADDRESS else None


def _with_beginning(scope: Scope) -> Scope:
    """Says when the connection began, as a header: what a browser says of it does not count."""
    headers = [pair for pair in scope["headers"] if pair[0].lower() != BEGAN_AT]
    return {**scope, "headers": [*headers, (BEGAN_AT, str(time.time()).encode())]}


class _Bounded:
    """One connection: a bucket of tokens that refills, and an end for who empties it."""

    def __init__(self, receive: Receive, send: Send, address: str) -> None:
        self._receive, self._send, self._address = receive, send, address
        self._tokens, self._since = float(EVENTS_AT_ONCE), time.monotonic()

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] != "websocket.receive":
            return message
        now = time.monotonic()
        self._tokens = min(EVENTS_AT_ONCE, self._tokens + (now - self._since) * EVENTS_PER_SECOND) - 1
        self._since = now
        size = len(message.get("text") or message.get("bytes") or "")
        code = _TOO_LARGE if size > MOST_BYTES else _POLICY if self._tokens < 0 else None
        if code is None:
            return message
        log.warning("websocket_cut_off", address=self._address, code=code, bytes=size)
        await self._send({"type": "websocket.close", "code": code})
        return {"type": "websocket.disconnect", "code": code}
