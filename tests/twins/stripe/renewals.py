"""Time that passes: renewals, further attempts at unpaid invoices, planned changes and ends."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import partial

from tests.twins.stripe import checkout, schedules, subscriptions
from tests.twins.stripe.core import Core
from tests.twins.stripe.periods import end_of_period
from tests.twins.stripe.shapes import Obj

INCOMPLETE_LIFETIME = 23 * 3600


def advance(core: Core, seconds: int) -> None:
    """Moves the clock and does everything that falls due on the way, each at its own time."""
    start = core.now()
    target = start + seconds
    try:
        while due := min(_due(core, target), key=lambda one: one[0], default=None):
            core.clock.still = max(due[0], start)
            due[1]()
    finally:
        core.clock.still = None
        core.clock.shift += seconds


def _due(core: Core, until: int) -> Iterator[tuple[int, Callable[[], None]]]:
    for at, act in _waiting(core):
        if at <= until:
            yield at, act


def _waiting(core: Core) -> Iterator[tuple[int, Callable[[], None]]]:
    for invoice in core.state.invoices.values():
        if invoice["status"] == "open" and invoice["next_payment_attempt"] is not None:
            yield invoice["next_payment_attempt"], partial(_collect, core, invoice)
    for session in core.state.sessions.values():
        if session["status"] == "open":
            yield session["expires_at"], partial(checkout.let_expire, core, session)
    for subscription in core.state.subscriptions.values():
        if subscription["status"] == "incomplete":
            yield subscription["created"] + INCOMPLETE_LIFETIME, partial(_give_up, core, subscription)
        elif subscription["status"] not in subscriptions.ENDED:
            end = subscriptions.item_of(subscription)["current_period_end"]
            if (cancel_at := subscription["cancel_at"]) is not None and cancel_at <= end:
                reason = "cancellation_requested"
                yield cancel_at, partial(subscriptions.end, core, subscription, reason)
            else:
                yield end, partial(renew, core, subscription)


def _collect(core: Core, invoice: Obj) -> None:
    subscriptions.collect(core, invoice)


def _give_up(core: Core, subscription: Obj) -> None:
    with core.changing(subscriptions.UPDATED, subscription):
        subscription["status"] = "incomplete_expired"


def renew(core: Core, subscription: Obj) -> None:
    """The next period, with the planned price, and its invoice with what waited from the last one."""
    before = copy.deepcopy(subscription)
    item = subscriptions.item_of(subscription)
    start = item["current_period_end"]
    price = schedules.planned(core, subscription)
    schedules.move_on(core, subscription)
    if price is not None:
        subscriptions.set_price(core, subscription, price)
    for item in subscription["items"]["data"]:
        end = end_of_period(item["price"], subscription["billing_cycle_anchor"], start)
        item |= {"current_period_start": start, "current_period_end": end}
    if subscription["status"] == "trialing":
        subscription["status"] = "active"
    lines = core.state.pending_lines.pop(subscription["id"], []) + subscriptions.period_lines(
        core, subscription
    )
    subscriptions.bill(core, subscription, lines, "subscription_cycle", before)
