"""Endpoints pause while the plan of their workspace has no outbound webhooks, and go on when it has."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.billing.plans import FREE, Feature, Plan, PlanOf, Terms
from helpninja_app.integrations.webhooks.endpoints import resume, stop_telling
from helpninja_app.integrations.webhooks.models import WebhookEndpoint

_PLAN = text("select plan, custom_limits from workspaces where id = :workspace")


async def follow_plan(session: AsyncSession, workspace_id: UUID, plan: Plan) -> None:
    """Make the endpoints of a workspace do what its plan allows; those that are disabled stay so."""
    is_allowed = Feature.WEBHOOKS in plan.features
    found = await session.execute(
        select(WebhookEndpoint)
        .where(
            col(WebhookEndpoint.workspace_id) == workspace_id,
            col(WebhookEndpoint.status) == ("paused" if is_allowed else "active"),
        )
        .order_by(col(WebhookEndpoint.id))
        .with_for_update()
    )
    for endpoint in found.scalars():
        if is_allowed:
            await resume(session, endpoint)
        else:
            await stop_telling(session, endpoint, "paused", why_paused(plan))


async def plan_of_workspace(session: AsyncSession, workspace_id: UUID, plan_of: PlanOf) -> Plan:
    """The plan in force; the free one for a workspace that is not there any more."""
    found = await session.execute(_PLAN, {"workspace": workspace_id})
    row = found.one_or_none()
    return plan_of(Terms(row.plan, row.custom_limits) if row else Terms(FREE.name))


def why_paused(plan: Plan) -> str:
    return f"The {plan.name} plan has no {Feature.WEBHOOKS}. It goes on by itself when a plan has them."
