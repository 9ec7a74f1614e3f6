"""What an event of Stripe's leads to.

It only says what to look at: how that is now is read from Stripe, and the newest reading wins. So neither the
order nor the number of deliveries matters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from helpninja_app.accounts.audit import Actor, record
from helpninja_app.billing.customers import find_customer, look_again, workspace_of_customer
from helpninja_app.billing.ledger import database_time
from helpninja_app.billing.models import StripeEvent, Subscription
from helpninja_app.billing.plans import PlanOf
from helpninja_app.billing.prices import PlanPrice
from helpninja_app.billing.stripe_account import StripeAccount
from helpninja_app.billing.stripe_calls import UnknownToStripe
from helpninja_app.billing.stripe_inbox import finish
from helpninja_app.billing.stripe_objects import ChargeState, CheckoutState, SubscriptionState
from helpninja_app.billing.subscriptions import (
    LIVE,
    apply_subscription,
    keep_past_due,
    kept_price,
    planned_price,
    subscription_of,
)
from helpninja_app.billing.top_ups import add_top_up, follow_charge
from helpninja_app.errors import HelpNinjaError, NotFound
from helpninja_app.kernel.database import Database
from helpninja_app.kernel.scope import Scope


class EventRefused(HelpNinjaError):
    """This event does not fit what is known here."""


class EventParked(HelpNinjaError):
    """This event cannot be worked on as things are."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What became of it, and in which workspace, if in one."""

    detail: str
    workspace_id: UUID | None = None
    is_ignored: bool = False


