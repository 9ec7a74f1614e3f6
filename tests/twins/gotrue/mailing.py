"""Mails and what their links do: magic links, recovery, confirmation, a new address."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from tests.twins.gotrue.core import Core, body_of, check_address, check_challenge
from tests.twins.gotrue.errors import OAUTH_NAMES, ApiError, invalid
from tests.twins.gotrue.state import FlowState, Mail, MailKind, OneTimeToken, TokenKind, User
from tests.twins.gotrue.tokens import start_session

PKCE = "pkce_"
HALF_DONE = "Confirmation link accepted. Please proceed to confirm link sent to the other email"
# Which pending links a verification type answers to.
TOKENS_OF: dict[str, tuple[TokenKind, ...]] = {
    "signup": ("confirmation",),
    "invite": ("confirmation",),
    "recovery": ("recovery",),
    "magiclink": ("recovery",),
    "email": ("confirmation", "recovery"),
    "email_change": ("email_change_current", "email_change_new"),
}
# The name a flow was begun under, by the type of the link that ends it.
METHOD_OF = {"signup": "email/signup", "email": "email/signup"}


def hash_of(email: str, token: str) -> str:
    return hashlib.sha224(f"{email}{token}".encode()).hexdigest()


def write_link(
    core: Core, user: User, kind: MailKind, stored: TokenKind, to: str, redirect_to: str, *, is_pkce: bool
) -> Mail:
    """Makes a one-time link without sending it; an earlier one of the same kind is over."""
    token = f"{secrets.randbelow(10**6):06d}"
    token_hash = (PKCE if is_pkce else "") + hash_of(to, token)
    user.tokens[stored] = OneTimeToken(token_hash, core.clock.now())
    query = urlencode({"token": token_hash, "type": kind, "redirect_to": redirect_to})
    return Mail(to, kind, f"{core.issuer}/verify?{query}", token, token_hash, redirect_to)


def check_pace(core: Core, last: datetime | None) -> None:
    """Two limits on mails: a pause for one person, and so many an hour for the project."""
    now = core.clock.now()
    pause = timedelta(seconds=core.settings.email_interval)
    if last and last + pause > now:
        left = int((last + pause - now).total_seconds())
        message = f"For security purposes, you can only request this after {left} seconds."
        raise ApiError(429, "over_email_send_rate_limit", message)
    recent = [at for at in core.mailed_at if at > now - timedelta(hours=1)]
    if core.settings.email_limit is not None and len(recent) >= core.settings.email_limit:
        raise ApiError(429, "over_email_send_rate_limit", "email rate limit exceeded")
    core.mailed_at.append(now)


def send_confirmation(core: Core, user: User, redirect_to: str, *, is_pkce: bool) -> None:
    check_pace(core, user.confirmation_sent_at)
    core.mails.append(
        write_link(core, user, "signup", "confirmation", user.email, redirect_to, is_pkce=is_pkce)
    )
    user.confirmation_sent_at = core.clock.now()


def send_recovery(core: Core, user: User, kind: MailKind, redirect_to: str, *, is_pkce: bool) -> None:
    """A magic link or a link to a new password: both are one token to GoTrue, the later one counts."""
    check_pace(core, user.recovery_sent_at)
    core.mails.append(write_link(core, user, kind, "recovery", user.email, redirect_to, is_pkce=is_pkce))
    user.recovery_sent_at = core.clock.now()


def send_email_change(core: Core, user: User, new: str, redirect_to: str, *, is_pkce: bool) -> None:
    """Asks the new address, and the old one too where the project wants that."""
    check_pace(core, user.email_change_sent_at)
    user.new_email, user.email_change_half_done = new, False
    receivers: list[tuple[TokenKind, str]] = [("email_change_new", new)]
    if core.settings.secure_email_change:
        receivers.append(("email_change_current", user.email))
    for stored, to in receivers:
        core.mails.append(write_link(core, user, "email_change", stored, to, redirect_to, is_pkce=is_pkce))
    user.email_change_sent_at = core.clock.now()


async def otp(core: Core, request: Request) -> Response:
    """POST otp: a magic link, for a new person only where `create_user` allows."""
    body = await body_of(request)
    if body.get("phone"):
        raise ApiError(400, "phone_provider_disabled", "Unsupported phone provider")
    if not body.get("email"):
        raise invalid("One of email or phone must be set")
    check_challenge(body)
    if body.get("create_user") is False and core.find(check_address(body["email"])) is None:
        raise ApiError(422, "otp_disabled", "Signups not allowed for otp")
    return _send_magic_link(core, request, body)


async def magic_link(core: Core, request: Request) -> Response:
    """POST magiclink: the older name of `otp`, without its flag."""
    return _send_magic_link(core, request, await body_of(request))


def _send_magic_link(core: Core, request: Request, body: dict[str, Any]) -> Response:
    email, redirect_to = check_address(body.get("email")), core.redirect_of(request)
    check_challenge(body)
    is_pkce = bool(body.get("code_challenge"))
    user = core.find(email)
    if user is None or user.confirmed_at is None:
        if core.settings.disable_signup:
            raise ApiError(422, "signup_disabled", "Signups not allowed for this instance")
        if user is None:
            user = core.create(email, secrets.token_hex(16), body.get("data") or {}, "email")
            core.identify_by_email(user, body.get("data") or {})
        if not core.settings.autoconfirm:
            core.begin_flow("email/signup", body, user)
            send_confirmation(core, user, redirect_to, is_pkce=is_pkce)
            return JSONResponse({})
        core.confirm(user)
    core.begin_flow("magiclink", body, user)
    send_recovery(core, user, "magiclink", redirect_to, is_pkce=is_pkce)
    return JSONResponse({})


async def recover(core: Core, request: Request) -> Response:
    """POST recover: the same answer whether or not anybody has that address."""
    body = await body_of(request)
    if not body.get("email"):
        raise invalid("Password recovery requires an email")
    email = check_address(body["email"])
    check_challenge(body)
    if user := core.find(email):
        core.begin_flow("recovery", body, user)
        is_pkce = bool(body.get("code_challenge"))
        send_recovery(core, user, "recovery", core.redirect_of(request), is_pkce=is_pkce)
    return JSONResponse({})


async def resend(core: Core, request: Request) -> Response:
    """POST resend: always a link of the implicit flow, as GoTrue still does it."""
    body = await body_of(request)
    kind = body.get("type")
    if kind not in ("signup", "email_change"):
        raise invalid("Missing one of these types: signup, email_change, sms, phone_change")
    if not body.get("email"):
        raise invalid("Type provided requires an email address")
    user, redirect_to = core.find(check_address(body["email"])), core.redirect_of(request)
    if user and kind == "signup" and user.confirmed_at is None:
        send_confirmation(core, user, redirect_to, is_pkce=False)
    elif user and kind == "email_change" and user.new_email:
        send_email_change(core, user, user.new_email, redirect_to, is_pkce=False)
    return JSONResponse({})


async def follow_link(core: Core, request: Request) -> Response:
    """GET verify: a click on a link ends in a redirect with a code, a session or an error."""
    query = request.query_params
    token_hash, kind, back = query.get("token", ""), query.get("type", ""), core.redirect_of(request)
    if not kind:
        raise invalid("Verify requires a verification type")
    if not token_hash:
        raise invalid("Verify requires a token or a token hash")
    is_pkce = token_hash.startswith(PKCE)
    try:
        user, kind = _spend(core, token_hash, kind)
        if user is None:
            said = {"message": HALF_DONE}
            return _redirect(back, query=said if is_pkce else {}, fragment=said)
        if is_pkce:
            return _redirect(back, query={"code": _issue_code(core, user, kind).code})
        session = start_session(core, user, "otp")
    except ApiError as error:
        about = {"error": OAUTH_NAMES.get(error.status, ""), "error_code": error.code}
        about = {name: said for name, said in about.items() if said} | {"error_description": error.message}
        return _redirect(back, query=about if is_pkce else {}, fragment=about)
    names = ("access_token", "expires_at", "expires_in", "refresh_token", "token_type")
    return _redirect(back, fragment={name: str(session[name]) for name in names} | {"type": kind})


async def verify(core: Core, request: Request) -> Response:
    """POST verify: a link's hash, or an address with the six digits from the mail."""
    body = await body_of(request)
    kind, token, token_hash = body.get("type"), body.get("token"), body.get("token_hash")
    if not kind:
        raise invalid("Verify requires a verification type")
    if bool(token) == bool(token_hash):
        raise invalid("Verify requires either a token or a token hash")
    if token_hash and (body.get("email") or body.get("phone") or body.get("redirect_to")):
        raise invalid("Only the token_hash and type should be provided")
    if token:
        if not body.get("email"):
            raise invalid("Only an email address or phone number should be provided on verify")
        wanted = hash_of(check_address(body["email"]), str(token))
        pending = {each.hash for user in core.users.values() for each in user.tokens.values()}
        if not {wanted, PKCE + wanted} & pending:
            raise ApiError(403, "otp_expired", "Token has expired or is invalid")
        token_hash = wanted if wanted in pending else PKCE + wanted
    user, _ = _spend(core, str(token_hash), str(kind), is_typed=bool(token))
    if user is None:
        return JSONResponse({"msg": HALF_DONE, "code": "200"})
    return JSONResponse(start_session(core, user, "otp"))


