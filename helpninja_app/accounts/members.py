"""Members: users in a workspace, with a role."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.models import Member, Role, Workspace
from helpninja_app.kernel.database import enter_scope
from helpninja_app.kernel.scope import Scope


@dataclass(frozen=True, slots=True)
class Membership:
    workspace_id: UUID
    name: str
    slug: str
    role: str


async def list_memberships(session: AsyncSession, user_id: UUID) -> list[Membership]:
    """The workspaces a user belongs to, the first joined first. Continues in the user's own scope."""
    await enter_scope(session, Scope(user_id=user_id))
    found = await session.execute(
        select(Member, Workspace)
        .join(Workspace, col(Workspace.id) == col(Member.workspace_id))
        .where(col(Member.user_id) == user_id)
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
