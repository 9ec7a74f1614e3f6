"""Money that moves: payment intents and charges, refunds and disputes."""

from __future__ import annotations

from typing import Literal

from tests.twins.stripe.core import Core
from tests.twins.stripe.errors import StripeError, required
from tests.twins.stripe.forms import metadata, number
from tests.twins.stripe.shapes import Obj, make_id, new

DECLINED = "Your card was declined."


def make_intent(
    core: Core,
    amount: int,
    currency: str,
    customer: str | None,
    *,
    description: str | None = None,
    labels: Obj | None = None,
) -> Obj:
    id = make_id("pi")
    intent = new(
        "payment_intent",
        id=id,
        amount=amount,
        client_secret=f"{id}_secret_{make_id('x')[2:]}",
        created=core.now(),
        currency=currency,
        customer=customer,
        description=description,
        metadata=dict(labels or {}),
    )
    core.state.payment_intents[id] = intent
    core.emit("payment_intent.created", intent)
    return intent


def attempt(core: Core, intent: Obj, *, is_good: bool, email: str | None = None) -> bool:
    """Charges the card; a charge is written down either way."""
    charge = new(
        "charge",
        id=make_id("ch"),
        amount=intent["amount"],
        created=core.now(),
        currency=intent["currency"],
        customer=intent["customer"],
        description=intent["description"],
        metadata=dict(intent["metadata"]),
        payment_intent=intent["id"],
        payment_method=make_id("pm"),
    )
    charge["billing_details"]["email"] = email
    core.state.charges[charge["id"]] = charge
    intent |= {"latest_charge": charge["id"], "payment_method": charge["payment_method"]}
    if is_good:
        charge |= {
            "amount_captured": intent["amount"],
            "balance_transaction": make_id("txn"),
            "captured": True,
            "outcome": _outcome("authorized", "approved_by_network", "Payment complete."),
            "receipt_url": f"{core.url}/receipts/{charge['id']}",
        }
        intent |= {"amount_received": intent["amount"], "last_payment_error": None, "status": "succeeded"}
        core.emit("charge.succeeded", charge)
        core.emit("payment_intent.succeeded", intent)
    else:
        charge |= {
            "failure_code": "card_declined",
            "failure_message": DECLINED,
            "outcome": _outcome("issuer_declined", "declined_by_network", DECLINED),
            "paid": False,
            "status": "failed",
        }
        intent["status"] = "requires_payment_method"
        intent["last_payment_error"] = {
            "charge": charge["id"],
            "code": "card_declined",
            "decline_code": "generic_decline",
            "message": DECLINED,
            "type": "card_error",
        }
        core.emit("charge.failed", charge)
        core.emit("payment_intent.payment_failed", intent)
    return is_good


def _outcome(kind: str, network: str, message: str) -> Obj:
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": network,
        "reason": None if kind == "authorized" else "generic_decline",
        "risk_level": "normal",
        "seller_message": message,
        "type": kind,
    }


def refund(
    core: Core,
    charge: Obj,
    amount: int | None = None,
    *,
    reason: str | None = None,
    labels: Obj | None = None,
) -> Obj:
    """Pays back a part, or all that is left."""
    left = charge["amount_captured"] - charge["amount_refunded"]
    if left == 0:
        said = f"Charge {charge['id']} has already been refunded."
        raise StripeError(said, code="charge_already_refunded")
    if charge["disputed"] and not _is_won(core, charge):
        said = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise StripeError(said, code="charge_disputed")
    taken = left if amount is None else amount
    if taken < 1:
        raise StripeError("This value must be greater than or equal to 1.", param="amount")
    if taken > left:
        said = f"Refund amount ({taken}) is greater than unrefunded amount on charge ({left})"
        raise StripeError(said, param="amount")
    made = new(
        "refund",
        id=make_id("re"),
        amount=taken,
        balance_transaction=make_id("txn"),
        charge=charge["id"],
        created=core.now(),
        currency=charge["currency"],
        metadata=dict(labels or {}),
        payment_intent=charge["payment_intent"],
        reason=reason,
    )
    core.state.refunds[made["id"]] = made
    core.emit("refund.created", made)
    with core.changing("charge.refunded", charge):
        _count_refunded(charge, taken)
    return made


def _count_refunded(charge: Obj, amount: int) -> None:
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]


