"""Limits that were agreed with one workspace, in the place of its plan's."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.audit import Actor, changes, record
from helpninja_app.accounts.models import Workspace
from helpninja_app.billing.ledger import lock_accounts, open_account
from helpninja_app.billing.models import Unit
from helpninja_app.billing.plans import CUSTOMIZABLE, PLANS, Feature, PlanOf, Terms, require_feature
from helpninja_app.billing.subscriptions import lock_plan
from helpninja_app.errors import Invalid

# A month's allowance and what was topped up fit into the ledger's 32 bits together.
MOST = 1_000_000_000


async def set_custom_limits(
    session: AsyncSession,
    workspace_id: UUID,
    agreed: Mapping[str, int],
    plan_of: PlanOf,
    *,
    anew: bool = False,
) -> Terms:
    """Have ``agreed`` count beside what was agreed before, or in its place with ``anew``, and at once.

    The names are those of ``CUSTOMIZABLE``. Raises ``Invalid`` for another name and for a number that is no
    limit, and ``NotInPlan`` when the workspace's plan has no custom limits.
    """
    for name, limit in agreed.items():
        if name not in CUSTOMIZABLE:
            raise Invalid(f"{name} cannot be agreed: only {', '.join(CUSTOMIZABLE)}.")
        if not 0 < limit <= MOST:
            raise Invalid(f"A limit is between 1 and {MOST:,}, and {limit:,} is not.")
    before = await lock_plan(session, workspace_id)
    terms = Terms(before.plan, {**({} if anew else before.custom_limits), **agreed})
    if terms == before:
        return before
    if agreed:
        require_feature(PLANS[before.plan], Feature.CUSTOM_LIMITS)
    await session.execute(
        update(Workspace).where(col(Workspace.id) == workspace_id).values(custom_limits=terms.custom_limits)
    )
    await lock_accounts(session, workspace_id)
    for unit in Unit:
        await open_account(session, workspace_id, unit, plan_of(terms))
    await record(
        session,
        Actor.system(workspace_id, "Billing"),
        "limits.changed",
        terms.plan,
        **changes(
            *({name: each.custom_limits.get(name) for name in CUSTOMIZABLE} for each in (before, terms))
        ),
    )
    return terms
