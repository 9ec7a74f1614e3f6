"""Signing up, confirming an address, choosing a new password; nothing tells whether an account exists."""

from __future__ import annotations

from contextlib import suppress

from fastapi import APIRouter, Request, Response
from pydantic import Field
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from api_routes.bodies import Body, JsonBody
from api_routes.forms import (
    SEE_OTHER,
    Ok,
    answered,
    back_to,
    code_of,
    device_of,
    give_session,
    is_form,
    posted_body,
    read_posted,
    safe_path,
)
from api_routes.guesses import limit_guesses
from api_routes.identity import resources_of, signed_in_user
from api_routes.origins import refuse_foreign_origin
from api_routes.problems import documented
from helpninja_app.accounts.invites import look_up_invite, refuse_without_place
from helpninja_app.accounts.links import Purpose, use_link
from helpninja_app.accounts.mails import AccountMail, request_account_mail
from helpninja_app.accounts.passwords import LONGEST, hash_password, refuse_weak_password
from helpninja_app.accounts.sign_up import OpenedAccount, is_anybody_here, open_account
from helpninja_app.accounts.tokens import new_token
from helpninja_app.accounts.users import check_email, confirm_address, find_user_id
from helpninja_app.errors import Forbidden, HelpNinjaError, Invalid, Unavailable
from helpninja_app.resources import Resources

router = APIRouter(tags=["Accounts"])

_ATTEMPTS = 3


class SignUpBody(Body):
    """``workspace`` names the new workspace; with ``invite`` none is made and that one joined instead."""

    email: str = Field(min_length=3, max_length=320)
    password: str = Field(min_length=1, max_length=LONGEST)
    workspace: str = Field("", max_length=100)
    invite: str = Field("", max_length=200)
    next: str = Field("", max_length=2000)


class TokenBody(Body):
    token: str = Field(min_length=1, max_length=200)


class _Rehearsed(Exception):
    """Everything was done as for a free address; now it is undone."""


@router.post(
    "/api/auth/sign-up",
    status_code=201,
    response_model=Ok,
    responses=documented(402, 403, 404, 413, 415, 422, 429, also=SEE_OTHER),
    openapi_extra=posted_body(SignUpBody),
)
async def sign_up(request: Request) -> Response:
    """Make an account with a workspace, and sign in at once; the address is confirmed later, by mail.

    For an address that has an account the answer is the same, and its owner gets a mail.
    """
    resources = resources_of(request)
    refuse_foreign_origin(request, resources.settings)
    body = await read_posted(request)
    try:
        token = await _sign_up(request, resources, body)
    except HelpNinjaError as error:
        if not is_form(request) or error.status >= 500:
            raise
        return back_to(
            "/sign-up",
            code_of(error),
            email=(body.text("email") or "")[:320],
            workspace=(body.text("workspace") or "")[:100],
            invite=(body.text("invite") or "")[:200],
            next=(body.text("next") or "")[:2000],
        )
    response = answered(request, {"ok": True}, safe_path(body.text("next") or ""), status=201)
    give_session(response, request, resources.settings, token)
    return response


@router.post(
    "/api/auth/verify-email",
    response_model=Ok,
    responses=documented(403, 413, 415, 422, 429, also=SEE_OTHER),
    openapi_extra=posted_body(TokenBody),
)
async def verify_email(request: Request) -> Response:
    """Confirm the address that a link was sent to. A post, not the link itself: mail scanners open links."""
    resources = resources_of(request)
    refuse_foreign_origin(request, resources.settings)
    body = await read_posted(request)
    try:
        token = body.parse(TokenBody).token
        async with resources.database.unit_of_work() as session:
            user_id, email = await use_link(session, token, Purpose.VERIFY)
            await confirm_address(session, user_id, email)
    except Invalid:
        if not is_form(request):
            raise
        return back_to("/verify", "over")
    return answered(request, {"ok": True}, "/verify?done=1")


@router.post(
    "/api/auth/resend-verification", response_model=Ok, responses=documented(401, 403, 429, also=SEE_OTHER)
)
async def resend_verification(request: Request) -> Response:
    """Send the link again that confirms the address."""
    user = await signed_in_user(request)
    resources = resources_of(request)
    await limit_guesses(request, resources, "verify", user.email)
    if not user.is_verified:
        async with resources.database.unit_of_work() as session:
            await request_account_mail(session, resources.queue, AccountMail.VERIFY, user.id)
    return answered(request, {"ok": True}, "/app/account?done=sent")


async def _sign_up(request: Request, resources: Resources, body: JsonBody) -> str:
    wanted = body.parse(SignUpBody)
    email = check_email(wanted.email)
    await limit_guesses(request, resources, "sign-up", email)
    await refuse_closed(resources, wanted.invite, email)
    await refuse_weak_password(wanted.password, [email, wanted.workspace])
    password_hash = await hash_password(wanted.password)

    async def work(session: AsyncSession, address: str, invite: str) -> OpenedAccount:
        return await open_account(
            session,
            email=address,
            password_hash=password_hash,
            workspace_name=wanted.workspace,
            embedding_model=resources.knowledge.embedders.current.name,
            device=device_of(request, resources.settings),
            most_members=resources.most_members,
            invite_token=invite or None,
        )

    for _ in range(_ATTEMPTS):
        async with resources.database.unit_of_work() as session:
            owner_id = await find_user_id(session, email)
        try:
            async with resources.database.unit_of_work() as session:
                if owner_id is None:
                    async with session.begin_nested():
                        opened = await work(session, email, wanted.invite)
                    token, mail, to = opened.token, AccountMail.VERIFY, opened.user_id
                else:
                    # The same work, undone at its end, and a token that opens nothing.
                    with suppress(_Rehearsed):
                        async with session.begin_nested():
                            await work(session, f"{new_token().lower()}@rehearsed.invalid", "")
                            raise _Rehearsed
                    token, mail, to = new_token(), AccountMail.ADDRESS_TAKEN, owner_id
                if not (wanted.invite and owner_id is None):
                    await request_account_mail(session, resources.queue, mail, to)
            return token
        except IntegrityError:
            # Somebody else was faster with this address, or with this slug.
            continue
    raise Unavailable("Many are signing up at this moment. Please try again.")


async def refuse_closed(resources: Resources, invite: str, email: str) -> None:
    """An invite has to count, to be for this address and to have a place; else signing up has to be open."""
    policy = resources.settings.sign_up
    if policy == "closed":
        raise Forbidden("Signing up is closed on this installation.")
    async with resources.database.unit_of_work() as session:
        if invite:
            offer = await look_up_invite(session, invite)
            if offer.email and offer.email != email:
                raise Forbidden(f"This invite is for {offer.email}.")
            await refuse_without_place(session, offer, resources.most_members)
        elif policy == "invite" and await is_anybody_here(session):
            raise Forbidden("Signing up needs an invite on this installation.")