def settle_refund(core: Core, refund: Obj) -> None:
    """The bank's number for it arrives some seconds or days later."""
    with core.changing("refund.updated", refund):
        refund["destination_details"]["card"] |= {
            "reference": make_id("arn"),
            "reference_status": "available",
        }
    core.emit("charge.refund.updated", refund)


def fail_refund(
    core: Core, refund: Obj, status: Literal["failed", "canceled"], *, still_counts: bool
) -> None:
    """A refund that was told of as one that succeeded comes back, or is taken back before it left.

    A failure is told of by `refund.failed`, and not by `refund.updated`.
    """
    with core.changing("refund.failed" if status == "failed" else "refund.updated", refund):
        refund |= {"status": status, "failure_balance_transaction": make_id("txn")}
        refund["failure_reason"] = "expired_or_canceled_card" if status == "failed" else "merchant_request"
        # No event tells of the charge.
        if not still_counts:
            _count_refunded(core.state.charges[refund["charge"]], -refund["amount"])
    core.emit("charge.refund.updated", refund)


def _is_won(core: Core, charge: Obj) -> bool:
    mine = [one["status"] for one in core.state.disputes.values() if one["charge"] == charge["id"]]
    return all(status == "won" for status in mine)


def dispute(core: Core, charge: Obj, amount: int | None = None, *, reason: str = "fraudulent") -> Obj:
    """The card's owner wants the money back, or a part of it, and their bank takes it."""
    made = new(
        "dispute",
        id=make_id("dp"),
        amount=charge["amount"] - charge["amount_refunded"] if amount is None else amount,
        charge=charge["id"],
        created=core.now(),
        currency=charge["currency"],
        payment_intent=charge["payment_intent"],
        reason=reason,
    )
    made["evidence_details"]["due_by"] = core.now() + 7 * 24 * 3600
    core.state.disputes[made["id"]] = made
    charge["disputed"] = True
    core.emit("charge.dispute.created", made)
    core.emit("charge.dispute.funds_withdrawn", made)
    return made


def close_dispute(core: Core, dispute: Obj, outcome: Literal["won", "lost"]) -> Obj:
    dispute["status"] = outcome
    if outcome == "won":
        core.emit("charge.dispute.funds_reinstated", dispute)
    core.emit("charge.dispute.closed", dispute)
    return dispute


def create_refund(core: Core, params: Obj) -> Obj:
    if "charge" in params:
        id = params["charge"]
    elif "payment_intent" in params:
        intent = core.find(
            core.state.payment_intents, "payment_intent", params["payment_intent"], "payment_intent"
        )
        id = intent["latest_charge"]
    else:
        raise required("charge")
    charge = core.find(core.state.charges, "charge", id, "charge")
    amount = number(params, "amount", 0) if "amount" in params else None
    return refund(core, charge, amount, reason=params.get("reason"), labels=metadata({}, params))


def retrieve_refund(core: Core, _: Obj, id: str) -> Obj:
    return core.find(core.state.refunds, "refund", id)


def list_refunds(core: Core, params: Obj) -> Obj:
    def keep(one: Obj) -> bool:
        return all(params.get(name, one[name]) == one[name] for name in ("charge", "payment_intent"))

    return core.page(core.state.refunds, params, "/v1/refunds", keep)


def retrieve_dispute(core: Core, _: Obj, id: str) -> Obj:
    return core.find(core.state.disputes, "dispute", id)


def list_disputes(core: Core, params: Obj) -> Obj:
    def keep(one: Obj) -> bool:
        return all(params.get(name, one[name]) == one[name] for name in ("charge", "payment_intent"))

    return core.page(core.state.disputes, params, "/v1/disputes", keep)


def retrieve_charge(core: Core, _: Obj, id: str) -> Obj:
    return core.find(core.state.charges, "charge", id)


def list_charges(core: Core, params: Obj) -> Obj:
    def keep(one: Obj) -> bool:
        return all(params.get(name, one[name]) == one[name] for name in ("customer", "payment_intent"))

    return core.page(core.state.charges, params, "/v1/charges", keep)


def retrieve_intent(core: Core, _: Obj, id: str) -> Obj:
    return core.find(core.state.payment_intents, "payment_intent", id)


def list_intents(core: Core, params: Obj) -> Obj:
    def keep(one: Obj) -> bool:
        return bool(params.get("customer", one["customer"]) == one["customer"])

    return core.page(core.state.payment_intents, params, "/v1/payment_intents", keep)
