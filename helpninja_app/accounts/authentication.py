"""Turns a credential (session token, API key) into a ``Caller``, and opens and ends sessions."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from pwdlib import PasswordHash
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.callers import KeyCaller, MemberCaller
from helpninja_app.accounts.models import (
    ApiKey,
    ApiKeyHash,
    Member,
    Role,
    Session,
    User,
    UserEmail,
    Workspace,
)
from helpninja_app.accounts.permissions import ROLE_PERMISSIONS, Permission
from helpninja_app.accounts.workspaces import UNKNOWN_TENANT, find_workspace, load_workspace
from helpninja_app.errors import NotFound, NotSignedIn
from helpninja_app.kernel.database import enter_scope
from helpninja_app.kernel.scope import Scope

SESSION_COOKIE = "hn_session"
SESSION_LIFETIME = timedelta(days=30)
KEY_PREFIX = "hn_sk_"
LAST_USED_PRECISION = timedelta(minutes=1)

_passwords = PasswordHash.recommended()
# Verified for an unknown address, so that the time taken does not tell whether an account exists.
_DUMMY_HASH = _passwords.hash(secrets.token_urlsafe(16))


def token_hash(token: str) -> bytes:
    """SHA-256 of a random token: 32 bytes. A slow hash is not needed for 256 random bits."""
    return hashlib.sha256(token.encode()).digest()


async def hash_password(password: str) -> str:
    """Argon2id of a password, in a thread: it takes about 100 ms."""
    return await asyncio.to_thread(_passwords.hash, password)


async def create_user(session: AsyncSession, *, email: str, password_hash: str, name: str = "") -> User:
    user = User(email=email.lower(), password_hash=password_hash, name=name)
    await enter_scope(session, Scope(user_id=user.id))
    session.add(user)
    await session.flush()
    session.add(UserEmail(email=user.email, user_id=user.id))
    await session.flush()
    return user


async def find_password_hash(session: AsyncSession, email: str) -> tuple[UUID, str] | None:
    """The user with this address and the hash of their password."""
    found = await session.execute(
        select(col(UserEmail.user_id)).where(col(UserEmail.email) == email.strip().lower())
    )
    user_id = found.scalar_one_or_none()
    if user_id is None:
        return None
    await enter_scope(session, Scope(user_id=user_id))
    user = (await session.execute(select(User).where(col(User.id) == user_id))).scalar_one_or_none()
    return (user.id, user.password_hash) if user else None


async def is_password_right(known: tuple[UUID, str] | None, password: str) -> bool:
    """Takes as long for an unknown account as for a known one."""
    stored = known[1] if known else _DUMMY_HASH
    is_right = await asyncio.to_thread(_passwords.verify, password, stored)
    return is_right and known is not None


async def open_session(session: AsyncSession, user_id: UUID) -> str:
    """Sign a user in; the token goes into the cookie, and nowhere else."""
    token = secrets.token_urlsafe(32)
    now = datetime.now(UTC)
    session.add(
        Session(
            token_hash=token_hash(token),
            user_id=user_id,
            created_at=now,
            expires_at=now + SESSION_LIFETIME,
        )
    )
    await session.flush()
    return token


async def end_session(session: AsyncSession, token: str) -> None:
    await session.execute(
        update(Session)
        .where(col(Session.token_hash) == token_hash(token), col(Session.revoked_at).is_(None))
        .values(revoked_at=datetime.now(UTC))
    )


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


async def create_api_key(
    session: AsyncSession, workspace_id: UUID, *, name: str, permissions: frozenset[Permission]
) -> str:
    """Make a secret key; the returned text is the only time it can be seen. Needs the workspace's scope."""
    secret = KEY_PREFIX + secrets.token_urlsafe(32)
    key = ApiKey(
        workspace_id=workspace_id,
        name=name,
        prefix=secret[: len(KEY_PREFIX) + 4],
        permissions=sorted(permission.value for permission in permissions),
    )
    session.add(key)
    await session.flush()
    session.add(ApiKeyHash(key_hash=token_hash(secret), workspace_id=workspace_id, api_key_id=key.id))
    await session.flush()
    return secret


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
