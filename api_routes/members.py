"""The people of a workspace: its members, and invites to become one."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from api_routes.bodies import Body, json_body, read_json
from api_routes.forms import SEE_OTHER, Ok, answered, back_to, is_form, posted_body, read_posted
from api_routes.identity import member_caller, resources_of, signed_in_user, staff_caller, visitor_burst
from api_routes.ids import parse_id
from api_routes.origins import refuse_foreign_origin
from api_routes.problems import documented
from helpninja_app.accounts.callers import require
from helpninja_app.accounts.invites import (
    InviteView,
    accept_invite,
    invite,
    list_invites,
    look_up_invite,
    renew_invite,
    revoke_invite,
)
from helpninja_app.accounts.mail_limits import limit_invite_mails
from helpninja_app.accounts.mails import request_invite_mail
from helpninja_app.accounts.members import (
    MemberView,
    change_role,
    list_members,
    remove_member,
    suspend_member,
)
from helpninja_app.accounts.models import Role
from helpninja_app.accounts.permissions import Permission
from helpninja_app.accounts.sessions import choose_workspace
from helpninja_app.accounts.users import check_email
from helpninja_app.errors import HelpNinjaError, Invalid
from helpninja_app.kernel.proxies import own_origin

router = APIRouter(tags=["Members"])


# A description that stands by itself cannot refer to an enumeration elsewhere.
RoleName = Literal["owner", "admin", "agent", "analyst", "viewer"]


class MemberInfo(BaseModel):
    id: str
    email: str
    name: str
    role: Role
    suspended: bool
    joinedAt: str


class MemberList(BaseModel):
    members: list[MemberInfo]


class MemberChanges(Body):
    role: RoleName | None = None
    suspended: bool | None = None


class InviteBody(Body):
    """Without ``email`` whoever has the link may join, once."""

    email: str = Field("", max_length=320)
    role: RoleName


class InviteInfo(BaseModel):
    id: str
    email: str
    role: Role
    invitedBy: str
    createdAt: str
    expiresAt: str


class NewInvite(InviteInfo):
    link: str = Field(description="To be passed on by hand; it is not shown again.")
    mailed: bool


class InviteList(BaseModel):
    invites: list[InviteInfo]


class InviteToken(Body):
    token: str = Field(min_length=1, max_length=200)


class OfferInfo(BaseModel):
    workspaceName: str
    email: str
    role: Role
    invitedBy: str


class Joined(BaseModel):
    ok: bool = True
    workspaceId: str


@router.get(
    "/api/workspaces/{workspace_id}/members",
    response_model=MemberList,
    responses=documented(401, 403, 404, 429),
)
async def members(request: Request, workspace_id: str) -> MemberList:
    """Everybody in a workspace, by rank."""
    caller = await staff_caller(request, workspace_id)
    require(caller, Permission.READ_MEMBERS)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        return MemberList(
            members=[_member(item) for item in await list_members(session, caller.workspace.id)]
        )


@router.patch(
    "/api/workspaces/{workspace_id}/members/{user_id}",
    response_model=MemberInfo,
    responses=documented(400, 401, 403, 404, 409, 413, 415, 422, 429),
    openapi_extra=json_body(MemberChanges),
)
async def change_member(request: Request, workspace_id: str, user_id: str) -> MemberInfo:
    """Change a member's role, at most to the caller's own, or suspend them."""
    # Before the caller: they may be somebody else by the time that a slow body is there.
    body = await read_json(request)
    caller = await member_caller(request, workspace_id)
    require(caller, Permission.MANAGE_MEMBERS)
    wanted = body.parse(MemberChanges)
    member_id = parse_id(user_id)
    view: MemberView | None = None
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        if wanted.role is not None:
            view = await change_role(session, caller, member_id, Role(wanted.role))
        if wanted.suspended is not None:
            view = await suspend_member(session, caller, member_id, is_suspended=wanted.suspended)
    if view is None:
        raise Invalid("Send a role, or whether the member is suspended.")
    return _member(view)


@router.delete(
    "/api/workspaces/{workspace_id}/members/{user_id}",
    response_model=Ok,
    responses=documented(400, 401, 403, 404, 409, 429),
)
async def remove(request: Request, workspace_id: str, user_id: str) -> Ok:
    """Take a member out of the workspace, or leave it oneself."""
    caller = await member_caller(request, workspace_id)
    member_id = parse_id(user_id)
    if member_id != caller.user_id:
        require(caller, Permission.MANAGE_MEMBERS)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        await remove_member(session, caller, member_id)
    return Ok()


@router.get(
    "/api/workspaces/{workspace_id}/invites",
    response_model=InviteList,
    responses=documented(401, 403, 404, 429),
)
async def invites(request: Request, workspace_id: str) -> InviteList:
    """Invites that can still be accepted."""
    caller = await member_caller(request, workspace_id)
    require(caller, Permission.MANAGE_MEMBERS)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        return InviteList(
            invites=[_invite(item) for item in await list_invites(session, caller.workspace.id)]
        )


@router.post(
    "/api/workspaces/{workspace_id}/invites",
    status_code=201,
    response_model=NewInvite,
    responses=documented(401, 402, 403, 404, 409, 413, 415, 422, 429),
    openapi_extra=json_body(InviteBody),
)
async def create_invite(request: Request, workspace_id: str) -> NewInvite:
    """Invite somebody by mail, or make a link to pass on; either counts once, and for seven days."""
    # Before the caller: they may be somebody else by the time that a slow body is there.
    body = await read_json(request)
    caller = await member_caller(request, workspace_id)
    require(caller, Permission.MANAGE_MEMBERS)
    wanted = body.parse(InviteBody)
    email = check_email(wanted.email) if wanted.email.strip() else ""
    resources = resources_of(request)
    limit = resources.most_members(caller.workspace)
    async with resources.database.unit_of_work(caller.scope) as session:
        view, token = await invite(session, caller, email, Role(wanted.role), limit=limit)
        if view.email:
            await limit_invite_mails(resources.limiter, caller.user_id, view.email)
            await request_invite_mail(session, resources.queue, caller.workspace.id, view.id)
    return _new_invite(request, view, token)


@router.post(
    "/api/workspaces/{workspace_id}/invites/{invite_id}/resend",
    response_model=NewInvite,
    responses=documented(400, 401, 402, 403, 404, 429),
)
async def resend(request: Request, workspace_id: str, invite_id: str) -> NewInvite:
    """Seven more days and a new link, mailed where there is an address; earlier links end."""
    caller = await member_caller(request, workspace_id)
    require(caller, Permission.MANAGE_MEMBERS)
    wanted = parse_id(invite_id)
    resources = resources_of(request)
    async with resources.database.unit_of_work(caller.scope) as session:
        limit = resources.most_members(caller.workspace)
        view, token = await renew_invite(session, caller, wanted, limit=limit)
        if view.email:
            await limit_invite_mails(resources.limiter, caller.user_id, view.email)
            await request_invite_mail(session, resources.queue, caller.workspace.id, view.id)
    return _new_invite(request, view, token)


@router.delete(
    "/api/workspaces/{workspace_id}/invites/{invite_id}",
    response_model=Ok,
    responses=documented(400, 401, 403, 404, 429),
)
async def revoke(request: Request, workspace_id: str, invite_id: str) -> Ok:
    """Withdraw an invite."""
    caller = await member_caller(request, workspace_id)
    require(caller, Permission.MANAGE_MEMBERS)
    wanted = parse_id(invite_id)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        await revoke_invite(session, caller, wanted)
    return Ok()


@router.post(
    "/api/invites/look-up",
    response_model=OfferInfo,
    responses=documented(403, 404, 413, 415, 422, 429),
    openapi_extra=json_body(InviteToken),
)
async def look_up(request: Request) -> OfferInfo:
    """What an invite offers, for whoever has its token. The token is in the body: addresses are logged."""
    resources = resources_of(request)
    refuse_foreign_origin(request, resources.settings)
    await visitor_burst(request)
    wanted = (await read_json(request)).parse(InviteToken)
    async with resources.database.unit_of_work() as session:
        offer = await look_up_invite(session, wanted.token)
    return OfferInfo(
        workspaceName=offer.workspace_name, email=offer.email, role=offer.role, invitedBy=offer.invited_by
    )


@router.post(
    "/api/invites/accept",
    response_model=Joined,
    responses=documented(401, 402, 403, 404, 409, 413, 415, 422, 429, also=SEE_OTHER),
    openapi_extra=posted_body(InviteToken),
)
async def accept(request: Request) -> Response:
    """Join the workspace of an invite, and go there."""
    user, resources = await signed_in_user(request), resources_of(request)
    body = await read_posted(request)
    try:
        wanted = body.parse(InviteToken)
        async with resources.database.unit_of_work() as session:
            offer = await accept_invite(session, wanted.token, user.id, user.email, resources.most_members)
            await choose_workspace(session, user.id, user.session_id, offer.workspace_id)
    except HelpNinjaError as error:
        if not is_form(request) or error.status >= 500:
            raise
        code = {402: "full", 403: "other", 409: "member"}.get(error.status, "over")
        return back_to("/invite", code, token=(body.text("token") or "")[:200])
    return answered(request, {"ok": True, "workspaceId": str(offer.workspace_id)}, "/app")


def _member(view: MemberView) -> MemberInfo:
    return MemberInfo(
        id=str(view.user_id),
        email=view.email,
        name=view.name,
        role=view.role,
        suspended=view.is_suspended,
        joinedAt=view.joined_at.isoformat(),
    )


def _invite(view: InviteView) -> InviteInfo:
    return InviteInfo(
        id=str(view.id),
        email=view.email,
        role=view.role,
        invitedBy=view.invited_by,
        createdAt=view.created_at.isoformat(),
        expiresAt=view.expires_at.isoformat(),
    )


def _new_invite(request: Request, view: InviteView, token: str) -> NewInvite:
    resources = resources_of(request)
    return NewInvite(
        **_invite(view).model_dump(),
        link=f"{own_origin(request.scope, resources.settings)}/invite?token={token}",
        mailed=bool(view.email) and resources.mailer.is_real,
    )
