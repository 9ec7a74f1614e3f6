"""Signing up: a user, their first workspace and their session, all at once or not at all."""

from __future__ import annotations

import re
import secrets
import unicodedata
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.audit import Actor, record
from helpninja_app.accounts.invites import MostMembers, accept_invite
from helpninja_app.accounts.members import add_member
from helpninja_app.accounts.models import Member, Role, UserEmail, WorkspaceHandle
from helpninja_app.accounts.sessions import Device, open_session
from helpninja_app.accounts.users import confirm_address, create_user, find_user_id
from helpninja_app.accounts.workspace_settings import RESERVED, looks_like_id
from helpninja_app.accounts.workspaces import create_workspace
from helpninja_app.errors import WorkspacesUsedUp
from helpninja_app.kernel.database import enter_scope
from helpninja_app.kernel.scope import Scope

MOST_OWNED = 20
_LONGEST_SLUG = 48
_LOCK_SLUG = text("select pg_advisory_xact_lock(hashtextextended('slug:' || :slug, 0))")


@dataclass(frozen=True, slots=True)
class OpenedAccount:
    user_id: UUID
    workspace_id: UUID
    token: str


async def is_address_taken(session: AsyncSession, email: str) -> bool:
    return await find_user_id(session, email) is not None


async def is_anybody_here(session: AsyncSession) -> bool:
    """Whether this installation has an account at all."""
    return (await session.execute(select(col(UserEmail.user_id)).limit(1))).first() is not None


async def open_account(
    session: AsyncSession,
    *,
    email: str,
    password_hash: str,
    workspace_name: str,
    embedding_model: str,
    device: Device,
    most_members: MostMembers,
    invite_token: str | None = None,
) -> OpenedAccount:
    """Make a user and sign them in: as the owner of a new workspace, or as the member an invite makes them.

    The address has to be free. Who comes by an invite to this address has shown that they read it.
    """
    user = await create_user(session, email=email, password_hash=password_hash)
    if invite_token is not None:
        offer = await accept_invite(session, invite_token, user.id, user.email, most_members)
        if offer.is_mailed:
            await confirm_address(session, user.id, user.email)
        token = await open_session(session, user.id, device, workspace_id=offer.workspace_id)
        return OpenedAccount(user.id, offer.workspace_id, token)
    name = workspace_name.strip() or f"{email.split('@')[0]}'s workspace"
    workspace_id = await open_workspace(
        session, user_id=user.id, email=user.email, name=name, embedding_model=embedding_model
    )
    token = await open_session(session, user.id, device, workspace_id=workspace_id)
    return OpenedAccount(user.id, workspace_id, token)


async def open_workspace(
    session: AsyncSession, *, user_id: UUID, email: str, name: str, embedding_model: str
) -> UUID:
    """A new workspace of which the user is the owner; continues in their scope in it.

    ``WorkspacesUsedUp`` for somebody who owns ``MOST_OWNED``: each comes with a free plan of its own.
    """
    await enter_scope(session, Scope(user_id=user_id))
    owned = await session.execute(
        select(func.count())
        .select_from(Member)
        .where(col(Member.user_id) == user_id, col(Member.role) == Role.OWNER.value)
    )
    if (used := owned.scalar_one()) >= MOST_OWNED:
        raise WorkspacesUsedUp(
            f"You own {used} workspaces, and {MOST_OWNED} is the most. Delete or transfer one first.",
            limit=MOST_OWNED,
            used=used,
        )
    workspace = await create_workspace(
        session, slug=await free_slug(session, name), name=name[:200], embedding_model=embedding_model
    )
    await enter_scope(session, Scope.members(workspace.id, user_id))
    await add_member(session, workspace.id, user_id, Role.OWNER)
    await record(session, Actor.member(workspace.id, user_id, email), "workspace.created", workspace.name)
    return workspace.id


async def free_slug(session: AsyncSession, name: str) -> str:
    """A slug like ``name`` that no workspace has: with a random ending where another has it.

    Nobody else gets it until the transaction ends.
    """
    folded = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", folded).strip("-")[:_LONGEST_SLUG].strip("-") or "workspace"
    await session.execute(_LOCK_SLUG, {"slug": slug})
    taken = await session.execute(
        select(col(WorkspaceHandle.handle)).where(col(WorkspaceHandle.handle) == slug)
    )
    is_free = taken.first() is None and slug not in RESERVED and not looks_like_id(slug)
    return slug if is_free else f"{slug}-{secrets.token_hex(4)}"
