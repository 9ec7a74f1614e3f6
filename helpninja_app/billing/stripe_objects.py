"""What we read of Stripe's objects, at API version 2026-10-28 (https://docs.stripe.com/api)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from helpninja_app.errors import BadRequest

# What is added to the address that a page leads back to.
AFTER_CHECKOUT = "?checkout=done"
# In a subscription's metadata: its workspace was deleted, and therefore it was cancelled.
ENDED_BY_DELETION = "ended_by_deletion"


@dataclass(frozen=True, slots=True)
class EventRef:
    """That something happened, and to what; how it is now is read when it is processed."""

    id: str
    type: str
    object_id: str
    is_live: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SubscriptionState:
    """``next_price`` takes the place of ``price`` at ``period_end``, where a change is planned.

    ``amount`` is what one costs ``every`` so long, in the currency's minor unit; ``None`` where that depends.
    ``workspace`` is there where our checkout sold it. It ends at ``cancel_at``, ``is_by_period`` where
    that was asked for as the end of the period and not as a date, ``is_ended_by_deletion`` where nobody but
    the deletion of its workspace asked for it.
    """

    id: str
    customer: str
    status: str
    price: str
    is_live: bool
    anchor: datetime
    period_start: datetime
    period_end: datetime
    created_at: datetime
    amount: int | None = None
    currency: str = ""
    every: str = ""
    cancel_at: datetime | None = None
    is_by_period: bool = False
    trial_end: datetime | None = None
    next_price: str | None = None
    schedule: str | None = None
    workspace: str = ""
    is_ended_by_deletion: bool = False
    latest_invoice: str = ""


@dataclass(frozen=True, slots=True)
class PriceState:
    """``amount`` is what one costs ``every`` so long, empty for once; ``None`` where that depends."""

    amount: int | None
    currency: str
    every: str
    is_active: bool
    is_live: bool


@dataclass(frozen=True, slots=True)
class CheckoutState:
    """``subtotal`` is in the currency's minor unit, before discounts and taxes.

    ``price`` is there where it sold ``quantity`` of that one alone. What the price costs is told in its own
    currency, which the buyer's may differ from.
    """

    id: str
    customer: str
    workspace: str
    mode: str
    is_paid: bool
    is_live: bool
    subtotal: int
    currency: str
    price: str
    quantity: int
    price_amount: int | None
    price_currency: str
    payment_intent: str


@dataclass(frozen=True, slots=True)
class CheckoutPage:
    """A page that takes or took a payment; ``back`` is where it leads afterwards."""

    id: str
    mode: str
    price: str
    back: str
    url: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class ChargeState:
    """``disputed`` is what the bank has or keeps, as far as that is known to be a part."""

    id: str
    customer: str
    payment_intent: str
    is_live: bool
    amount: int
    refunded: int
    disputed: int


@dataclass(frozen=True, slots=True)
class InvoiceState:
    """Amounts are in the currency's minor unit; ``url`` shows it, ``pdf`` downloads it, empty without one."""

    id: str
    number: str
    amount: int
    currency: str
    status: str
    created_at: datetime
    url: str
    pdf: str
    description: str


def event_ref(event: dict[str, Any]) -> EventRef:
    """An event by its JSON; raises ``BadRequest`` for what has not the shape of one."""
    try:
        return EventRef(
            id=str(event["id"]),
            type=str(event["type"]),
            object_id=text_of(event["data"]["object"].get("id")),
            is_live=bool(event["livemode"]),
            created_at=time_of(event["created"]),
        )
    except (KeyError, TypeError, AttributeError):
        raise BadRequest("The body is no event.") from None


def subscription_state(found: dict[str, Any]) -> SubscriptionState:
    item = found["items"]["data"][0]
    ends = found["cancel_at"] or (item["current_period_end"] if found["cancel_at_period_end"] else None)
    return SubscriptionState(
        id=found["id"],
        customer=text_of(found["customer"]),
        status=found["status"],
        price=item["price"]["id"],
        is_live=found["livemode"],
        anchor=time_of(found["billing_cycle_anchor"]),
        period_start=time_of(item["current_period_start"]),
        period_end=time_of(item["current_period_end"]),
        created_at=time_of(found["created"]),
        amount=item["price"]["unit_amount"],
        currency=item["price"]["currency"],
        every=_length(item["price"]["recurring"]),
        cancel_at=time_of(ends) if ends else None,
        is_by_period=bool(found["cancel_at_period_end"]),
        trial_end=time_of(found["trial_end"]) if found["trial_end"] else None,
        schedule=found["schedule"],
        workspace=text_of(found["metadata"].get("workspace_id")),
        is_ended_by_deletion=bool(found["metadata"].get(ENDED_BY_DELETION)),
        latest_invoice=text_of(found["latest_invoice"]),
    )


