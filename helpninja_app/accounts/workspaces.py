"""Workspaces: creating, finding by what callers know of them, and removing throw-away ones."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.callers import Voice, WorkspaceView
from helpninja_app.accounts.models import Workspace, WorkspaceHandle
from helpninja_app.errors import NotFound
from helpninja_app.kernel.database import enter_scope, new_id
from helpninja_app.kernel.scope import Scope

UNKNOWN_TENANT = "There is no such workspace. Check the tenantId."
_HANDLE = re.compile(r"[A-Za-z0-9_-]{1,100}")


def make_public_key() -> str:
    return "hn_pk_" + secrets.token_urlsafe(18)


async def create_workspace(
    session: AsyncSession,
    *,
    slug: str,
    name: str,
    embedding_model: str,
    public_key: str | None = None,
    plan: str = "free",
    lifetime: timedelta | None = None,
    greeting: str = "",
    suggestions: tuple[str, ...] = (),
    languages: tuple[str, ...] = (),
) -> WorkspaceView:
    """Create a workspace and continue the transaction in its scope, as a member of it.

    ``lifetime`` marks it as a throw-away one that ``remove_expired_workspaces`` may remove.
    """
    workspace = Workspace(
        id=new_id(),
        slug=slug,
        public_key=public_key or make_public_key(),
        name=name,
        plan=plan,
        embedding_model=embedding_model,
        greeting=greeting,
        suggestions=list(suggestions),
        languages=list(languages),
    )
    await enter_scope(session, Scope.members(workspace.id))
    session.add(workspace)
    await session.flush()
    expires_at = datetime.now(UTC) + lifetime if lifetime else None
    for handle in (workspace.slug, workspace.public_key):
        session.add(WorkspaceHandle(handle=handle, workspace_id=workspace.id, expires_at=expires_at))
    await session.flush()
    return view_of(workspace)


async def find_workspace(session: AsyncSession, tenant: str) -> WorkspaceView:
    """The workspace with this public key, slug or id; ``NotFound`` when there is none.

    Leaves the transaction in a visitor's scope of that workspace.
    """
    workspace_id = await _resolve(session, tenant)
    await enter_scope(session, Scope.visitors(workspace_id))
    return await load_workspace(session, workspace_id)


async def load_workspace(session: AsyncSession, workspace_id: UUID) -> WorkspaceView:
    """The workspace of the scope that the transaction is in; ``NotFound`` when it is gone."""
    found = await session.execute(select(Workspace).where(col(Workspace.id) == workspace_id))
    workspace = found.scalar_one_or_none()
    if workspace is None:
        raise NotFound(UNKNOWN_TENANT)
    return view_of(workspace)


async def embedding_model_of(session: AsyncSession, workspace_id: UUID) -> str:
    """The embedder whose vectors this workspace is searched by; ``NotFound`` when the workspace is gone."""
    found = await session.execute(
        select(col(Workspace.embedding_model)).where(col(Workspace.id) == workspace_id)
    )
    model = found.scalar_one_or_none()
    if model is None:
        raise NotFound(UNKNOWN_TENANT)
    return model


async def set_embedding_model(session: AsyncSession, workspace_id: UUID, model: str) -> None:
    await session.execute(
        update(Workspace).where(col(Workspace.id) == workspace_id).values(embedding_model=model)
    )


async def delete_workspace(session: AsyncSession, workspace_id: UUID) -> None:
    """Remove a workspace and, by the tables' cascades, everything in it."""
    await enter_scope(session, Scope.members(workspace_id))
    await session.execute(delete(Workspace).where(col(Workspace.id) == workspace_id))


async def expired_workspaces(session: AsyncSession) -> list[UUID]:
    """Throw-away workspaces whose time is over: those an interrupted evaluation left behind."""
    found = await session.execute(
        select(col(WorkspaceHandle.workspace_id))
        .where(col(WorkspaceHandle.expires_at) < datetime.now(UTC))
        .distinct()
    )
    return list(found.scalars())


async def all_workspaces(session: AsyncSession) -> list[UUID]:
    """Every workspace of the installation, oldest first; readable without a scope."""
    found = await session.execute(
        select(col(WorkspaceHandle.workspace_id)).distinct().order_by(col(WorkspaceHandle.workspace_id))
    )
    return list(found.scalars())


async def _resolve(session: AsyncSession, tenant: str) -> UUID:
    if not _HANDLE.fullmatch(tenant):
        raise NotFound(UNKNOWN_TENANT)
    found = await session.execute(
        select(col(WorkspaceHandle.workspace_id)).where(
            or_(col(WorkspaceHandle.handle) == tenant, col(WorkspaceHandle.handle) == tenant.lower())
        )
    )
    workspace_id = found.scalars().first()
    if workspace_id is not None:
        return workspace_id
    try:
        return UUID(tenant)
    except ValueError:
        raise NotFound(UNKNOWN_TENANT) from None


def view_of(workspace: Workspace) -> WorkspaceView:
    return WorkspaceView(
        id=workspace.id,
        slug=workspace.slug,
        public_key=workspace.public_key,
        name=workspace.name,
        voice=cast(Voice, workspace.voice),
        confidence_threshold=workspace.confidence_threshold,
        allowed_domains=tuple(workspace.allowed_domains),
        languages=tuple(workspace.languages),
        greeting=workspace.greeting,
        suggestions=tuple(workspace.suggestions),
        plan=workspace.plan,
        embedding_model=workspace.embedding_model,
    )
