"""Signing in and out, and who is signed in: ``/api/auth``."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel, Field

from api_routes.bodies import Body, JsonBody, is_storable_text, read_json, read_limited
from api_routes.identity import credentials_of, resources_of
from api_routes.origins import refuse_foreign_origin
from api_routes.problems import documented
from helpninja_app.accounts.identity import Credentials, identify_user
from helpninja_app.accounts.members import list_memberships
from helpninja_app.accounts.passwords import is_password_right
from helpninja_app.accounts.sessions import SESSION_COOKIE, SESSION_LIFETIME, end_session, open_session
from helpninja_app.accounts.users import find_password_hash
from helpninja_app.errors import (
    FieldError,
    Invalid,
    NotSignedIn,
    RateLimited,
    UnsupportedMediaType,
)
from helpninja_app.kernel.proxies import limited_address, own_origin
from helpninja_app.kernel.rate_limits import Burst

router = APIRouter(tags=["Accounts"])

HOME = "/app"
WRONG = "The e-mail address or the password is not right."
SIGN_IN_SECONDS = 600
FORM = "application/x-www-form-urlencoded"


class SignInBody(Body):
    email: str = Field(min_length=3, max_length=320)
    password: str = Field(min_length=1, max_length=1000)
    next: str = Field("", max_length=2000)


class Ok(BaseModel):
    ok: bool = True


class SignedInUser(BaseModel):
    id: str
    email: str


class SignedInWorkspace(BaseModel):
    id: str
    name: str
    slug: str
    role: str


class Me(BaseModel):
    user: SignedInUser
    workspaces: list[SignedInWorkspace]


BODY = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": SignInBody.model_json_schema()} for kind in ("application/json", FORM)},
    }
}


@router.post(
    "/api/auth/sign-in",
    response_model=Ok,
    responses=documented(
        401, 403, 413, 415, 422, 429, also={303: {"description": "A form post: on to the page asked for."}}
    ),
    openapi_extra=BODY,
)
async def sign_in(request: Request) -> Response:
    """Sign in with e-mail address and password; the session is a cookie that scripts cannot read."""
    resources = resources_of(request)
    refuse_foreign_origin(request, resources.settings)
    is_form = request.headers.get("content-type", "").startswith(FORM)
    body = await _read_form(request) if is_form else await read_json(request)
    try:
        token, target = await _sign_in(request, body)
    except (NotSignedIn, Invalid, RateLimited) as error:
        if not is_form:
            raise
        where = safe_path(body.text("next") or "")
        # A code and not the sentence: anybody can write a text into an address.
        code = "limited" if isinstance(error, RateLimited) else "wrong"
        return RedirectResponse(f"/sign-in?error={code}&next={quote(where)}", status_code=303)
    response: Response = RedirectResponse(target, status_code=303) if is_form else JSONResponse({"ok": True})
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=int(SESSION_LIFETIME.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=own_origin(request.scope, resources.settings).startswith("https://"),
        path="/",
    )
    response.headers["cache-control"] = "no-store"
    return response


@router.post(
    "/api/auth/sign-out",
    response_model=Ok,
    responses=documented(403, also={303: {"description": "A form post: back to the front page."}}),
)
async def sign_out(request: Request) -> Response:
    """End this browser's session, on the server too."""
    resources = resources_of(request)
    refuse_foreign_origin(request, resources.settings)
    token = credentials_of(request).session
    if token is not None:
        async with resources.database.unit_of_work() as session:
            await end_session(session, token)
    is_form = request.headers.get("content-type", "").startswith(FORM)
    response: Response = RedirectResponse("/", status_code=303) if is_form else JSONResponse({"ok": True})
    response.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="lax")
    return response


@router.get("/api/auth/me", response_model=Me, responses=documented(401))
async def me(request: Request) -> Me:
    """The signed-in user and the workspaces they belong to."""
    async with resources_of(request).database.unit_of_work() as session:
        user = await identify_user(session, Credentials(session=credentials_of(request).session))
        memberships = await list_memberships(session, user.id)
    return Me(
        user=SignedInUser(id=str(user.id), email=user.email),
        workspaces=[
            SignedInWorkspace(id=str(item.workspace_id), name=item.name, slug=item.slug, role=item.role)
            for item in memberships
        ],
    )


def safe_path(target: str) -> str:
    """A path on this origin to go on to; anything else, such as ``//elsewhere``, becomes the dashboard."""
    # Browsers read a backslash as a slash, and leave out line breaks and tabs before they look at the rest.
    is_path = target.startswith("/") and not target.startswith("//")
    return target if is_path and not any(character in target for character in "\\\r\n\t") else HOME


async def _sign_in(request: Request, body: JsonBody) -> tuple[str, str]:
    resources = resources_of(request)
    settings = resources.settings
    wanted = body.parse(SignInBody)
    address = limited_address(request.scope, settings)
    await resources.limiter.hit(
        "sign-in-address", address, Burst(settings.sign_in_limit_per_address, SIGN_IN_SECONDS)
    )
    await resources.limiter.hit(
        "sign-in-account",
        wanted.email.strip().lower(),
        Burst(settings.sign_in_limit_per_account, SIGN_IN_SECONDS),
    )
    async with resources.database.unit_of_work() as session:
        known = await find_password_hash(session, wanted.email)
    # Outside any transaction: the hash takes a tenth of a second.
    if not await is_password_right(known, wanted.password) or known is None:
        raise NotSignedIn(WRONG)
    async with resources.database.unit_of_work() as session:
        return await open_session(session, known[0]), safe_path(wanted.next)


async def _read_form(request: Request) -> JsonBody:
    raw = await read_limited(request, 10_000)
    try:
        pairs = dict(
            parse_qsl(raw.decode("utf-8"), keep_blank_values=True, max_num_fields=20, errors="strict")
        )
    except (UnicodeDecodeError, ValueError) as error:
        raise UnsupportedMediaType("The form could not be read.") from error
    if not all(is_storable_text(value) for value in pairs.values()):
        return JsonBody(None, Invalid(errors=(FieldError("body", "Texts cannot hold U+0000."),)))
    return JsonBody(pairs, None)
