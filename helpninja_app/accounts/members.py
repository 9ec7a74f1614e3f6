"""Members: users in a workspace, with a role. The last owner always stays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.audit import Actor, changes, record
from helpninja_app.accounts.callers import MemberCaller, WorkspaceView
from helpninja_app.accounts.models import Invite, Member, Role, User, Workspace
from helpninja_app.accounts.permissions import ROLE_PERMISSIONS, Permission, outranks
from helpninja_app.accounts.workspaces import UNKNOWN_TENANT
from helpninja_app.errors import Conflict, Forbidden, LimitUsedUp, NotFound
from helpninja_app.kernel.database import enter_scope
from helpninja_app.kernel.scope import Scope

LAST_OWNER = "A workspace needs an owner. Make somebody else an owner first."

# Changes of one workspace's members follow each other, or two owners could remove one another at once.
_LOCK = text("select pg_advisory_xact_lock(hashtextextended('members:' || cast(:workspace as text), 0))")


@dataclass(frozen=True, slots=True)
class Membership:
    workspace_id: UUID
    name: str
    slug: str
    role: str


@dataclass(frozen=True, slots=True)
class MemberView:
    user_id: UUID
    email: str
    name: str
    role: Role
    is_suspended: bool
    is_verified: bool
    joined_at: datetime


async def list_memberships(session: AsyncSession, user_id: UUID) -> list[Membership]:
    """The workspaces a user belongs to, the first joined first. Continues in the user's own scope."""
    await enter_scope(session, Scope(user_id=user_id))
    found = await session.execute(
        select(Member, Workspace)
        .join(Workspace, col(Workspace.id) == col(Member.workspace_id))
        .where(
            col(Member.user_id) == user_id,
            col(Member.suspended_at).is_(None),
            col(Workspace.deleted_at).is_(None),
        )
        .order_by(col(Member.created_at), col(Member.workspace_id))
    )
    return [
        Membership(workspace.id, workspace.name, workspace.slug, member.role)
        for member, workspace in found.tuples()
    ]


async def add_member(session: AsyncSession, workspace_id: UUID, user_id: UUID, role: Role) -> None:
    """Make a user a member. Needs the workspace's scope."""
    session.add(Member(workspace_id=workspace_id, user_id=user_id, role=role.value))
    await session.flush()


async def list_members(session: AsyncSession, workspace_id: UUID) -> list[MemberView]:
    """Everybody in a workspace, by rank and then by address."""
    found = await session.execute(
        select(Member, User)
        .join(User, col(User.id) == col(Member.user_id))
        .where(col(Member.workspace_id) == workspace_id)
    )
    ranks = list(Role)
    views = [_view(member, user) for member, user in found.tuples()]
    return sorted(views, key=lambda view: (ranks.index(view.role), view.email))


async def lock_members(session: AsyncSession, workspace_id: UUID) -> None:
    await session.execute(_LOCK, {"workspace": str(workspace_id)})


async def lock_for(session: AsyncSession, caller: MemberCaller, permission: Permission | None = None) -> Role:
    """Take the lock and see what the caller is and may by now: they may have waited for who removed them."""
    await lock_members(session, caller.workspace.id)
    found = await session.execute(
        select(col(Member.role)).where(
            col(Member.workspace_id) == caller.workspace.id,
            col(Member.user_id) == caller.user_id,
            col(Member.suspended_at).is_(None),
        )
    )
    role = found.scalar_one_or_none()
    if role is None:
        raise NotFound(UNKNOWN_TENANT)
    now = Role(role)
    if permission is not None and permission not in ROLE_PERMISSIONS[now]:
        raise Forbidden(f"Your role ({now.value}) does not allow this ({permission.value}).")
    return now


async def count_members(session: AsyncSession, workspace_id: UUID) -> int:
    """How many belong to a workspace, suspended ones included."""
    counted = await session.execute(
        select(func.count()).select_from(Member).where(col(Member.workspace_id) == workspace_id)
    )
    return counted.scalar_one()


async def refuse_full(
    session: AsyncSession, workspace: WorkspaceView, limit: int | None, *, open_invites: int
) -> None:
    """Raise ``LimitUsedUp`` when a plan's members, those invited included, leave no place for another."""
    used = await count_members(session, workspace.id) + open_invites
    if limit is not None and used >= limit:
        raise LimitUsedUp(
            f"The {workspace.plan} plan includes {limit} members, and {used} have joined or are invited."
            " Remove a member or an invite, or have an owner change the plan under Billing.",
            limit=limit,
            used=used,
        )


async def change_role(session: AsyncSession, caller: MemberCaller, user_id: UUID, role: Role) -> MemberView:
    """Give a member another role, at most the caller's own."""
    own = await lock_for(session, caller, Permission.MANAGE_MEMBERS)
    member, user = await _changeable(session, caller, own, user_id)
    if outranks(role, own):
        raise Forbidden(f"As {own.value} you cannot make anybody {role.value}.")
    before = Role(member.role)
    if before is not role:
        if before is Role.OWNER:
            await _refuse_last_owner(session, caller.workspace.id, user_id)
        member.role = role.value
        if outranks(before, role):
            await _withdraw_invites_of(session, caller.workspace.id, user.email)
        await record(
            session,
            Actor.of(caller),
            "member.role_changed",
            user.email,
            **changes({"role": before.value}, {"role": role.value}),
        )
    return _view(member, user)


