"""Deleting integrations, and bringing one back within the hour (all else is in ``service``).

Its credentials stay encrypted where they are until it is purged, so that what comes back works as it did.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.audit import Actor, record
from helpninja_app.accounts.callers import StaffCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.billing.plans import Plan
from helpninja_app.errors import NotFound
from helpninja_app.integrations.models import Integration
from helpninja_app.integrations.service import (
    IntegrationView,
    load_integration,
    refuse_over_limit,
    view_of,
)
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.queue import Queue
from helpninja_app.kernel.undo import gone_since, purge_later

PURGE_TASK = "purge_integration"


async def delete_integration(
    session: AsyncSession, queue: Queue, caller: StaffCaller, integration_id: UUID
) -> str:
    """Its name. What still waits to be sent to it is shown as failed."""
    require(caller, Permission.MANAGE_WORKSPACE)
    found = await load_integration(session, caller.workspace.id, integration_id, lock=True)
    found.deleted_at = now()
    await session.flush()
    await purge_later(session, queue, PURGE_TASK, workspace_id=found.workspace_id, integration_id=found.id)
    await record(
        session,
        Actor.of(caller),
        "integration.deleted",
        str(found.id),
        provider=found.provider,
        name=found.name,
    )
    return found.name


async def restore_integration(
    session: AsyncSession, caller: StaffCaller, plan: Plan, integration_id: UUID, keys: Sequence[str]
) -> IntegrationView:
    """As it was, its credentials too. ``NotFound`` once it is gone, ``LimitUsedUp`` over the plan."""
    require(caller, Permission.MANAGE_WORKSPACE)
    found = await session.get(Integration, (caller.workspace.id, integration_id), with_for_update=True)
    if found is None or (found.deleted_at is not None and found.deleted_at <= gone_since()):
        raise NotFound("This integration is gone for good.")
    if found.deleted_at is None:
        # Another tab was quicker.
        return view_of(found, keys)
    await refuse_over_limit(session, caller.workspace.id, plan)
    found.deleted_at = None
    await session.flush()
    await record(
        session,
        Actor.of(caller),
        "integration.restored",
        str(found.id),
        provider=found.provider,
        name=found.name,
    )
    return view_of(found, keys)


async def purge_integration(session: AsyncSession, workspace_id: UUID, integration_id: UUID) -> None:
    """Remove one, its credentials too, that was not brought back in time."""
    await session.execute(
        delete(Integration).where(
            col(Integration.workspace_id) == workspace_id,
            col(Integration.id) == integration_id,
            col(Integration.deleted_at) <= gone_since(),
        )
    )
