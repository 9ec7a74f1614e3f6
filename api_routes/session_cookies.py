"""Supabase's session in a browser's cookies: read, renewed where it ran out, and written with the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api_routes.forms import device_of
from helpninja_app.accounts.identity import Credentials
from helpninja_app.accounts.supabase.cookies import StoredSession, names_of, read_session, write_session
from helpninja_app.accounts.supabase.project import Supabase
from helpninja_app.accounts.supabase.tokens import Claims
from helpninja_app.errors import NotSignedIn
from helpninja_app.kernel.proxies import own_origin
from helpninja_app.settings import Settings

# As long as Supabase's own clients keep it, which is as long as browsers do; how long it counts is not told
# by the cookie.
COOKIE_SECONDS = 400 * 24 * 3600
_KEPT = "cookies"
_PRESENT = "supabase_session"


async def supabase_credentials(request: Request, supabase: Supabase, settings: Settings) -> Credentials:
    """Whoever Supabase says they are; nobody for cookies that we do not believe."""
    claims = await current_claims(request, supabase, settings)
    return Credentials() if claims is None else supabase.credentials(claims, device_of(request, settings))


async def current_claims(
    request: Request, supabase: Supabase, settings: Settings, *, at_least_seconds: float = 0.0
) -> Claims | None:
    """The claims of a token with some time left: renewed where it has less, the cookies with it."""
    stored = kept_session(request, supabase)
    claims = await supabase.claims_of(stored) if stored else None
    if claims is None or stored is None:
        return None
    if not claims.is_over and claims.seconds_left() >= at_least_seconds:
        return claims
    try:
        session = await supabase.renew(stored)
    except NotSignedIn:
        drop_session(request, supabase, settings)
        return None
    keep_session(request, supabase, settings, session)
    return await supabase.tokens.verify(session["access_token"])


def keep_session(
    request: Request, supabase: Supabase, settings: Settings, session: Mapping[str, Any]
) -> None:
    """Have the answer set the session's cookies; the rest of this request counts with it too."""
    state = request.scope.setdefault("state", {})
    state[_PRESENT] = StoredSession(session["access_token"], session["refresh_token"])
    written = write_session(session, supabase.cookie)
    stale = [name for name in names_of(request.cookies, supabase.cookie) if name not in written]
    keep(request, settings, written, forget=stale)


def drop_session(request: Request, supabase: Supabase, settings: Settings) -> None:
    state = request.scope.setdefault("state", {})
    state.pop(_PRESENT, None)
    state.pop(_KEPT, None)
    keep(request, settings, {}, forget=names_of(request.cookies, supabase.cookie))


def kept_session(request: Request, supabase: Supabase) -> StoredSession | None:
    """What the browser sent, or was just given."""
    present: StoredSession | None = request.scope.get("state", {}).get(_PRESENT)
    return present or read_session(request.cookies, supabase.cookie)


def keep(
    request: Request,
    settings: Settings,
    cookies: Mapping[str, str],
    *,
    forget: list[str] | None = None,
    seconds: int = COOKIE_SECONDS,
) -> None:
    """Have the answer set cookies that no script can read, and take others away."""
    response = Response()
    is_secure = own_origin(request.scope, settings).startswith("https://")
    for name, value in cookies.items():
        response.set_cookie(
            name, value, max_age=seconds, httponly=True, samesite="lax", secure=is_secure, path="/"
        )
    for name in forget or ():
        response.delete_cookie(name, path="/", httponly=True, samesite="lax", secure=is_secure)
    lines = [value for key, value in response.raw_headers if key == b"set-cookie"]
    request.scope.setdefault("state", {}).setdefault(_KEPT, []).extend(lines)


class SessionCookies:
    """Adds to every answer, an error's too, the cookies that were kept on the way to it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Routes add to this dictionary, whatever copies of the scope are made on the way to them.
        state = scope.setdefault("state", {})

        async def send_with_cookies(message: Message) -> None:
            if message["type"] == "http.response.start" and state.get(_KEPT):
                headers = MutableHeaders(scope=message)
                for line in state[_KEPT]:
                    headers.append("set-cookie", line.decode("latin-1"))
                # No proxy keeps what somebody's session came with.
                headers["cache-control"] = "no-store"
            await send(message)

        await self.app(scope, receive, send_with_cookies)