async def suspend_member(
    session: AsyncSession, caller: MemberCaller, user_id: UUID, *, is_suspended: bool
) -> MemberView:
    """Keep a member out for a while, or let them in again. Nobody does this to themselves."""
    if user_id == caller.user_id:
        raise Conflict("You cannot suspend yourself.")
    own = await lock_for(session, caller, Permission.MANAGE_MEMBERS)
    member, user = await _changeable(session, caller, own, user_id)
    if (member.suspended_at is not None) is not is_suspended:
        if is_suspended and Role(member.role) is Role.OWNER:
            await _refuse_last_owner(session, caller.workspace.id, user_id)
        member.suspended_at = datetime.now(UTC) if is_suspended else None
        if is_suspended:
            await _withdraw_invites_of(session, caller.workspace.id, user.email)
        action = "member.suspended" if is_suspended else "member.resumed"
        told = changes({"suspended": not is_suspended}, {"suspended": is_suspended})
        await record(session, Actor.of(caller), action, user.email, **told)
    return _view(member, user)


async def remove_member(session: AsyncSession, caller: MemberCaller, user_id: UUID) -> None:
    """Take a member out of the workspace; their account and their other workspaces stay."""
    if user_id == caller.user_id:
        await leave_workspace(session, caller)
        return
    own = await lock_for(session, caller, Permission.MANAGE_MEMBERS)
    _, user = await _changeable(session, caller, own, user_id)
    await _remove(session, caller.workspace.id, user_id)
    await _withdraw_invites_of(session, caller.workspace.id, user.email)
    await record(session, Actor.of(caller), "member.removed", user.email)


async def leave_workspace(session: AsyncSession, caller: MemberCaller) -> None:
    if await lock_for(session, caller) is Role.OWNER:
        await _refuse_last_owner(session, caller.workspace.id, caller.user_id)
    await record(session, Actor.of(caller), "member.left", caller.email)
    await _withdraw_invites_of(session, caller.workspace.id, caller.email)
    await _remove(session, caller.workspace.id, caller.user_id)


async def transfer_workspace(session: AsyncSession, caller: MemberCaller, user_id: UUID) -> None:
    """Make another member the owner in the caller's place, who becomes an admin."""
    if await lock_for(session, caller) is not Role.OWNER:
        raise Forbidden("Only an owner can transfer a workspace.")
    if user_id == caller.user_id:
        raise Conflict("You are the owner already.")
    member, user = await _find(session, caller.workspace.id, user_id)
    if member.suspended_at is not None:
        raise Conflict("A suspended member cannot become the owner.")
    own, _ = await _find(session, caller.workspace.id, caller.user_id)
    told = changes({"role": member.role}, {"role": Role.OWNER.value})
    member.role, own.role = Role.OWNER.value, Role.ADMIN.value
    await _withdraw_invites_of(session, caller.workspace.id, caller.email)
    await record(session, Actor.of(caller), "workspace.transferred", user.email, **told)


async def _changeable(
    session: AsyncSession, caller: MemberCaller, own: Role, user_id: UUID
) -> tuple[Member, User]:
    member, user = await _find(session, caller.workspace.id, user_id)
    if outranks(Role(member.role), own):
        raise Forbidden(f"As {own.value} you cannot change an {member.role}.")
    return member, user


async def _find(session: AsyncSession, workspace_id: UUID, user_id: UUID) -> tuple[Member, User]:
    found = await session.execute(
        select(Member, User)
        .join(User, col(User.id) == col(Member.user_id))
        .where(col(Member.workspace_id) == workspace_id, col(Member.user_id) == user_id)
    )
    row = found.tuples().one_or_none()
    if row is None:
        raise NotFound("There is no such member.")
    return row


async def _refuse_last_owner(session: AsyncSession, workspace_id: UUID, user_id: UUID) -> None:
    others = await session.execute(
        select(col(Member.user_id)).where(
            col(Member.workspace_id) == workspace_id,
            col(Member.role) == Role.OWNER.value,
            col(Member.suspended_at).is_(None),
            col(Member.user_id) != user_id,
        )
    )
    if others.first() is None:
        raise Conflict(LAST_OWNER)


async def _remove(session: AsyncSession, workspace_id: UUID, user_id: UUID) -> None:
    await session.execute(
        delete(Member).where(col(Member.workspace_id) == workspace_id, col(Member.user_id) == user_id)
    )


async def _withdraw_invites_of(session: AsyncSession, workspace_id: UUID, email: str) -> None:
    """Who may less than before leaves no door open behind them."""
    await session.execute(
        update(Invite)
        .where(
            col(Invite.workspace_id) == workspace_id,
            col(Invite.invited_by) == email,
            col(Invite.accepted_at).is_(None),
            col(Invite.revoked_at).is_(None),
        )
        .values(revoked_at=datetime.now(UTC))
    )


def _view(member: Member, user: User) -> MemberView:
    return MemberView(
        user_id=user.id,
        email=user.email,
        name=user.name,
        role=Role(member.role),
        is_suspended=member.suspended_at is not None,
        is_verified=user.email_verified_at is not None,
        joined_at=member.created_at,
    )
