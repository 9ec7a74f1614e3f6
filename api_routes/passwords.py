"""Choosing a new password: by a mailed link, or knowing the present one."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import Field

from api_routes.bodies import Body
from api_routes.forms import SEE_OTHER, Ok, answered, back_to, code_of, is_form, posted_body, read_posted
from api_routes.guesses import limit_guesses, require_password
from api_routes.identity import resources_of, signed_in_user
from api_routes.origins import refuse_foreign_origin
from api_routes.problems import documented
from helpninja_app.accounts.identity import SignedInUser
from helpninja_app.accounts.links import Purpose, forget_links, owner_of_link, use_link
from helpninja_app.accounts.mails import AccountMail, request_account_mail
from helpninja_app.accounts.passwords import LONGEST, hash_password, refuse_weak_password
from helpninja_app.accounts.sessions import end_sessions
from helpninja_app.accounts.users import change_password, confirm_address, find_password_hash
from helpninja_app.errors import Invalid, NotSignedIn, RateLimited
from helpninja_app.kernel.database import new_id
from helpninja_app.resources import Resources

router = APIRouter(tags=["Accounts"])


class ResetBody(Body):
    email: str = Field(min_length=3, max_length=320)


class NewPasswordBody(Body):
    """With the ``token`` of a mailed link, or signed in with the ``currentPassword``."""

    password: str = Field(min_length=1, max_length=LONGEST)
    token: str = Field("", max_length=200)
    currentPassword: str = Field("", max_length=LONGEST)


@router.post(
    "/api/auth/reset-password",
    response_model=Ok,
    responses=documented(403, 413, 415, 422, 429, also=SEE_OTHER),
    openapi_extra=posted_body(ResetBody),
)
async def reset_password(request: Request) -> Response:
    """Mail a link to choose a new password; the answer is the same for an address without an account."""
    resources = resources_of(request)
    refuse_foreign_origin(request, resources.settings)
    body = await read_posted(request)
    try:
        wanted = body.parse(ResetBody)
        await limit_guesses(request, resources, "reset", wanted.email)
    except (Invalid, RateLimited) as error:
        if not is_form(request):
            raise
        return back_to("/forgot", code_of(error))
    async with resources.database.unit_of_work() as session:
        known = await find_password_hash(session, wanted.email)
        # A job in either case, or the time would tell: it finds nobody behind a new id.
        await request_account_mail(
            session, resources.queue, AccountMail.RESET, known[0] if known else new_id()
        )
    return answered(request, {"ok": True}, "/forgot?done=1")


@router.post(
    "/api/auth/update-password",
    response_model=Ok,
    responses=documented(401, 403, 413, 415, 422, 429, also=SEE_OTHER),
    openapi_extra=posted_body(NewPasswordBody),
)
async def update_password(request: Request) -> Response:
    """Choose a new password. All other sessions end; by a mailed link, all of them."""
    resources = resources_of(request)
    refuse_foreign_origin(request, resources.settings)
    body = await read_posted(request)
    token = body.text("token") or ""
    # Who asks comes first, and what they ask for afterwards.
    user = None if token else await signed_in_user(request)
    try:
        wanted = body.parse(NewPasswordBody)
        if user is None:
            await limit_guesses(request, resources, "reset-link", token[:64])
            async with resources.database.unit_of_work() as session:
                await owner_of_link(session, token, Purpose.RESET)
        await refuse_weak_password(wanted.password, [user.email] if user else [])
        if user is None:
            await _reset(resources, wanted)
        else:
            await _change(request, resources, user, wanted)
    except (Invalid, NotSignedIn, RateLimited) as error:
        if not is_form(request):
            raise
        if user is None:
            return back_to("/reset", code_of(error), token=token[:200])
        return back_to("/app/account", code_of(error))
    return answered(request, {"ok": True}, "/app/account?done=password" if user else "/sign-in?done=password")


async def _reset(resources: Resources, wanted: NewPasswordBody) -> None:
    password_hash = await hash_password(wanted.password)
    async with resources.database.unit_of_work() as session:
        user_id, email = await use_link(session, wanted.token, Purpose.RESET)
        await change_password(session, user_id, password_hash)
        # Who has the link reads the address.
        await confirm_address(session, user_id, email)
        await forget_links(session, user_id, Purpose.RESET)
        # Who was asked for their code gave the old password. Two-factor sign-in itself stays on.
        await forget_links(session, user_id, Purpose.SECOND_FACTOR)
        await end_sessions(session, user_id)
        await request_account_mail(session, resources.queue, AccountMail.PASSWORD_CHANGED, user_id)


async def _change(
    request: Request, resources: Resources, user: SignedInUser, wanted: NewPasswordBody
) -> None:
    await require_password(request, resources, user, wanted.currentPassword)
    password_hash = await hash_password(wanted.password)
    async with resources.database.unit_of_work(user.scope) as session:
        await change_password(session, user.id, password_hash)
        await forget_links(session, user.id, Purpose.RESET)
        await forget_links(session, user.id, Purpose.SECOND_FACTOR)
        await end_sessions(session, user.id, but=user.session_id)
        await request_account_mail(session, resources.queue, AccountMail.PASSWORD_CHANGED, user.id)
