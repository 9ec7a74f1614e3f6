"""Making an account and choosing a password with Supabase, which keeps both."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import Field

from api_routes.bodies import Body
from api_routes.forms import SEE_OTHER, Ok, answered, posted_body, read_posted, safe_path
from api_routes.guesses import limit_guesses
from api_routes.identity import resources_of, signed_in_user
from api_routes.origins import refuse_foreign_origin
from api_routes.passwords import NewPasswordBody, ResetBody
from api_routes.problems import documented
from api_routes.session_cookies import kept_session
from api_routes.sign_up import SignUpBody, refuse_closed
from api_routes.supabase_flows import Flow, arrive, callback_url, keep_flow, supabase_of
from api_routes.supabase_sign_in import answering_forms
from helpninja_app.accounts.identity import SignedInUser
from helpninja_app.accounts.links import Purpose, forget_links, owner_of_link, use_link
from helpninja_app.accounts.mails import AccountMail, request_account_mail
from helpninja_app.accounts.passwords import refuse_weak_password
from helpninja_app.accounts.sessions import end_sessions
from helpninja_app.accounts.supabase.gateway import AddressTaken, SessionData, Started
from helpninja_app.accounts.tokens import new_token
from helpninja_app.accounts.users import check_email
from helpninja_app.errors import Invalid, NotSignedIn, RateLimited
from helpninja_app.resources import Resources

router = APIRouter(tags=["Accounts"])


class ConfirmationBody(Body):
    email: str = Field(min_length=3, max_length=320)


@router.post(
    "/api/auth/sign-up",
    status_code=201,
    response_model=Ok,
    responses=documented(402, 403, 404, 413, 415, 422, 429, also=SEE_OTHER),
    openapi_extra=posted_body(SignUpBody),
)
async def sign_up(request: Request) -> Response:
    """Make an account at Supabase. Where it confirms addresses first, a mailed link leads to the session.

    For an address that has an account the answer is that of one whose address has to be confirmed.
    """
    resources, supabase = resources_of(request), supabase_of(request)
    refuse_foreign_origin(request, resources.settings)
    body = await read_posted(request)
    page = safe_path(body.text("next") or "")

    async def work() -> Response:
        wanted = body.parse(SignUpBody)
        email = check_email(wanted.email)
        await limit_guesses(request, resources, "sign-up", email)
        await refuse_closed(resources, wanted.invite, email)
        await refuse_weak_password(wanted.password, [email, wanted.workspace])
        flow = Flow(next=page, workspace=wanted.workspace, invite=wanted.invite)
        try:
            data, started = await supabase.auth.sign_up(email, wanted.password, back_to=callback_url(request))
        except AddressTaken:
            return answered(request, {"ok": True}, "/sign-up?done=confirm", status=201)
        if data is None:
            keep_flow(request, supabase, started, flow)
            return answered(request, {"ok": True}, "/sign-up?done=confirm", status=201)
        await arrive(request, supabase, data, flow)
        return answered(request, {"ok": True}, page, status=201)

    return await answering_forms(
        request,
        work,
        "/sign-up",
        email=(body.text("email") or "")[:320],
        workspace=(body.text("workspace") or "")[:100],
        invite=(body.text("invite") or "")[:200],
        next=(body.text("next") or "")[:2000],
    )


@router.post(
    "/api/auth/resend-verification",
    response_model=Ok,
    responses=documented(403, 413, 415, 422, 429, also=SEE_OTHER),
    openapi_extra=posted_body(ConfirmationBody),
)
async def resend_verification(request: Request) -> Response:
    """Have Supabase mail the link again that confirms an address; the answer is the same for any address."""
    resources, supabase = resources_of(request), supabase_of(request)
    refuse_foreign_origin(request, resources.settings)
    body = await read_posted(request)

    async def work() -> Response:
        email = check_email(body.parse(ConfirmationBody).email)
        await limit_guesses(request, resources, "verify", email)
        await supabase.auth.resend_confirmation(email, back_to=callback_url(request))
        return answered(request, {"ok": True}, "/sign-up?done=confirm")

    return await answering_forms(request, work, "/sign-up")


@router.post(
    "/api/auth/reset-password",
    response_model=Ok,
    responses=documented(403, 413, 415, 422, 429, also=SEE_OTHER),
    openapi_extra=posted_body(ResetBody),
)
async def reset_password(request: Request) -> Response:
    """Have Supabase mail a link to choose a new password; the answer is the same for an unknown address."""
    resources, supabase = resources_of(request), supabase_of(request)
    refuse_foreign_origin(request, resources.settings)
    body = await read_posted(request)

    async def work() -> Response:
        email = check_email(body.parse(ResetBody).email)
        await limit_guesses(request, resources, "reset", email)
        try:
            started = await supabase.auth.send_recovery(email, back_to=callback_url(request))
        except RateLimited:
            # Supabase counts only mails that it sends: to say so would tell that there is an account.
            started = Started(new_token())
        keep_flow(request, supabase, started, Flow(kind="reset"))
        return answered(request, {"ok": True}, "/forgot?done=1")

    return await answering_forms(request, work, "/forgot")


@router.post(
    "/api/auth/update-password",
    response_model=Ok,
    responses=documented(401, 403, 413, 415, 422, 429, also=SEE_OTHER),
    openapi_extra=posted_body(NewPasswordBody),
)
async def update_password(request: Request) -> Response:
    """Choose a new password: just back from a mailed link, or with the present one. Other sessions end."""
    resources = resources_of(request)
    refuse_foreign_origin(request, resources.settings)
    body = await read_posted(request)
    user = await signed_in_user(request)
    token = (body.text("token") or "")[:200]

    async def work() -> Response:
        wanted = body.parse(NewPasswordBody)
        await limit_guesses(request, resources, "sign-in", user.email)
        await refuse_weak_password(wanted.password, [user.email])
        await _change(request, resources, user, wanted)
        return answered(request, {"ok": True}, "/app/account?done=password")

    if token:
        return await answering_forms(request, work, "/reset", token=token)
    return await answering_forms(request, work, "/app/account")


async def _change(
    request: Request, resources: Resources, user: SignedInUser, wanted: NewPasswordBody
) -> None:
    supabase = supabase_of(request)
    data: SessionData
    if wanted.token:
        async with resources.database.unit_of_work() as session:
            user_id = await owner_of_link(session, wanted.token, Purpose.RESET)
        if (stored := kept_session(request, supabase)) is None or user_id != user.id:
            raise NotSignedIn("This link is for another account than the one you are signed in with.")
        data = {"access_token": stored.access_token, "refresh_token": stored.refresh_token}
    else:
        if not wanted.currentPassword:
            raise Invalid("Your present password is needed.")
        # Supabase does not ask for the present one. Who knows it can sign in with it.
        data = await supabase.auth.sign_in(user.email, wanted.currentPassword)
    await supabase.auth.change_password(data, wanted.password)
    if not wanted.token:
        # All others were ended with the change, the one of this browser too.
        await arrive(request, supabase, data)
    claims = await supabase.tokens.verify(data["access_token"])
    async with resources.database.unit_of_work(user.scope) as session:
        if wanted.token:
            await use_link(session, wanted.token, Purpose.RESET)
        await end_sessions(session, user.id, but=claims.session_id)
        await forget_links(session, user.id, Purpose.RESET)
        await request_account_mail(session, resources.queue, AccountMail.PASSWORD_CHANGED, user.id)
