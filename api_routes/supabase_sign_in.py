"""Signing in and out with Supabase: by password, by a mailed link, or through another service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

import structlog
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from api_routes.bodies import Body
from api_routes.forms import (
    SEE_OTHER,
    Ok,
    answered,
    back_to,
    code_of,
    device_of,
    is_form,
    posted_body,
    read_posted,
    safe_path,
)
from api_routes.guesses import limit_guesses
from api_routes.identity import credentials_of, resources_of, signed_in_user, visitor_burst
from api_routes.origins import is_same_site, refuse_foreign_origin
from api_routes.problems import documented
from api_routes.session_cookies import current_claims, drop_session, kept_session
from api_routes.sign_in import SignInBody, SignOutBody
from api_routes.supabase_flows import (
    Flow,
    arrive,
    callback_url,
    forget_flow,
    keep_flow,
    read_flow,
    supabase_of,
)
from helpninja_app.accounts.identity import identify_user
from helpninja_app.accounts.links import Purpose, make_link
from helpninja_app.accounts.sessions import end_session
from helpninja_app.accounts.supabase.gateway import Started, Unconfirmed
from helpninja_app.accounts.supabase.project import RENEWED_BEFORE_SECONDS
from helpninja_app.accounts.tokens import new_token
from helpninja_app.accounts.users import check_email
from helpninja_app.errors import (
    FieldError,
    Forbidden,
    HelpNinjaError,
    Invalid,
    NotSignedIn,
    RateLimited,
    Unavailable,
)

log = structlog.get_logger(__name__)

router = APIRouter(tags=["Accounts"])

SIGN_IN = "/sign-in"


class MagicLinkBody(Body):
    email: str = Field(min_length=3, max_length=320)
    next: str = Field("", max_length=2000)


class Renewed(BaseModel):
    """``expiresIn`` is in seconds."""

    ok: bool = True
    expiresIn: int


@router.post(
    "/api/auth/sign-in",
    response_model=Ok,
    responses=documented(401, 403, 413, 415, 422, 429, also=SEE_OTHER),
    openapi_extra=posted_body(SignInBody),
)
async def sign_in(request: Request) -> Response:
    """Sign in with e-mail address and password; the session is in cookies that scripts cannot read."""
    supabase = supabase_of(request)
    refuse_foreign_origin(request, resources_of(request).settings)
    body = await read_posted(request)
    page = safe_path(body.text("next") or "")

    async def work() -> Response:
        wanted = body.parse(SignInBody)
        await limit_guesses(request, resources_of(request), "sign-in", wanted.email)
        session = await supabase.auth.sign_in(wanted.email.strip().lower(), wanted.password)
        await arrive(request, supabase, session, Flow(next=page))
        return answered(request, {"ok": True}, page)

    return await answering_forms(request, work, SIGN_IN, next=page)


@router.post(
    "/api/auth/magic-link",
    response_model=Ok,
    responses=documented(403, 413, 415, 422, 429, also=SEE_OTHER),
    openapi_extra=posted_body(MagicLinkBody),
)
async def magic_link(request: Request) -> Response:
    """Mail a link that signs in; the answer is the same for an address without an account."""
    resources, supabase = resources_of(request), supabase_of(request)
    refuse_foreign_origin(request, resources.settings)
    body = await read_posted(request)
    page = safe_path(body.text("next") or "")

    async def work() -> Response:
        email = check_email(body.parse(MagicLinkBody).email)
        await limit_guesses(request, resources, "magic-link", email)
        try:
            started = await supabase.auth.send_magic_link(
                email,
                back_to=callback_url(request),
                may_make_account=resources.settings.sign_up == "open",
            )
        except Invalid as error:
            if error.errors:
                raise
            # There is no such account, and none is made; nobody is told.
            started = Started(new_token())
        except RateLimited:
            # Supabase counts only mails that it sends: this too would tell.
            started = Started(new_token())
        keep_flow(request, supabase, started, Flow(next=page))
        return answered(request, {"ok": True}, f"{SIGN_IN}?done=link")

    return await answering_forms(request, work, SIGN_IN, next=page)


@router.get(
    "/api/auth/oauth",
    status_code=303,
    response_class=Response,
    responses=documented(403, 422, 429),
)
async def oauth(
    request: Request,
    provider: Annotated[str, Query(pattern="^[a-z0-9_]{2,40}$")],
    next_page: Annotated[str, Query(alias="next", max_length=2000)] = "",
    invite: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Send the browser to another service to sign in there, and have it come back.

    A link and not a form: our pages' policy lets forms go to ourselves alone, redirects included.
    """
    supabase = supabase_of(request)
    if not is_same_site(request, resources_of(request).settings):
        raise Forbidden("This request came from another website.")
    await visitor_burst(request)
    try:
        if provider not in (await supabase.auth.ways()).providers:
            message = "This service is not switched on here."
            raise Invalid(message, errors=(FieldError("query.provider", message),))
        started = await supabase.auth.start_oauth(provider, back_to=callback_url(request))
    except Unavailable:
        return back_to(SIGN_IN, "unreachable")
    keep_flow(request, supabase, started, Flow(next=safe_path(next_page), invite=invite))
    return RedirectResponse(started.url, status_code=303)


