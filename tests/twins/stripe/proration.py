"""What a change of plan in the middle of a period costs."""

from __future__ import annotations

from tests.twins.stripe import invoices
from tests.twins.stripe.catalogue import name_of
from tests.twins.stripe.core import Core
from tests.twins.stripe.shapes import Obj


def lines(core: Core, before: Obj, after: Obj) -> list[Obj]:
    """The credit for the rest of the old plan, then the charge for the rest of the new one, to the second."""
    old, new = before["items"]["data"][0], after["items"]["data"][0]
    start, end = old["current_period_start"], old["current_period_end"]
    now = core.now()
    left = (end - now) / (end - start)
    made = []
    for item, sign, said in ((old, -1, "Unused time on"), (new, 1, "Remaining time on")):
        amount = round(item["price"]["unit_amount"] * item["quantity"] * left) * sign
        made.append(
            invoices.line(
                item["price"],
                amount,
                (now, end),
                f"{said} {name_of(core, item['price'])}",
                subscription=after,
                quantity=item["quantity"],
                is_proration=True,
            )
        )
    return made
