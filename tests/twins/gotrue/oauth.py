"""Sign-in with a provider: the twin is both GoTrue and the provider, with a page to consent on."""

from __future__ import annotations

import html
import secrets
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from tests.twins.gotrue.core import Core
from tests.twins.gotrue.errors import OAUTH_NAMES, ApiError, OAuthError, invalid
from tests.twins.gotrue.mailing import send_confirmation, with_query
from tests.twins.gotrue.state import FlowState, User
from tests.twins.gotrue.tokens import read_token, start_session

KNOWN = frozenset(
    [
        "apple",
        "azure",
        "bitbucket",
        "discord",
        "facebook",
        "figma",
        "fly",
        "github",
        "gitlab",
        "google",
        "kakao",
        "keycloak",
        "linkedin",
        "linkedin_oidc",
        "notion",
        "slack",
        "slack_oidc",
        "spotify",
        "twitch",
        "twitter",
        "workos",
        "zoom",
    ]
)
STATE_LIFETIME = 300
ACCESS_DENIED = frozenset({"signup_disabled", "user_banned", "provider_email_needs_verification"})
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sign in with {provider}</title>
<meta name="viewport" content="width=device-width"></head><body><main><h1>Sign in with {provider}</h1>
<form method="post" action="{action}"><input type="hidden" name="state" value="{state}">
<p><label>Email <input name="email" type="email" value="{email}"></label></p>
<p><label>Name <input name="name" value="Robin Example"></label></p>
<p><label><input name="verified" type="checkbox" checked> Address is verified</label></p>
<p><button name="answer" value="allow">Allow</button> <button name="answer" value="deny">Deny</button></p>
</form></main></body></html>"""


async def authorize(core: Core, request: Request) -> Response:
    """GET authorize: on to the provider, with a state that lives five minutes."""
    query = request.query_params
    provider = query.get("provider", "").lower()
    if provider not in KNOWN:
        raise invalid(f"Unsupported provider: Provider {provider} could not be found")
    if provider not in core.settings.providers:
        raise invalid("Unsupported provider: provider is not enabled")
    back = core.redirect_of(request)
    flow = core.begin_flow("oauth", query)
    claims = {
        "exp": core.clock.seconds() + STATE_LIFETIME,
        "site_url": core.settings.site_url,
        "provider": provider,
        "referrer": back,
        "flow_state_id": flow.id if flow else "",
    }
    asked = {name: value for name, value in query.items() if name in ("login_hint", "prompt", "access_type")}
    asked |= {"state": core.keys.current.token(claims), "redirect_uri": f"{core.issuer}/callback"}
    return RedirectResponse(f"{core.url}/provider/{provider}?{urlencode(asked)}", 302)


async def ask_consent(core: Core, request: Request) -> Response:
    """The provider's page: an address to sign in as, and the buttons Allow and Deny."""
    provider = request.path_params["provider"]
    page = PAGE.format(
        provider=html.escape(provider.capitalize()),
        action=html.escape(f"{core.url}/provider/{provider}"),
        state=html.escape(request.query_params.get("state", "")),
        email=html.escape(request.query_params.get("login_hint") or "robin@example.com"),
    )
    return HTMLResponse(page)


async def take_consent(core: Core, request: Request) -> Response:
    """The provider sends the browser back to GoTrue, with a code of its own or its refusal."""
    async with request.form() as form:
        given = {name: str(value) for name, value in form.items()}
    answer = {"state": given.get("state", "")}
    if given.get("answer") == "allow":
        grant = {
            "email": given["email"].lower(),
            "name": given.get("name", ""),
            "verified": "verified" in given,
        }
        # The code stands for what the provider would tell about the person when GoTrue asks with it.
        answer["code"] = core.keys.current.token(grant | {"exp": core.clock.seconds() + 60})
    else:
        answer |= {"error": "access_denied", "error_description": "The user denied the request"}
    return RedirectResponse(f"{core.issuer}/callback?{urlencode(answer)}", 302)


