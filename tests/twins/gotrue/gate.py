"""What stands before GoTrue: the API key, limits, a log of calls, and faults on demand."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.twins.gotrue.core import Core
from tests.twins.gotrue.errors import VERSION, VERSION_HEADER, ApiError, show

FaultKind = Literal["status", "slow", "reset", "lost", "malformed", "truncated"]
PREFIX = "/auth/v1/"
# Paths that Supabase's gateway lets through without a key: browsers and verifiers come here.
OPEN = ("authorize", "callback", "verify", ".well-known/", "provider/", "hostile/")


@dataclass(frozen=True)
class Call:
    """A request that arrived; `target` is its path below `/auth/v1/`, with the grant where there is one."""

    method: str
    target: str
    query: Mapping[str, str]
    headers: Headers
    body: Any


@dataclass(frozen=True)
class Fault:
    """What goes wrong with the next call whose target begins with `path` (any call, where it is empty).

    `status` answers that status, `slow` answers well after `delay` seconds, `reset` cuts the connection
    before anything happened, `lost` does the work and then cuts it, `malformed` answers something that is not
    JSON, `truncated` does the work and sends half the answer. `delay` comes first with every kind.
    """

    kind: FaultKind = "status"
    path: str = ""
    status: int = 503
    delay: float = 0.0


@dataclass
class Gate:
    """An ASGI application around GoTrue's own; `roles` names the role of each API key."""

    app: ASGIApp
    core: Core
    roles: dict[str, str]
    calls: list[Call] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        call = _call_of(request, body)
        self.calls.append(call)
        refusal = self._refusal(call)
        answer = refusal or self._limited(call)
        if not answer:
            scope = {**scope, "headers": self._exchange_key(request)}

        async def inner(send: Send) -> None:
            if isinstance(answer, ApiError):
                await (await show(request, answer))(scope, receive, send)
            else:
                await (answer or self.app)(scope, _replay(body, receive), send)

        fault = self._next_fault(call)
        if fault:
            await _spoil(fault, inner, request, scope, receive, send)
        else:
            await inner(send)

    def _next_fault(self, call: Call) -> Fault | None:
        found = next((fault for fault in self.faults if call.target.startswith(fault.path)), None)
        if found:
            # By identity: equal faults wait in line for calls of their own.
            self.faults[:] = [fault for fault in self.faults if fault is not found]
        return found

    def _refusal(self, call: Call) -> Response | None:
        if call.target.startswith(OPEN):
            return None
        key = call.headers.get("apikey") or call.query.get("apikey")
        if not key:
            hint = "No `apikey` request header or url param was found."
            return JSONResponse({"message": "No API key found in request", "hint": hint}, 401)
        if key not in self.roles:
            hint = "Double check your Supabase `anon` or `service_role` API key."
            return JSONResponse({"message": "Invalid API key", "hint": hint}, 401)
        return None

    def _limited(self, call: Call) -> ApiError | None:
        limit = self.core.settings.request_limit
        if limit is None or (call.method == "GET" and call.target != "verify"):
            return None
        now = self.core.clock.now()
        recent = [at for at in self.core.asked_at if at > now - timedelta(hours=1)]
        if len(recent) >= limit:
            return ApiError(429, "over_request_rate_limit", "Request rate limit reached")
        self.core.asked_at.append(now)
        return None

    def _exchange_key(self, request: Request) -> list[tuple[bytes, bytes]]:
        """Keys of the newer kind are no tokens: the gateway puts one in their place."""
        headers = MutableHeaders(raw=list(request.headers.raw))
        bearer = headers.get("Authorization", "").removeprefix("Bearer ")
        if bearer.startswith("sb_") and bearer in self.roles:
            signer = self.core.keys.legacy or self.core.keys.current
            claims = {"role": self.roles[bearer], "exp": self.core.clock.seconds() + 60}
            headers["Authorization"] = f"Bearer {signer.token(claims)}"
        return headers.raw


def _call_of(request: Request, body: bytes) -> Call:
    target = request.url.path.removeprefix(PREFIX).removeprefix("/")
    if "grant_type" in request.query_params:
        target += f"?grant_type={request.query_params['grant_type']}"
    read: Any = body.decode("utf-8", "replace") or None
    with contextlib.suppress(ValueError):
        read = json.loads(body)
    return Call(request.method, target, dict(request.query_params), request.headers, read)


def _replay(body: bytes, receive: Receive) -> Receive:
    waiting = [body]

    async def once() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return once


async def _spoil(
    fault: Fault, inner: Any, request: Request, scope: Scope, receive: Receive, send: Send
) -> None:
    await asyncio.sleep(fault.delay)
    answer: Response
    match fault.kind:
        case "slow":
            await inner(send)
        case "status":
            if fault.status == 500:
                said = "Unexpected failure, please check server logs for more information"
                answer = await show(request, ApiError(500, "unexpected_failure", said))
            else:
                # Not GoTrue answers then but what stands before it, in plain words.
                answer = PlainTextResponse("upstream connect error or disconnect/reset", fault.status)
            await answer(scope, receive, send)
        case "malformed":
            page = "<html><body>Something else answered here.</body></html>"
            status = 200 if fault.status == 503 else fault.status
            answer = Response(page, status, {VERSION_HEADER: VERSION}, media_type="application/json")
            await answer(scope, receive, send)
        case "reset":
            await _cut(send, is_reset=True)
        case "lost":
            await inner(_nowhere)
            await _cut(send, is_reset=True)
        case "truncated":
            await inner(_half(send))
            await _cut(send, is_reset=False)


async def _nowhere(_: Message) -> None:
    """Takes an answer that nobody will see."""


def _half(send: Send) -> Send:
    async def halve(message: Message) -> None:
        if message["type"] == "http.response.body":
            body = message.get("body", b"")
            message = {**message, "body": body[: len(body) // 2], "more_body": True}
        await send(message)

    return halve


async def _cut(send: Send, *, is_reset: bool) -> None:
    """Ends the connection under uvicorn's hands, which offers no way of its own."""
    transport: asyncio.Transport = send.__self__.transport  # type: ignore[attr-defined]
    if is_reset:
        option = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
        transport.abort()
    else:
        transport.close()
    # Lets uvicorn see it before the application returns, which it would take for an answer.
    while not send.__self__.disconnected:  # type: ignore[attr-defined]
        await asyncio.sleep(0.005)
