"""When a change of plan or interval begins: at once or when what is paid for is used, as the page says."""

from __future__ import annotations

from itertools import permutations
from typing import get_args

import httpx
import pytest

from helpninja_app.billing.plans import PLANS, Interval, PaidPlanName
from helpninja_app.billing.prices import PlanPrice
from tests.buying import Buyer
from tests.twins.stripe import StripeTwin

EVERY = [PlanPrice(plan, each) for plan in get_args(PaidPlanName) for each in get_args(Interval)]


@pytest.mark.parametrize(
    ("bought", "wanted", "is_at_once"),
    [
        (PlanPrice("starter", "year"), PlanPrice("pro", "month"), True),
        (PlanPrice("agency", "month"), PlanPrice("pro", "year"), True),
        (PlanPrice("pro", "month"), PlanPrice("pro", "year"), True),
        (PlanPrice("starter", "year"), PlanPrice("agency", "year"), True),
        (PlanPrice("pro", "year"), PlanPrice("pro", "month"), False),
        (PlanPrice("agency", "year"), PlanPrice("pro", "month"), False),
        (PlanPrice("pro", "year"), PlanPrice("starter", "year"), False),
    ],
)
async def test_a_larger_plan_or_a_year_counts_at_once_and_anything_else_waits(
    client: httpx.AsyncClient,
    buyer: Buyer,
    stripe_twin: StripeTwin,
    bought: PlanPrice,
    wanted: PlanPrice,
    is_at_once: bool,
) -> None:
    stripe_twin.complete_checkout(await buyer.checkout(client, bought.plan, bought.interval))
    await buyer.hear()
    asked = {"plan": wanted.plan, "interval": wanted.interval}
    answer = await client.post("/api/billing/checkout", headers=buyer.headers, json=asked)
    stripe_twin.use_portal(answer.json()["url"], "confirm")
    await buyer.hear()
    stored = await buyer.subscription()
    assert stored is not None
    now = wanted if is_at_once else bought
    assert (stored.plan, stored.interval) == (now.plan, now.interval)
    assert stored.next_plan == (None if is_at_once else wanted.plan)
    assert await buyer.plan() == now.plan
    assert await buyer.mistakes() == []


@pytest.mark.parametrize(("bought", "wanted"), permutations(EVERY, 2))
def test_what_waits_is_less_by_any_measure_of_stripe_s(bought: PlanPrice, wanted: PlanPrice) -> None:
    """Whether amounts are compared as they are or by the month."""
    if not wanted.counts_at_once_after(bought):
        (was, by_month), (is_then, then_by_month) = (_amounts(each) for each in (bought, wanted))
        is_shorter = (bought.interval, wanted.interval) == ("year", "month")
        assert is_shorter or (is_then < was and then_by_month < by_month)


def _amounts(price: PlanPrice) -> tuple[float, float]:
    amount = PLANS[price.plan].price(price.interval)
    return amount, amount / {"month": 1, "year": 12}[price.interval]


async def test_the_portal_has_one_configuration_for_each_way(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    stripe_twin.complete_checkout(await buyer.checkout(client, "pro"))
    await buyer.hear()
    for plan in ("starter", "agency", "starter", "agency"):
        await client.post("/api/billing/checkout", headers=buyer.headers, json={"plan": plan})
    await client.post("/api/billing/portal", headers=buyer.headers)
    used = [each["configuration"] for each in stripe_twin.state.portal_sessions.values()][-5:]
    assert used == [used[0], used[1]] * 2 + [used[0]]
    waits, at_once = (
        stripe_twin.state.portal_configurations[each]["features"]["subscription_update"] for each in used[:2]
    )
    conditions = waits["schedule_at_period_end"]["conditions"]
    assert [each["type"] for each in conditions] == ["decreasing_item_amount", "shortening_interval"]
    assert at_once["schedule_at_period_end"] == {"conditions": []}
