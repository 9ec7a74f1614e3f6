"""The second step of signing in: a code, after the password was right."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from api_routes.bodies import Body
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
)
from api_routes.guesses import limit_address, limit_code_guesses
from api_routes.identity import resources_of
from api_routes.origins import refuse_foreign_origin
from api_routes.problems import documented
from helpninja_app.accounts.links import LIFETIMES, Purpose, end_link, owner_of_link, try_link
from helpninja_app.accounts.mails import AccountMail, request_account_mail
from helpninja_app.accounts.sessions import open_session
from helpninja_app.accounts.two_factor import WRONG_CODE, check_code
from helpninja_app.errors import CodeNeeded, HelpNinjaError, Invalid, NotSignedIn, RateLimited, Unavailable
from helpninja_app.kernel.proxies import own_origin
from helpninja_app.resources import Resources
from helpninja_app.settings import Settings

router = APIRouter(tags=["Accounts"])

STEP_COOKIE = "hn_second_step"
MOST_TRIES = 5
LONGEST_CODE = 64
CODE_PAGE = "/sign-in/code"
RECOVERY_PAGE = "/sign-in/recovery"
_OVER = "Please start again with your password: this took too long, or there were too many wrong codes."


@dataclass(frozen=True, slots=True)
class SecondStep:
    """The password was right; ``token`` proves it to the next request of the same browser."""

    token: str


class CodeBody(Body):
    """A code of the authenticator app, or a recovery code. ``recovery`` says which page's form it is."""

    code: str = Field(min_length=1, max_length=LONGEST_CODE)
    next: str = Field("", max_length=2000)
    recovery: str = Field("", max_length=10)


@router.post(
    "/api/auth/sign-in-code",
    response_model=Ok,
    responses=documented(401, 403, 413, 415, 422, 429, also=SEE_OTHER),
    openapi_extra=posted_body(CodeBody),
)
async def sign_in_code(request: Request) -> Response:
    """Sign in with a code, in the browser that gave the password before.

    A wrong code is a problem of the type ``urn:helpninja:problem:code-needed``; after five, or ten minutes,
    one starts again with the password, and the type is ``urn:helpninja:problem:not-signed-in``.
    """
    resources = resources_of(request)
    refuse_foreign_origin(request, resources.settings)
    body = await read_posted(request)
    target = safe_path(body.text("next") or "")
    try:
        token = await _finish(request, resources, body.parse(CodeBody).code)
    except (NotSignedIn, Invalid, RateLimited, Unavailable) as error:
        if not is_form(request):
            raise
        return _back(error, target, body.text("recovery") or "")
    response = answered(request, {"ok": True}, target)
    give_session(response, request, resources.settings, token)
    _take_step(response)
    return response


def to_code_page(request: Request, settings: Settings, step: SecondStep, target: str) -> Response:
    """On to the page that asks for the code, which leads to ``target``."""
    response = RedirectResponse(f"{CODE_PAGE}?{urlencode({'next': target})}", status_code=303)
    response.headers["cache-control"] = "no-store"
    response.set_cookie(
        STEP_COOKIE,
        step.token,
        max_age=int(LIFETIMES[Purpose.SECOND_FACTOR].total_seconds()),
        httponly=True,
        samesite="lax",
        secure=own_origin(request.scope, settings).startswith("https://"),
        path="/",
    )
    return response


async def open_session_by_code(
    request: Request, resources: Resources, session: AsyncSession, user_id: UUID, code: str
) -> str:
    """The token of a new session; ``CodeNeeded`` for a wrong code. Needs the user's own scope."""
    used = await check_code(session, resources.settings.keys_for_encryption(), user_id, code)
    if used is None:
        raise CodeNeeded(WRONG_CODE)
    if used == "recovery":
        await request_account_mail(session, resources.queue, AccountMail.RECOVERY_CODE_USED, user_id)
    return await open_session(session, user_id, device_of(request, resources.settings))


async def _finish(request: Request, resources: Resources, code: str) -> str:
    step = request.cookies.get(STEP_COOKIE, "")[:200]
    try:
        async with resources.database.unit_of_work() as session:
            user_id = await owner_of_link(session, step, Purpose.SECOND_FACTOR)
        await limit_code_guesses(request, resources, user_id, code)
        async with resources.database.unit_of_work() as session:
            await try_link(session, step, Purpose.SECOND_FACTOR, most=MOST_TRIES)
            try:
                # A wrong code is a try that counts, so its transaction is not rolled back.
                token = await open_session_by_code(request, resources, session, user_id, code)
            except CodeNeeded as error:
                wrong = error
            else:
                await end_link(session, step, Purpose.SECOND_FACTOR)
                return token
        raise wrong
    except Invalid:
        await limit_address(request, resources, "code")
        raise NotSignedIn(_OVER) from None


def _back(error: HelpNinjaError, target: str, recovery: str) -> Response:
    if isinstance(error, NotSignedIn) and not isinstance(error, CodeNeeded):
        response = back_to("/sign-in", "again", next=target)
        _take_step(response)
        return response
    code = "limited" if isinstance(error, RateLimited) else "code"
    if isinstance(error, Unavailable):
        code = "unreadable"
    return back_to(RECOVERY_PAGE if recovery else CODE_PAGE, code, next=target)


def _take_step(response: Response) -> None:
    response.delete_cookie(STEP_COOKIE, path="/", httponly=True, samesite="lax")
