"""Stripe's API through its own client: the only module that calls it, with the portal's half of it.

Every call that changes something carries an idempotency key: one whose answer was lost is made again without
being done again (https://docs.stripe.com/api/idempotent_requests).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import stripe
import structlog

from helpninja_app.billing.stripe_calls import call_key, told
from helpninja_app.billing.stripe_objects import (
    AFTER_CHECKOUT,
    ENDED_BY_DELETION,
    ChargeState,
    CheckoutPage,
    CheckoutState,
    EventRef,
    InvoiceState,
    PriceState,
    SubscriptionState,
    checkout_page,
    event_ref,
    has_taken_money,
    invoice_state,
    price_state,
    subscription_state,
    text_of,
    with_next_price,
)
from helpninja_app.billing.stripe_portal import StripePortal
from helpninja_app.errors import NotFound

log = structlog.get_logger(__name__)

TIMEOUT_SECONDS = 15.0
RETRIES = 2

LIVE = ("active", "trialing", "past_due")
_ENDED = ("canceled", "incomplete_expired")
# Nothing is paid for them, and they go on as soon as something is.
_LAPSED = ("unpaid", "paused")
# The money stays with, or is back at, who was to pay it back.
FAILED_REFUND = ("failed", "canceled")


class StripeGateway(StripePortal):
    """``is_live`` by the key: events and objects of the other mode never count."""

    def __init__(self, key: str, *, api_base: str | None = None, timeout: float = TIMEOUT_SECONDS) -> None:
        self.is_live = "_live_" in key
        # What a link that Stripe gives us may lead to.
        self._addresses = ("https://", api_base) if api_base else ("https://",)
        self._http = stripe.HTTPXClient(timeout=timeout)
        self._api = stripe.StripeClient(
            key,
            http_client=self._http,
            max_network_retries=RETRIES,
            base_addresses={"api": api_base} if api_base else {},
        ).v1

    async def aclose(self) -> None:
        await self._http.close_async()  # type: ignore[no-untyped-call]

    async def create_customer(
        self, workspace_id: UUID, name: str, email: str, *, in_place_of: str = ""
    ) -> str:
        """The id of a workspace's customer: asked twice, Stripe answers with the same one.

        ``in_place_of`` is one that was deleted.
        """
        if (known := await self._customer_of(workspace_id, but=in_place_of)) is not None:
            return known
        with told():
            made = await self._api.customers.create_async(
                {"name": name, "email": email, "metadata": {"workspace_id": str(workspace_id)}},
                {"idempotency_key": call_key("customer", str(workspace_id), in_place_of)},
            )
        return made.id

    async def is_deleted(self, customer: str) -> bool:
        """Whether somebody deleted a customer there, which is not so of one that another account has."""
        try:
            return bool((await self._read("customers", customer)).get("deleted"))
        except NotFound:
            return False

    async def _customer_of(self, workspace_id: UUID, *, but: str) -> str | None:
        """The first customer that was made for a workspace, other than ``but``.

        An idempotency key is forgotten after a day, and what we know of the customer may be lost. Stripe's
        search in turn finds what was made only after a minute.
        """
        with told():
            try:
                found = await self._api.customers.search_async(
                    {"query": f"metadata['workspace_id']:'{workspace_id}'", "limit": 100}
                )
            except stripe.InvalidRequestError as error:
                # Accounts of some countries have no search.
                log.warning("customers_not_searched", detail=str(error.user_message))
                return None
        others = [each for each in found.data if each.id != but]
        return min(others, key=lambda each: (each.created, each.id)).id if others else None

    async def open_checkout(
        self,
        customer: str,
        workspace_id: UUID,
        price: str,
        mode: Literal["subscription", "payment"],
        *,
        back: str,
        key: str,
    ) -> str:
        """The address of a page that takes a payment and then leads ``back``."""
        meant = {"workspace_id": str(workspace_id)}
        kind = "subscription_data" if mode == "subscription" else "payment_intent_data"
        wanted: Any = {
            "mode": mode,
            "customer": customer,
            "client_reference_id": str(workspace_id),
            "line_items": [{"price": price, "quantity": 1}],
            "metadata": meant | {"price": price},
            kind: {"metadata": meant},
            "success_url": f"{back}{AFTER_CHECKOUT}",
            "cancel_url": f"{back}?checkout=left",
        }
        if mode == "payment":
            # A subscription has invoices anyway.
            wanted["invoice_creation"] = {"enabled": True}
        with told():
            session = await self._api.checkout.sessions.create_async(wanted, {"idempotency_key": key})
        return text_of(session.url)

    async def list_checkouts(self, customer: str) -> list[CheckoutPage]:
        """A customer's pages, newest first; an open one is over after a day."""
        with told():
            found = await self._api.checkout.sessions.list_async({"customer": customer, "limit": 100})
        return [checkout_page(each.to_dict()) for each in found.data]

    async def expire_checkout(self, id: str) -> None:
        """Have nobody pay on that page any more; one that is over stays as it is."""
        with told():
            try:
                await self._api.checkout.sessions.expire_async(
                    id, {}, {"idempotency_key": call_key("expire", id)}
                )
            except stripe.InvalidRequestError as error:
                log.info("checkout_was_over", checkout=id, detail=str(error.user_message))

    async def read_checkout(self, id: str) -> CheckoutState:
        with told():
            session = await self._api.checkout.sessions.retrieve_async(id, {"expand": ["line_items"]})
        found = session.to_dict()
        lines = found["line_items"]["data"]
        line = lines[0] if len(lines) == 1 else None
        return CheckoutState(
            id=id,
            customer=text_of(found["customer"]),
            workspace=text_of(found["client_reference_id"]),
            mode=found["mode"],
            is_paid=found["status"] == "complete"
            and found["payment_status"] in ("paid", "no_payment_required"),
            is_live=found["livemode"],
            subtotal=found["amount_subtotal"] or 0,
            currency=text_of(found["currency"]),
            price=line["price"]["id"] if line else "",
            quantity=line["quantity"] if line else 0,
            price_amount=line["price"]["unit_amount"] if line else None,
            price_currency=line["price"]["currency"] if line else "",
            payment_intent=text_of(found["payment_intent"]),
        )

    async def read_price(self, id: str) -> PriceState:
        return price_state(await self._read("prices", id))

    async def cancel_at_period_end(self, id: str, *, key: str, is_by_deletion: bool = False) -> None:
        """End a subscription with what is paid for; it is noted there that its owner did not ask for that."""
        mark = {ENDED_BY_DELETION: "yes" if is_by_deletion else ""}
        wanted: Any = {"cancel_at_period_end": True, "metadata": mark}
        with told():
            await self._api.subscriptions.update_async(id, wanted, {"idempotency_key": key})

    async def go_on(self, subscription: SubscriptionState, *, key: str) -> None:
        """Let a subscription that was cancelled go on after all.

        Stripe's portal and its Dashboard cancel by a date too, which the flag does not take back; both at
        once it refuses (https://docs.stripe.com/api/subscriptions/update).
        """
        steps: list[Any] = [{"cancel_at_period_end": False}] if subscription.is_by_period else []
        steps.append({"cancel_at": ""} if subscription.cancel_at is not None else {})
        with told():
            for number, step in enumerate(steps):
                wanted: Any = step | {"metadata": {ENDED_BY_DELETION: ""}}
                done = await self._api.subscriptions.update_async(
                    subscription.id, wanted, {"idempotency_key": f"{key}:{number}"}
                )
                if done.cancel_at is None:
                    return

    async def drop_planned_change(self, schedule: str, *, key: str) -> None:
        """Keep the plan that a subscription has now."""
        with told():
            await self._api.subscription_schedules.release_async(schedule, {}, {"idempotency_key": key})

    async def cancel(self, id: str) -> None:
        """End a subscription now; one that has ended stays so."""
        try:
            with told():
                await self._api.subscriptions.cancel_async(
                    id, {}, {"idempotency_key": call_key("cancel", id)}
                )
        except NotFound:
            log.info("subscription_was_gone", subscription=id)

    async def read_subscription(self, customer: str) -> tuple[SubscriptionState | None, int]:
        """The subscription that counts of a customer's: the newest that is live, or else the newest.

        And how many are live: more than one is paid for without need.
        """
        states = await self._subscriptions(customer)
        if not states:
            return None, 0
        live = sum(each.status in LIVE for each in states)
        newest = max(states, key=lambda each: (each.status in LIVE, each.created_at, each.id))
        if newest.schedule is None:
            return newest, live
        schedule = await self._read("subscription_schedules", newest.schedule)
        return with_next_price(newest, schedule), live

    async def open_subscriptions(self, customer: str) -> list[SubscriptionState]:
        """All that are paid or may still be: those that have not ended, oldest first."""
        found = [each for each in await self._subscriptions(customer) if each.status not in _ENDED]
        return sorted(found, key=lambda each: (each.created_at, each.id))

    async def surplus_subscriptions(self, customer: str) -> list[SubscriptionState]:
        """Those that our checkout sold beside another: all but the oldest one that is paid."""
        sold = [
            each for each in await self._subscriptions(customer) if each.status in LIVE and each.workspace
        ]
        return sorted(sold, key=lambda each: (each.status == "past_due", each.created_at, each.id))[1:]

    async def undo_subscription(self, subscription: SubscriptionState) -> None:
        """Pay a subscription's last invoice back, or ask for its money no more, and end it now.

        In this order: one that has ended is not found again by whoever has to go on after a failure.
        """
        invoice = subscription.latest_invoice
        if (await self._read("invoices", invoice))["status"] == "open":
            await self._void(invoice)
        with told():
            payments = await self._api.invoice_payments.list_async({"invoice": invoice, "status": "paid"})
        for each in payments.data:
            await self._pay_back(text_of(each.to_dict()["payment"]["payment_intent"]))
        await self.cancel(subscription.id)

    async def lapsed_subscriptions(self, customer: str) -> list[SubscriptionState]:
        """Those that our checkout sold and nobody pays any more, though they would go on if one did."""
        every = await self._subscriptions(customer)
        return [each for each in every if each.status in _LAPSED and each.workspace]

    async def drop_subscription(self, id: str) -> None:
        """Ask for no money any more that a subscription still waits for, and end it now; in this order too.

        What was paid for it stays so.
        """
        with told():
            invoices = await self._api.invoices.list_async({"subscription": id, "limit": 100})
        for each in invoices.data:
            if each.status in ("open", "uncollectible"):
                await self._void(text_of(each.id))
        await self.cancel(id)

    async def _void(self, invoice: str) -> None:
        with told():
            await self._api.invoices.void_invoice_async(
                invoice, {}, {"idempotency_key": call_key("void", invoice)}
            )

    async def _pay_back(self, payment_intent: str) -> None:
        with told():
            try:
                await self._api.refunds.create_async(
                    {"payment_intent": payment_intent, "reason": "duplicate"},
                    {"idempotency_key": call_key("pay-back", payment_intent)},
                )
            except stripe.InvalidRequestError as error:
                # The money is on its way back already, or with the bank.
                if error.code not in ("charge_already_refunded", "charge_disputed"):
                    raise

    async def _subscriptions(self, customer: str) -> list[SubscriptionState]:
        with told():
            found = await self._api.subscriptions.list_async(
                {"customer": customer, "status": "all", "limit": 100}
            )
        return [subscription_state(each.to_dict()) for each in found.data]

    async def customer_of(
        self, kind: Literal["subscriptions", "subscription_schedules", "invoices"], id: str
    ) -> str:
        """Whose a subscription, what is planned for it, or an invoice is."""
        return text_of((await self._read(kind, id))["customer"])

    async def read_charge_of(self, payment_intent: str) -> ChargeState | None:
        """How the payment's charge is now; ``None`` as long as there is none."""
        charge = (await self._read("payment_intents", payment_intent))["latest_charge"]
        return await self.read_charge(charge) if charge else None

    async def read_charge(self, id: str) -> ChargeState:
        found = await self._read("charges", id)
        with told():
            disputes = await self._api.disputes.list_async({"charge": id, "limit": 100})
        return ChargeState(
            id=id,
            customer=text_of(found["customer"]),
            payment_intent=text_of(found["payment_intent"]),
            is_live=found["livemode"],
            amount=found["amount"],
            refunded=await self._refunded(id, found["amount_refunded"]),
            disputed=sum(
                # An amount in another currency says nothing of the part.
                each.amount if each.currency == found["currency"] else found["amount"]
                for each in disputes.data
                if has_taken_money(each.status)
            ),
        )

    async def _refunded(self, charge: str, stated: int) -> int:
        """How much of it goes or went back. That ``stated`` shrinks when a refund fails is not documented."""
        if not stated:
            return 0
        with told():
            refunds = await self._api.refunds.list_async({"charge": charge, "limit": 100})
        return min(stated, sum(each.amount for each in refunds.data if each.status not in FAILED_REFUND))

    async def charge_of(self, kind: Literal["disputes", "refunds"], id: str) -> str:
        """What a dispute or a refund is of; empty for a refund of no charge."""
        return text_of((await self._read(kind, id))["charge"])

    async def list_invoices(self, customer: str) -> list[InvoiceState]:
        """A customer's invoices, newest first."""
        with told():
            first = await self._api.invoices.list_async({"customer": customer, "limit": 100})
            return [invoice_state(each.to_dict(), self._addresses) async for each in first.auto_paging_iter()]

    async def events_since(self, moment: datetime, types: list[str]) -> AsyncGenerator[list[EventRef], None]:
        """What happened since then, newest first, in pages; Stripe keeps events for 30 days."""
        asked: Any = {"created": {"gte": int(moment.timestamp())}, "types": types, "limit": 100}
        while True:
            with told():
                found = await self._api.events.list_async(asked)
            yield [event_ref(each.to_dict()) for each in found.data]
            if not found.has_more:
                return
            asked |= {"starting_after": found.data[-1].id}
