"""What the billing page reads of a workspace, in one unit of work, and what it makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller
from helpninja_app.accounts.members import list_members
from helpninja_app.accounts.models import Role
from helpninja_app.accounts.workspaces import load_workspace
from helpninja_app.billing.ledger import database_time
from helpninja_app.billing.models import Subscription
from helpninja_app.billing.plans import FREE, PLANS, Interval, PaidPlanName, Plan, PlanOf
from helpninja_app.billing.prices import PlanPrice, Prices
from helpninja_app.billing.subscriptions import is_live, sold_price, subscription_of
from helpninja_app.billing.top_ups import count_top_ups, newest_top_up
from helpninja_app.screens.billing.used import Used, read_used
from helpninja_app.screens.billing.words import MONTH_FIRST, why_not_sold

INTERVALS: tuple[Interval, ...] = ("month", "year")
CURRENT = "Current plan"
# What a tab that went to Stripe waits for.
Awaited = Literal["plan", "credits", "anything"]


@dataclass(frozen=True, slots=True)
class Figures:
    """``plan`` is the workspace's, which may be another than when the caller was found a moment ago, and
    ``counting`` what it may use.

    ``moment`` is the database's clock; ``top_ups`` is how often credits were bought, the last time at
    ``topped_up_at``.
    """

    plan: str
    counting: Plan
    subscription: Subscription | None
    used: Used
    top_ups: int
    topped_up_at: datetime | None
    moment: datetime

    @property
    def marks(self) -> dict[Awaited, str]:
        """Each differs as soon as that does: the plan or what is planned for it, how often credits were
        bought, or any of them."""
        bought = self.subscription
        told = (
            (bought.id, bought.status, bought.plan, bought.interval, bought.next_plan, bought.cancel_at)
            if bought
            else ()
        )
        plan, credits = f"plan {self.plan} {told}", f"credits {self.top_ups}"
        return {"plan": plan, "credits": credits, "anything": f"{plan} {credits}"}

    def is_recent(self, seconds: float) -> bool:
        """Whether Stripe told us of the subscription, or of credits, just now."""
        told_at = (self.subscription.read_at if self.subscription else None, self.topped_up_at)
        return any(each and (self.moment - each).total_seconds() < seconds for each in told_at)


async def read_figures(session: AsyncSession, caller: MemberCaller, plan_of: PlanOf) -> Figures:
    workspace_id = caller.workspace.id
    workspace = await load_workspace(session, workspace_id)
    return Figures(
        plan=workspace.plan,
        counting=plan_of(workspace),
        subscription=await subscription_of(session, workspace_id),
        used=await read_used(session, caller, plan_of(workspace)),
        top_ups=await count_top_ups(session, workspace_id),
        topped_up_at=await newest_top_up(session, workspace_id),
        moment=await database_time(session),
    )


async def owners_of(session: AsyncSession, caller: MemberCaller) -> list[str]:
    """The addresses of those who may do what the caller may not."""
    members = await list_members(session, caller.workspace.id)
    return [each.email for each in members if each.role is Role.OWNER and not each.is_suspended]


def ask_owners(owners: Sequence[str]) -> str:
    """``Ask an owner of this workspace: ada@example.com or grace@example.com.``"""
    named = list(owners[:3])
    listed = " or ".join(filter(None, (", ".join(named[:-1]), *named[-1:])))
    return f"Ask an owner of this workspace: {listed}." if listed else "Ask an owner of this workspace."


def plan_actions(
    counting: str, subscription: Subscription | None, prices: Prices | None, *, is_held: bool = False
) -> dict[str, str]:
    """What the button of each plan says, by ``pro:month``, or what stands in its place where the plan has no
    price; empty where there is nothing to press.

    ``prices`` is ``None`` where nothing can be bought. ``is_held`` while an end or a change is ahead, which
    is taken back before another plan is chosen.
    """
    prices = None if is_held else prices
    paid = subscription if subscription is not None and is_live(subscription) else None
    return {
        f"{plan.name}:{interval}": _action(plan, interval, counting, paid, prices)
        for plan in PLANS.values()
        for interval in INTERVALS
    }


def sold_in(prices: Prices) -> set[tuple[str, str]]:
    """The plans that have a price, each with the interval that it is for."""
    return {(each.plan, each.interval) for each in prices.plans.values()}


def _action(
    plan: Plan, interval: Interval, counting: str, paid: Subscription | None, prices: Prices | None
) -> str:
    present = PLANS[paid.plan if paid else counting]
    if plan is present and (paid is None or paid.interval == interval):
        return CURRENT
    if plan is FREE or prices is None:
        return ""
    if reason := why_not_sold(plan, interval, sold_in(prices)):
        return reason
    if plan is present:
        return f"Switch to {interval}ly"
    wanted = PlanPrice(cast("PaidPlanName", plan.name), interval)
    if paid is not None and wanted.is_less_for_more_after(sold_price(paid)):
        return MONTH_FIRST
    verb = "Upgrade" if plan.price_month > present.price_month else "Switch"
    return f"{verb} to {plan.name.capitalize()}"
