"""Subscriptions: begun, changed, cancelled, and what their payments do to them."""

from __future__ import annotations

import copy

from tests.twins.stripe import invoices, proration, schedules
from tests.twins.stripe.catalogue import name_of, plan_of
from tests.twins.stripe.core import Core
from tests.twins.stripe.errors import StripeError, declined, missing, required
from tests.twins.stripe.forms import flag, metadata, number, only, text
from tests.twins.stripe.periods import end_of_period
from tests.twins.stripe.shapes import Obj, listing, make_id, new

ENDED = ("canceled", "incomplete_expired")
CREATE_KNOWN = frozenset({"customer", "items", "metadata", "payment_behavior", "trial_period_days"})
CANCELLING = frozenset({"cancel_at", "cancel_at_period_end", "cancellation_details"})
UPDATE_KNOWN = CANCELLING | {"items", "metadata", "payment_behavior", "proration_behavior"}
CREATED, UPDATED, DELETED = (f"customer.subscription.{name}" for name in ("created", "updated", "deleted"))


def alive(core: Core, customer: str) -> list[Obj]:
    return [
        one
        for one in core.state.subscriptions.values()
        if one["customer"] == customer and one["status"] not in ENDED
    ]


def item_of(subscription: Obj) -> Obj:
    item: Obj = subscription["items"]["data"][0]
    return item


def make(core: Core, customer: Obj, orders: list[tuple[Obj, int]], labels: Obj, trial_days: int = 0) -> Obj:
    """A subscription that is not paid yet: nobody has heard of it."""
    now, id = core.now(), make_id("sub")
    end = now + trial_days * invoices.DAY if trial_days else end_of_period(orders[0][0], now, now)
    anchor = end if trial_days else now
    items = [
        new(
            "subscription_item",
            id=make_id("si"),
            created=now,
            current_period_end=end,
            current_period_start=now,
            plan=plan_of(price),
            price=copy.deepcopy(price),
            quantity=quantity,
            subscription=id,
        )
        for price, quantity in orders
    ]
    subscription = new(
        "subscription",
        id=id,
        billing_cycle_anchor=anchor,
        created=now,
        currency=orders[0][0]["currency"],
        customer=customer["id"],
        default_payment_method=make_id("pm"),
        items=listing(f"/v1/subscription_items?subscription={id}", items),
        metadata=dict(labels),
        start_date=now,
        status="trialing" if trial_days else "incomplete",
        trial_end=end if trial_days else None,
        trial_start=now if trial_days else None,
    )
    core.state.subscriptions[id] = subscription
    return subscription


def begin(core: Core, customer: Obj, orders: list[tuple[Obj, int]], labels: Obj, trial_days: int = 0) -> Obj:
    """A new subscription and its first invoice; incomplete until that is paid, as Stripe has it."""
    subscription = make(core, customer, orders, labels, trial_days)
    core.emit(CREATED, subscription)
    bill(
        core, subscription, period_lines(core, subscription, is_free=bool(trial_days)), "subscription_create"
    )
    return subscription


def period_lines(core: Core, subscription: Obj, *, is_free: bool = False) -> list[Obj]:
    """What the current period costs, item by item."""
    lines = []
    for item in subscription["items"]["data"]:
        amount = 0 if is_free else item["price"]["unit_amount"] * item["quantity"]
        period = (item["current_period_start"], item["current_period_end"])
        said = f"{item['quantity']} × {name_of(core, item['price'])}" + (" (trial)" if is_free else "")
        lines.append(
            invoices.line(
                item["price"], amount, period, said, subscription=subscription, quantity=item["quantity"]
            )
        )
    return lines


def bill(core: Core, subscription: Obj, lines: list[Obj], reason: str, before: Obj | None = None) -> Obj:
    """Draws an invoice up, finalizes it and asks for the money; `before` is what the event compares with."""
    before = before or copy.deepcopy(subscription)
    customer = core.customer(subscription["customer"])
    invoice = invoices.draw_up(
        core, customer, lines, reason, subscription=subscription, currency=subscription["currency"]
    )
    if reason != "subscription_create":
        core.emit(UPDATED, subscription, before)
    if subscription["status"] == "unpaid":
        invoice["auto_advance"] = False
        return invoice
    invoices.finalize(core, invoice)
    collect(core, invoice)
    return invoice


def collect(core: Core, invoice: Obj) -> bool:
    """Tries to be paid; the invoice's subscription becomes active or past due by it."""
    is_paid = invoices.pay(core, invoice)
    subscription = invoices.subscription_of(core, invoice)
    if subscription is None or subscription["status"] in ENDED:
        return is_paid
    is_latest = subscription["latest_invoice"] == invoice["id"]
    is_last_try = invoice["next_payment_attempt"] is None
    with core.changing(UPDATED, subscription):
        match subscription["status"]:
            case "incomplete" | "past_due" | "unpaid" if is_paid and is_latest:
                subscription["status"] = "active"
            case "active" | "trialing" if not is_paid:
                subscription["status"] = "past_due"
            case "past_due" if not is_paid and is_last_try and core.after_retries == "unpaid":
                subscription["status"] = "unpaid"
    if subscription["status"] == "past_due" and is_last_try and core.after_retries == "canceled":
        end(core, subscription, "payment_failed")
    return is_paid


