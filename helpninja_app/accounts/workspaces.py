"""Workspaces: creating, finding by what callers know of them, and removing throw-away ones."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.audit import Actor, changes, record
from helpninja_app.accounts.business_hours import WEEK
from helpninja_app.accounts.callers import StaffCaller, WorkspaceView
from helpninja_app.accounts.models import Workspace, WorkspaceHandle
from helpninja_app.errors import Conflict, NotFound
from helpninja_app.kernel.database import enter_scope, new_id
from helpninja_app.kernel.scope import Scope

UNKNOWN_TENANT = "There is no such workspace. Check the tenantId."
_ENTER_WORKSPACE = text("select * from enter_workspace(:tenant)")
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

    Leaves the transaction in a visitor's scope of that workspace. One round trip.
    """
    row = (await session.execute(_ENTER_WORKSPACE, {"tenant": as_handle(tenant)})).one_or_none()
    if row is None:
        raise NotFound(UNKNOWN_TENANT)
    workspace = view_of_row(row.workspace)
    session.info["scope"] = Scope.visitors(workspace.id)
    return workspace


async def load_workspace(session: AsyncSession, workspace_id: UUID) -> WorkspaceView:
    """The workspace of the scope that the transaction is in; ``NotFound`` when it is gone."""
    found = await session.execute(
        select(Workspace).where(col(Workspace.id) == workspace_id, col(Workspace.deleted_at).is_(None))
    )
    workspace = found.scalar_one_or_none()
    if workspace is None:
        raise NotFound(UNKNOWN_TENANT)
    return view_of(workspace)


async def change_workspace(
    session: AsyncSession, caller: StaffCaller, wanted: Mapping[str, Any]
) -> WorkspaceView:
    """Change columns of the caller's workspace; ``Conflict`` for a slug that another one has.

    An earlier slug does not lead here any more.
    """
    found = await session.execute(
        select(Workspace).where(col(Workspace.id) == caller.workspace.id).with_for_update()
    )
    workspace = found.scalar_one()
    before = {name: getattr(workspace, name) for name in wanted}
    changed = {name: value for name, value in wanted.items() if before[name] != value}
    if "slug" in changed:
        await _move_handle(session, workspace, changed["slug"])
    for name, value in changed.items():
        setattr(workspace, name, value)
    if changed:
        await session.flush()
        detail = changes(_told(before), _told(wanted))
        await record(session, Actor.of(caller), "workspace.changed", workspace.name, **detail)
    return view_of(workspace)


def _told(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as the audit log shows them: hours day by day."""
    told = dict(columns)
    hours: Mapping[str, list[list[str]]] | None = told.pop("business_hours", None)
    if hours is not None:
        told |= {
            f"hours_{day}": ", ".join("-".join(span) for span in hours.get(day, ())) or "closed"
            for day in WEEK
        }
    return told


async def _move_handle(session: AsyncSession, workspace: Workspace, slug: str) -> None:
    try:
        async with session.begin_nested():
            await session.execute(
                update(WorkspaceHandle)
                .where(col(WorkspaceHandle.handle) == workspace.slug)
                .values(handle=slug)
            )
    except IntegrityError:
        raise Conflict(f"The name {slug} in the address is taken. Please choose another one.") from None


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


def as_handle(tenant: str) -> str:
    """``tenant`` as the database may look it up; a text that cannot be a handle becomes one that none has."""
    return tenant if _HANDLE.fullmatch(tenant) else ""


def view_of_row(row: Mapping[str, Any]) -> WorkspaceView:
    """A workspace from its row in JSON, as the identity functions of the database give it."""
    return WorkspaceView(
        id=UUID(row["id"]),
        slug=row["slug"],
        public_key=row["public_key"],
        name=row["name"],
        voice=row["voice"],
        confidence_threshold=row["confidence_threshold"],
        allowed_domains=tuple(row["allowed_domains"]),
        time_zone=row["time_zone"],
        business_hours=row["business_hours"],
        holidays=tuple(row["holidays"]),
        languages=tuple(row["languages"]),
        greeting=row["greeting"],
        suggestions=tuple(row["suggestions"]),
        plan=row["plan"],
        custom_limits=row["custom_limits"],
        embedding_model=row["embedding_model"],
    )


def view_of(workspace: Workspace) -> WorkspaceView:
    return view_of_row(workspace.model_dump(mode="json"))
