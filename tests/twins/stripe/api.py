"""The door of the API: keys, idempotency, faults on demand, and the way to each endpoint."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import re
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.twins.stripe import forms
from tests.twins.stripe.core import Call, Core
from tests.twins.stripe.errors import StripeError, unknown
from tests.twins.stripe.expanding import expand
from tests.twins.stripe.shapes import Obj, make_id

Endpoint = Callable[..., Obj]
FaultKind = Literal["status", "hang", "drop"]
KEY_LIFETIME = 24 * 3600
# What the SDK invents; a bare UUID of the caller's own looks the same.
RANDOM_KEY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SAID = {
    429: ("rate_limit", "Request rate limit exceeded. Please retry with backoff."),
    500: (None, "An unknown error occurred"),
    503: (None, "Stripe is temporarily unavailable."),
}


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one of the next calls whose method and path, as in `POST /v1/refunds`, match.

    `status` answers so before anything happened, `hang` waits for a time or until `goes_on` and then does the
    work, `drop` does the work and cuts the connection before the answer. One that `is_kept` answers whoever
    comes with the same key, as an error does that Stripe met in the middle of its work.
    """

    kind: FaultKind
    path: str = ""
    status: int = 500
    seconds: float = 0.0
    goes_on: threading.Event | None = None
    is_kept: bool = False


@dataclass(frozen=True)
class Answer:
    """What an idempotency key stands for."""

    asked: tuple[str, str, Obj]
    at: int
    status: int
    body: Obj
    request: str


@dataclass(frozen=True)
class Door:
    """One endpoint: `allowed` are the parameters it knows, `None` is any."""

    method: str
    path: re.Pattern[str]
    endpoint: Endpoint
    allowed: frozenset[str] | None


@dataclass
class Api:
    """An ASGI application: everything below `/v1` is answered here, the rest by `pages`."""

    core: Core
    api_key: str
    doors: list[Door]
    pages: ASGIApp | None = None
    faults: list[Fault] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    in_flight: set[str] = field(default_factory=set)
    hanging: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if self.pages and not request.url.path.startswith("/v1/"):
            await self.pages(scope, receive, send)
            return
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        given = (await request.body()).decode() or request.url.query
        call: Call | None = None
        fault: Fault | None = None
        try:
            call = Call(
                request.method,
                request.url.path,
                forms.parse(given),
                key,
                request.headers.get("stripe-version"),
            )
            fault = self._note(call)
            self._authorize(request)
            answer = await self._guarded(call, fault)
        except StripeError as error:
            answer = error.answer()
        answer.headers["Request-Id"] = answer.headers.get("Request-Id", make_id("req"))
        answer.headers["Stripe-Version"] = (call and call.version) or ""
        if fault and fault.kind == "drop":
            await _cut(send)
        else:
            await answer(scope, receive, send)

    def _note(self, call: Call) -> Fault | None:
        state = self.core.state
        with self.core.lock:
            state.calls.append(call)
            if call.method == "POST" and call.key is None:
                state.posts_without_key.append(call)
            elif call.key and RANDOM_KEY.fullmatch(call.key):
                state.posts_with_random_key.append(call)
            found = next(
                (fault for fault in self.faults if re.search(fault.path, f"{call.method} {call.path}")), None
            )
            self.faults[:] = [fault for fault in self.faults if fault is not found]
        return found

    def _authorize(self, request: Request) -> None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        if not given:
            said = "You did not provide an API key. You need to provide it in the Authorization header."
            raise StripeError(said, status=401)
        if given != self.api_key:
            raise StripeError(f"Invalid API Key provided: {given[:8]}{'*' * 8}{given[-4:]}", status=401)

    async def _guarded(self, call: Call, fault: Fault | None) -> Response:
        key = call.key
        if key is not None and len(key) > 255:
            said = "Idempotency keys are up to 255 characters long."
            raise StripeError(said, type="idempotency_error")
        if key is not None and key in self.in_flight:
            said = "There is currently another in-progress request using this Idempotency Key."
            raise StripeError(said, status=409, type="idempotency_error", code="idempotency_key_in_use")
        if key is not None:
            self.in_flight.add(key)
        try:
            if fault and fault.kind == "hang":
                self.hanging += 1
                await _wait(fault)
            if fault and fault.kind == "status":
                code, said = SAID.get(fault.status, (None, "Something went wrong."))
                kind = "invalid_request_error" if fault.status < 500 else "api_error"
                refused = StripeError(said, status=fault.status, type=kind, code=code)
                if fault.is_kept:
                    self._keep(call, refused.status, refused.body(), make_id("req"))
                raise refused
            with self.core.lock:
                return self._replay(call) or self._execute(call)
        finally:
            if fault and fault.kind == "hang":
                self.hanging -= 1
            if key is not None:
                self.in_flight.discard(key)

    def _replay(self, call: Call) -> Response | None:
        known = self.answers.get(call.key or "")
        if known is None or known.at + KEY_LIFETIME <= self.core.now():
            return None
        if known.asked != (call.method, call.path, call.params):
            raise StripeError(
                "Keys for idempotent requests can only be used with the same parameters they were first used "
                f"with. Try using a key other than '{call.key}' if you meant to execute a different request.",
                type="idempotency_error",
            )
        headers = {"Idempotent-Replayed": "true", "Original-Request": known.request}
        return JSONResponse(known.body, known.status, headers)

    def _execute(self, call: Call) -> Response:
        id = make_id("req")
        self.core.request = {"id": id, "idempotency_key": call.key}
        try:
            body, status = self._call_endpoint(call), 200
        except StripeError as error:
            # Stripe keeps no answer to what it refused to begin with.
            if error.status != 402:
                raise
            body, status = error.body(), error.status
        finally:
            self.core.request = {"id": None, "idempotency_key": None}
        self._keep(call, status, body, id)
        return JSONResponse(body, status, {"Request-Id": id})

    def _keep(self, call: Call, status: int, body: Obj, request: str) -> None:
        if call.key:
            asked = (call.method, call.path, call.params)
            self.answers[call.key] = Answer(asked, self.core.now(), status, copy.deepcopy(body), request)

    def _call_endpoint(self, call: Call) -> Obj:
        for door in self.doors:
            found = door.path.fullmatch(call.path)
            if found is None or door.method != call.method:
                continue
            for name in call.params:
                if door.allowed is not None and name not in door.allowed:
                    raise unknown(name)
            return expand(self.core, door.endpoint(self.core, call.params, **found.groupdict()), call.params)
        said = f"Unrecognized request URL ({call.method}: {call.path})."
        raise StripeError(said, status=404)


async def _wait(fault: Fault) -> None:
    if fault.goes_on is None:
        await asyncio.sleep(fault.seconds)
        return
    # A test that fails before it lets go keeps nobody waiting for ever.
    for _ in range(6_000):
        if fault.goes_on.is_set():
            return
        await asyncio.sleep(0.01)


async def _cut(send: Any) -> None:
    """Resets the connection under uvicorn's hands, which offers no way of its own."""
    transport: asyncio.Transport = send.__self__.transport
    option = struct.pack("ii", 1, 0)
    with contextlib.suppress(OSError):
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
    transport.abort()
    while not send.__self__.disconnected:
        await asyncio.sleep(0.005)
