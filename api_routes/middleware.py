"""Around every API request: an id, a log line, a measurement, a bound on the body, and CORS for visitors."""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api_routes.problems import problem_response
from helpninja_app.errors import HelpNinjaError
from helpninja_app.kernel.database import new_id
from helpninja_app.kernel.telemetry import REQUESTS, request_id

log = structlog.get_logger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_PUBLIC = re.compile(r"^/api/(chat|widget)(/|$)")
# The demo's help centre: our own crawler reads all of it at the first start.
_DEMO = "/demo/help/"
_QUIET = frozenset({"/api/health/live", "/api/health/ready", "/metrics"})
# A client may invent others, and each label makes a time series.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

MAX_LOGGED_PATH = 300


class RequestTelemetry:
    """Gives each request an ``x-request-id`` (the caller's own if it is sound), logs and measures it.

    An unexpected error becomes a problem here and not by FastAPI's handler, which stands outside of this and
    would answer and log without the id.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        offered = Headers(scope=scope).get("x-request-id", "")
        identifier = offered if _REQUEST_ID.fullmatch(offered) else str(new_id())
        known = request_id.set(identifier)
        started = time.perf_counter()
        status = 500
        is_begun = False

        async def send_with_id(message: Message) -> None:
            nonlocal status, is_begun
            if message["type"] == "http.response.start":
                status, is_begun = message["status"], True
                MutableHeaders(scope=message)["x-request-id"] = identifier
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except Exception:
            log.exception("unexpected_error")
            if is_begun:
                # Too late for a status: the server cuts the connection, so that it does not look complete.
                raise
            await problem_response(HelpNinjaError(), scope["path"])(scope, receive, send_with_id)
        finally:
            seconds = time.perf_counter() - started
            route: Any = scope.get("route")
            # The pattern, not the path: paths hold ids, and would make a time series of each.
            pattern = getattr(route, "path", "unknown")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            REQUESTS.labels(pattern, method, str(status)).observe(seconds)
            if scope["path"] not in _QUIET and not scope["path"].startswith(_DEMO):
                log.info(
                    "request",
                    method=scope["method"],
                    path=scope["path"][:MAX_LOGGED_PATH],
                    status=status,
                    ms=round(seconds * 1000, 1),
                )
            request_id.reset(known)


class Cors:
    """Lets a foreign website read the answer, also an error, once ``origins`` found that it may ask."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Routes add to this dictionary, whatever copies of the scope are made on the way to them.
        state = scope.setdefault("state", {})

        async def send_with_origin(message: Message) -> None:
            if message["type"] == "http.response.start" and "allowed_origin" in state:
                headers = MutableHeaders(scope=message)
                headers["access-control-allow-origin"] = state["allowed_origin"]
                headers.add_vary_header("origin")
            await send(message)

        await self.app(scope, receive, send_with_origin)


class PublicPreflight:
    """Answers the pre-flights of visitors' routes for any website, outside Reflex's own CORS layer.

    A pre-flight cannot name a workspace; whether the website may ask is decided by the request itself, and
    credentials are never allowed.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _PUBLIC.match(scope["path"]):
            await self.app(scope, receive, send)
            return

        async def send_without_credentials(message: Message) -> None:
            # Reflex's CORS layer allows them with every answer; no other website's request is to carry any.
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if "access-control-allow-credentials" in headers:
                    del headers["access-control-allow-credentials"]
            await send(message)

        if not self._is_preflight(scope):
            await self.app(scope, receive, send_without_credentials)
            return
        origin = Headers(scope=scope)["origin"]
        headers = MutableHeaders()
        if urlsplit(origin).scheme in {"http", "https"}:
            headers["access-control-allow-origin"] = origin
            headers["access-control-allow-methods"] = "GET, POST"
            headers["access-control-allow-headers"] = "authorization, content-type, accept"
            headers["access-control-max-age"] = "600"
        headers["vary"] = "origin"
        await send({"type": "http.response.start", "status": 204, "headers": headers.raw})
        await send({"type": "http.response.body", "body": b""})

    @staticmethod
    def _is_preflight(scope: Scope) -> bool:
        if scope["method"] != "OPTIONS":
            return False
        headers = Headers(scope=scope)
        return "origin" in headers and "access-control-request-method" in headers
