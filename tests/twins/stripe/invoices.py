"""Invoices: drawn up, finalized, paid or not, and tried again."""

from __future__ import annotations

from tests.twins.stripe import payments
from tests.twins.stripe.core import Core
from tests.twins.stripe.errors import StripeError, declined
from tests.twins.stripe.shapes import Obj, listing, make_id, new

DAY = 24 * 3600
# Days until the next attempt, after the first, second and third failure.
RETRIES = (3, 5, 7)


def line(
    price: Obj,
    amount: int,
    period: tuple[int, int],
    description: str,
    *,
    subscription: Obj | None = None,
    quantity: int = 1,
    is_proration: bool = False,
) -> Obj:
    """A line of an invoice, of a subscription's item where there is one."""
    details = {
        "invoice_item": None,
        "proration": is_proration,
        "proration_details": {"credited_items": None},
        "subscription": subscription and subscription["id"],
        "subscription_item": subscription and subscription["items"]["data"][0]["id"],
    }
    kind = "subscription_item_details" if subscription else "invoice_item_details"
    parent: Obj = {"invoice_item_details": None, "subscription_item_details": None, "type": kind}
    if not subscription:
        del details["subscription_item"]
        details["invoice_item"] = make_id("ii")
    parent[kind] = details
    return new(
        "invoice_line",
        id=make_id("il"),
        amount=amount,
        currency=price["currency"],
        description=description,
        parent=parent,
        period={"start": period[0], "end": period[1]},
        pricing={
            "type": "price_details",
            "price_details": {"price": price["id"], "product": price["product"]},
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        quantity=quantity,
        subtotal=amount,
    )


def draw_up(
    core: Core,
    customer: Obj,
    lines: list[Obj],
    reason: str,
    *,
    subscription: Obj | None = None,
    description: str | None = None,
    currency: str = "usd",
) -> Obj:
    """A draft. It becomes its subscription's latest invoice."""
    total = sum(one["amount"] for one in lines)
    id = make_id("in")
    for one in lines:
        one["invoice"] = id
    parent = None
    if subscription:
        told = {"metadata": dict(subscription["metadata"]), "subscription": subscription["id"]}
        parent = {"quote_details": None, "subscription_details": told, "type": "subscription_details"}
        subscription["latest_invoice"] = id
    invoice = new(
        "invoice",
        id=id,
        amount_due=max(total, 0),
        amount_remaining=max(total, 0),
        auto_advance=True,
        billing_reason=reason,
        created=core.now(),
        currency=currency,
        customer=customer["id"],
        customer_email=customer["email"],
        customer_name=customer["name"],
        description=description,
        lines=listing(f"/v1/invoices/{id}/lines", lines),
        parent=parent,
        period_start=min((one["period"]["start"] for one in lines), default=core.now()),
        period_end=max((one["period"]["end"] for one in lines), default=core.now()),
        subtotal=total,
        subtotal_excluding_tax=total,
        total=total,
        total_excluding_tax=total,
    )
    core.state.invoices[id] = invoice
    core.emit("invoice.created", invoice)
    return invoice


def finalize(core: Core, invoice: Obj, *, uses_credit: bool = True) -> None:
    """Numbers the invoice, and uses or adds to the credit that the customer has."""
    customer = core.customer(invoice["customer"])
    invoice["number"] = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}"
    customer["next_invoice_sequence"] += 1
    before, total = customer["balance"], invoice["total"]
    due = max(total + before, 0) if uses_credit else total
    with core.changing("customer.updated", customer):
        customer["balance"] = before + total - due
        customer["currency"] = invoice["currency"]
    invoice |= {
        "amount_due": due,
        "amount_remaining": due,
        "effective_at": core.now(),
        "ending_balance": customer["balance"],
        "hosted_invoice_url": f"{core.url}/i/{invoice['id']}",
        "invoice_pdf": f"{core.url}/i/{invoice['id']}/pdf",
        "starting_balance": before,
        "status": "open",
    }
    invoice["status_transitions"]["finalized_at"] = core.now()
    core.emit("invoice.finalized", invoice)


def pay(core: Core, invoice: Obj) -> bool:
    """Charges what is due; the subscription follows what came of it."""
    if invoice["amount_due"] == 0:
        _settle(core, invoice, None)
        return True
    link = _payment_of(core, invoice)
    intent = core.state.payment_intents[link["payment"]["payment_intent"]]
    invoice |= {"attempted": True, "attempt_count": invoice["attempt_count"] + 1}
    good = core.has_good_card(invoice["customer"])
    if payments.attempt(core, intent, is_good=good, email=invoice["customer_email"]):
        _settle(core, invoice, link)
        return True
    tried = invoice["attempt_count"]
    wait = RETRIES[tried - 1] * DAY if tried <= len(RETRIES) else None
    is_first = invoice["billing_reason"] == "subscription_create"
    invoice["next_payment_attempt"] = core.now() + wait if wait and not is_first else None
    core.emit("invoice.payment_failed", invoice)
    _set_delinquent(core, invoice, is_delinquent=True)
    return False


