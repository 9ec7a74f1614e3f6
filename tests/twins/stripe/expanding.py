"""`expand[]`: puts objects in the place of their ids, and parts that answers leave out by themselves."""

from __future__ import annotations

import copy
from typing import Any

from tests.twins.stripe.core import Core
from tests.twins.stripe.errors import StripeError
from tests.twins.stripe.shapes import Obj, listing


def expand(core: Core, answer: Obj, params: Obj) -> Obj:
    """A copy of the answer with everything that `expand[]` names."""
    answer = copy.deepcopy(answer)
    for path in params.get("expand", []):
        _expand(core, answer, path.split("."), path)
    return answer


def _expand(core: Core, place: Any, path: list[str], whole: str) -> None:
    if isinstance(place, list):
        for item in place:
            _expand(core, item, path, whole)
        return
    name, rest = path[0], path[1:]
    if not isinstance(place, dict) or name not in place | _left_out(core, place):
        raise StripeError(f"This property cannot be expanded ({whole}).", param="expand")
    place.setdefault(name, _left_out(core, place).get(name))
    value = place[name]
    if isinstance(value, str):
        found = core.lookup(value)
        if found is None:
            raise StripeError(f"This property cannot be expanded ({whole}).", param="expand")
        place[name] = copy.deepcopy(found)
    elif not rest and value is not None and name not in _left_out(core, place):
        raise StripeError(f"This property cannot be expanded ({whole}).", param="expand")
    if rest and place[name] is not None:
        _expand(core, place[name], rest, whole)


def _left_out(core: Core, obj: Obj) -> Obj:
    id = obj.get("id")
    match obj.get("object"):
        case "checkout.session":
            return {"line_items": listing(f"/v1/checkout/sessions/{id}/line_items", _items(core, str(id)))}
        case "invoice":
            paid = [one for one in core.state.invoice_payments.values() if one["invoice"] == id]
            return {"payments": listing("/v1/invoice_payments", copy.deepcopy(paid))}
        case "charge":
            back = [one for one in core.state.refunds.values() if one["charge"] == id]
            return {"refunds": listing(f"/v1/charges/{id}/refunds", copy.deepcopy(back[::-1]))}
        case "customer":
            alive = [
                one
                for one in core.state.subscriptions.values()
                if one["customer"] == id and one["status"] != "canceled"
            ]
            return {"subscriptions": listing(f"/v1/customers/{id}/subscriptions", copy.deepcopy(alive))}
    return {}


def _items(core: Core, session: str) -> list[Obj]:
    return copy.deepcopy(core.state.orders[session]["items"])