def _spend(core: Core, token_hash: str, kind: str, *, is_typed: bool = False) -> tuple[User | None, str]:
    """Uses a one-time token up; no user where a change of address waits for its other half."""
    if kind not in TOKENS_OF:
        raise invalid("Invalid email verification type")
    thing = "Token has expired or is invalid" if is_typed else "Email link is invalid or has expired"
    found = [
        (user, stored, pending)
        for user in core.users.values()
        for stored, pending in user.tokens.items()
        if stored in TOKENS_OF[kind] and pending.hash == token_hash
    ]
    if not found:
        raise ApiError(403, "otp_expired", thing)
    user, stored, pending = found[0]
    if core.is_banned(user):
        raise ApiError(403, "user_banned", "User is banned")
    if core.is_over(pending.sent_at, core.settings.otp_lifetime):
        raise ApiError(403, "otp_expired", thing)
    del user.tokens[stored]
    if kind == "email_change":
        return _change_address(core, user), kind
    if kind == "email":
        kind = "signup" if stored == "confirmation" else "magiclink"
    if stored == "confirmation" or user.confirmed_at is None:
        core.confirm(user)
    return user, kind


def _change_address(core: Core, user: User) -> User | None:
    if core.settings.secure_email_change and not user.email_change_half_done:
        user.email_change_half_done = True
        return None
    user.email, user.new_email = user.new_email or user.email, None
    user.email_change_half_done = False
    user.user_metadata["email"] = user.email
    if identity := user.identity("email"):
        identity.data |= {"email": user.email, "email_verified": True}
    else:
        core.identify_by_email(user, {"email_verified": True})
    core.confirm(user)
    return user


def _issue_code(core: Core, user: User, kind: str) -> FlowState:
    method = METHOD_OF.get(kind, kind)
    flows = [flow for flow in core.flows if (flow.user_id, flow.method) == (user.id, method)]
    if not flows:
        said = "No associated flow state found. No valid flow state found for user."
        raise ApiError(400, "flow_state_not_found", said)
    flows[-1].issued_at = core.clock.now()
    return flows[-1]


def with_query(url: str, values: dict[str, str]) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=urlencode(dict(parse_qsl(parts.query)) | values)))


def _redirect(
    url: str, *, query: dict[str, str] | None = None, fragment: dict[str, str] | None = None
) -> Response:
    target = with_query(url, query) if query else url
    return RedirectResponse(f"{target}#{urlencode(fragment)}" if fragment else target, 303)