def _payment_of(core: Core, invoice: Obj) -> Obj:
    for known in core.state.invoice_payments.values():
        if known["invoice"] == invoice["id"]:
            return known
    intent = payments.make_intent(
        core,
        invoice["amount_due"],
        invoice["currency"],
        invoice["customer"],
        description=invoice["description"] or _describe(invoice),
    )
    return _link(core, invoice, intent)


def _link(core: Core, invoice: Obj, intent: Obj) -> Obj:
    link = new(
        "invoice_payment",
        id=make_id("inpay"),
        amount_requested=invoice["amount_due"],
        created=core.now(),
        currency=invoice["currency"],
        invoice=invoice["id"],
        payment={"payment_intent": intent["id"], "type": "payment_intent"},
    )
    core.state.invoice_payments[link["id"]] = link
    return link


def settle_by(core: Core, invoice: Obj, intent: Obj) -> None:
    """Marks an invoice as paid by a payment that was made before it."""
    _settle(core, invoice, _link(core, invoice, intent))


def _describe(invoice: Obj) -> str:
    return {"subscription_create": "Subscription creation", "subscription_cycle": "Subscription update"}.get(
        invoice["billing_reason"], "Payment for Invoice"
    )


def _settle(core: Core, invoice: Obj, link: Obj | None) -> None:
    invoice |= {
        "amount_paid": invoice["amount_due"],
        "amount_remaining": 0,
        "attempted": True,
        "next_payment_attempt": None,
        "status": "paid",
    }
    invoice["status_transitions"]["paid_at"] = core.now()
    if link:
        link |= {"amount_paid": invoice["amount_due"], "status": "paid"}
        link["status_transitions"] |= {"paid_at": core.now()}
    core.emit("invoice.paid", invoice)
    core.emit("invoice.payment_succeeded", invoice)
    if link:
        _set_delinquent(core, invoice, is_delinquent=False)


def _set_delinquent(core: Core, invoice: Obj, *, is_delinquent: bool) -> None:
    customer = core.customer(invoice["customer"])
    with core.changing("customer.updated", customer):
        customer["delinquent"] = is_delinquent


def subscription_of(core: Core, invoice: Obj) -> Obj | None:
    parent = invoice["parent"]
    return core.state.subscriptions[parent["subscription_details"]["subscription"]] if parent else None


def void(core: Core, invoice: Obj) -> None:
    """An invoice that nobody has to pay any more."""
    if invoice["status"] in ("draft", "open"):
        invoice |= {"status": "void", "amount_remaining": 0, "next_payment_attempt": None}
        invoice["status_transitions"]["voided_at"] = core.now()
        core.emit("invoice.voided", invoice)


def void_open(core: Core, _: Obj, id: str) -> Obj:
    """POST /v1/invoices/{id}/void."""
    invoice = core.find(core.state.invoices, "invoice", id)
    if invoice["status"] != "open":
        said = (
            f"You can only pass in open invoices. This invoice isn't open: its status is {invoice['status']}."
        )
        raise StripeError(said, code="invoice_not_editable")
    void(core, invoice)
    return invoice


def retrieve(core: Core, _: Obj, id: str) -> Obj:
    return core.find(core.state.invoices, "invoice", id)


def list_invoices(core: Core, params: Obj) -> Obj:
    if "customer" in params:
        core.customer(params["customer"], "customer")

    def keep(invoice: Obj) -> bool:
        subscription = (invoice["parent"] or {}).get("subscription_details", {}).get("subscription")
        return bool(
            params.get("customer", invoice["customer"]) == invoice["customer"]
            and params.get("status", invoice["status"]) == invoice["status"]
            and params.get("subscription", subscription) == subscription
        )

    return core.page(core.state.invoices, params, "/v1/invoices", keep)


def list_payments(core: Core, params: Obj) -> Obj:
    """GET /v1/invoice_payments: the way from a payment intent to its invoice."""
    asked = params.get("payment", {}).get("payment_intent")

    def keep(link: Obj) -> bool:
        return (
            params.get("invoice", link["invoice"]) == link["invoice"]
            and params.get("status", link["status"]) == link["status"]
            and asked in (None, link["payment"]["payment_intent"])
        )

    return core.page(core.state.invoice_payments, params, "/v1/invoice_payments", keep)


def check_payable(invoice: Obj) -> None:
    if invoice["status"] == "paid":
        raise StripeError("Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] != "open":
        said = f"The invoice is {invoice['status']} and cannot be paid."
        raise StripeError(said, code="invoice_not_editable")


def refuse_declined(core: Core, customer: str) -> None:
    if not core.has_good_card(customer):
        raise declined()
