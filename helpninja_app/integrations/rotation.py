"""Encrypts all credentials under the first key again, so that older keys can be forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.errors import Unavailable
from helpninja_app.integrations.credentials import seal, unseal
from helpninja_app.integrations.models import Integration


@dataclass(frozen=True, slots=True)
class Rotated:
    """How many were encrypted anew, and how many no key here can read."""

    changed: int
    unreadable: int


async def rotate_credentials(session: AsyncSession, workspace_id: UUID, keys: Sequence[str]) -> Rotated:
    """One workspace's, in its scope, of those too that were deleted and can be brought back.

    Those under the first key already are left alone.
    """
    found = await session.execute(
        select(Integration).where(col(Integration.workspace_id) == workspace_id).order_by(col(Integration.id))
    )
    changed = unreadable = 0
    for integration in found.scalars():
        try:
            unseal(keys[:1], integration)
            continue
        except Unavailable:
            pass
        try:
            values = unseal(keys, integration)
        except Unavailable:
            unreadable += 1
            continue
        # Whoever changed them meanwhile did so under the first key.
        updated = await session.execute(
            update(Integration)
            .where(
                col(Integration.workspace_id) == workspace_id,
                col(Integration.id) == integration.id,
                col(Integration.credentials) == integration.credentials,
            )
            .values(credentials=seal(keys, workspace_id, integration.id, values))
            .returning(col(Integration.id))
            .execution_options(synchronize_session=False)
        )
        changed += len(updated.scalars().all())
    return Rotated(changed, unreadable)
