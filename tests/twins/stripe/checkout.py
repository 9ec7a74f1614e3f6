"""Checkout sessions: opened by a client, paid by somebody with a browser, or expired."""

from __future__ import annotations

import copy
from typing import Any

from tests.twins.stripe import customers, invoices, payments, subscriptions
from tests.twins.stripe.catalogue import price_of
from tests.twins.stripe.core import Core
from tests.twins.stripe.errors import StripeError, required
from tests.twins.stripe.forms import metadata, number, only, text, url
from tests.twins.stripe.shapes import Obj, listing, make_id, new

LIFETIME = 24 * 3600
# What has an effect, then what only changes Stripe's page and checks.
KNOWN = frozenset(
    [
        "cancel_url",
        "client_reference_id",
        "customer",
        "customer_creation",
        "customer_email",
        "expires_at",
        "invoice_creation",
        "line_items",
        "metadata",
        "mode",
        "payment_intent_data",
        "subscription_data",
        "success_url",
        "billing_address_collection",
        "consent_collection",
        "custom_text",
        "customer_update",
        "locale",
        "payment_method_types",
        "payment_method_collection",
        "phone_number_collection",
        "submit_type",
        "tax_id_collection",
    ]
)
KNOWN_DATA = {
    "payment_intent_data": frozenset({"description", "metadata"}),
    "subscription_data": frozenset({"metadata", "trial_period_days"}),
}


def create(core: Core, params: Obj) -> Obj:
    only(params, KNOWN, "checkout sessions")
    for name, known in KNOWN_DATA.items():
        only(params.get(name, {}), known, name)
    mode = text(params, "mode")
    if mode not in ("payment", "subscription"):
        raise StripeError("Invalid mode: must be one of payment or subscription", param="mode")
    text(params, "success_url")
    for name in ("success_url", "cancel_url"):
        url(params, name)
    for other, name in (("payment", "subscription_data"), ("subscription", "payment_intent_data")):
        if mode == other and name in params:
            raise StripeError(f"You can not pass `{name}` in `{mode}` mode.", param=name)
    if "customer" in params and "customer_email" in params:
        said = "You may only specify one of these parameters: customer, customer_email."
        raise StripeError(said, param="customer")
    customer = core.customer(params["customer"], "customer") if "customer" in params else None
    items = _items(core, params, mode)
    total, id = sum(item["amount_total"] for item in items), make_id("cs_test")
    session = new(
        "checkout.session",
        id=id,
        amount_subtotal=total,
        amount_total=total,
        cancel_url=params.get("cancel_url"),
        client_reference_id=params.get("client_reference_id"),
        created=core.now(),
        currency=items[0]["currency"],
        customer=customer and customer["id"],
        customer_creation=None if customer else _customer_creation(params, mode),
        customer_email=params.get("customer_email"),
        expires_at=number(params, "expires_at", core.now() + LIFETIME),
        metadata=metadata({}, params),
        mode=mode,
        payment_method_collection="always" if mode == "subscription" else "if_required",
        success_url=params["success_url"],
        url=f"{core.url}/c/pay/{id}",
    )
    if email := customer["email"] if customer else params.get("customer_email"):
        session["customer_details"] = _details(email)
    core.state.sessions[id] = session
    core.state.orders[id] = {"items": items, "params": copy.deepcopy(params)}
    return session


def _customer_creation(params: Obj, mode: str) -> str:
    return str(params.get("customer_creation", "always" if mode == "subscription" else "if_required"))


def _details(email: str) -> Obj:
    return {
        "address": None,
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": None,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": None,
    }


def _items(core: Core, params: Obj, mode: str) -> list[Obj]:
    if not params.get("line_items"):
        raise required("line_items")
    made = []
    for at, line in enumerate(params["line_items"]):
        price = price_of(core, line, f"line_items[{at}]")
        if not price["active"] and "price" in line:
            said = f"The price specified is inactive. This field only accepts active prices: {price['id']}"
            raise StripeError(said, param=f"line_items[{at}][price]")
        quantity = number(line, "quantity", 1)
        amount = price["unit_amount"] * quantity
        product = core.state.products[price["product"]]
        made.append(
            new(
                "line_item",
                id=make_id("li"),
                amount_subtotal=amount,
                amount_total=amount,
                currency=price["currency"],
                description=product["name"],
                price=copy.deepcopy(price),
                quantity=quantity,
            )
        )
    is_recurring = [item["price"]["recurring"] is not None for item in made]
    if mode == "payment" and any(is_recurring):
        said = (
            "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode."
        )
        raise StripeError(said, param="line_items")
    if mode == "subscription" and not any(is_recurring):
        said = "You must provide at least one recurring price in `subscription` mode when using prices."
        raise StripeError(said, param="line_items")
    return made


def retrieve(core: Core, _: Obj, id: str) -> Obj:
    return core.find(core.state.sessions, "checkout.session", id)


