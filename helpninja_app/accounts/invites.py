"""Invites: offers to join a workspace, by mail or as a link; each counts once and for seven days."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.audit import Actor, record
from helpninja_app.accounts.callers import MemberCaller, WorkspaceView
from helpninja_app.accounts.members import add_member, count_members, lock_for, lock_members, refuse_full
from helpninja_app.accounts.models import Invite, InviteHash, Member, Role, User
from helpninja_app.accounts.permissions import Permission, outranks
from helpninja_app.accounts.tokens import new_token, token_hash
from helpninja_app.accounts.workspaces import load_workspace
from helpninja_app.errors import Conflict, Forbidden, NotFound, WorkspaceFull
from helpninja_app.kernel.database import enter_scope
from helpninja_app.kernel.scope import Scope

ANYONE = "anyone with the link"
LIFETIME = timedelta(days=7)
# How many members the plan that counts for a workspace includes, ``None`` for any number.
MostMembers = Callable[[WorkspaceView], int | None]
OVER = "This invite was used, withdrawn, or is older than seven days. Please ask for a new one."


@dataclass(frozen=True, slots=True)
class InviteView:
    id: UUID
    email: str
    role: Role
    invited_by: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Offer:
    """What somebody with an invite's token may know before they accept it."""

    workspace_id: UUID
    invite_id: UUID
    workspace_name: str
    email: str
    role: Role
    invited_by: str
    is_mailed: bool


async def invite(
    session: AsyncSession, caller: MemberCaller, email: str, role: Role, *, limit: int | None
) -> tuple[InviteView, str]:
    """Offer a role, at most the caller's own; the token goes into the link and is not seen again.

    Without ``email`` whoever has the link may join. Raises ``LimitUsedUp`` when the plan has no place left.
    """
    own = await lock_for(session, caller, Permission.MANAGE_MEMBERS)
    if outranks(role, own):
        raise Forbidden(f"As {own.value} you cannot make anybody {role.value}.")
    email, workspace_id = email.strip().lower(), caller.workspace.id
    if email:
        await _refuse_known(session, workspace_id, email)
    used = await _count_open(session, workspace_id)
    await refuse_full(session, caller.workspace, limit, open_invites=used)
    offered = Invite(
        workspace_id=workspace_id,
        email=email,
        role=role.value,
        invited_by=caller.email,
        expires_at=datetime.now(UTC) + LIFETIME,
    )
    session.add(offered)
    await session.flush()
    await record(session, Actor.of(caller), "member.invited", email or ANYONE, role=role.value)
    return _view(offered), await mint_token(session, workspace_id, offered.id)


async def mint_token(
    session: AsyncSession, workspace_id: UUID, invite_id: UUID, *, is_mailed: bool = False
) -> str:
    """Another token of an invite; earlier ones count as well until it is accepted.

    ``is_mailed`` for one that nobody but the reader of the mail sees.
    """
    token = new_token()
    session.add(
        InviteHash(
            token_hash=token_hash(token),
            workspace_id=workspace_id,
            invite_id=invite_id,
            is_mailed=is_mailed,
        )
    )
    await session.flush()
    return token


async def list_invites(session: AsyncSession, workspace_id: UUID) -> list[InviteView]:
    """Invites that can still be accepted, the latest first."""
    found = await session.execute(
        select(Invite).where(*_open(workspace_id)).order_by(col(Invite.created_at).desc())
    )
    return [_view(item) for item in found.scalars()]


async def renew_invite(
    session: AsyncSession, caller: MemberCaller, invite_id: UUID, *, limit: int | None
) -> tuple[InviteView, str]:
    """Seven more days and a new link; the earlier links do not count any more."""
    own = await lock_for(session, caller, Permission.MANAGE_MEMBERS)
    offered = await _load(session, caller.workspace.id, invite_id)
    if outranks(Role(offered.role), own):
        raise Forbidden(f"As {own.value} you cannot make anybody {offered.role}.")
    if offered.expires_at <= datetime.now(UTC):
        # Its place may have gone to somebody else.
        used = await _count_open(session, caller.workspace.id)
        await refuse_full(session, caller.workspace, limit, open_invites=used)
    offered.expires_at = datetime.now(UTC) + LIFETIME
    await session.execute(
        delete(InviteHash).where(
            col(InviteHash.workspace_id) == caller.workspace.id, col(InviteHash.invite_id) == invite_id
        )
    )
    await record(session, Actor.of(caller), "member.invited_again", offered.email or ANYONE)
    return _view(offered), await mint_token(session, caller.workspace.id, invite_id)


async def revoke_invite(session: AsyncSession, caller: MemberCaller, invite_id: UUID) -> None:
    own = await lock_for(session, caller, Permission.MANAGE_MEMBERS)
    offered = await _load(session, caller.workspace.id, invite_id)
    if outranks(Role(offered.role), own):
        raise Forbidden(f"As {own.value} you cannot withdraw the invite of an {offered.role}.")
    offered.revoked_at = datetime.now(UTC)
    await record(session, Actor.of(caller), "member.invite_revoked", offered.email or ANYONE)


