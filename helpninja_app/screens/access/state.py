"""What the pages before the dashboard read from their address, and what an invite offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import reflex as rx

from helpninja_app.accounts.identity import identify_user
from helpninja_app.accounts.invites import look_up_invite
from helpninja_app.errors import HelpNinjaError, NotFound, NotSignedIn
from helpninja_app.kernel.rate_limits import Burst
from helpninja_app.resources import current_resources
from helpninja_app.screens.session import credentials_of, sentence_for

_WRONG = "The e-mail address or the password is not right."
_ERRORS = {
    "wrong": _WRONG,
    "limited": "There were too many tries. Please wait ten minutes and try again.",
    "code": "This code is not right, or it was used already. Your app shows a new one every half minute.",
    "again": "Please start again: this took too long, or there were too many wrong codes.",
    "unreadable": "The server cannot check codes of apps now. Use a recovery code, or ask who runs it.",
    "signed-out": "You have been signed out. Sign in to continue.",
    "weak": "This password is easy to guess. Four words that do not belong together make a good one.",
    "email": "This is not an e-mail address.",
    "closed": "Signing up is not open here, or this invite is for another address.",
    "invite": "This invite was used, withdrawn, or is older than seven days. Please ask for a new one.",
    "full": "This workspace has no place for another member now. Ask an owner there to make room or to change"
    " the plan, and use this invite again.",
    "over": "This link was used already or is too old. Please ask for a new one.",
    "other": "This invite is for another address than the one you are signed in with.",
    "denied": "Signing in there was not completed.",
    "elsewhere": "Open the link in the browser that you asked for it with. If it was to confirm your address,"
    " that is done: sign in.",
    "unconfirmed": "Open the link that was sent to this address first; then sign in.",
    "unreachable": "The sign-in service cannot be reached right now. Please try again in a moment.",
    "member": "You are a member of this workspace already.",
}
_NOTICES = {
    "password": "Your password is changed. Sign in with the new one.",
    "link": "If there is an account with this address, a link to sign in is on its way.",
    "confirm": "Almost there: open the link that was sent to you. If there is an account with this address"
    " already, sign in instead.",
}

# Whose names are not just theirs with a capital letter.
_SERVICES = {
    "azure": "Microsoft",
    "github": "GitHub",
    "gitlab": "GitLab",
    "linkedin_oidc": "LinkedIn",
    "slack_oidc": "Slack",
    "workos": "WorkOS",
}


@dataclass(frozen=True)
class Way:
    """Another service to sign in through."""

    label: str
    href: str


class AccessState(rx.State):
    """Public. Only known sentences are shown: anybody can write an address, and people believe them."""

    error: str = ""
    notice: str = ""
    email: str = ""
    workspace: str = ""
    token: str = ""
    next_path: str = ""
    is_done: bool = False
    is_open: bool = True
    has_mail: bool = True
    is_supabase: bool = False
    ways: rx.Field[list[Way]] = rx.field(default_factory=list)

    offer: str = ""
    offer_email: str = ""
    offer_failure: str = ""
    is_offer_read: bool = False
    signed_in_as: str = ""

    @rx.event
    def read_address(self) -> None:
        """Run when one of the pages loads."""
        asked = self.router.url.query_parameters
        code, done = asked.get("error", ""), asked.get("done", "")
        self.error = _ERRORS.get(code, _WRONG) if code else ""
        self.notice = _NOTICES.get(done, "")
        self.is_done = bool(done)
        self.email = _short(asked.get("email", ""), 320)
        self.workspace = _short(asked.get("workspace", ""), 100)
        self.token = _short(asked.get("token", "") or asked.get("invite", ""), 200)
        self.next_path = _local_path(asked.get("next", ""))
        try:
            resources = current_resources()
        except HelpNinjaError:
            return
        self.is_open = resources.settings.sign_up == "open"
        self.is_supabase = resources.supabase is not None
        self.has_mail = resources.mailer.is_real or self.is_supabase

    @rx.event(background=True)
    async def read_ways(self) -> None:
        """Through which other services one may sign in, where Supabase has any switched on."""
        try:
            supabase = current_resources().supabase
        except HelpNinjaError:
            return
        if supabase is None:
            return
        ways = await supabase.auth.ways()
        async with self:
            asked = self.router.url.query_parameters
            kept = {
                "next": _local_path(asked.get("next", "")),
                "invite": _short(asked.get("invite", ""), 200),
            }
            self.ways = [
                Way(
                    _SERVICES.get(name, name.title()),
                    f"/api/auth/oauth?{urlencode({'provider': name} | kept)}",
                )
                for name in ways.providers
            ]

    @rx.event(background=True)
    async def read_session(self) -> None:
        """Who is signed in here already, and needs no other account to go on."""
        who = ""
        try:
            credentials = await credentials_of(self)
            async with current_resources().database.unit_of_work() as session:
                who = (await identify_user(session, credentials)).email
        except HelpNinjaError:
            # Nobody, or it cannot be known now: the form is there either way.
            pass
        async with self:
            self.signed_in_as = who

    @rx.event(background=True)
    async def open_invite(self) -> None:
        """What the invite in the address offers, and who is signed in here to accept it."""
        async with self:
            token = _short(self.router.url.query_parameters.get("token", ""), 200)
            client = str(self.router.session.client_ip or "")
        values: dict[str, Any] = {"offer": "", "offer_email": "", "offer_failure": "", "signed_in_as": ""}
        try:
            resources = current_resources()
            await resources.limiter.hit(
                "invite-page", client, Burst(resources.settings.sign_in_limit_per_address, 60)
            )
            async with resources.database.unit_of_work() as session:
                offer = await look_up_invite(session, token)
            values["offer"] = (
                f"{offer.invited_by} invites you to {offer.workspace_name} as {offer.role.value}."
            )
            values["offer_email"] = offer.email
            credentials = await credentials_of(self)
            async with resources.database.unit_of_work() as session:
                user = await identify_user(session, credentials)
            values["signed_in_as"] = user.email
        except NotSignedIn:
            pass
        except NotFound as error:
            values["offer_failure"] = error.detail
        except Exception as error:
            values["offer_failure"] = sentence_for(error)
        async with self:
            for name, value in values.items():
                setattr(self, name, value)
            self.is_offer_read = True


def _short(text: str, most: int) -> str:
    return text[:most] if text.isprintable() else ""


def _local_path(path: str) -> str:
    """``path`` when it is a page of ours, else nothing; the server checks again before it redirects."""
    is_local = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_local else ""