def list_sessions(core: Core, params: Obj) -> Obj:
    def keep(session: Obj) -> bool:
        names = ("customer", "subscription", "payment_intent", "status")
        return all(params.get(name, session[name]) == session[name] for name in names)

    return core.page(core.state.sessions, params, "/v1/checkout/sessions", keep)


def list_items(core: Core, _: Obj, id: str) -> Obj:
    core.find(core.state.sessions, "checkout.session", id)
    return listing(f"/v1/checkout/sessions/{id}/line_items", core.state.orders[id]["items"])


def expire(core: Core, _: Obj, id: str) -> Obj:
    session = core.find(core.state.sessions, "checkout.session", id)
    if session["status"] != "open":
        said = 'Only Checkout Sessions with a status in ["open"] can be expired. '
        raise StripeError(said + f"This Checkout Session has a status of {session['status']}.")
    let_expire(core, session)
    return session


def let_expire(core: Core, session: Obj) -> None:
    session |= {"status": "expired", "url": None}
    core.emit("checkout.session.expired", session)


def localize(core: Core, session: Obj, currency: str, amount: int) -> None:
    """Another currency of a price that has amounts in several: the price itself stays told in its own."""
    money = {"currency": currency, "amount_subtotal": amount, "amount_total": amount}
    session |= money
    for item in core.state.orders[session["id"]]["items"]:
        item |= money


def complete(
    core: Core, session: Obj, *, is_good: bool = True, email: str | None = None, is_delayed: bool = False
) -> bool:
    """Somebody pays. A declined card leaves the session open; a second time does nothing.

    ``is_delayed`` is a bank transfer: its money comes with `settle`.
    """
    if session["status"] != "open":
        return bool(session["status"] == "complete")
    order = core.state.orders[session["id"]]
    address = email or (session["customer_details"] or {}).get("email") or "customer@example.com"
    if not is_good:
        if session["mode"] == "payment":
            intent = _intent_of(core, session, order["params"])
            payments.attempt(core, intent, is_good=False, email=address)
        return False
    if session["customer"] is None and session["customer_creation"] == "always":
        session["customer"] = customers.make(core, email=address)["id"]
    if session["customer"]:
        core.cards[session["customer"]] = "good"
        customer = core.customer(session["customer"])
        with core.changing("customer.updated", customer):
            customer["email"] = customer["email"] or address
    session["customer_details"] = _details(address)
    if session["mode"] == "payment" and not is_delayed:
        _pay_once(core, session, order)
    elif session["mode"] == "payment":
        _intent_of(core, session, order["params"])
    else:
        _subscribe(core, session, order)
    session |= {"status": "complete", "url": None}
    core.emit("checkout.session.completed", session)
    return True


def settle(core: Core, session: Obj) -> None:
    """The money of a delayed payment is there."""
    _pay_once(core, session, core.state.orders[session["id"]])
    core.emit("checkout.session.async_payment_succeeded", session)


def _intent_of(core: Core, session: Obj, params: Obj) -> Obj:
    if session["payment_intent"]:
        return core.state.payment_intents[session["payment_intent"]]
    data: dict[str, Any] = params.get("payment_intent_data", {})
    intent = payments.make_intent(
        core,
        session["amount_total"],
        session["currency"],
        session["customer"],
        description=data.get("description"),
        labels=metadata({}, data),
    )
    session["payment_intent"] = intent["id"]
    return intent


def _pay_once(core: Core, session: Obj, order: Obj) -> None:
    intent = _intent_of(core, session, order["params"])
    intent["customer"] = session["customer"]
    payments.attempt(core, intent, is_good=True, email=session["customer_details"]["email"])
    session["payment_status"] = "paid"
    if order["params"].get("invoice_creation", {}).get("enabled") == "true" and session["customer"]:
        now = core.now()
        lines = [
            invoices.line(item["price"], item["amount_total"], (now, now), item["description"])
            for item in order["items"]
        ]
        customer = core.customer(session["customer"])
        invoice = invoices.draw_up(core, customer, lines, "manual", currency=session["currency"])
        invoices.finalize(core, invoice, uses_credit=False)
        invoices.settle_by(core, invoice, intent)
        session["invoice"] = invoice["id"]


def _subscribe(core: Core, session: Obj, order: Obj) -> None:
    data = order["params"].get("subscription_data", {})
    trial_days = number(data, "trial_period_days", 0)
    orders = [(item["price"], item["quantity"]) for item in order["items"] if item["price"]["recurring"]]
    customer = core.customer(session["customer"])
    subscription = subscriptions.begin(core, customer, orders, metadata({}, data), trial_days)
    session |= {
        "invoice": subscription["latest_invoice"],
        "payment_status": "no_payment_required" if trial_days else "paid",
        "subscription": subscription["id"],
    }
