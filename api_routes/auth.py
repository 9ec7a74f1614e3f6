"""Signing in and out, and who is signed in: ``/api/auth``."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from api_routes.bodies import Body, JsonBody, json_body, read_json
from api_routes.forms import (
    answered,
    back_to,
    device_of,
    give_session,
    is_form,
    posted_body,
    read_posted,
    safe_path,
    take_session,
)
from api_routes.identity import credentials_of, resources_of, signed_in_user
from api_routes.ids import parse_id
from api_routes.origins import refuse_foreign_origin
from api_routes.problems import documented
from helpninja_app.accounts.identity import Credentials, identify_user
from helpninja_app.accounts.members import list_memberships
from helpninja_app.accounts.passwords import LONGEST, is_password_right
from helpninja_app.accounts.sessions import (
    end_session,
    end_session_of,
    end_sessions,
    list_sessions,
    open_session,
)
from helpninja_app.accounts.users import change_name, find_password_hash, is_password_still
from helpninja_app.errors import Invalid, NotSignedIn, RateLimited
from helpninja_app.kernel.proxies import limited_address
from helpninja_app.kernel.rate_limits import Burst
from helpninja_app.resources import Resources

router = APIRouter(tags=["Accounts"])

WRONG = "The e-mail address or the password is not right."
SIGN_IN_SECONDS = 600
SEE_OTHER = {303: {"description": "A form post: on to the page asked for, or back with a code."}}


class SignInBody(Body):
    email: str = Field(min_length=3, max_length=320)
    password: str = Field(min_length=1, max_length=LONGEST)
    next: str = Field("", max_length=2000)


class SignOutBody(Body):
    """``everywhere`` ends the sessions on all devices."""

    everywhere: bool | str = False


class NameBody(Body):
    name: str = Field(max_length=100)


class Ok(BaseModel):
    ok: bool = True


class SignedInPerson(BaseModel):
    id: str
    email: str
    name: str
    verified: bool


class SignedInWorkspace(BaseModel):
    id: str
    name: str
    slug: str
    role: str


class Me(BaseModel):
    user: SignedInPerson
    workspaces: list[SignedInWorkspace]


class SessionInfo(BaseModel):
    id: str
    userAgent: str
    address: str
    createdAt: str
    lastSeenAt: str
    current: bool


class SessionList(BaseModel):
    sessions: list[SessionInfo]


@router.post(
    "/api/auth/sign-in",
    response_model=Ok,
    responses=documented(401, 403, 413, 415, 422, 429, also=SEE_OTHER),
    openapi_extra=posted_body(SignInBody),
)
async def sign_in(request: Request) -> Response:
    """Sign in with e-mail address and password; the session is a cookie that scripts cannot read."""
    resources = resources_of(request)
    refuse_foreign_origin(request, resources.settings)
    body = await read_posted(request)
    try:
        token = await _sign_in(request, resources, body)
    except (NotSignedIn, Invalid, RateLimited) as error:
        if not is_form(request):
            raise
        code = "limited" if isinstance(error, RateLimited) else "wrong"
        return back_to("/sign-in", code, next=safe_path(body.text("next") or ""))
    response = answered(request, {"ok": True}, safe_path(body.text("next") or ""))
    give_session(response, request, resources.settings, token)
    return response


@router.post(
    "/api/auth/sign-out",
    response_model=Ok,
    responses=documented(403, 413, 415, 422, also=SEE_OTHER),
)
async def sign_out(request: Request) -> Response:
    """End this browser's session, on the server too; with ``everywhere`` those of all devices."""
    resources = resources_of(request)
    refuse_foreign_origin(request, resources.settings)
    is_empty = not is_form(request) and request.headers.get("content-length", "0") == "0"
    wanted = SignOutBody() if is_empty else (await read_posted(request)).parse(SignOutBody)
    credentials = credentials_of(request)
    if credentials.session is not None:
        async with resources.database.unit_of_work() as session:
            if wanted.everywhere in (True, "true", "on", "1"):
                try:
                    user = await identify_user(session, Credentials(session=credentials.session))
                except NotSignedIn:
                    pass
                else:
                    await end_sessions(session, user.id)
            await end_session(session, credentials.session)
    response = answered(request, {"ok": True}, "/")
    take_session(response)
    return response


@router.get("/api/auth/me", response_model=Me, responses=documented(401, 429))
async def me(request: Request) -> Me:
    """The signed-in user and the workspaces they belong to."""
    resources = resources_of(request)
    user = await signed_in_user(request)
    async with resources.database.unit_of_work() as session:
        memberships = await list_memberships(session, user.id)
    return Me(
        user=SignedInPerson(id=str(user.id), email=user.email, name=user.name, verified=user.is_verified),
        workspaces=[
            SignedInWorkspace(id=str(item.workspace_id), name=item.name, slug=item.slug, role=item.role)
            for item in memberships
        ],
    )


@router.patch(
    "/api/auth/me",
    response_model=Ok,
    responses=documented(401, 403, 413, 415, 422, 429),
    openapi_extra=json_body(NameBody),
)
async def rename(request: Request) -> Ok:
    """Change the name that colleagues see."""
    body = await read_json(request)
    user = await signed_in_user(request)
    wanted = body.parse(NameBody)
    async with resources_of(request).database.unit_of_work(user.scope) as session:
        await change_name(session, user.id, wanted.name.strip())
    return Ok()


@router.get("/api/auth/sessions", response_model=SessionList, responses=documented(401, 429))
async def sessions(request: Request) -> SessionList:
    """Where the user is signed in, the latest used first."""
    user = await signed_in_user(request)
    async with resources_of(request).database.unit_of_work() as session:
        found = await list_sessions(session, user.id)
    return SessionList(
        sessions=[
            SessionInfo(
                id=str(item.id),
                userAgent=item.user_agent,
                address=item.address,
                createdAt=item.created_at.isoformat(),
                lastSeenAt=item.last_seen_at.isoformat(),
                current=item.id == user.session_id,
            )
            for item in found
        ]
    )


@router.delete(
    "/api/auth/sessions/{session_id}", response_model=Ok, responses=documented(400, 401, 403, 404, 429)
)
async def end_one(request: Request, session_id: str) -> Ok:
    """Sign one device out."""
    user = await signed_in_user(request)
    wanted: UUID = parse_id(session_id)
    async with resources_of(request).database.unit_of_work() as session:
        await end_session_of(session, user.id, wanted)
    return Ok()


async def limit_guesses(request: Request, resources: Resources, name: str, email: str) -> None:
    """Count a try, by the address it comes from and by the account it is about, known or not."""
    settings = resources.settings
    await resources.limiter.hit(
        f"{name}-address",
        limited_address(request.scope, settings),
        Burst(settings.sign_in_limit_per_address, SIGN_IN_SECONDS),
    )
    await resources.limiter.hit(
        f"{name}-account",
        email.strip().lower(),
        Burst(settings.sign_in_limit_per_account, SIGN_IN_SECONDS),
    )


async def _sign_in(request: Request, resources: Resources, body: JsonBody) -> str:
    wanted = body.parse(SignInBody)
    await limit_guesses(request, resources, "sign-in", wanted.email)
    async with resources.database.unit_of_work() as session:
        known = await find_password_hash(session, wanted.email)
    # Outside any transaction: the hash takes a tenth of a second.
    if not await is_password_right(known, wanted.password) or known is None:
        raise NotSignedIn(WRONG)
    async with resources.database.unit_of_work() as session:
        if not await is_password_still(session, *known):
            raise NotSignedIn(WRONG)
        return await open_session(session, known[0], device_of(request, resources.settings))