def price_state(found: dict[str, Any]) -> PriceState:
    return PriceState(
        amount=found["unit_amount"],
        currency=found["currency"],
        every=_length(found["recurring"]) if found["recurring"] else "",
        is_active=found["active"],
        is_live=found["livemode"],
    )


def _length(recurring: dict[str, Any]) -> str:
    count, interval = recurring["interval_count"], recurring["interval"]
    return str(interval) if count == 1 else f"{count} {interval}s"


def checkout_page(found: dict[str, Any]) -> CheckoutPage:
    return CheckoutPage(
        id=found["id"],
        mode=found["mode"],
        price=text_of(found["metadata"].get("price")),
        back=text_of(found["success_url"]).removesuffix(AFTER_CHECKOUT),
        url=text_of(found["url"]),
        is_open=found["status"] == "open",
    )


def with_next_price(state: SubscriptionState, schedule: dict[str, Any]) -> SubscriptionState:
    end = int(state.period_end.timestamp())
    later = [phase for phase in schedule["phases"] if phase["start_date"] >= end]
    return replace(state, next_price=text_of(later[0]["items"][0]["price"])) if later else state


def invoice_state(found: dict[str, Any], addresses: tuple[str, ...]) -> InvoiceState:
    """Links lead only to what begins like one of ``addresses``."""
    lines = found["lines"]["data"]
    return InvoiceState(
        id=found["id"],
        number=text_of(found["number"]),
        amount=found["total"],
        currency=found["currency"],
        status=text_of(found["status"]),
        created_at=time_of(found["created"]),
        url=_link(found["hosted_invoice_url"], addresses),
        pdf=_link(found["invoice_pdf"], addresses),
        description=text_of(found["description"] or (lines[0]["description"] if lines else "")),
    )


def _link(address: Any, addresses: tuple[str, ...]) -> str:
    told = text_of(address)
    return told if told.startswith(addresses) else ""


def time_of(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def text_of(value: Any) -> str:
    """An id or a text, also of an object that was expanded; what is not there is empty."""
    if isinstance(value, dict):
        return str(value.get("id", ""))
    return "" if value is None else str(value)


def has_taken_money(dispute: str) -> bool:
    """By its status: a bank that only asks (``warning_...``) has nothing yet.

    What was prevented moved nothing, or came back as a refund, which counts as one.
    """
    return dispute not in ("won", "prevented") and not dispute.startswith("warning_")


def portal_configuration(changes: dict[str, Any] | None = None) -> Any:
    """What Stripe's portal offers; ``changes`` of plan where it was asked before whether they may be made.

    The same ones always give the same name in the metadata, another one when anything in here changes.
    """
    features: dict[str, dict[str, Any]] = {
        "customer_update": {"enabled": True, "allowed_updates": ["address", "email", "tax_id"]},
        "invoice_history": {"enabled": True},
        "payment_method_update": {"enabled": True},
        "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
        "subscription_update": changes or {"enabled": False},
    }
    told = json.dumps(features, sort_keys=True).encode()
    return {"metadata": {"helpninja": hashlib.sha256(told).hexdigest()[:32]}, "features": features}


def plan_changes(products: dict[str, list[str]], *, is_at_once: bool) -> dict[str, Any]:
    """Changes of plan that begin at once, or such that wait until what is paid for is used when they are to
    less or to a shorter time.

    How Stripe compares amounts of a month with those of a year is not documented: what begins at once has
    no conditions for that reason. ``products`` are the ids of the plans' products with those of their prices.
    """
    changes: dict[str, Any] = {
        "enabled": True,
        "default_allowed_updates": ["price"],
        "proration_behavior": "always_invoice",
        "products": [{"product": id, "prices": prices} for id, prices in sorted(products.items())],
        # The page names the day on which a trial ends and from which it costs something; Stripe would end it
        # with the change, and take the money at once.
        "trial_update_behavior": "continue_trial",
    }
    if not is_at_once:
        conditions = [{"type": "decreasing_item_amount"}, {"type": "shortening_interval"}]
        changes["schedule_at_period_end"] = {"conditions": conditions}
    return changes


def portal_change(subscription: str, price: str, item: str, *, back: str) -> Any:
    """The portal's page that confirms another price for the item of a subscription, and then leads back."""
    wanted = {"subscription": subscription, "items": [{"id": item, "price": price, "quantity": 1}]}
    return {
        "type": "subscription_update_confirm",
        "subscription_update_confirm": wanted,
        "after_completion": {"type": "redirect", "redirect": {"return_url": back}},
    }