def set_price(core: Core, subscription: Obj, price: Obj, quantity: int | None = None) -> None:
    """Puts another price in the place of the first item's; an other interval begins a new period."""
    item = item_of(subscription)
    was = item["price"]["recurring"]["interval"]
    item |= {"price": copy.deepcopy(price), "plan": plan_of(price)}
    if quantity is not None:
        item["quantity"] = quantity
    if was != price["recurring"]["interval"] and subscription["status"] != "trialing":
        now = core.now()
        subscription["billing_cycle_anchor"] = now
        item |= {"current_period_start": now, "current_period_end": end_of_period(price, now, now)}


def change_price(
    core: Core, subscription: Obj, price: Obj, behavior: str, quantity: int | None = None
) -> None:
    """Changes the plan now, and bills or keeps what that costs as `proration_behavior` says."""
    before = copy.deepcopy(subscription)
    with core.changing(UPDATED, subscription):
        schedules.drop(core, subscription)
        set_price(core, subscription, price, quantity)
    if subscription["status"] in ("trialing", "incomplete"):
        return
    lines = proration.lines(core, before, subscription) if behavior != "none" else []
    was, is_now = (item_of(one)["price"]["recurring"]["interval"] for one in (before, subscription))
    if was != is_now:
        # Only what is left of the old period is prorated: the new one is paid in full.
        bill(core, subscription, [*lines[:1], *period_lines(core, subscription)], "subscription_update")
    elif behavior == "always_invoice" and lines:
        bill(core, subscription, lines, "subscription_update")
    else:
        core.state.pending_lines[subscription["id"]] += lines


def end_trial(core: Core, subscription: Obj, price: Obj) -> None:
    """Another price now, whose first period is paid at once."""
    before, now = copy.deepcopy(subscription), core.now()
    schedules.drop(core, subscription)
    subscription |= {"status": "active", "trial_end": now, "billing_cycle_anchor": now}
    set_price(core, subscription, price)
    period = {"current_period_start": now, "current_period_end": end_of_period(price, now, now)}
    item_of(subscription).update(period)
    bill(core, subscription, period_lines(core, subscription), "subscription_update", before)


def cancel_at_period_end(core: Core, subscription: Obj, *, is_wanted: bool, by_date: bool = False) -> None:
    """Ends it with the period, or takes that back; `by_date` says so by `cancel_at` alone."""
    with core.changing(UPDATED, subscription):
        end = item_of(subscription)["current_period_end"]
        reason = "cancellation_requested" if is_wanted else None
        subscription |= {
            "cancel_at": end if is_wanted else None,
            "cancel_at_period_end": is_wanted and not by_date,
            "canceled_at": core.now() if is_wanted else None,
        }
        subscription["cancellation_details"]["reason"] = reason


def end(core: Core, subscription: Obj, reason: str) -> None:
    """Over at once. What was not paid stays open, but nobody asks for it any more."""
    # A schedule that ends because nobody pays has an event of another name.
    schedules.close(core, subscription, "canceled", "aborted" if reason == "payment_failed" else "")
    subscription |= {
        "canceled_at": subscription["canceled_at"] or core.now(),
        "ended_at": core.now(),
        "status": "canceled",
    }
    subscription["cancellation_details"]["reason"] = reason
    core.state.pending_lines.pop(subscription["id"], None)
    for invoice in core.state.invoices.values():
        if invoices.subscription_of(core, invoice) is subscription:
            invoice |= {"auto_advance": False, "next_payment_attempt": None}
    core.emit(DELETED, subscription)


def retrieve(core: Core, _: Obj, id: str) -> Obj:
    return core.subscription(id)


def list_subscriptions(core: Core, params: Obj) -> Obj:
    """Canceled ones only where `status` asks for them."""
    if "customer" in params:
        core.customer(params["customer"], "customer")
    status = params.get("status")

    def keep(one: Obj) -> bool:
        prices = [item["price"]["id"] for item in one["items"]["data"]]
        is_asked = {"all": True, "ended": one["status"] in ENDED, None: one["status"] != "canceled"}
        return (
            params.get("customer", one["customer"]) == one["customer"]
            and is_asked.get(status, one["status"] == status)
            and params.get("price", prices[0]) in prices
        )

    return core.page(core.state.subscriptions, params, "/v1/subscriptions", keep)


