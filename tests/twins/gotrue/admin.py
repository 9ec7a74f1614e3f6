"""What the service role may do: people, and links that the caller mails itself."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.twins.gotrue.accounts import TAKEN, set_password
from tests.twins.gotrue.core import Core, body_of, check_address, is_uuid
from tests.twins.gotrue.errors import ApiError, invalid
from tests.twins.gotrue.mailing import check_pace, write_link
from tests.twins.gotrue.state import Mail, MailKind, TokenKind, User, user_json
from tests.twins.gotrue.tokens import bearer_of, read_token

PAGING = (("page", 1), ("per_page", 50))


def check_role(core: Core, request: Request) -> None:
    claims = read_token(core, bearer_of(request))
    if claims.get("role") not in ("service_role", "supabase_admin"):
        raise ApiError(403, "not_admin", "User not allowed")


async def create_user(core: Core, request: Request) -> Response:
    """POST admin/users."""
    check_role(core, request)
    body = await body_of(request)
    if not body.get("email"):
        raise invalid("Cannot create a user without either an email or phone")
    email = check_address(body["email"])
    if core.find(email):
        raise ApiError(422, "email_exists", TAKEN)
    user = core.create(email, body.get("password") or secrets.token_hex(16), {}, "email")
    if body.get("id"):
        del core.users[user.id]
        user.id = str(body["id"])
        core.users[user.id] = user
    core.identify_by_email(user, {})
    _apply(core, user, body)
    return JSONResponse(user_json(user))


async def list_users(core: Core, request: Request) -> Response:
    """GET admin/users: the newest first, 50 a page."""
    check_role(core, request)
    page, size = (int(request.query_params.get(name) or default) for name, default in PAGING)
    users = sorted(core.users.values(), key=lambda user: user.created_at, reverse=True)
    shown = users[(page - 1) * size : page * size]
    headers = {"X-Total-Count": str(len(users))}
    return JSONResponse({"users": [user_json(user) for user in shown], "aud": "authenticated"}, 200, headers)


async def show_user(core: Core, request: Request) -> Response:
    """GET admin/users/{id}."""
    check_role(core, request)
    return JSONResponse(user_json(_named(core, request)))


async def change_user(core: Core, request: Request) -> Response:
    """PUT admin/users/{id}: also a ban, which is a number of hours such as `24h`, or `none`."""
    check_role(core, request)
    user, body = _named(core, request), await body_of(request)
    if body.get("password"):
        core.check_password(str(body["password"]))
        set_password(core, user, str(body["password"]), keep=None)
    if body.get("email"):
        user.email = check_address(body["email"])
    _apply(core, user, body)
    return JSONResponse(user_json(user))


async def delete_user(core: Core, request: Request) -> Response:
    """DELETE admin/users/{id}."""
    check_role(core, request)
    core.forget(_named(core, request))
    return JSONResponse({})


async def generate_link(core: Core, request: Request) -> Response:
    """POST admin/generate_link: what a mail would have carried, and no mail."""
    check_role(core, request)
    body = await body_of(request)
    kind, email, redirect_to = body.get("type"), check_address(body.get("email")), core.redirect_of(request)
    if core.may_redirect(str(body.get("redirect_to") or "")):
        redirect_to = body["redirect_to"]
    user = core.find(email)
    if user is None and kind == "recovery":
        raise ApiError(404, "user_not_found", "User with this email not found")
    if user is None and kind == "magiclink":
        kind, body["password"] = "signup", secrets.token_hex(16)
    if kind not in ("signup", "invite", "magiclink", "recovery"):
        raise invalid(f"Invalid email action link type requested: {kind}")
    if kind == "signup" and user is None:
        if not body.get("password"):
            raise invalid("Signup requires a valid password")
        core.check_password(str(body["password"]))
    user = user or _newcomer(core, email, body.get("password"), body.get("data") or {})
    link = _link(core, user, kind, redirect_to)
    properties = {
        "action_link": link.link,
        "email_otp": link.token,
        "hashed_token": link.token_hash,
        "verification_type": link.kind,
        "redirect_to": link.redirect_to,
    }
    return JSONResponse(user_json(user) | properties)


async def invite(core: Core, request: Request) -> Response:
    """POST invite: a mail to somebody new."""
    check_role(core, request)
    body = await body_of(request)
    email = check_address(body.get("email"))
    user = core.find(email) or _newcomer(core, email, None, body.get("data") or {})
    link = _link(core, user, "invite", core.redirect_of(request))
    check_pace(core, None)
    core.mails.append(link)
    return JSONResponse(user_json(user))


def _link(core: Core, user: User, kind: MailKind, redirect_to: str) -> Mail:
    stored: TokenKind = "confirmation" if kind in ("signup", "invite") else "recovery"
    if stored == "confirmation" and user.confirmed_at:
        raise ApiError(422, "email_exists", TAKEN)
    if stored == "confirmation":
        user.confirmation_sent_at = core.clock.now()
        user.invited_at = core.clock.now() if kind == "invite" else user.invited_at
    else:
        user.recovery_sent_at = core.clock.now()
    return write_link(core, user, kind, stored, user.email, redirect_to, is_pkce=False)


def _newcomer(core: Core, email: str, password: str | None, data: dict[str, Any]) -> User:
    user = core.create(email, password, data, "email")
    core.identify_by_email(user, {})
    return user


def _apply(core: Core, user: User, body: dict[str, Any]) -> None:
    user.user_metadata |= body.get("user_metadata") or {}
    user.app_metadata |= body.get("app_metadata") or {}
    user.role = body.get("role") or user.role
    if body.get("email_confirm"):
        core.confirm(user)
    if ban := body.get("ban_duration"):
        hours = 0.0 if ban == "none" else float(str(ban).removesuffix("h"))
        user.banned_until = core.clock.now() + timedelta(hours=hours) if hours else None
    user.updated_at = core.clock.now()


def _named(core: Core, request: Request) -> User:
    user_id = request.path_params["user_id"]
    if not is_uuid(user_id):
        raise ApiError(404, "validation_failed", "user_id must be an UUID")
    if user_id not in core.users:
        raise ApiError(404, "user_not_found", "User not found")
    return core.users[user_id]
