"""Customers."""

from __future__ import annotations

import re
import secrets

from tests.twins.stripe import subscriptions
from tests.twins.stripe.core import Core
from tests.twins.stripe.errors import StripeError
from tests.twins.stripe.forms import metadata
from tests.twins.stripe.shapes import Obj, make_id, new

SEARCHED_AFTER = 60
FIELDS = ("email", "name", "description", "phone", "address")


def make(core: Core, **values: object) -> Obj:
    customer = new(
        "customer",
        id=make_id("cus"),
        created=core.now(),
        invoice_prefix=secrets.token_hex(4).upper(),
        **values,
    )
    core.state.customers[customer["id"]] = customer
    core.emit("customer.created", customer)
    return customer


def create(core: Core, params: Obj) -> Obj:
    given = {name: params[name] or None for name in FIELDS if name in params}
    _check_email(given.get("email"))
    return make(core, metadata=metadata({}, params), **given)


def retrieve(core: Core, _: Obj, id: str) -> Obj:
    return core.customer(id)


def update(core: Core, params: Obj, id: str) -> Obj:
    customer = core.customer(id)
    if customer.get("deleted"):
        raise StripeError(f"No such customer: '{id}'", code="resource_missing", param="id", status=404)
    _check_email(params.get("email"))
    with core.changing("customer.updated", customer):
        customer.update({name: params[name] or None for name in FIELDS if name in params})
        customer["metadata"] = metadata(customer["metadata"], params)
    return customer


def delete(core: Core, _: Obj, id: str) -> Obj:
    """Ends their subscriptions at once; what is left of the customer says that it was deleted."""
    customer = core.customer(id)
    for subscription in subscriptions.alive(core, id):
        subscriptions.end(core, subscription, "cancellation_requested")
    core.emit("customer.deleted", customer)
    core.state.customers[id] = {
        "id": id,
        "object": "customer",
        "deleted": True,
        "created": customer["created"],
    }
    return {"id": id, "object": "customer", "deleted": True}


def list_customers(core: Core, params: Obj) -> Obj:
    def keep(customer: Obj) -> bool:
        return not customer.get("deleted") and params.get("email", customer["email"]) == customer["email"]

    return core.page(core.state.customers, params, "/v1/customers", keep)


def search(core: Core, params: Obj) -> Obj:
    """By one field of the metadata, which is all that is asked here; what is new is found after a minute."""
    asked = re.fullmatch(r"metadata\['([^']+)'\]:'([^']*)'", params.get("query", ""))
    if asked is None:
        raise StripeError("We were unable to parse your search query.", param="query")

    def keep(customer: Obj) -> bool:
        is_indexed = customer["created"] + SEARCHED_AFTER <= core.now()
        return is_indexed and bool(customer.get("metadata", {}).get(asked[1]) == asked[2])

    found = core.page(
        core.state.customers, {"limit": params.get("limit", "10")}, "/v1/customers/search", keep
    )
    return found | {"object": "search_result", "next_page": None}


def _check_email(email: object) -> None:
    if email and "@" not in str(email):
        raise StripeError(f"Invalid email address: {email}", code="email_invalid", param="email")
