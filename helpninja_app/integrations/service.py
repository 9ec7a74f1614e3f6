"""What members do about integrations; no function returns credentials that are not redacted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.audit import Actor, changes, record
from helpninja_app.accounts.callers import StaffCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.billing.plans import Plan
from helpninja_app.errors import LimitUsedUp, NotFound, Unavailable
from helpninja_app.integrations.credentials import Secrets, redacted, seal, unseal
from helpninja_app.integrations.models import Integration, IntegrationStatus, Provider
from helpninja_app.kernel.columns import now

_LOCK = text("select pg_advisory_xact_lock(hashtextextended('integrations:' || :workspace, 0))")


@dataclass(frozen=True, slots=True)
class IntegrationView:
    """``credentials`` are redacted, and empty where the key that reads them is missing."""

    id: UUID
    provider: Provider
    name: str
    status: IntegrationStatus
    credentials: dict[str, str]
    config: dict[str, Any]
    last_error: str
    created_at: datetime


def those_of(workspace_id: UUID) -> tuple[ColumnElement[bool], ...]:
    """Which integrations there are: those of the workspace that were not deleted."""
    return col(Integration.workspace_id) == workspace_id, col(Integration.deleted_at).is_(None)


async def list_integrations(
    session: AsyncSession, caller: StaffCaller, keys: Sequence[str]
) -> tuple[IntegrationView, ...]:
    """Oldest first."""
    require(caller, Permission.READ_CONVERSATIONS)
    found = await session.execute(
        select(Integration).where(*those_of(caller.workspace.id)).order_by(col(Integration.id))
    )
    return tuple(view_of(each, keys) for each in found.scalars())


async def get_integration(
    session: AsyncSession, caller: StaffCaller, integration_id: UUID, keys: Sequence[str]
) -> IntegrationView:
    require(caller, Permission.READ_CONVERSATIONS)
    return view_of(await load_integration(session, caller.workspace.id, integration_id), keys)


async def count_integrations(session: AsyncSession, workspace_id: UUID) -> int:
    found = await session.execute(
        select(func.count()).select_from(Integration).where(*those_of(workspace_id))
    )
    return found.scalar_one()


async def create_integration(
    session: AsyncSession,
    caller: StaffCaller,
    keys: Sequence[str],
    plan: Plan,
    *,
    integration_id: UUID,
    provider: Provider,
    name: str,
    credentials: Secrets,
    config: Mapping[str, Any],
) -> IntegrationView:
    """``credentials`` were checked; ``LimitUsedUp`` over the plan."""
    require(caller, Permission.MANAGE_WORKSPACE)
    await refuse_over_limit(session, caller.workspace.id, plan)
    made = Integration(
        workspace_id=caller.workspace.id,
        id=integration_id,
        provider=provider.value,
        name=name,
        credentials=seal(keys, caller.workspace.id, integration_id, credentials),
        config=dict(config),
    )
    session.add(made)
    await session.flush()
    await record(
        session, Actor.of(caller), "integration.created", str(made.id), provider=made.provider, name=name
    )
    return view_of(made, keys)


async def change_integration(
    session: AsyncSession,
    caller: StaffCaller,
    integration_id: UUID,
    keys: Sequence[str],
    *,
    name: str | None = None,
    status: IntegrationStatus | None = None,
    credentials: Secrets | None = None,
    config: Mapping[str, Any] | None = None,
) -> IntegrationView:
    """Change what is given; new credentials, or switching it on, start with a clean slate."""
    require(caller, Permission.MANAGE_WORKSPACE)
    found = await load_integration(session, caller.workspace.id, integration_id, lock=True)
    before = {"name": found.name, "status": found.status}
    if name is not None:
        found.name = name
    if config is not None:
        found.config = dict(config)
    if credentials is not None:
        found.credentials = seal(keys, found.workspace_id, found.id, credentials)
    if status is not None or (credentials is not None and found.status == IntegrationStatus.FAILING):
        found.status = (status or IntegrationStatus.ACTIVE).value
        found.failures, found.last_error = 0, ""
    found.updated_at = now()
    await session.flush()
    detail = changes(before, {"name": found.name, "status": found.status})
    if credentials is not None:
        # That they were changed, not what they are.
        detail["credentials"] = "changed"
    if config is not None:
        detail["config"] = "changed"
    await record(session, Actor.of(caller), "integration.changed", str(found.id), **detail)
    return view_of(found, keys)


async def load_integration(
    session: AsyncSession, workspace_id: UUID, integration_id: UUID, *, lock: bool = False
) -> Integration:
    """``NotFound`` when there is none of that id in the workspace."""
    wanted = select(Integration).where(*those_of(workspace_id), col(Integration.id) == integration_id)
    found = (await session.execute(wanted.with_for_update() if lock else wanted)).scalar_one_or_none()
    if found is None:
        raise NotFound("There is no such integration.")
    return found


async def refuse_over_limit(session: AsyncSession, workspace_id: UUID, plan: Plan) -> None:
    """Raise ``LimitUsedUp`` when one more would be too many; until the commit nobody else adds one."""
    await session.execute(_LOCK, {"workspace": str(workspace_id)})
    refusal = limit_reached(plan, await count_integrations(session, workspace_id))
    if refusal is not None:
        raise refusal


def limit_reached(plan: Plan, used: int) -> LimitUsedUp | None:
    """What is said to whoever wants one more than ``used``, if that would be too many."""
    if plan.integrations is None or used < plan.integrations:
        return None
    return LimitUsedUp(
        f"The {plan.name} plan has {plan.integrations}"
        f" {'integration' if plan.integrations == 1 else 'integrations'},"
        f" and {used} {'is' if used == 1 else 'are'} there."
        " Delete one, or have an owner change the plan under Billing.",
        limit=plan.integrations,
        used=used,
    )


def view_of(integration: Integration, keys: Sequence[str]) -> IntegrationView:
    try:
        credentials = redacted(unseal(keys, integration))
    except Unavailable:
        # Whoever runs the server has to bring the key back; the integration can be deleted all the same.
        credentials = {}
    return IntegrationView(
        id=integration.id,
        provider=Provider(integration.provider),
        name=integration.name,
        status=IntegrationStatus(integration.status),
        credentials=credentials,
        config=integration.config,
        last_error=integration.last_error,
        created_at=integration.created_at,
    )
