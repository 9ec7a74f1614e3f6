"""Turns a credential (session token, API key) into a ``Caller``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.callers import KeyCaller, MemberCaller
from helpninja_app.accounts.models import ApiKey, ApiKeyHash, Member, Role, Session, User
from helpninja_app.accounts.permissions import ROLE_PERMISSIONS, Permission
from helpninja_app.accounts.tokens import token_hash
from helpninja_app.accounts.workspaces import UNKNOWN_TENANT, find_workspace, load_workspace
from helpninja_app.errors import NotFound, NotSignedIn
from helpninja_app.kernel.database import enter_scope
from helpninja_app.kernel.scope import Scope

LAST_USED_PRECISION = timedelta(minutes=1)


async def user_of_session(session: AsyncSession, token: str) -> User:
    """The user behind a session cookie, whatever their workspaces; ``NotSignedIn`` if it does not count.

    Leaves the transaction in the user's own scope.
    """
    found = await session.execute(
        select(col(Session.user_id)).where(
            col(Session.token_hash) == token_hash(token),
            col(Session.revoked_at).is_(None),
            col(Session.expires_at) > datetime.now(UTC),
        )
    )
    user_id = found.scalar_one_or_none()
    if user_id is None:
        raise NotSignedIn("Your session has ended. Please sign in again.")
    await enter_scope(session, Scope(user_id=user_id))
    return (await session.execute(select(User).where(col(User.id) == user_id))).scalar_one()


async def caller_of_session(session: AsyncSession, token: str, tenant: str | None = None) -> MemberCaller:
    """The member behind a session cookie, in ``tenant`` or else in their first workspace.

    Leaves the transaction in the caller's scope. ``NotSignedIn`` for a token that does not count,
    ``NotFound`` for a workspace that is not theirs.
    """
    user = await user_of_session(session, token)
    wanted = (await find_workspace(session, tenant)).id if tenant else None
    await enter_scope(session, Scope(user_id=user.id))
    membership = (
        (
            await session.execute(
                select(Member)
                .where(
                    col(Member.user_id) == user.id, *([col(Member.workspace_id) == wanted] if wanted else [])
                )
                .order_by(col(Member.created_at), col(Member.workspace_id))
                .limit(1)
            )
        )
        .scalars()
        .first()
    )
    if membership is None:
        raise NotFound(UNKNOWN_TENANT)
    await enter_scope(session, Scope.members(membership.workspace_id, user.id))
    role = Role(membership.role)
    return MemberCaller(
        workspace=await load_workspace(session, membership.workspace_id),
        user_id=user.id,
        email=user.email,
        role=role,
        permissions=ROLE_PERMISSIONS[role],
    )


async def caller_of_key(session: AsyncSession, secret: str, tenant: str | None = None) -> KeyCaller:
    """The program behind a secret key; ``NotFound`` when ``tenant`` is not the key's own workspace.

    Leaves the transaction in the caller's scope and notes when the key was last used.
    """
    found = await session.execute(select(ApiKeyHash).where(col(ApiKeyHash.key_hash) == token_hash(secret)))
    known = found.scalar_one_or_none()
    if known is None:
        raise NotSignedIn("This API key is not valid.")
    if tenant and (await find_workspace(session, tenant)).id != known.workspace_id:
        raise NotFound(UNKNOWN_TENANT)
    await enter_scope(session, Scope.members(known.workspace_id))
    key = (
        await session.execute(
            select(ApiKey).where(
                col(ApiKey.workspace_id) == known.workspace_id, col(ApiKey.id) == known.api_key_id
            )
        )
    ).scalar_one_or_none()
    now = datetime.now(UTC)
    if key is None or key.revoked_at or (key.expires_at and key.expires_at <= now):
        raise NotSignedIn("This API key was revoked or has expired.")
    if key.last_used_at is None or now - key.last_used_at > LAST_USED_PRECISION:
        key.last_used_at = now
    return KeyCaller(
        workspace=await load_workspace(session, known.workspace_id),
        key_id=key.id,
        permissions=frozenset(Permission(name) for name in key.permissions if name in set(Permission)),
    )
