"""Sign-up and what people change about themselves."""

from __future__ import annotations

import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.twins.gotrue.core import Core, body_of, check_address, check_challenge
from tests.twins.gotrue.errors import ApiError, invalid
from tests.twins.gotrue.mailing import send_confirmation, send_email_change
from tests.twins.gotrue.state import User, stamp, user_json
from tests.twins.gotrue.tokens import caller_of, start_session

TAKEN = "A user with this email address has already been registered"


async def sign_up(core: Core, request: Request) -> Response:
    """POST signup: a session where addresses need no confirmation, else a user and a mail."""
    if core.settings.disable_signup:
        raise ApiError(422, "signup_disabled", "Signups not allowed for this instance")
    body = await body_of(request)
    if not body.get("email") and not body.get("phone") and not body.get("password"):
        raise ApiError(422, "anonymous_provider_disabled", "Anonymous sign-ins are disabled")
    if not body.get("password"):
        raise invalid("Signup requires a valid password")
    core.check_password(str(body["password"]))
    check_challenge(body)
    if body.get("phone"):
        raise ApiError(400, "phone_provider_disabled", "Phone signups are disabled")
    email, data = check_address(body.get("email")), body.get("data") or {}
    user = core.find(email)
    if user and user.confirmed_at:
        if core.settings.autoconfirm:
            raise ApiError(422, "user_already_exists", "User already registered")
        return JSONResponse(_stranger(core, user, data))
    if user is None:
        user = core.create(email, str(body["password"]), data, "email")
        core.identify_by_email(user, data)
    if core.settings.autoconfirm:
        core.confirm(user)
        return JSONResponse(start_session(core, user, "password"))
    core.begin_flow("email/signup", body, user)
    is_pkce = bool(body.get("code_challenge"))
    send_confirmation(core, user, core.redirect_of(request), is_pkce=is_pkce)
    return JSONResponse(user_json(user))


def _stranger(core: Core, user: User, data: dict[str, Any]) -> dict[str, Any]:
    """What somebody sees who signs up with another's address: a new user, but for the empty identities."""
    fresh = User(email=user.email, created_at=core.clock.now(), role="")
    fresh.app_metadata = {"provider": "email", "providers": ["email"]}
    fresh.user_metadata = data
    fresh.confirmation_sent_at = fresh.created_at
    return user_json(fresh) | {"id": str(uuid.uuid4()), "updated_at": stamp(fresh.created_at)}


async def show_user(core: Core, request: Request) -> Response:
    """GET user: whose access token this is."""
    user, _ = caller_of(core, request)
    return JSONResponse(user_json(user))


async def change_user(core: Core, request: Request) -> Response:
    """PUT user: a new password ends the person's other sessions; a new address has to be confirmed."""
    user, session = caller_of(core, request)
    body = await body_of(request)
    password = body.get("password")
    new_email = check_address(body["email"]) if body.get("email") else None
    if password is not None:
        core.check_password(str(password))
    if body.get("app_metadata") is not None:
        raise ApiError(403, "not_admin", "Updating app_metadata requires admin privileges")
    if new_email and new_email != user.email and core.find(new_email):
        raise ApiError(422, "email_exists", TAKEN)
    if password is not None:
        if password == user.password:
            message = "New password should be different from the old password."
            raise ApiError(422, "same_password", message)
        set_password(core, user, str(password), keep=session.id if session else None)
    user.user_metadata |= body.get("data") or {}
    if new_email and new_email != user.email:
        core.begin_flow("email_change", body, user)
        is_pkce = bool(body.get("code_challenge"))
        send_email_change(core, user, new_email, core.redirect_of(request), is_pkce=is_pkce)
    user.updated_at = core.clock.now()
    return JSONResponse(user_json(user))


def set_password(core: Core, user: User, password: str, *, keep: str | None) -> None:
    """A new password: pending links are over, and every session but the one that asked."""
    user.password = password
    user.tokens.clear()
    core.end_sessions(user, but=keep)
