"""What a deleted workspace pays: its plan is not renewed, and goes on if the workspace is brought back."""

from __future__ import annotations

import time
from uuid import UUID

import structlog
from sqlalchemy import and_, not_, or_, select, update
from sqlmodel import col

from helpninja_app.accounts.audit import Actor, record
from helpninja_app.accounts.models import WorkspaceHandle
from helpninja_app.billing.customers import BEING_ENDED, find_customer
from helpninja_app.billing.models import StripeCustomer
from helpninja_app.billing.stripe_calls import UnknownToStripe
from helpninja_app.billing.stripe_gateway import LIVE, StripeGateway
from helpninja_app.billing.subscriptions import subscription_of
from helpninja_app.errors import NotFound, Unavailable
from helpninja_app.kernel.database import Database, new_id
from helpninja_app.kernel.scope import Scope

log = structlog.get_logger(__name__)


async def follow_deletions(database: Database, gateway: StripeGateway) -> None:
    """Cancel the plans of workspaces that were deleted, at the end of what is paid for; take that back for
    those that were brought back. Who could not be followed, since Stripe is away, is followed next time."""
    deleted = select(col(WorkspaceHandle.workspace_id)).where(col(WorkspaceHandle.is_closed).is_(True))
    ended = col(StripeCustomer.ended_subscription)
    is_deleted = col(StripeCustomer.workspace_id).in_(deleted)
    to_end = and_(is_deleted, or_(ended.is_(None), ended.startswith(BEING_ENDED)))
    async with database.unit_of_work() as session:
        found = await session.execute(
            select(StripeCustomer, is_deleted)
            .where(or_(to_end, and_(not_(is_deleted), ended.is_not(None))))
            .limit(1_000)
        )
        behind = [(customer, gone) for customer, gone in found.tuples()]
    for customer, gone in behind:
        try:
            mark = customer.ended_subscription
            if gone:
                # Noted first: if it is brought back before the answer is known, somebody still looks.
                mark = f"{BEING_ENDED}{new_id()}"
                await _note(database, customer.id, customer.ended_subscription, mark)
            subscription = await (_end if gone else _go_on)(database, gateway, customer)
        except (Unavailable, NotFound) as error:
            log.warning(
                "deletion_not_followed_yet", workspace=str(customer.workspace_id), detail=error.detail
            )
            continue
        await _note(database, customer.id, mark, subscription)


async def _note(database: Database, customer: str, before: str | None, after: str | None) -> None:
    """Unless something else was noted since ``before``: then it is looked at once more."""
    async with database.unit_of_work() as session:
        await session.execute(
            update(StripeCustomer)
            .where(
                col(StripeCustomer.id) == customer,
                col(StripeCustomer.ended_subscription).is_not_distinct_from(before),
            )
            .values(ended_subscription=after)
        )


async def _end(database: Database, gateway: StripeGateway, customer: StripeCustomer) -> str:
    """Returns what was cancelled: nothing where the owner had done so, and has it stay so.

    Pages that were left open sell nothing any more, which is seen to before it is read what they sold.
    Stripe cancels no plan with a change ahead, so that is dropped; whoever brings the workspace
    back reads so in its audit log. What is paid beside the plan that counts ends too, and stays so.
    """
    try:
        for page in await gateway.list_checkouts(customer.id):
            if page.is_open:
                await gateway.expire_checkout(page.id)
        state, live = await gateway.read_subscription(customer.id)
        if state is None or not live:
            return ""
        for other in await gateway.open_subscriptions(customer.id) if live > 1 else ():
            if other.id != state.id and other.status in LIVE and other.cancel_at is None:
                key = _key("deleted", other.id)
                if other.schedule is not None:
                    await gateway.drop_planned_change(other.schedule, key=f"{key}:schedule")
                await gateway.cancel_at_period_end(other.id, key=key)
        if state.cancel_at is not None:
            return state.id if state.is_ended_by_deletion else ""
        key = _key("deleted", state.id)
        if state.next_price is not None:
            # Told first: once it is dropped nobody knows of it any more.
            await _tell_dropped(database, customer.workspace_id)
        if state.schedule is not None:
            await gateway.drop_planned_change(state.schedule, key=f"{key}:schedule")
        await gateway.cancel_at_period_end(state.id, key=key, is_by_deletion=True)
    except UnknownToStripe:
        if not await gateway.is_deleted(customer.id):
            raise
        return ""
    return state.id


async def _tell_dropped(database: Database, workspace_id: UUID) -> None:
    async with database.unit_of_work(Scope.members(workspace_id)) as session:
        subscription = await subscription_of(session, workspace_id)
        planned = (subscription.next_plan if subscription else None) or ""
        await record(session, Actor.system(workspace_id, "Billing"), "plan.change_dropped", planned)


async def _go_on(_: Database, gateway: StripeGateway, customer: StripeCustomer) -> None:
    try:
        state, live = await gateway.read_subscription(customer.id)
        if state is None or not live:
            return
        is_ours = state.cancel_at is not None and state.id == customer.ended_subscription
        # The mark goes also where somebody kept the plan on a page of before.
        if state.is_ended_by_deletion or is_ours:
            await gateway.go_on(state, key=_key("brought-back", state.id))
    except UnknownToStripe:
        if not await gateway.is_deleted(customer.id):
            raise


def _key(about: str, subscription: str) -> str:
    """One of its own each time: what is deleted, brought back and deleted again is cancelled again."""
    return f"{about}:{subscription}:{time.time_ns()}"


async def end_subscription(database: Database, gateway: StripeGateway, workspace_id: UUID) -> None:
    """Have a workspace that is removed for good pay no more; ``Unavailable`` when Stripe does not say so."""
    async with database.unit_of_work() as session:
        customer = await find_customer(session, workspace_id)
    try:
        # Also one that somebody made by hand: nobody here hears of it any more.
        going_on = await gateway.open_subscriptions(customer) if customer else []
    except UnknownToStripe:
        if not await gateway.is_deleted(customer or ""):
            raise
        # Deleted at Stripe, and its subscriptions with it.
        return
    for each in going_on:
        await gateway.cancel(each.id)
