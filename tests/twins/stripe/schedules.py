"""Subscription schedules: how the portal keeps a change of plan for the end of the period."""

from __future__ import annotations

from tests.twins.stripe.core import Core
from tests.twins.stripe.errors import StripeError
from tests.twins.stripe.shapes import Obj, make_id, new

ATTACHED = ("active", "not_started")


def plan_change(core: Core, subscription: Obj, price: Obj) -> Obj:
    """Another price from the end of the current period on."""
    drop(core, subscription)
    item = subscription["items"]["data"][0]
    start, end = item["current_period_start"], item["current_period_end"]
    schedule = new(
        "schedule",
        id=make_id("sub_sched"),
        created=core.now(),
        current_phase={"start_date": start, "end_date": end},
        customer=subscription["customer"],
        phases=[_phase(item["price"], start, end), _phase(price, end, None)],
        subscription=subscription["id"],
    )
    core.state.schedules[schedule["id"]] = schedule
    core.emit("subscription_schedule.created", schedule)
    with core.changing("customer.subscription.updated", subscription):
        subscription["schedule"] = schedule["id"]
    return schedule


def _phase(price: Obj, start: int, end: int | None) -> Obj:
    item = {"metadata": {}, "plan": price["id"], "price": price["id"], "quantity": 1}
    return {
        "currency": price["currency"],
        "end_date": end,
        "items": [item],
        "metadata": {},
        "start_date": start,
    }


def planned(core: Core, subscription: Obj) -> Obj | None:
    """The price that the subscription will have, where that is planned."""
    if subscription["schedule"] is None:
        return None
    return core.price(core.state.schedules[subscription["schedule"]]["phases"][1]["items"][0]["price"])


def close(core: Core, subscription: Obj, status: str) -> None:
    """Detaches the schedule: `completed` when it did its work, `released` when somebody let it go."""
    schedule = core.state.schedules[subscription["schedule"]]
    schedule |= {"status": status, "current_phase": None, "subscription": None}
    schedule |= {f"{status}_at": core.now(), "released_subscription": subscription["id"]}
    subscription["schedule"] = None
    core.emit(f"subscription_schedule.{status}", schedule)


def drop(core: Core, subscription: Obj) -> None:
    if subscription["schedule"] is not None:
        close(core, subscription, "released")


def retrieve(core: Core, _: Obj, id: str) -> Obj:
    return core.find(core.state.schedules, "subscription_schedule", id)


def release(core: Core, _: Obj, id: str) -> Obj:
    schedule = core.find(core.state.schedules, "subscription_schedule", id)
    if schedule["status"] not in ATTACHED:
        said = "You cannot release a subscription schedule that is currently in the "
        raise StripeError(f"{said}`{schedule['status']}` status.")
    subscription = core.subscription(schedule["subscription"])
    with core.changing("customer.subscription.updated", subscription):
        close(core, subscription, "released")
    return schedule
