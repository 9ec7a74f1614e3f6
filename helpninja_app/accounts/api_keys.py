"""Secret API keys: a program's credential for one workspace."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.models import ApiKey, ApiKeyHash
from helpninja_app.accounts.permissions import Permission
from helpninja_app.accounts.tokens import new_token, token_hash

KEY_PREFIX = "hn_sk_"


async def create_api_key(
    session: AsyncSession, workspace_id: UUID, *, name: str, permissions: frozenset[Permission]
) -> str:
    """Make a secret key; the returned text is the only time it can be seen. Needs the workspace's scope."""
    secret = KEY_PREFIX + new_token()
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