@dataclass(frozen=True, slots=True)
class Effects:
    """Works on events."""

    database: Database
    stripe: StripeAccount
    plan_of: PlanOf

    async def work_on(self, event_id: str) -> None:
        """Bring an event to its end; raises what went wrong when trying again may help."""
        async with self.database.unit_of_work() as session:
            event = (
                await session.execute(select(StripeEvent).where(col(StripeEvent.id) == event_id))
            ).scalar_one_or_none()
        if event is None or event.state != "waiting":
            return
        try:
            if event.is_live not in {None, self.stripe.gateway.is_live}:
                raise EventRefused("It is of the other mode than the key.")
            effect = await self._effect(event.type, event.object_id)
            state = "ignored" if effect.is_ignored else "done"
        except EventRefused as refused:
            effect, state = Effect(refused.detail), "refused"
        except EventParked as parked:
            effect, state = Effect(parked.detail), "parked"
        except NotFound:
            effect, state = Effect("Stripe does not know what it is about any more."), "refused"
        async with self.database.unit_of_work() as session:
            await finish(session, event_id, state, effect.detail, effect.workspace_id)

    async def follow_subscription(self, customer: str) -> Effect:
        """Read the subscription of a customer's workspace, and give it the plan that it says.

        One that was deleted at Stripe and replaced says nothing of it any more.
        """
        workspace_id = await self._workspace_of(customer)
        if workspace_id is None:
            return Effect("Of a customer that was not made here.", is_ignored=True)
        async with self.database.unit_of_work(Scope.members(workspace_id)) as session:
            known = await subscription_of(session, workspace_id)
            customer = await find_customer(session, workspace_id) or customer
        read_at, state, live = await self._read_subscription(customer)
        ended = ""
        if live > 1 and (ended := await self._end_surplus(workspace_id, customer)):
            read_at, state, live = await self._read_subscription(customer)
        if state is not None and state.is_live is not self.stripe.gateway.is_live:
            raise EventRefused("The subscription is of the other mode than the key.")
        if state is None:
            return await self._end(workspace_id, known, "canceled", read_at)
        try:
            sold = self._sold_as(state, known)
        except EventParked:
            if state.status in LIVE:
                raise
            # Whatever it cost: nobody pays for it any more.
            return await self._end(workspace_id, known, state.status, read_at)
        following = self._planned(state, known)
        row: dict[str, Any] = {
            "id": state.id,
            "status": state.status,
            "plan": sold.plan,
            "interval": sold.interval,
            "price": state.price,
            "anchor": state.anchor,
            "period_start": state.period_start,
            "period_end": state.period_end,
            "cancel_at": state.cancel_at,
            "trial_end": state.trial_end,
            "next_plan": following.plan if following else None,
            "next_interval": following.interval if following else None,
            "next_price": (state.next_price or "") if following else "",
            "past_due_since": read_at if state.status == "past_due" else None,
            "read_at": read_at,
        }
        more = f" {live} subscriptions are live; the newest counts." if live > 1 else ""
        effect = await self._store(workspace_id, row, f"{ended}{more}")
        if state.status not in LIVE:
            return effect
        # Last: what is paid counts, whatever becomes of what is not.
        return replace(effect, detail=effect.detail + await self._end_unpaid(workspace_id, customer))

    async def _end(
        self, workspace_id: UUID, known: Subscription | None, status: str, read_at: datetime
    ) -> Effect:
        """Have the workspace pay for no plan any more."""
        if known is None:
            return Effect("No subscription.", workspace_id)
        row = known.model_dump() | {"status": status, "cancel_at": None, "past_due_since": None}
        nothing_next = {"next_plan": None, "next_interval": None, "next_price": ""}
        return await self._store(workspace_id, row | nothing_next | {"read_at": read_at}, "")

    async def _store(self, workspace_id: UUID, row: dict[str, Any], more: str) -> Effect:
        """Keep what Stripe said, unless something newer is known, and follow it."""
        values = row | {"workspace_id": workspace_id}
        async with self.database.unit_of_work(Scope.members(workspace_id)) as session:
            # Also of a workspace that is deleted: it may come back, and not with a plan that ended.
            written = await session.execute(
                insert(Subscription)
                .values(**values)
                .on_conflict_do_update(
                    index_elements=["workspace_id"],
                    set_=keep_past_due(values),
                    where=col(Subscription.read_at) < row["read_at"],
                )
                .returning(col(Subscription.id))
            )
            if written.first() is None:
                return Effect("Something newer is known already.", workspace_id)
            terms = await apply_subscription(
                session, workspace_id, self.plan_of, await database_time(session)
            )
            if row["status"] in LIVE and row["cancel_at"] is None:
                # Paid, or asked for again, when its deleted workspace had been looked at.
                await look_again(session, workspace_id)
        return Effect(f"{row['status']}: the {terms.plan} plan counts.{more}", workspace_id)

    def _planned(self, state: SubscriptionState, known: Subscription | None) -> PlanPrice | None:
        """What follows; also at a price that the settings no longer name."""
        price = state.next_price or ""
        same = known if known is not None and known.id == state.id else None
        return self.stripe.prices.plans.get(price) or planned_price(same, price)

    def _sold_as(self, state: SubscriptionState, known: Subscription | None) -> PlanPrice:
        """The plan that a price stands for; raises ``EventParked`` for a price that is not ours."""
        if (kept := kept_price(known, state)) is not None:
            return kept
        price = self.stripe.prices.plans.get(state.price)
        if price is None and known is not None:
            # Stored before prices were.
            price = kept_price(known, replace(state, price="")) if known.interval == state.every else None
        if price is None:
            raise EventParked(f"The price {state.price} belongs to no plan in the settings.")
        if (state.amount, state.currency, state.every) != price.cost:
            raise EventParked(
                f"The {price.plan} plan costs {price.cost[0]} US cents a {price.interval};"
                f" the price {state.price} is {state.amount} {state.currency} a {state.every}."
            )
        return price

    async def _read_subscription(self, customer: str) -> tuple[datetime, SubscriptionState | None, int]:
        """After a time that is surely before: of two readings the later one counts."""
        async with self.database.unit_of_work() as session:
            read_at = await database_time(session)
        gateway = self.stripe.gateway
        try:
            return read_at, *await gateway.read_subscription(customer)
        except UnknownToStripe:
            if not await gateway.is_deleted(customer):
                raise
            # And what they paid for ended with them.
            return read_at, None, 0

    async def _end_surplus(self, workspace_id: UUID, customer: str) -> str:
        """End what was bought beside a plan that is paid for, and pay it back; says so in a sentence."""
        surplus = await self.stripe.gateway.surplus_subscriptions(customer)
        for each in surplus:
            await self.stripe.gateway.undo_subscription(each)
            await self._record_end(workspace_id, each, is_paid_back=True)
        ids = ", ".join(each.id for each in surplus)
        return f" Bought beside it, ended and paid back: {ids}." if ids else ""

    async def _end_unpaid(self, workspace_id: UUID, customer: str) -> str:
        """End what nobody paid any more before another plan was: who paid for it now would pay for two."""
        unpaid = await self.stripe.gateway.lapsed_subscriptions(customer)
        for each in unpaid:
            await self.stripe.gateway.drop_subscription(each.id)
            await self._record_end(workspace_id, each, is_paid_back=False)
        ids = ", ".join(each.id for each in unpaid)
        return f" Not paid before it, and ended: {ids}." if ids else ""

    async def _record_end(self, workspace_id: UUID, ended: SubscriptionState, *, is_paid_back: bool) -> None:
        price = self.stripe.prices.plans.get(ended.price)
        action = "plan.second_ended" if is_paid_back else "plan.unpaid_ended"
        async with self.database.unit_of_work(Scope.members(workspace_id)) as session:
            actor = Actor.system(workspace_id, "Billing")
            await record(session, actor, action, price.plan if price else ended.id)

    async def _effect(self, type: str, object_id: str) -> Effect:
        gateway = self.stripe.gateway
        if type.startswith("customer.subscription."):
            return await self.follow_subscription(await gateway.customer_of("subscriptions", object_id))
        if type.startswith("subscription_schedule."):
            return await self.follow_subscription(
                await gateway.customer_of("subscription_schedules", object_id)
            )
        if type.startswith("invoice."):
            return await self.follow_subscription(await gateway.customer_of("invoices", object_id))
        if type.startswith("checkout.session."):
            return await self._follow_checkout(await gateway.read_checkout(object_id))
        if type.startswith("charge.dispute."):
            object_id = await gateway.charge_of("disputes", object_id)
        elif type.startswith("refund."):
            object_id = await gateway.charge_of("refunds", object_id)
            if not object_id:
                return Effect("Of no charge.", is_ignored=True)
        return await self._follow_charge(await gateway.read_charge(object_id))

    async def _follow_checkout(self, checkout: CheckoutState) -> Effect:
        workspace_id = await self._workspace_of(checkout.customer)
        if workspace_id is None:
            return Effect("Of a customer that was not made here.", is_ignored=True)
        if checkout.workspace != str(workspace_id):
            raise EventRefused("The checkout is for another workspace than its customer.")
        if checkout.is_live is not self.stripe.gateway.is_live:
            raise EventRefused("The checkout is of the other mode than the key.")
        if not checkout.is_paid:
            return Effect("Not paid yet.", workspace_id)
        if checkout.mode == "subscription":
            return await self.follow_subscription(checkout.customer)
        pack = self.stripe.prices.packs.get(checkout.price)
        if pack is None:
            raise EventParked(f"The price {checkout.price} belongs to no top-up in the settings.")
        # In another currency the subtotal is what the price has there, which is set at Stripe.
        is_whole = checkout.currency != "usd" or checkout.subtotal == pack.price
        cost = (checkout.quantity, checkout.price_amount, checkout.price_currency)
        if cost != (1, pack.price, "usd") or not is_whole:
            raise EventRefused(
                f"{pack.credits:,} credits cost {pack.price} US cents, not {checkout.quantity} at"
                f" {checkout.price_amount} {checkout.price_currency}, for {checkout.subtotal}"
                f" {checkout.currency}."
            )
        async with self.database.unit_of_work(Scope.members(workspace_id)) as session:
            read_at = await database_time(session)
            if await add_top_up(session, workspace_id, checkout, pack, read_at):
                actor = Actor.system(workspace_id, "Billing")
                await record(session, actor, "credits.topped_up", f"{pack.credits:,} credits")
        # What was told of its payment before the top-up was known had nothing to change.
        charge = await self.stripe.gateway.read_charge_of(checkout.payment_intent)
        if charge is not None and (charge.refunded or charge.disputed):
            await self._follow_charge(charge)
        return Effect(f"{pack.credits:,} credits were added.", workspace_id)

    async def _follow_charge(self, charge: ChargeState) -> Effect:
        workspace_id = await self._workspace_of(charge.customer)
        if workspace_id is None:
            return Effect("Of a customer that was not made here.", is_ignored=True)
        if charge.is_live is not self.stripe.gateway.is_live:
            raise EventRefused("The charge is of the other mode than the key.")
        # Read once more with a time that is surely before: two readings at once must not change places.
        async with self.database.unit_of_work() as session:
            read_at = await database_time(session)
        charge = await self.stripe.gateway.read_charge(charge.id)
        async with self.database.unit_of_work(Scope.members(workspace_id)) as session:
            return Effect(await follow_charge(session, workspace_id, charge, read_at), workspace_id)

    async def _workspace_of(self, customer: str) -> UUID | None:
        async with self.database.unit_of_work() as session:
            return await workspace_of_customer(session, customer)
