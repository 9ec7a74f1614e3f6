"""Signing in and out with the accounts of this installation."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import Field

from api_routes.bodies import Body, JsonBody
from api_routes.forms import (
    SEE_OTHER,
    Ok,
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
from api_routes.guesses import WRONG, limit_code_guesses, limit_guesses
from api_routes.identity import credentials_of, resources_of
from api_routes.origins import refuse_foreign_origin
from api_routes.problems import documented
from api_routes.second_step import LONGEST_CODE, SecondStep, open_session_by_code, to_code_page
from helpninja_app.accounts.identity import identify_user
from helpninja_app.accounts.links import Purpose, make_link
from helpninja_app.accounts.passwords import LONGEST, is_password_right
from helpninja_app.accounts.sessions import end_session, end_sessions, open_session
from helpninja_app.accounts.two_factor import is_two_factor_on
from helpninja_app.accounts.users import find_password_hash, is_password_still
from helpninja_app.errors import CodeNeeded, Invalid, NotSignedIn, RateLimited
from helpninja_app.resources import Resources

router = APIRouter(tags=["Accounts"])


class SignInBody(Body):
    """``code`` for who has two-factor sign-in on: of the authenticator app, or a recovery code.

    A form is asked for it on a page of its own.
    """

    email: str = Field(min_length=3, max_length=320)
    password: str = Field(min_length=1, max_length=LONGEST)
    next: str = Field("", max_length=2000)
    code: str = Field("", max_length=LONGEST_CODE)


class SignOutBody(Body):
    """``everywhere`` ends the sessions on all devices."""

    everywhere: bool | str = False


@router.post(
    "/api/auth/sign-in",
    response_model=Ok,
    responses=documented(401, 403, 413, 415, 422, 429, also=SEE_OTHER),
    openapi_extra=posted_body(SignInBody),
)
async def sign_in(request: Request) -> Response:
    """Sign in with e-mail address and password; the session is a cookie that scripts cannot read.

    With two-factor sign-in on and no ``code``, the problem's type is ``urn:helpninja:problem:code-needed``.
    """
    resources = resources_of(request)
    refuse_foreign_origin(request, resources.settings)
    body = await read_posted(request)
    try:
        entered = await _sign_in(request, resources, body)
    except (NotSignedIn, Invalid, RateLimited) as error:
        if not is_form(request):
            raise
        code = "limited" if isinstance(error, RateLimited) else "wrong"
        return back_to("/sign-in", code, next=safe_path(body.text("next") or ""))
    target = safe_path(body.text("next") or "")
    if isinstance(entered, SecondStep):
        return to_code_page(request, resources.settings, entered, target)
    response = answered(request, {"ok": True}, target)
    give_session(response, request, resources.settings, entered)
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
    credentials = await credentials_of(request)
    if credentials.session is not None:
        async with resources.database.unit_of_work() as session:
            if wanted.everywhere in (True, "true", "on", "1"):
                try:
                    user = await identify_user(session, credentials)
                except NotSignedIn:
                    pass
                else:
                    await end_sessions(session, user.id)
            await end_session(session, credentials.session)
    response = answered(request, {"ok": True}, "/")
    take_session(response)
    return response


async def _sign_in(request: Request, resources: Resources, body: JsonBody) -> str | SecondStep:
    """The token of a new session, or of the step that a form goes on with."""
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
        if not await is_two_factor_on(session, known[0]):
            return await open_session(session, known[0], device_of(request, resources.settings))
        if is_form(request):
            email = wanted.email.strip().lower()
            return SecondStep(await make_link(session, known[0], email, Purpose.SECOND_FACTOR))
    if not wanted.code:
        raise CodeNeeded()
    await limit_code_guesses(request, resources, known[0], wanted.code)
    async with resources.database.unit_of_work() as session:
        if not await is_password_still(session, *known):
            raise NotSignedIn(WRONG)
        return await open_session_by_code(request, resources, session, known[0], wanted.code)
