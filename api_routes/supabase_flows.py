"""Flows that leave for Supabase and come back: what the browser keeps meanwhile, and where they end."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from fastapi import Request
from sqlalchemy.exc import IntegrityError

from api_routes.forms import device_of
from api_routes.identity import resources_of
from api_routes.session_cookies import keep, keep_session
from helpninja_app.accounts.supabase.cookies import read_text, write_text
from helpninja_app.accounts.supabase.gateway import SessionData, Started
from helpninja_app.accounts.supabase.introductions import introduce
from helpninja_app.accounts.supabase.project import Supabase
from helpninja_app.accounts.supabase.tokens import Claims
from helpninja_app.errors import NotFound, NotSignedIn
from helpninja_app.kernel.proxies import own_origin

FLOW_COOKIE = "hn_flow"
FLOW_SECONDS = 3600
CALLBACK = "/api/auth/callback"


@dataclass(frozen=True, slots=True)
class Flow:
    """Where to go on. Anybody can write their own cookies: all of it is checked again when it is used."""

    kind: str = "sign-in"
    next: str = ""
    workspace: str = ""
    invite: str = ""


def supabase_of(request: Request) -> Supabase:
    """The project; its routes are only there where one is set up."""
    supabase = resources_of(request).supabase
    if supabase is None:
        raise NotFound()
    return supabase


def callback_url(request: Request) -> str:
    settings = resources_of(request).settings
    # Supabase sends people to addresses of its own list only, so that the Host that a request named does not
    # lead them elsewhere.
    return f"{settings.public_url or own_origin(request.scope, settings)}{CALLBACK}"


def keep_flow(request: Request, supabase: Supabase, started: Started, flow: Flow) -> None:
    """Have the browser keep what it needs to come back with."""
    kept = write_text(started.verifier, supabase.verifier_cookie) | _flow_cookie(flow)
    keep(request, resources_of(request).settings, kept, seconds=FLOW_SECONDS)


def read_flow(request: Request, supabase: Supabase) -> tuple[Flow, str | None]:
    """What the browser kept, and the verifier; both are used up with it."""
    verifier = read_text(request.cookies, supabase.verifier_cookie)
    fields = dict(
        line.split("=", 1)
        for line in (read_text(request.cookies, FLOW_COOKIE) or "").split("\n")
        if "=" in line
    )
    flow = Flow(**{name: fields.get(name, "")[:2000] for name in ("kind", "next", "workspace", "invite")})
    # GoTrue's own suffix says what the flow was for.
    return flow, (verifier or "").partition("/")[0] or None


def forget_flow(request: Request, supabase: Supabase) -> None:
    keep(request, resources_of(request).settings, {}, forget=[supabase.verifier_cookie, FLOW_COOKIE])


async def arrive(request: Request, supabase: Supabase, data: SessionData, flow: Flow | None = None) -> Claims:
    """Make a session that was just opened known here, and have the browser keep it.

    Raises ``Forbidden`` where somebody new is not let in, and whatever keeps an invite from counting.
    """
    resources = resources_of(request)
    flow = flow or Flow()
    claims = await supabase.tokens.verify(data["access_token"])
    arrival = supabase.arrival(
        claims,
        device_of(request, resources.settings),
        workspace_name=flow.workspace[:100],
        invite_token=flow.invite[:200],
        offer_token=flow.next.partition("/invite?token=")[2][:200],
    )
    try:
        async with resources.database.unit_of_work() as session:
            is_known = await introduce(session, arrival)
    except IntegrityError:
        # Somebody was faster with this slug or address; the second time it is seen.
        async with resources.database.unit_of_work() as session:
            is_known = await introduce(session, arrival)
    if not is_known:
        raise NotSignedIn("Your session has ended. Please sign in again.")
    keep_session(request, supabase, resources.settings, data)
    return claims


def _flow_cookie(flow: Flow) -> dict[str, str]:
    lines = [f"{name}={value}" for name, value in asdict(flow).items() if value and "\n" not in value]
    return write_text("\n".join(lines), FLOW_COOKIE)
