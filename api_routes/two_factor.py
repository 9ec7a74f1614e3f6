"""One's own two-factor sign-in: switch it on and off, and choose new recovery codes."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel, Field

from api_routes.bodies import Body, json_body, read_json
from api_routes.forms import SEE_OTHER, Ok, is_form, posted_body, read_posted
from api_routes.guesses import limit_code_guesses, require_password
from api_routes.identity import resources_of, signed_in_user
from api_routes.origins import refuse_foreign_origin
from api_routes.problems import documented
from api_routes.second_step import LONGEST_CODE
from helpninja_app.accounts.mails import AccountMail, request_account_mail
from helpninja_app.accounts.passwords import LONGEST
from helpninja_app.accounts.totp import enrolment_uri, qr_code
from helpninja_app.accounts.two_factor import (
    begin_two_factor,
    choose_new_recovery_codes,
    confirm_two_factor,
    load_status,
    remove_two_factor,
)
from helpninja_app.errors import Conflict, HelpNinjaError, Invalid, NotFound, NotSignedIn, RateLimited

router = APIRouter(tags=["Accounts"])


class PasswordBody(Body):
    currentPassword: str = Field(min_length=1, max_length=LONGEST)


class NewCodeBody(Body):
    """A code that the authenticator app shows now."""

    code: str = Field(min_length=1, max_length=LONGEST_CODE)


class TwoFactor(BaseModel):
    enabled: bool
    recoveryCodesLeft: int


class Begun(BaseModel):
    """The same secret three times: to type, for programs, and as a picture in a ``data:`` address."""

    secret: str
    uri: str
    qr: str


class RecoveryCodes(BaseModel):
    """Shown this once; only their hashes are stored."""

    recoveryCodes: list[str]


@router.get("/api/auth/two-factor", response_model=TwoFactor, responses=documented(401, 429))
async def two_factor(request: Request) -> TwoFactor:
    """Whether two-factor sign-in is on, and how many recovery codes are left."""
    user = await signed_in_user(request)
    async with resources_of(request).database.unit_of_work(user.scope) as session:
        status = await load_status(session, user.id)
    return TwoFactor(enabled=status.is_on, recoveryCodesLeft=status.codes_left)


@router.post(
    "/api/auth/two-factor",
    response_model=Begun,
    responses=documented(401, 403, 409, 413, 415, 422, 429, also=SEE_OTHER),
    openapi_extra=posted_body(PasswordBody),
)
async def begin(request: Request) -> Response:
    """Begin with a new secret, which counts once it is confirmed by a code within 15 minutes."""
    resources = resources_of(request)
    refuse_foreign_origin(request, resources.settings)
    body = await read_posted(request)
    user = await signed_in_user(request)
    try:
        await require_password(request, resources, user, body.parse(PasswordBody).currentPassword)
        async with resources.database.unit_of_work(user.scope) as session:
            keys = resources.settings.keys_for_encryption()
            secret = await begin_two_factor(session, keys, user.id, user.session_id)
    except (Conflict, Invalid, NotSignedIn, RateLimited) as error:
        if not is_form(request):
            raise
        return _to_section(_code_of(error))
    if is_form(request):
        return _to_section("begin")
    uri = enrolment_uri(secret, user.email)
    begun = Begun(secret=secret, uri=uri, qr=qr_code(uri))
    return JSONResponse(begun.model_dump(), headers={"cache-control": "no-store"})


@router.post(
    "/api/auth/two-factor/confirm",
    response_model=RecoveryCodes,
    responses=documented(401, 403, 409, 413, 415, 422, 429),
    openapi_extra=json_body(NewCodeBody),
)
async def confirm(request: Request, response: Response) -> RecoveryCodes:
    """Switch it on by a first code; the answer holds the recovery codes, once."""
    resources = resources_of(request)
    body = await read_json(request)
    user = await signed_in_user(request)
    code = body.parse(NewCodeBody).code
    keys = resources.settings.keys_for_encryption()
    async with resources.database.unit_of_work(user.scope) as session:
        codes = await confirm_two_factor(session, keys, user.id, user.session_id, code)
        await request_account_mail(session, resources.queue, AccountMail.TWO_FACTOR_ON, user.id)
    response.headers["cache-control"] = "no-store"
    return RecoveryCodes(recoveryCodes=codes)


@router.post(
    "/api/auth/two-factor/recovery-codes",
    response_model=RecoveryCodes,
    responses=documented(401, 403, 409, 413, 415, 422, 429),
    openapi_extra=json_body(NewCodeBody),
)
async def renew(request: Request, response: Response) -> RecoveryCodes:
    """New recovery codes instead of the old ones, for a code of the authenticator app."""
    resources = resources_of(request)
    body = await read_json(request)
    user = await signed_in_user(request)
    code = body.parse(NewCodeBody).code
    await limit_code_guesses(request, resources, user.id, code)
    keys = resources.settings.keys_for_encryption()
    async with resources.database.unit_of_work(user.scope) as session:
        codes = await choose_new_recovery_codes(session, keys, user.id, code)
    response.headers["cache-control"] = "no-store"
    return RecoveryCodes(recoveryCodes=codes)


@router.post(
    "/api/auth/two-factor/remove",
    response_model=Ok,
    responses=documented(401, 403, 404, 413, 415, 422, 429, also=SEE_OTHER),
    openapi_extra=posted_body(PasswordBody),
)
async def remove(request: Request) -> Response:
    """Switch two-factor sign-in off, for the password."""
    resources = resources_of(request)
    refuse_foreign_origin(request, resources.settings)
    body = await read_posted(request)
    user = await signed_in_user(request)
    try:
        await require_password(request, resources, user, body.parse(PasswordBody).currentPassword)
        async with resources.database.unit_of_work(user.scope) as session:
            await remove_two_factor(session, user.id)
            await request_account_mail(session, resources.queue, AccountMail.TWO_FACTOR_OFF, user.id)
    except (Invalid, NotFound, NotSignedIn, RateLimited) as error:
        if not is_form(request):
            raise
        return _to_section(_code_of(error))
    return _to_section("off") if is_form(request) else JSONResponse({"ok": True})


def _to_section(code: str) -> Response:
    """Back to the section of the account's page, which knows a sentence for ``code``."""
    return RedirectResponse(f"/app/account?two-factor={code}#two-factor", status_code=303)


def _code_of(error: HelpNinjaError) -> str:
    if isinstance(error, Conflict):
        return "on-already"
    if isinstance(error, NotFound):
        return "off"
    return "limited" if isinstance(error, RateLimited) else "wrong"
