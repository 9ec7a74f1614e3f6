"""Secret API keys: a program's credential for one workspace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.audit import Actor, record
from helpninja_app.accounts.callers import MemberCaller
from helpninja_app.accounts.members import lock_for
from helpninja_app.accounts.models import ApiKey, ApiKeyHash
from helpninja_app.accounts.permissions import KEY_PERMISSIONS, Permission
from helpninja_app.accounts.tokens import new_token, token_hash
from helpninja_app.errors import Forbidden, Invalid, NotFound
from helpninja_app.kernel.database import new_id

KEY_PREFIX = "hn_sk_"
LONGEST_LIFE = timedelta(days=3660)
_SHOWN = len(KEY_PREFIX) + 4


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key as it is listed: never its secret, of which ``prefix`` is the beginning."""

    id: UUID
    name: str
    prefix: str
    permissions: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


async def create_api_key(
    session: AsyncSession,
    workspace_id: UUID,
    *,
    name: str,
    permissions: frozenset[Permission],
    expires_at: datetime | None = None,
) -> str:
    """Make a secret key; the returned text is the only time it can be seen. Needs the workspace's scope."""
    return (await _create(session, workspace_id, name, permissions, expires_at))[1]


async def issue_api_key(
    session: AsyncSession,
    caller: MemberCaller,
    *,
    name: str,
    permissions: frozenset[Permission],
    expires_at: datetime | None,
) -> tuple[KeyView, str]:
    """A member's new key and its secret. It may do at most what the member may."""
    await lock_for(session, caller, Permission.MANAGE_KEYS)
    if excess := sorted(permissions - KEY_PERMISSIONS):
        raise Invalid(f"A key cannot have the permission {', '.join(excess)}: that is for people.")
    if excess := sorted(permissions - caller.permissions):
        raise Forbidden(f"Your role ({caller.role.value}) does not have the permission {', '.join(excess)}.")
    now = datetime.now(UTC)
    if expires_at is not None and not now < expires_at <= now + LONGEST_LIFE:
        raise Invalid("A key has to expire in the future, within ten years.")
    key, secret = await _create(session, caller.workspace.id, name, permissions, expires_at)
    await record(session, Actor.of(caller), "key.created", name, permissions=list(key.permissions))
    return _view(key), secret


async def list_api_keys(session: AsyncSession, workspace_id: UUID) -> list[KeyView]:
    """Keys that were not revoked, the latest first; also those that have expired."""
    found = await session.execute(
        select(ApiKey)
        .where(col(ApiKey.workspace_id) == workspace_id, col(ApiKey.revoked_at).is_(None))
        .order_by(col(ApiKey.created_at).desc(), col(ApiKey.id).desc())
    )
    return [_view(key) for key in found.scalars()]


async def revoke_api_key(session: AsyncSession, caller: MemberCaller, key_id: UUID) -> None:
    """Make a key useless from the next call on; ``NotFound`` when it is not there or was revoked before."""
    await lock_for(session, caller, Permission.MANAGE_KEYS)
    found = await session.execute(
        select(ApiKey)
        .where(
            col(ApiKey.workspace_id) == caller.workspace.id,
            col(ApiKey.id) == key_id,
            col(ApiKey.revoked_at).is_(None),
        )
        .with_for_update()
    )
    key = found.scalar_one_or_none()
    if key is None:
        raise NotFound("There is no such API key.")
    key.revoked_at = datetime.now(UTC)
    await record(session, Actor.of(caller), "key.revoked", key.name, permissions=list(key.permissions))


async def _create(
    session: AsyncSession,
    workspace_id: UUID,
    name: str,
    permissions: frozenset[Permission],
    expires_at: datetime | None,
) -> tuple[ApiKey, str]:
    secret = KEY_PREFIX + new_token()
    key = ApiKey(
        workspace_id=workspace_id,
        id=new_id(),
        name=name,
        prefix=secret[:_SHOWN],
        permissions=sorted(permission.value for permission in permissions),
        expires_at=expires_at,
    )
    session.add(key)
    await session.flush()
    session.add(ApiKeyHash(key_hash=token_hash(secret), workspace_id=workspace_id, api_key_id=key.id))
    await session.flush()
    return key, secret


def _view(key: ApiKey) -> KeyView:
    return KeyView(
        id=key.id,
        name=key.name,
        prefix=key.prefix,
        permissions=tuple(key.permissions),
        created_at=key.created_at,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
    )