@router.get(
    "/api/auth/callback",
    status_code=303,
    response_class=Response,
    responses=documented(429),
)
async def callback(request: Request, code: str = "", error: str = "", error_code: str = "") -> Response:
    """Where a browser comes back to from Supabase: with a code for a session, or with what went wrong.

    The code counts only together with the verifier that the browser kept (RFC 7636), so that nobody is signed
    in to an account that somebody else's link leads to.
    """
    supabase = supabase_of(request)
    await visitor_burst(request)
    flow, verifier = read_flow(request, supabase)
    if error or not code:
        return back_to(SIGN_IN, "over" if error_code in {"otp_expired", "flow_state_expired"} else "denied")
    if verifier is None:
        # Opened in another browser than the one that asked; an address is confirmed by it all the same.
        return back_to(SIGN_IN, "elsewhere")
    try:
        data = await supabase.auth.exchange_code(code[:200], verifier)
        # Not before: any website may lead a browser here, and would end what is under way.
        forget_flow(request, supabase)
        claims = await arrive(request, supabase, data, flow)
    except HelpNinjaError as problem:
        return back_to(SIGN_IN, "unreachable" if problem.status == 503 else code_of(problem))
    if flow.kind == "reset":
        return await _to_new_password(request, claims.email)
    return RedirectResponse(safe_path("" if flow.invite else flow.next), status_code=303)


@router.post("/api/auth/refresh", response_model=Renewed, responses=documented(401, 403, 429))
async def refresh(request: Request) -> Renewed:
    """Renew a session that runs out within ten minutes; pages that stay open ask for it by themselves."""
    resources, supabase = resources_of(request), supabase_of(request)
    # Counts against their limit.
    await signed_in_user(request)
    claims = await current_claims(
        request, supabase, resources.settings, at_least_seconds=RENEWED_BEFORE_SECONDS
    )
    if claims is None:
        raise NotSignedIn("Your session has ended. Please sign in again.")
    credentials = supabase.credentials(claims, device_of(request, resources.settings))
    async with resources.database.unit_of_work() as session:
        # Our own session lasts as long as the token: it is made known again with each new one.
        if credentials.introduce is None or not await credentials.introduce(session):
            raise NotSignedIn("Your session has ended. Please sign in again.")
        await identify_user(session, credentials)
    return Renewed(expiresIn=max(int(claims.seconds_left()), 0))


@router.post(
    "/api/auth/sign-out", response_model=Ok, responses=documented(403, 413, 415, 422, also=SEE_OTHER)
)
async def sign_out(request: Request) -> Response:
    """End this browser's session, here and at Supabase; with ``everywhere`` those of all devices."""
    resources, supabase = resources_of(request), supabase_of(request)
    refuse_foreign_origin(request, resources.settings)
    is_empty = not is_form(request) and request.headers.get("content-length", "0") == "0"
    wanted = SignOutBody() if is_empty else (await read_posted(request)).parse(SignOutBody)
    is_everywhere = wanted.everywhere in (True, "true", "on", "1")
    stored = kept_session(request, supabase)
    claims = await supabase.claims_of(stored) if stored else None
    if claims is not None:
        # Also with a token that ran out: it is theirs, and what it opened is to be closed.
        async with resources.database.unit_of_work() as session:
            await end_session(session, supabase.session_key(claims), is_everywhere=is_everywhere)
        try:
            await current_claims(request, supabase, resources.settings)
            if (stored := kept_session(request, supabase)) is not None:
                await supabase.auth.sign_out(stored.access_token, "global" if is_everywhere else "local")
        except HelpNinjaError as problem:
            # Whoever wants out is let out: what counts here is ended, and the cookies go.
            log.info("supabase_sign_out_incomplete", reason=type(problem).__name__)
    drop_session(request, supabase, resources.settings)
    return answered(request, {"ok": True}, "/")


async def answering_forms(
    request: Request, work: Callable[[], Awaitable[Response]], page: str, **kept: str
) -> Response:
    """Do ``work``; what goes wrong is a problem for a program, and a way back with a code for a form."""
    try:
        return await work()
    except HelpNinjaError as problem:
        if not is_form(request):
            raise
        if isinstance(problem, Unconfirmed):
            return back_to(page, "unconfirmed", **kept)
        return back_to(page, "unreachable" if problem.status >= 500 else code_of(problem), **kept)


async def _to_new_password(request: Request, email: str) -> Response:
    resources = resources_of(request)
    credentials = await credentials_of(request)
    async with resources.database.unit_of_work() as session:
        user = await identify_user(session, credentials)
        token = await make_link(session, user.id, email, Purpose.RESET)
    return RedirectResponse(f"/reset?token={token}", status_code=303)