async def look_up_invite(session: AsyncSession, token: str) -> Offer:
    """What a token offers; ``NotFound`` when it does not count any more. Goes on in the workspace's scope."""
    found = await session.execute(select(InviteHash).where(col(InviteHash.token_hash) == token_hash(token)))
    known = found.scalar_one_or_none()
    if known is None:
        raise NotFound(OVER)
    await enter_scope(session, Scope.members(known.workspace_id))
    try:
        workspace = await load_workspace(session, known.workspace_id)
        offered = await _load(session, known.workspace_id, known.invite_id)
    except NotFound:
        raise NotFound(OVER) from None
    if offered.expires_at <= datetime.now(UTC):
        raise NotFound(OVER)
    return Offer(
        workspace_id=workspace.id,
        invite_id=offered.id,
        workspace_name=workspace.name,
        email=offered.email,
        role=Role(offered.role),
        invited_by=offered.invited_by,
        is_mailed=known.is_mailed and bool(offered.email),
    )


async def refuse_without_place(session: AsyncSession, offer: Offer, most_members: MostMembers) -> None:
    """Raise ``WorkspaceFull`` where another plan counts than when the invite was made.

    Only who has joined takes a place here: of more invites than there are places, those accepted first count.
    Needs the workspace's scope.
    """
    most = most_members(await load_workspace(session, offer.workspace_id))
    used = await count_members(session, offer.workspace_id)
    if most is not None and used >= most:
        raise WorkspaceFull(
            f"{offer.workspace_name} has no place for another member now: its plan includes {most}. Ask an"
            " owner there to make room or to change the plan, and use this invite again.",
            limit=most,
            used=used,
        )


async def accept_invite(
    session: AsyncSession, token: str, user_id: UUID, email: str, most_members: MostMembers
) -> Offer:
    """Make a user a member; of two who accept one invite at once, one does. Continues in their new scope.

    Raises ``Forbidden`` when the invite is for another address, ``Conflict`` for a member, and
    ``WorkspaceFull`` when the plan has no place left.
    """
    offer = await look_up_invite(session, token)
    await lock_members(session, offer.workspace_id)
    # Whoever waited for the lock may have come too late.
    offer = await look_up_invite(session, token)
    if offer.email and offer.email != email:
        raise Forbidden(f"This invite is for {offer.email}, and this account is {email}.")
    await enter_scope(session, Scope.members(offer.workspace_id, user_id))
    found = await session.execute(
        select(col(Member.user_id)).where(
            col(Member.workspace_id) == offer.workspace_id, col(Member.user_id) == user_id
        )
    )
    if found.first() is not None:
        raise Conflict("You are a member of this workspace already.")
    await refuse_without_place(session, offer, most_members)
    await add_member(session, offer.workspace_id, user_id, offer.role)
    offered = await _load(session, offer.workspace_id, offer.invite_id)
    offered.accepted_at, offered.accepted_by = datetime.now(UTC), user_id
    await record(
        session,
        Actor.member(offer.workspace_id, user_id, email),
        "member.joined",
        email,
        role=offer.role.value,
    )
    return offer


async def _refuse_known(session: AsyncSession, workspace_id: UUID, email: str) -> None:
    member = await session.execute(
        select(col(User.id))
        .join(Member, col(Member.user_id) == col(User.id))
        .where(col(Member.workspace_id) == workspace_id, col(User.email) == email)
    )
    if member.first() is not None:
        raise Conflict(f"{email} is a member already.")
    invited = await session.execute(
        select(Invite).where(
            col(Invite.workspace_id) == workspace_id,
            col(Invite.email) == email,
            col(Invite.accepted_at).is_(None),
            col(Invite.revoked_at).is_(None),
        )
    )
    earlier = invited.scalars().first()
    if earlier is None:
        return
    if earlier.expires_at > datetime.now(UTC):
        raise Conflict(f"{email} is invited already. You can send the invite again.")
    earlier.revoked_at = datetime.now(UTC)
    await session.flush()


async def count_places(session: AsyncSession, workspace_id: UUID) -> int:
    """How many of a plan's members there are: those who joined, and those who are invited."""
    return await count_members(session, workspace_id) + await _count_open(session, workspace_id)


async def _count_open(session: AsyncSession, workspace_id: UUID) -> int:
    counted = await session.execute(select(func.count()).select_from(Invite).where(*_open(workspace_id)))
    return counted.scalar_one()


def _open(workspace_id: UUID) -> list[Any]:
    return [
        col(Invite.workspace_id) == workspace_id,
        col(Invite.accepted_at).is_(None),
        col(Invite.revoked_at).is_(None),
        col(Invite.expires_at) > datetime.now(UTC),
    ]


async def _load(session: AsyncSession, workspace_id: UUID, invite_id: UUID) -> Invite:
    found = await session.execute(
        select(Invite)
        .where(
            col(Invite.workspace_id) == workspace_id,
            col(Invite.id) == invite_id,
            col(Invite.accepted_at).is_(None),
            col(Invite.revoked_at).is_(None),
        )
        .execution_options(populate_existing=True)
    )
    offered = found.scalar_one_or_none()
    if offered is None:
        raise NotFound("There is no such invite.")
    return offered


def _view(offered: Invite) -> InviteView:
    return InviteView(
        id=offered.id,
        email=offered.email,
        role=Role(offered.role),
        invited_by=offered.invited_by,
        created_at=offered.created_at,
        expires_at=offered.expires_at,
    )
