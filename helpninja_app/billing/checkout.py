"""What an owner does about money: buy a plan or credits, change or cancel the plan, open Stripe's portal."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass

import structlog

from helpninja_app.accounts.audit import Actor, record
from helpninja_app.accounts.callers import StaffCaller
from helpninja_app.billing.customers import ensure_customer, find_customer, replace_customer
from helpninja_app.billing.models import Subscription
from helpninja_app.billing.plans import Interval, PaidPlanName, PlanOf
from helpninja_app.billing.prices import CheckoutMode, PlanPrice
from helpninja_app.billing.stripe_account import StripeAccount
from helpninja_app.billing.stripe_calls import UnknownToStripe
from helpninja_app.billing.stripe_effects import Effects
from helpninja_app.billing.stripe_objects import CheckoutPage, InvoiceState, PriceState, SubscriptionState
from helpninja_app.billing.subscriptions import LIVE, kept_price, subscription_of
from helpninja_app.errors import Conflict, HelpNinjaError, Invalid, NotFound, Unavailable
from helpninja_app.kernel.database import Database
from helpninja_app.kernel.scope import Scope

log = structlog.get_logger(__name__)

# A second click within this time opens the same page.
ONE_CLICK_SECONDS = 600

HALF_DONE = (
    "The change of plan that was planned is taken back, but Stripe did not confirm the rest. The plan is"
    " shown as Stripe has it now; please try again in a moment."
)
UNSURE = (
    "Stripe cannot be reached right now, so it is not known whether the plan was changed. Please look here"
    " again in a moment."
)
NO_CUSTOMER = "Nothing was bought for this workspace yet, so there is nothing to manage. Choose a plan first."

PAY_FIRST = (
    "The last payment of the plan failed. Pay its invoice first, under Invoices on the billing page, or with"
    " another card under Cards and addresses there; then the plan can be changed."
)
CANCELLED = "{plan} is cancelled. Keep it first, then change it."
PLANNED = "A change to {following} is planned already. Keep {plan} first, then choose again."
# At once it would give the rest of a larger month back that may be used up by then.
MONTH_FIRST = (
    "Change to {plan} by the month first: it begins when the month of {larger} that is paid is over."
    " Then {plan} can be had by the year."
)
NOT_SOLD = (
    "This cannot be bought at the moment. Nothing was charged. Whoever runs HelpNinja finds why in its log."
)
NO_PLAN = "There is no plan that is paid for."


@dataclass(frozen=True, slots=True)
class Cashier:
    """Serves the owner of one workspace; ``back`` is the page that Stripe leads back to."""

    database: Database
    stripe: StripeAccount
    plan_of: PlanOf
    caller: StaffCaller
    back: str

    async def generate_checkout_link(self, price_id: str, mode: CheckoutMode) -> str:
        """The address of a page that takes the payment.

        With a plan that is paid for already it is the page that confirms the change to the new one, and no
        other page that sells a plan stays open, so that nobody pays for two. Raises ``Invalid`` for a price
        that is not ours; ``Conflict`` for the plan that the workspace has, for a year of a smaller one that
        could not wait, and while its end or another change is ahead; ``Unavailable`` when Stripe is away or
        has the price otherwise than it is sold here.
        """
        prices = self.stripe.prices
        if price_id not in (prices.plans if mode == "subscription" else prices.packs):
            raise Invalid("This price is not for sale.")
        await self._require_right_price(price_id)
        gateway = self.stripe.gateway
        customer = await ensure_customer(self.database, gateway, self.caller)
        try:
            return await self._checkout_link(customer, price_id, mode)
        except UnknownToStripe:
            if not await gateway.is_deleted(customer):
                raise
        customer = await replace_customer(self.database, gateway, self.caller, customer)
        # What the deleted one paid for has ended with them, whether or not that was told.
        await self._follow(customer)
        return await self._checkout_link(customer, price_id, mode)

    async def _require_right_price(self, price_id: str) -> None:
        """``Unavailable`` for a price whose money would be taken, and nothing be given for it."""
        gateway, cost = self.stripe.gateway, self.stripe.prices.cost_of(price_id)
        try:
            found = await gateway.read_price(price_id)
        except NotFound:
            found = None
        wanted = PriceState(*cost, is_active=True, is_live=gateway.is_live)
        if found != wanted:
            at_stripe = "unknown" if found is None else asdict(found)
            log.error("price_not_sold", price=price_id, at_stripe=at_stripe, wanted=asdict(wanted))
            raise Unavailable(NOT_SOLD)

    async def _checkout_link(self, customer: str, price_id: str, mode: CheckoutMode) -> str:
        gateway = self.stripe.gateway
        pages = await gateway.list_checkouts(customer)
        same = self._same_of(pages, price_id)
        if mode == "subscription":
            await self._close_others(pages, same)
            # Read when no page can sell one any more: what was paid a moment ago may not have been told yet.
            state, live = await gateway.read_subscription(customer)
            if state is not None and live:
                if same is not None:
                    await gateway.expire_checkout(same.id)
                return await self._change(customer, state, price_id)
        if same is not None:
            return same.url
        version = pages[0].id if pages else ""
        # What was bought since changes the key: buying the same twice is meant, clicking twice is not.
        return await gateway.open_checkout(
            customer,
            self.caller.workspace.id,
            price_id,
            "subscription" if mode == "subscription" else "payment",
            back=self.back,
            key=self._key("checkout", customer, price_id, version),
        )

    async def buy_plan(self, plan: PaidPlanName, interval: Interval) -> str:
        """``generate_checkout_link`` for a plan by its name; ``Unavailable`` where its price is not set."""
        price = self.stripe.prices.of_plan(plan, interval)
        if price is None:
            word = "MONTHLY" if interval == "month" else "YEARLY"
            raise Unavailable(
                f"The {plan} plan is not for sale by the {interval} here: STRIPE_PRICE_{plan.upper()}_{word}"
                " is not set."
            )
        return await self.generate_checkout_link(price, "subscription")

    async def buy_pack(self, credits: int) -> str:
        price = self.stripe.prices.of_pack(credits)
        if price is None:
            raise Unavailable(
                f"{credits:,} credits are not for sale here: STRIPE_PRICE_TOPUP_{credits} is not set."
            )
        return await self.generate_checkout_link(price, "one-time")

    async def portal_link(self) -> str:
        """Stripe's portal: cards, addresses, invoices. ``Conflict`` before anything was bought."""
        customer = await self._customer()
        if customer is None:
            raise Conflict(NO_CUSTOMER)
        async with self._unless_deleted(customer):
            return await self.stripe.gateway.open_portal(
                customer, back=self.back, key=self._key("portal", customer, str(time.time_ns()))
            )

    async def invoices(self) -> list[InvoiceState]:
        customer = await self._customer()
        if customer is None:
            return []
        try:
            async with self._unless_deleted(customer):
                return await self.stripe.gateway.list_invoices(customer)
        except Conflict:
            return []

    async def cancel_plan(self) -> None:
        """End the plan when what is paid for is used; until then it can be kept after all."""
        await self._set_cancelled(is_cancelled=True)

    async def keep_plan(self) -> None:
        """Take back a cancellation or a change that has not begun."""
        await self._set_cancelled(is_cancelled=False)

    async def _set_cancelled(self, *, is_cancelled: bool) -> None:
        customer, gateway = await self._customer(), self.stripe.gateway
        if customer is None:
            raise Conflict(NO_PLAN)
        async with self._unless_deleted(customer):
            state, _ = await gateway.read_subscription(customer)
        if state is None or state.status not in LIVE:
            raise Conflict(NO_PLAN)
        known = await self._known()
        sold = self._sold_as(state, known)
        key = self._key("cancel" if is_cancelled else "keep", state.id, str(time.time_ns()))
        try:
            if state.schedule is not None:
                await gateway.drop_planned_change(state.schedule, key=f"{key}:schedule")
            if is_cancelled:
                await gateway.cancel_at_period_end(state.id, key=key)
            elif state.cancel_at is not None:
                await gateway.go_on(state, key=key)
        except Unavailable as error:
            # Some of it, or all, may be done all the same: what is told is what Stripe then says.
            try:
                now, _ = await gateway.read_subscription(customer)
            except Unavailable:
                raise Unavailable(UNSURE) from error
            is_dropped = now is not None and now.schedule is None
            if now is None or not is_dropped or (now.cancel_at is not None) is not is_cancelled:
                await self._follow(customer)
                raise Unavailable(HALF_DONE if is_dropped and state.next_price else error.detail) from error
        before: list[SubscriptionState | Subscription] = [state]
        if known is not None and (known.id, known.price) == (state.id, state.price):
            # Also what an earlier try did that nobody could know of.
            before.append(known)
        if any(each.next_price or (each.cancel_at is not None) is not is_cancelled for each in before):
            async with self.database.unit_of_work(self.caller.scope) as session:
                action = "plan.cancelled" if is_cancelled else "plan.kept"
                await record(session, Actor.of(self.caller), action, sold.plan if sold else state.id)
        await self._follow(customer)

    async def _follow(self, customer: str) -> None:
        """Have the page show it at once. Stripe tells of it too, so that it is done when this fails."""
        try:
            await Effects(self.database, self.stripe, self.plan_of).follow_subscription(customer)
        except HelpNinjaError as error:
            log.warning("plan_not_followed_yet", customer=customer, detail=error.detail)

    def _same_of(self, pages: list[CheckoutPage], price_id: str) -> CheckoutPage | None:
        """The page that is open already for what is asked for."""
        wanted = (price_id, self.back)
        return next((each for each in pages if each.is_open and (each.price, each.back) == wanted), None)

    async def _close_others(self, pages: list[CheckoutPage], spared: CheckoutPage | None) -> None:
        """Have no page sell a plan but the one that is asked for again."""
        for each in pages:
            if each.is_open and each.mode == "subscription" and each is not spared:
                await self.stripe.gateway.expire_checkout(each.id)

    async def _change(self, customer: str, subscription: SubscriptionState, price_id: str) -> str:
        try:
            return await self._change_link(customer, subscription, price_id)
        except Conflict:
            # What stands in the way may not have been told yet: the page shows it, and how it is taken back.
            await self._follow(customer)
            raise

    async def _change_link(self, customer: str, subscription: SubscriptionState, price_id: str) -> str:
        price, before = self.stripe.prices.plans[price_id], self._sold_as(subscription, await self._known())
        if price == before:
            raise Conflict(f"This workspace is on the {price.plan} plan already.")
        if subscription.status == "past_due":
            # What was not paid would be given back, and pay for the other plan.
            raise Conflict(PAY_FIRST)
        self._refuse_beside_another(subscription, before)
        if before is not None and price.is_less_for_more_after(before):
            name, larger = price.plan.capitalize(), before.plan.capitalize()
            raise Conflict(MONTH_FIRST.format(plan=name, larger=larger))
        return await self.stripe.gateway.open_change(
            customer,
            list(self.stripe.prices.plans),
            (subscription.id, price_id),
            back=self.back,
            key=self._key("change", subscription.id, price_id, str(time.time_ns())),
            is_at_once=before is not None and price.counts_at_once_after(before),
        )

    def _refuse_beside_another(self, subscription: SubscriptionState, before: PlanPrice | None) -> None:
        """``Conflict`` while an end or another change is ahead.

        Stripe would take money for the new plan and end it all the same, and have a second change follow
        the first, for which a period is paid.
        """
        name = before.plan.capitalize() if before else "The plan"
        if subscription.cancel_at is not None:
            raise Conflict(CANCELLED.format(plan=name))
        if subscription.next_price is None:
            return
        following = self.stripe.prices.plans.get(subscription.next_price)
        told = following.plan.capitalize() if following else "another plan"
        if before and following and following.plan == before.plan:
            told = f"{told} by the {following.interval}"
        raise Conflict(PLANNED.format(following=told, plan=name if before else "the plan"))

    def _sold_as(self, state: SubscriptionState, known: Subscription | None) -> PlanPrice | None:
        """The plan that is paid for, also at a price that the settings no longer name."""
        return kept_price(known, state) or self.stripe.prices.plans.get(state.price)

    async def _known(self) -> Subscription | None:
        """What was heard of the workspace's subscription."""
        async with self.database.unit_of_work(Scope.members(self.caller.workspace.id)) as session:
            return await subscription_of(session, self.caller.workspace.id)

    @asynccontextmanager
    async def _unless_deleted(self, customer: str) -> AsyncIterator[None]:
        """``Conflict`` for a customer whom somebody deleted at Stripe: nothing is left to manage."""
        try:
            yield
        except UnknownToStripe:
            if await self.stripe.gateway.is_deleted(customer):
                raise Conflict(NO_CUSTOMER) from None
            raise

    async def _customer(self) -> str | None:
        async with self.database.unit_of_work(Scope.members(self.caller.workspace.id)) as session:
            return await find_customer(session, self.caller.workspace.id)

    def _key(self, *parts: str) -> str:
        window = str(int(time.time() / ONE_CLICK_SECONDS))
        told = "\n".join([*parts, str(self.caller.workspace.id), self.back, window])
        return f"{parts[0]}:{hashlib.sha256(told.encode()).hexdigest()}"