async def callback(core: Core, request: Request) -> Response:
    """GET callback: back to the app with a code, a session, or the reason why not."""
    query = request.query_params
    try:
        state = _state_of(core, query.get("state", ""))
    except ApiError as error:
        return RedirectResponse(with_query(core.settings.site_url, _told(error)), 303)
    back = str(state["referrer"])
    try:
        user, flow = _arrive(core, state, dict(query))
    except (ApiError, OAuthError) as error:
        about = _told(error)
        return RedirectResponse(f"{with_query(back, about)}#{urlencode(about)}", 302)
    provider_token = f"provider-{secrets.token_hex(8)}"
    if flow:
        flow.user_id, flow.issued_at, flow.provider_token = user.id, core.clock.now(), provider_token
        return RedirectResponse(with_query(back, {"code": flow.code}), 302)
    session = start_session(core, user, "oauth")
    names = ("access_token", "expires_at", "expires_in", "refresh_token", "token_type")
    fragment = {name: str(session[name]) for name in names} | {"provider_token": provider_token}
    return RedirectResponse(f"{back}#{urlencode(fragment)}", 302)


def _state_of(core: Core, state: str) -> dict[str, Any]:
    if not state:
        raise ApiError(400, "bad_oauth_callback", "OAuth state parameter missing")
    try:
        claims = read_token(core, state)
    except ApiError as error:
        raise ApiError(400, "bad_oauth_state", "OAuth callback with invalid state") from error
    if not claims.get("provider"):
        raise ApiError(400, "bad_oauth_state", "OAuth callback with invalid state (missing provider)")
    return claims


def _arrive(core: Core, state: dict[str, Any], query: dict[str, str]) -> tuple[User, FlowState | None]:
    if query.get("error"):
        raise OAuthError(query["error"], query.get("error_description", ""))
    if not query.get("code"):
        raise ApiError(400, "bad_oauth_callback", "OAuth callback with missing authorization code missing")
    try:
        grant = read_token(core, query["code"])
    except ApiError as error:
        message = f"Unable to exchange external code: {query['code'][:12]}"
        raise ApiError(500, "unexpected_failure", message) from error
    flow = None
    if state["flow_state_id"]:
        flow = next((each for each in core.flows if each.id == state["flow_state_id"]), None)
        if flow is None:
            raise ApiError(422, "flow_state_not_found", "Flow state not found")
    return _user_of(core, state, grant), flow


def _user_of(core: Core, state: dict[str, Any], grant: dict[str, Any]) -> User:
    """The account of whoever the provider names: theirs already, linked by a verified address, or new."""
    provider, email, is_verified = state["provider"], grant["email"], bool(grant["verified"])
    subject = f"{provider}-{email}"
    told = {
        "iss": f"https://{provider}.example",
        "sub": subject,
        "provider_id": subject,
        "name": grant["name"],
        "full_name": grant["name"],
        "email": email,
        "email_verified": is_verified,
    }
    owners = [
        user
        for user in core.users.values()
        if (identity := user.identity(provider)) and identity.provider_id == subject
    ]
    user = owners[0] if owners else (core.find(email) if is_verified else None)
    if user is None:
        if core.settings.disable_signup:
            raise ApiError(422, "signup_disabled", "Signups not allowed for this instance")
        # An address that nobody verified never leads into the account that has it.
        user = core.create("" if core.find(email) else email, None, {}, provider)
    if user.identity(provider) is None:
        core.identify(user, provider, told)
    if core.is_banned(user):
        raise ApiError(403, "user_banned", "User is banned")
    if user.confirmed_at is None:
        _drop_unconfirmed(user, provider)
        if not is_verified and not core.settings.autoconfirm:
            _ask_to_verify(core, user, provider, str(state["referrer"]))
        core.confirm(user)
    return user


def _drop_unconfirmed(user: User, provider: str) -> None:
    """Whoever signed up with this address before its owner came must not keep a way in."""
    user.identities = [identity for identity in user.identities if identity.provider == provider]
    user.password = None
    user.name_providers()


def _ask_to_verify(core: Core, user: User, provider: str, back: str) -> None:
    message = f"Unverified email with {provider}. "
    if user.email:
        send_confirmation(core, user, back, is_pkce=False)
        message += f"A confirmation email has been sent to your {provider} email"
    else:
        message += f"Verify the email with {provider} in order to sign in"
    raise ApiError(422, "provider_email_needs_verification", message)


def _told(error: ApiError | OAuthError) -> dict[str, str]:
    """An error as a redirect carries it."""
    if isinstance(error, OAuthError):
        return {"error": error.error, "error_description": error.description}
    name = OAUTH_NAMES.get(error.status, "server_error")
    return {
        "error": "access_denied" if error.code in ACCESS_DENIED else name,
        "error_code": error.code,
        "error_description": error.message,
    }