def create(core: Core, params: Obj) -> Obj:
    only(params, CREATE_KNOWN, "subscriptions")
    customer = core.customer(text(params, "customer"), "customer")
    if not params.get("items"):
        raise required("items")
    orders = [
        (core.price(text(item, "price"), f"items[{at}][price]"), number(item, "quantity", 1))
        for at, item in enumerate(params["items"])
    ]
    behavior = params.get("payment_behavior", "allow_incomplete")
    if behavior == "error_if_incomplete":
        invoices.refuse_declined(core, customer["id"])
    labels, days = metadata({}, params), number(params, "trial_period_days", 0)
    if behavior != "default_incomplete" or days:
        return begin(core, customer, orders, labels, days)
    subscription = make(core, customer, orders, labels)
    core.emit(CREATED, subscription)
    lines = period_lines(core, subscription)
    invoice = invoices.draw_up(core, customer, lines, "subscription_create", subscription=subscription)
    invoices.finalize(core, invoice)
    return subscription


def update(core: Core, params: Obj, id: str) -> Obj:
    subscription = core.subscription(id)
    if subscription["status"] in ENDED and params.keys() - {"metadata", "expand", "cancellation_details"}:
        said = "A canceled subscription can only update its cancellation_details and metadata."
        raise StripeError(said)
    only(params, UPDATE_KNOWN, "subscriptions")
    _refuse_scheduled(subscription, params)
    behavior = params.get("proration_behavior", "create_prorations")
    if behavior not in ("create_prorations", "always_invoice", "none"):
        said = "Invalid proration_behavior: must be one of create_prorations, always_invoice, or none"
        raise StripeError(said, param="proration_behavior")
    change = _changed_item(core, subscription, params)
    if change and params.get("payment_behavior") == "error_if_incomplete":
        invoices.refuse_declined(core, subscription["customer"])
    if params.keys() & {"metadata", "cancellation_details"}:
        with core.changing(UPDATED, subscription):
            subscription["cancellation_details"] |= params.get("cancellation_details", {})
            subscription["metadata"] = metadata(subscription["metadata"], params)
    if change:
        change_price(core, subscription, change[0], behavior, change[1])
    if {"cancel_at", "cancel_at_period_end"} <= params.keys():
        raise StripeError("You may only specify one of these parameters: cancel_at, cancel_at_period_end.")
    if "cancel_at_period_end" in params:
        is_wanted = flag(params["cancel_at_period_end"])
        # A date of its own is not taken back with the flag.
        if is_wanted or subscription["cancel_at_period_end"]:
            cancel_at_period_end(core, subscription, is_wanted=is_wanted)
    if "cancel_at" in params:
        with core.changing(UPDATED, subscription):
            at = number(params, "cancel_at", 0) if params["cancel_at"] else None
            subscription |= {"cancel_at": at, "canceled_at": core.now() if at else None}
    return subscription


def _refuse_scheduled(subscription: Obj, params: Obj) -> None:
    """What a schedule manages is changed by the schedule, or after its release."""
    managed = {
        "items": "items",
        "cancel_at": "cancelation behavior",
        "cancel_at_period_end": "cancelation behavior",
    }
    for name, said in managed.items():
        if subscription["schedule"] and name in params:
            raise StripeError(
                f"The subscription is managed by the subscription schedule `{subscription['schedule']}`, and "
                f"updating any {said} directly is not allowed. Please update the schedule instead."
            )


def _changed_item(core: Core, subscription: Obj, params: Obj) -> tuple[Obj, int | None] | None:
    """The new price and quantity of the subscription's item; none where they stay as they are."""
    asked = params.get("items")
    if not asked:
        return None
    item, wanted = item_of(subscription), asked[0]
    if "id" not in wanted:
        # Stripe would add a second item, and so bill both plans: no client of ours wants that.
        raise StripeError("Without its id, an item would be added to the subscription.", param="items[0][id]")
    if wanted["id"] != item["id"]:
        raise missing("subscription item", wanted["id"], param="items[0][id]", status=400)
    price = core.price(wanted.get("price", item["price"]["id"]), "items[0][price]")
    if price["recurring"] is None:
        said = "The price is set to `type=one_time` but this field only accepts `type=recurring`."
        raise StripeError(said, param="items[0][price]")
    quantity = number(wanted, "quantity", item["quantity"])
    is_same = price["id"] == item["price"]["id"] and quantity == item["quantity"]
    return None if is_same else (price, quantity)


def cancel(core: Core, params: Obj, id: str) -> Obj:
    only(params, frozenset({"cancellation_details"}), "a cancellation")
    subscription = core.subscription(id)
    if subscription["status"] in ENDED:
        raise missing("subscription", id)
    subscription["cancellation_details"] |= params.get("cancellation_details", {})
    end(core, subscription, "cancellation_requested")
    return subscription


def pay_invoice(core: Core, _: Obj, id: str) -> Obj:
    """POST /v1/invoices/{id}/pay: another attempt, now."""
    invoice = core.find(core.state.invoices, "invoice", id)
    invoices.check_payable(invoice)
    if not collect(core, invoice):
        raise declined()
    return invoice
