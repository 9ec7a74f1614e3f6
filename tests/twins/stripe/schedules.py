"""Subscription schedules: how the portal keeps a change of plan for the end of the period."""

from __future__ import annotations

from tests.twins.stripe.core import Core
from tests.twins.stripe.errors import StripeError
from tests.twins.stripe.periods import end_of_period
from tests.twins.stripe.shapes import Obj, make_id, new

ATTACHED = ("active", "not_started")


def plan_change(core: Core, subscription: Obj, price: Obj) -> Obj:
    """Another price from the end of the current period on: made and then changed, as the API wants it.

    What is planned already stays, and comes before it.
    """
    if subscription["schedule"] is None:
        schedule = attach(core, subscription)
    else:
        schedule = core.state.schedules[subscription["schedule"]]
    with core.changing("subscription_schedule.updated", schedule):
        schedule["phases"] = [*schedule["phases"], _phase(price, schedule["phases"][-1]["end_date"])]
    return schedule


def attach(core: Core, subscription: Obj) -> Obj:
    """A schedule `from_subscription`, which takes no phases: the subscription is told of before it has any
    but the one that runs."""
    item = subscription["items"]["data"][0]
    start, end = item["current_period_start"], item["current_period_end"]
    schedule = new(
        "schedule",
        id=make_id("sub_sched"),
        created=core.now(),
        current_phase={"start_date": start, "end_date": end},
        customer=subscription["customer"],
        phases=[_phase(item["price"], start, end)],
        subscription=subscription["id"],
    )
    core.state.schedules[schedule["id"]] = schedule
    core.emit("subscription_schedule.created", schedule)
    with core.changing("customer.subscription.updated", subscription):
        subscription["schedule"] = schedule["id"]
    return schedule


def plan_next(core: Core, schedule: Obj, price: Obj) -> None:
    """What follows the phase that runs, in the place of what was planned: only the schedule changes."""
    with core.changing("subscription_schedule.updated", schedule):
        later = _later(schedule)
        begun = [each for each in schedule["phases"] if each not in later]
        schedule["phases"] = [*begun, _phase(price, begun[-1]["end_date"])]


def _phase(price: Obj, start: int, end: int | None = None) -> Obj:
    """Without an end it lasts for one period of its price."""
    item: Obj = {"billing_thresholds": None, "discounts": [], "metadata": {}, "tax_rates": []}
    item |= {"plan": price["id"], "price": price["id"], "quantity": 1}
    end = end_of_period(price, start, start) if end is None else end
    return new("schedule_phase", currency=price["currency"], end_date=end, items=[item], start_date=start)


def _later(schedule: Obj) -> list[Obj]:
    """The phases after the one that runs."""
    return [
        each for each in schedule["phases"] if each["start_date"] >= schedule["current_phase"]["end_date"]
    ]


def planned(core: Core, subscription: Obj) -> Obj | None:
    """The price that the subscription will have, where that is planned."""
    if subscription["schedule"] is None:
        return None
    later = _later(core.state.schedules[subscription["schedule"]])
    return core.price(later[0]["items"][0]["price"]) if later else None


def move_on(core: Core, subscription: Obj) -> None:
    """At the end of a phase the next one runs; only after the last one the subscription is let go."""
    if subscription["schedule"] is None:
        return
    schedule = core.state.schedules[subscription["schedule"]]
    if not (later := _later(schedule)):
        close(core, subscription, "completed")
        return
    with core.changing("subscription_schedule.updated", schedule):
        schedule["current_phase"] = {name: later[0][name] for name in ("start_date", "end_date")}


def close(core: Core, subscription: Obj, status: str, told_as: str = "") -> None:
    """Detaches the schedule, if there is one: `completed` when it did its work, `released` when somebody let
    it go, `canceled` with its subscription."""
    if subscription["schedule"] is None:
        return
    schedule = core.state.schedules[subscription["schedule"]]
    schedule |= {"status": status, "current_phase": None, f"{status}_at": core.now()}
    if status == "released":
        schedule |= {"subscription": None, "released_subscription": subscription["id"]}
    subscription["schedule"] = None
    core.emit(f"subscription_schedule.{told_as or status}", schedule)


def drop(core: Core, subscription: Obj) -> None:
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
