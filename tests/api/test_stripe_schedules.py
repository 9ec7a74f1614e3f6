"""What is planned for a subscription may change without the subscription: its schedule tells of it alone."""

from __future__ import annotations

import httpx
import pytest

from tests.buying import Buyer
from tests.twins.stripe import StripeTwin


async def subscribe(client: httpx.AsyncClient, buyer: Buyer, plan: str = "agency") -> str:
    """The id of a subscription that is known here."""
    buyer.twin.complete_checkout(await buyer.checkout(client, plan))
    await buyer.hear()
    known = await buyer.subscription()
    assert known is not None
    return known.id


async def hear_of(buyer: Buyer, kind: str) -> None:
    """Hear of the latest event of that type alone."""
    await buyer.hear([each for each in await buyer.events() if each["type"] == kind][-1:])


async def planned(buyer: Buyer) -> str | None:
    known = await buyer.subscription()
    assert known is not None
    return known.next_plan


async def test_what_is_planned_after_the_subscription_was_read_is_heard_of(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    schedule = stripe_twin.attach_schedule(await subscribe(client, buyer))["id"]
    await hear_of(buyer, "customer.subscription.updated")
    assert await planned(buyer) is None
    stripe_twin.plan_next(schedule, "price_starter_monthly")
    await hear_of(buyer, "subscription_schedule.updated")
    assert await planned(buyer) == "starter"


async def test_another_plan_that_is_put_in_the_place_of_a_planned_one_is_heard_of(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    schedule = stripe_twin.schedule(await subscribe(client, buyer), "price_starter_monthly")["id"]
    await buyer.hear()
    stripe_twin.plan_next(schedule, "price_pro_monthly")
    await buyer.hear()
    assert await planned(buyer) == "pro"


@pytest.mark.parametrize("kind", ["created", "updated"])
async def test_any_event_of_a_schedule_tells_what_is_planned_now(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin, kind: str
) -> None:
    stripe_twin.schedule(await subscribe(client, buyer), "price_starter_monthly")
    await hear_of(buyer, f"subscription_schedule.{kind}")
    assert await planned(buyer) == "starter"


async def test_a_plan_whose_schedule_was_let_go_goes_on(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    schedule = stripe_twin.schedule(await subscribe(client, buyer), "price_starter_monthly")["id"]
    await buyer.hear()
    gateway = buyer.resources.need_stripe().gateway
    await gateway.drop_planned_change(schedule, key="drop-it")
    await hear_of(buyer, "subscription_schedule.released")
    assert await planned(buyer) is None
    assert await buyer.plan() == "agency"


@pytest.mark.parametrize(("days", "kind", "is_attached"), [(31, "updated", True), (63, "completed", False)])
async def test_a_planned_change_that_came_is_planned_no_more(
    client: httpx.AsyncClient,
    buyer: Buyer,
    stripe_twin: StripeTwin,
    days: int,
    kind: str,
    *,
    is_attached: bool,
) -> None:
    """Its schedule stays until its last phase is over, too."""
    subscription = await subscribe(client, buyer)
    stripe_twin.schedule(subscription, "price_starter_monthly")
    await buyer.hear()
    stripe_twin.advance(days=days)
    await hear_of(buyer, f"subscription_schedule.{kind}")
    assert bool(stripe_twin.state.subscriptions[subscription]["schedule"]) is is_attached
    assert await planned(buyer) is None
    assert await buyer.plan() == "starter"


async def test_a_schedule_ends_with_its_subscription(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    subscription = await subscribe(client, buyer)
    stripe_twin.schedule(subscription, "price_starter_monthly")
    await buyer.hear()
    await buyer.resources.need_stripe().gateway.cancel(subscription)
    await hear_of(buyer, "subscription_schedule.canceled")
    assert await planned(buyer) is None
    assert await buyer.plan() == "free"
