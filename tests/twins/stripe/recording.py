"""Records one payload per event type that the product handles: `python -m tests.twins.stripe.recording`."""

from __future__ import annotations

import json
from pathlib import Path

from tests.twins.stripe import checkout, schedules, subscriptions
from tests.twins.stripe.server import StripeTwin
from tests.twins.stripe.shapes import Obj

FOLDER = Path(__file__).parents[2] / "fixtures" / "stripe"
RECORDED_AT = 1_793_188_800
LABELS = {"workspace_id": "0b9f4a52-6f0e-4c38-9d1e-3f6f7a0f2c11"}
DELAYED = "checkout.session.async_payment_succeeded"
SCHEDULED = ("created", "updated", "released", "completed", "canceled")
BACK = "https://helpninja.test/billing"


def record() -> dict[str, Obj]:
    """Payloads by file name without its ending, all of one customer's story. Nothing is served."""
    twin = StripeTwin()
    twin.url = "https://billing.stripe.test"
    twin.clock.still = RECORDED_AT
    twin.add_price("price_starter_month", 2900, name="HelpNinja Starter")
    twin.add_price("price_pro_month", 9900, name="HelpNinja Pro")
    twin.add_price("price_top_up_1000", 1500, None, name="1,000 credits")
    customer = twin.add_customer("ada@example.com", LABELS)["id"]
    bought = _buy(twin, customer, "price_starter_month", "subscription", "subscription_data")
    topped_up = _buy(twin, customer, "price_top_up_1000", "payment", "payment_intent_data")
    made = {
        kind: twin.events(kind)[0]
        for kind in ("checkout.session.completed", "customer.subscription.created", "invoice.paid")
    }
    made["checkout.session.completed.topup"] = twin.events("checkout.session.completed")[1]
    _buy(twin, customer, "price_top_up_1000", "payment", "payment_intent_data", is_delayed=True)
    made[DELAYED] = twin.events(DELAYED)[0]
    checkout_charge = twin.state.payment_intents[topped_up["payment_intent"]]["latest_charge"]
    subscription = bought["subscription"]
    item = twin.state.subscriptions[subscription]["items"]["data"][0]["id"]
    changed = {"items": [{"id": item, "price": "price_pro_month"}], "proration_behavior": "always_invoice"}
    twin.update_subscription(subscription, changed)
    made["customer.subscription.updated"] = _last(twin, "customer.subscription.updated", "items")
    _plan(twin, customer, subscription)
    twin.cards[customer] = "declining"
    twin.clock.still = None
    twin.clock.shift = RECORDED_AT - twin.now()
    twin.advance(days=31)
    made["invoice.payment_failed"] = twin.events("invoice.payment_failed")[0]
    made |= _first(twin, *(f"subscription_schedule.{name}" for name in SCHEDULED))
    refund = twin.refund(checkout_charge, 400)
    twin.settle_refund(refund["id"])
    twin.fail_refund(refund["id"])
    made |= _first(twin, "charge.refunded", "refund.updated", "refund.failed")
    dispute = twin.dispute(checkout_charge)
    made |= _first(twin, "charge.dispute.created", "charge.dispute.funds_withdrawn")
    twin.close_dispute(dispute["id"], "lost")
    made["charge.dispute.closed"] = twin.events("charge.dispute.closed")[0]
    twin.advance(days=30)
    ended = twin.events("customer.subscription.deleted")
    [made["customer.subscription.deleted"]] = [
        each for each in ended if each["data"]["object"]["id"] == subscription
    ]
    return made


def _plan(twin: StripeTwin, customer: str, subscription: str) -> None:
    """What is planned for the subscription is let go, and planned again; that of another ends with it, and
    that of a third with its last phase."""
    schedules.release(twin, {}, twin.schedule(subscription, "price_starter_month")["id"])
    twin.schedule(subscription, "price_starter_month")
    other = twin.add_subscription(customer, "price_starter_month")
    twin.schedule(other["id"], "price_pro_month")
    subscriptions.cancel(twin, {}, other["id"])
    twin.attach_schedule(twin.add_subscription(customer, "price_starter_month")["id"])


def _first(twin: StripeTwin, *kinds: str) -> dict[str, Obj]:
    return {kind: twin.events(kind)[0] for kind in kinds}


def _buy(
    twin: StripeTwin, customer: str, price: str, mode: str, labelled: str, *, is_delayed: bool = False
) -> Obj:
    session = checkout.create(
        twin,
        {
            "mode": mode,
            "customer": customer,
            "client_reference_id": LABELS["workspace_id"],
            "line_items": [{"price": price, "quantity": "1"}],
            "metadata": LABELS,
            labelled: {"metadata": LABELS},
            "success_url": f"{BACK}?session={{CHECKOUT_SESSION_ID}}",
            "cancel_url": BACK,
        },
    )
    twin.complete_checkout(session["id"], is_delayed=is_delayed)
    if is_delayed:
        twin.settle_checkout(session["id"])
    return session


def _last(twin: StripeTwin, kind: str, changed: str) -> Obj:
    return [one for one in twin.events(kind) if changed in one["data"]["previous_attributes"]][-1]


def write() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, event in record().items():
        (FOLDER / f"{name}.json").write_text(json.dumps(event, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    write()
