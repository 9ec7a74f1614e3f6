"""A failed payment's seven days: from when it was told of, once for as long as the plan is not paid."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.billing.deadlines import meet_deadline
from helpninja_app.billing.subscriptions import GRACE, end_of_plan
from tests.buying import Buyer
from tests.twins.stripe import StripeTwin

DAY = timedelta(days=1)


@pytest.fixture
async def subscription(client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin) -> str:
    """The id of one to Pro that is paid, in a month that began twelve days ago."""
    stripe_twin.complete_checkout(await buyer.checkout(client))
    await buyer.hear()
    stored = await buyer.subscription()
    assert stored is not None
    begin_month(stripe_twin, stored.id, stored.period_start - 12 * DAY)
    await hear_status(buyer, stored.id, "active")
    return stored.id


def begin_month(twin: StripeTwin, subscription: str, moment: datetime) -> None:
    [item] = twin.state.subscriptions[subscription]["items"]["data"]
    item["current_period_start"] = int(moment.timestamp())


async def hear_status(buyer: Buyer, subscription: str, status: str) -> None:
    """What any event of the subscription leads to, be its status another one or not."""
    buyer.twin.set_status(subscription, status)
    await buyer.resources.effects_of_stripe().follow_subscription(await buyer.customer())


async def make_earlier(buyer: Buyer, by: timedelta) -> None:
    """As if the payment had failed so much earlier."""
    async with buyer.resources.database.unit_of_work(buyer.tenant.scope) as session:
        await session.execute(
            text("update subscriptions set past_due_since = past_due_since - cast(:by as interval)"),
            {"by": by},
        )


async def since(buyer: Buyer) -> datetime | None:
    stored = await buyer.subscription()
    assert stored is not None
    return stored.past_due_since


async def test_a_payment_that_fails_late_in_the_month_has_all_seven_days(
    buyer: Buyer, subscription: str
) -> None:
    await hear_status(buyer, subscription, "past_due")
    assert await buyer.plan() == "pro"
    stored = await buyer.subscription()
    assert stored is not None
    assert stored.past_due_since == stored.read_at
    end = end_of_plan(stored)
    assert end == stored.read_at + GRACE
    own = buyer.resources
    for moment, plan in ((end - DAY, "pro"), (end + DAY, "free")):
        await meet_deadline(own.database, own.queue, own.plan_of, buyer.tenant.id, moment=moment)
        assert await buyer.plan() == plan


async def test_a_month_that_begins_unpaid_brings_no_new_days(
    buyer: Buyer, subscription: str, stripe_twin: StripeTwin
) -> None:
    await hear_status(buyer, subscription, "past_due")
    await make_earlier(buyer, 5 * DAY)
    first = await since(buyer)
    begin_month(stripe_twin, subscription, datetime.now(UTC))
    await hear_status(buyer, subscription, "past_due")
    assert await since(buyer) == first
    await make_earlier(buyer, 3 * DAY)
    await hear_status(buyer, subscription, "past_due")
    assert await buyer.plan() == "free"


@pytest.mark.parametrize("between", ["active", "unpaid"])
async def test_what_is_not_past_due_any_more_has_seven_days_the_next_time(
    buyer: Buyer, subscription: str, between: str
) -> None:
    await hear_status(buyer, subscription, "past_due")
    await make_earlier(buyer, 8 * DAY)
    await hear_status(buyer, subscription, between)
    assert await since(buyer) is None
    await hear_status(buyer, subscription, "past_due")
    assert await buyer.plan() == "pro"


async def test_a_plan_that_is_bought_anew_while_another_is_past_due_has_days_of_its_own(
    buyer: Buyer, subscription: str
) -> None:
    await hear_status(buyer, subscription, "past_due")
    await make_earlier(buyer, 8 * DAY)
    made = buyer.twin.add_subscription(await buyer.customer(), "price_pro_monthly")
    buyer.twin.state.subscriptions[subscription]["created"] -= 60
    await hear_status(buyer, made["id"], "past_due")
    stored = await buyer.subscription()
    assert stored is not None
    assert (stored.id, stored.past_due_since) == (made["id"], stored.read_at)
