"""Who is signed in, for the pages behind the sign-in: asked anew by every event, and forgotten at its end."""

from __future__ import annotations

import hashlib
import time
from typing import Any
from uuid import UUID

import reflex as rx
import structlog
from starlette.requests import cookie_parser

from helpninja_app.accounts.callers import MemberCaller
from helpninja_app.accounts.identity import (
    Credentials,
    SignedInUser,
    identify_member,
    identify_person,
    identify_user,
)
from helpninja_app.accounts.sessions import SESSION_COOKIE, Device
from helpninja_app.accounts.supabase.cookies import read_session
from helpninja_app.errors import HelpNinjaError, NotFound, Unavailable
from helpninja_app.kernel.rate_limits import Burst
from helpninja_app.kernel.websockets import BEGAN_AT
from helpninja_app.resources import current_resources

log = structlog.get_logger(__name__)


class SignedInState(rx.State):
    """The parent of every state that holds a workspace's own content.

    A state lives as long as its browser tab, a session does not: what one session was shown is never sent to
    another one, nor to nobody.
    """

    _shown_to: str = ""

    @rx.event
    def forget(self) -> None:
        """Drop what this browser tab was shown: the next person may sign in here."""
        self.reset()

    def _show_to_this_session(self, read_for: str | None = None) -> bool:
        """Called before private content is put into the state; False when it must not be.

        ``read_for`` is the ``fingerprint`` that it was read for: another session may have taken the tab over.
        """
        present = fingerprint(self)
        if read_for is not None and read_for != present:
            return False
        self._shown_to = present
        return True


_BEFORE_SNAPSHOT = "_reset_client_storage"
_reset_client_storage = getattr(SignedInState, _BEFORE_SNAPSHOT)


def _forget_what_others_saw(state: SignedInState) -> None:
    _reset_client_storage(state)
    if state._shown_to and state._shown_to != fingerprint(state):
        state.reset()


# Reflex calls this method before each snapshot for a browser that connects (again), the cookies being known,
# and lets no state define a method of that name itself. A test holds that it still does both.
setattr(SignedInState, _BEFORE_SNAPSHOT, _forget_what_others_saw)


async def credentials_of(state: rx.State) -> Credentials:
    """What came with the websocket of this tab.

    Its cookies stay those of its beginning. A token of Supabase's that has run out since says who it is all
    the same: whether the session still counts is told by our own, which a renewal over HTTP keeps going.
    """
    cookies = cookie_parser(state.router.headers.cookie)
    supabase = current_resources().supabase
    if supabase is None:
        return Credentials(session=cookies.get(SESSION_COOKIE) or None)
    stored = read_session(cookies, supabase.cookie)
    claims = await supabase.claims_of(stored) if stored else None
    # With a token that had run out before, nobody begins a connection: it may have lain about.
    if claims is None or claims.expires_at.timestamp() < _began_at(state):
        return Credentials()
    return supabase.credentials(claims, Device(user_agent=state.router.headers.user_agent))


def _began_at(state: rx.State) -> float:
    """When the websocket was opened, as our own server noted it; in Unix time."""
    noted = state.router.headers.raw_headers.get(BEGAN_AT.decode(), "")
    return float(noted) if noted else time.time()


def page_of(state: rx.State) -> str:
    """The page of the dashboard that this tab is on."""
    path = str(state.router.url.path or "").rstrip("/")
    return path if path.startswith("/app") else "/app"


def fingerprint(state: rx.State) -> str:
    """SHA-256 of what the session of the websocket is found by, in hex; empty without one."""
    cookies = cookie_parser(state.router.headers.cookie)
    try:
        supabase = current_resources().supabase
    except Unavailable:
        return ""
    if supabase is None:
        token = cookies.get(SESSION_COOKIE)
    else:
        claims = supabase.claims_at_hand(cookies)
        token = supabase.session_key(claims) if claims else None
    return hashlib.sha256(token.encode()).hexdigest() if token else ""


def workspace_asked_for(state: rx.State) -> str | None:
    """The workspace that the address of the page names, ``/app?workspace=acme``; else the session's own."""
    return state.router.url.query_parameters.get("workspace") or None


async def user_of_tab(state: rx.State) -> SignedInUser:
    """The person whose session cookie came with the websocket; counts against their rate limit.

    Raises ``NotSignedIn`` without a session that still counts.
    """
    resources = current_resources()
    credentials = await credentials_of(state)
    async with resources.database.unit_of_work() as session:
        user = await identify_user(session, credentials)
    await resources.limiter.hit("user", str(user.id), Burst(resources.settings.member_limit, 60))
    return user


async def signed_in(state: rx.State) -> MemberCaller:
    """The member whose session cookie came with the websocket; counts against their rate limit.

    Raises ``NotSignedIn`` without a session that still counts.
    """
    return (await signed_in_person(state))[1]


async def signed_in_person(state: rx.State) -> tuple[SignedInUser, MemberCaller]:
    """The same with the person that the member is."""
    resources = current_resources()
    credentials = await credentials_of(state)
    async with resources.database.unit_of_work() as session:
        user, caller = await identify_person(session, credentials, workspace_asked_for(state))
    await resources.limiter.hit("staff", caller.label, Burst(resources.settings.member_limit, 60))
    return user, caller


async def as_of_now(state: rx.State, caller: MemberCaller) -> MemberCaller:
    """The same member once more, after something that may have changed their role or the workspace.

    Not counted against their rate limit: it is still the same event.
    """
    credentials = await credentials_of(state)
    async with current_resources().database.unit_of_work() as session:
        return await identify_member(session, credentials, str(caller.workspace.id))


def id_from(text: object) -> UUID:
    """An id that came over the websocket; ``NotFound`` for what cannot be one."""
    try:
        return UUID(str(text))
    except ValueError:
        raise NotFound() from None


def text_in(form: object, name: str, most: int = 1000) -> str:
    """A field of a form that came over the websocket: a text that can be stored, at most so long."""
    value = form.get(name, "") if isinstance(form, dict) else ""
    if not isinstance(value, str):
        return ""
    # Neither NUL nor halves of surrogate pairs can be stored.
    return value.encode("utf-8", "ignore").decode().replace("\x00", "").strip()[:most]


def is_checked(form: object, name: str) -> bool:
    """Whether a box or a switch of a form is on; Reflex sends its value or, where it has an id, ``true``."""
    value = form.get(name) if isinstance(form, dict) else None
    return value is True or (isinstance(value, str) and value != "")


def to_sign_in(page: str) -> list[Any]:
    """Forget what was shown, go and sign in, and come back to ``page``."""
    return [SignedInState.forget, rx.redirect(f"/sign-in?next={page}")]


def sentence_for(error: Exception) -> str:
    """What a member is told about ``error``; what nobody expected is logged."""
    if isinstance(error, HelpNinjaError):
        return error.detail
    log.error("screen_failed", exc_info=error)
    return HelpNinjaError().detail
