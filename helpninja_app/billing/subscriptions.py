"""Which plan counts for a workspace, by what Stripe last said of its subscription."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import case, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.audit import Actor, changes, record
from helpninja_app.accounts.models import Workspace
from helpninja_app.billing.ledger import change_anchor, lock_accounts, set_due
from helpninja_app.billing.models import Subscription
from helpninja_app.billing.periods import CALENDAR
from helpninja_app.billing.plans import FREE, Interval, PaidPlanName, PlanOf, Terms
from helpninja_app.billing.prices import PlanPrice
from helpninja_app.billing.stripe_objects import SubscriptionState
from helpninja_app.integrations.webhooks.plans import follow_plan

# How long a plan goes on after a payment failed.
GRACE = timedelta(days=7)
# A trial that ended becomes active with Stripe's next event, which may be late.
TRIAL_LEEWAY = timedelta(days=1)


LIVE = frozenset({"active", "trialing", "past_due"})


def is_live(subscription: Subscription) -> bool:
    """Whether Stripe takes money for it: a change is made to this one and not bought as another."""
    return subscription.status in LIVE


def end_of_plan(subscription: Subscription) -> datetime | None:
    """When the plan stops to count if Stripe says nothing new; ``None`` for a plan that goes on."""
    if subscription.status == "past_due" and subscription.past_due_since is not None:
        return subscription.past_due_since + GRACE
    if subscription.status == "trialing" and subscription.trial_end is not None:
        return subscription.trial_end + TRIAL_LEEWAY
    return None


def plan_that_counts(subscription: Subscription, moment: datetime) -> str:
    """The name of the plan in force at ``moment``."""
    if not is_live(subscription):
        return FREE.name
    end = end_of_plan(subscription)
    return subscription.plan if end is None or moment < end else FREE.name


def sold_price(known: Subscription) -> PlanPrice:
    return PlanPrice(cast("PaidPlanName", known.plan), cast("Interval", known.interval))


def kept_price(known: Subscription | None, state: SubscriptionState) -> PlanPrice | None:
    """What a subscription was sold as, while it is at the price that it was heard of at first, or at the one
    that was planned then.

    A price that is raised is a new one at Stripe, and the settings no longer name the one that is still paid.
    """
    if known is None or known.id != state.id:
        return None
    if known.price == state.price:
        return sold_price(known)
    return planned_price(known, state.price)


def planned_price(known: Subscription | None, price: str) -> PlanPrice | None:
    """What ``price`` was when a change to it was planned, if one was."""
    if known is None or known.next_plan is None or known.next_price != price or not price:
        return None
    return PlanPrice(cast("PaidPlanName", known.next_plan), cast("Interval", known.next_interval))


def keep_past_due(row: Mapping[str, Any]) -> dict[str, Any]:
    """The ``row`` of a new reading as it takes the stored one's place: the same subscription that is still
    past due is so since then, so that a month that begins unpaid brings no new days of grace."""
    if row["status"] != "past_due":
        return dict(row)
    is_still = (col(Subscription.id) == row["id"]) & (col(Subscription.status) == "past_due")
    since = case((is_still, col(Subscription.past_due_since)), else_=row["past_due_since"])
    return {**row, "past_due_since": since}


async def subscription_of(session: AsyncSession, workspace_id: UUID) -> Subscription | None:
    """The workspace's subscription, also one that has ended."""
    found = await session.execute(select(Subscription).where(col(Subscription.workspace_id) == workspace_id))
    return found.scalar_one_or_none()


async def lock_plan(session: AsyncSession, workspace_id: UUID) -> Terms:
    """The workspace's plan and its custom limits, which nobody else changes until the transaction ends.

    Locked before the accounts, always, and not against new rows of the workspace: who writes one and then
    reserves would wait for who waits for them.
    """
    found = await session.execute(
        select(col(Workspace.plan), col(Workspace.custom_limits))
        .where(col(Workspace.id) == workspace_id)
        .with_for_update(key_share=True)
    )
    return Terms(*found.one())


async def apply_subscription(
    session: AsyncSession, workspace_id: UUID, plan_of: PlanOf, moment: datetime
) -> Terms:
    """Give the workspace the plan that counts now, with its allowances and months; returns that plan.

    One that never subscribed keeps the plan it has.
    """
    terms = await lock_plan(session, workspace_id)
    subscription = await subscription_of(session, workspace_id)
    if subscription is None:
        return terms
    before, name = terms.plan, plan_that_counts(subscription, moment)
    terms = replace(terms, plan=name)
    anchor = CALENDAR if name == FREE.name else subscription.anchor
    accounts = await lock_accounts(session, workspace_id)
    if (end := _end_after(subscription, moment)) is not None:
        await set_due(session, workspace_id, end)
    for account in accounts:
        if account.anchor != anchor or name != before:
            await change_anchor(session, account, plan_of(terms), anchor, moment)
    if name != before:
        await session.execute(update(Workspace).where(col(Workspace.id) == workspace_id).values(plan=name))
        await follow_plan(session, workspace_id, plan_of(terms))
        await record(
            session,
            Actor.system(workspace_id, "Billing"),
            "plan.changed",
            name,
            **changes({"plan": before}, {"plan": name}),
        )
    return terms


async def next_change(session: AsyncSession, workspace_id: UUID, moment: datetime) -> datetime | None:
    """When the plan will stop to count by itself, if it will."""
    subscription = await subscription_of(session, workspace_id)
    return _end_after(subscription, moment) if subscription else None


def _end_after(subscription: Subscription, moment: datetime) -> datetime | None:
    end = end_of_plan(subscription)
    return end if end is not None and end > moment else None
