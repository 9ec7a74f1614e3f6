"""Deleting a workspace: out of reach at once, to be brought back for seven days, and then gone for good."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.audit import Actor, record
from helpninja_app.accounts.callers import MemberCaller
from helpninja_app.accounts.identity import SignedInUser
from helpninja_app.accounts.members import lock_for
from helpninja_app.accounts.models import Member, Role, Workspace, WorkspaceHandle
from helpninja_app.accounts.permissions import Permission
from helpninja_app.errors import Forbidden, Invalid, NotFound
from helpninja_app.kernel.database import enter_scope
from helpninja_app.kernel.scope import Scope

UNDO_PERIOD = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class DeletedWorkspace:
    """A workspace that its owner can still bring back, until ``gone_at``."""

    id: UUID
    name: str
    slug: str
    gone_at: datetime


async def close_workspace(session: AsyncSession, caller: MemberCaller, *, typed: str) -> datetime:
    """Put a workspace out of everybody's reach; returns when it is gone for good.

    ``typed`` has to be its slug: nobody deletes the wrong one by a slip.
    """
    if await lock_for(session, caller, Permission.DELETE_WORKSPACE) is not Role.OWNER:
        raise Forbidden("Only an owner can delete a workspace.")
    if typed != caller.workspace.slug:
        raise Invalid(f"Type {caller.workspace.slug} to delete this workspace.")
    now = datetime.now(UTC)
    await record(session, Actor.of(caller), "workspace.deleted", caller.workspace.name)
    await session.execute(
        update(WorkspaceHandle)
        .where(col(WorkspaceHandle.workspace_id) == caller.workspace.id)
        .values(is_closed=True, expires_at=now + UNDO_PERIOD)
    )
    await session.execute(
        update(Workspace).where(col(Workspace.id) == caller.workspace.id).values(deleted_at=now)
    )
    return now + UNDO_PERIOD


async def list_deleted(session: AsyncSession, user: SignedInUser) -> list[DeletedWorkspace]:
    """What a user owns and can still bring back."""
    await enter_scope(session, Scope(user_id=user.id))
    found = await session.execute(
        select(Workspace)
        .join(Member, col(Member.workspace_id) == col(Workspace.id))
        .where(
            col(Member.user_id) == user.id,
            col(Member.role) == Role.OWNER.value,
            col(Member.suspended_at).is_(None),
            col(Workspace.deleted_at) > datetime.now(UTC) - UNDO_PERIOD,
        )
        .order_by(col(Workspace.deleted_at).desc())
    )
    return [
        DeletedWorkspace(item.id, item.name, item.slug, item.deleted_at + UNDO_PERIOD)
        for item in found.scalars()
        if item.deleted_at is not None
    ]


async def restore_workspace(session: AsyncSession, user: SignedInUser, workspace_id: UUID) -> None:
    """Bring a deleted workspace back with everything in it; ``NotFound`` unless the user owned it."""
    names = {item.id: item.name for item in await list_deleted(session, user)}
    if workspace_id not in names:
        raise NotFound("There is no such deleted workspace of yours.")
    await enter_scope(session, Scope.members(workspace_id, user.id))
    await session.execute(update(Workspace).where(col(Workspace.id) == workspace_id).values(deleted_at=None))
    await session.execute(
        update(WorkspaceHandle)
        .where(col(WorkspaceHandle.workspace_id) == workspace_id)
        .values(is_closed=False, expires_at=None)
    )
    actor = Actor.member(workspace_id, user.id, user.email)
    await record(session, actor, "workspace.restored", names[workspace_id])
