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
from tests.twins.stripe.errors import StripeError

EVERY = [PlanPrice(plan, each) for plan in get_args(PaidPlanName) for each in get_args(Interval)]


@pytest.mark.parametrize(
    ("bought", "wanted", "is_at_once"),
    [
        (PlanPrice("starter", "year"), PlanPrice("pro", "month"), True),
        (PlanPrice("pro", "month"), PlanPrice("pro", "year"), True),
        (PlanPrice("starter", "year"), PlanPrice("agency", "year"), True),
        (PlanPrice("pro", "year"), PlanPrice("pro", "month"), False),
        (PlanPrice("agency", "year"), PlanPrice("pro", "month"), False),
        (PlanPrice("pro", "year"), PlanPrice("starter", "year"), False),
    ],
)
async def test_a_larger_plan_or_a_year_of_the_same_counts_at_once_and_anything_else_waits(
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


def test_a_year_of_a_smaller_plan_that_costs_more_than_the_month_of_a_larger_one_is_not_changed_to() -> None:
    refused = [
        (bought, wanted) for bought, wanted in permutations(EVERY, 2) if wanted.is_less_for_more_after(bought)
    ]
    assert refused == [
        (PlanPrice("pro", "month"), PlanPrice("starter", "year")),
        (PlanPrice("agency", "month"), PlanPrice("pro", "year")),
    ]


@pytest.mark.parametrize(("bought", "wanted"), permutations(EVERY, 2))
def test_what_waits_is_less_by_any_measure_of_stripe_s(bought: PlanPrice, wanted: PlanPrice) -> None:
    """Whether amounts are compared as they are or by the month."""
    if not wanted.counts_at_once_after(bought) and not wanted.is_less_for_more_after(bought):
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
    assert used == [used[0], used[1]] * 2 + [used[4]]
    waits, at_once, none = (
        stripe_twin.state.portal_configurations[each]["features"]["subscription_update"]
        for each in (*used[:2], used[4])
    )
    assert [each["enabled"] for each in (waits, at_once, none)] == [True, True, False]
    conditions = waits["schedule_at_period_end"]["conditions"]
    assert [each["type"] for each in conditions] == ["decreasing_item_amount", "shortening_interval"]
    assert at_once["schedule_at_period_end"] == {"conditions": []}


async def test_the_page_for_cards_and_addresses_changes_no_plan(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    """A plan that is not paid would be changed there, past all that is asked here before."""
    stripe_twin.complete_checkout(await buyer.checkout(client, "starter"))
    url = (await client.post("/api/billing/portal", headers=buyer.headers)).json()["url"]
    async with httpx.AsyncClient() as outside:
        shown = (await outside.get(url)).text
    assert ">Save card</button>" in shown
    assert ">Update plan</button>" not in shown
    with pytest.raises(StripeError, match="not offered"):
        stripe_twin.use_portal(url, "update", price="price_agency_monthly")


async def ask_for(
    client: httpx.AsyncClient, buyer: Buyer, plan: str, interval: str = "month"
) -> httpx.Response:
    asked = {"plan": plan, "interval": interval}
    return await client.post("/api/billing/checkout", headers=buyer.headers, json=asked)


async def change_to(client: httpx.AsyncClient, buyer: Buyer, plan: str, interval: str = "month") -> None:
    """Confirm the change in the portal, and hear of it."""
    answer = await ask_for(client, buyer, plan, interval)
    assert answer.status_code == 200, answer.text
    buyer.twin.use_portal(answer.json()["url"], "confirm")
    await buyer.hear()


@pytest.mark.parametrize(
    ("planned", "said"),
    [
        (("pro", "month"), "Pro"),
        (("starter", "year"), "Starter"),
        (("agency", "month"), "Agency by the month"),
    ],
)
async def test_no_second_change_is_planned_behind_the_first(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin, planned: tuple[str, str], said: str
) -> None:
    """Stripe would make both, one after the other, and a period of the first be paid."""
    stripe_twin.complete_checkout(await buyer.checkout(client, "agency", "year"))
    await buyer.hear()
    await change_to(client, buyer, *planned)
    refused = await ask_for(client, buyer, "starter")
    assert refused.status_code == 409
    assert refused.json()["detail"] == (
        f"A change to {said} is planned already. Keep Agency first, then choose again."
    )
    await buyer.resources.cashier(await buyer.caller()).keep_plan()
    await change_to(client, buyer, "starter")
    stored = await buyer.subscription()
    assert stored is not None
    assert (stored.plan, stored.next_plan) == ("agency", "starter")


async def test_what_stands_in_the_way_of_a_change_is_known_here_once_that_is_refused(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    """Else the page would say to keep a plan, and have no button for it."""
    stripe_twin.complete_checkout(await buyer.checkout(client, "agency"))
    await buyer.hear()
    answer = await ask_for(client, buyer, "starter")
    stripe_twin.use_portal(answer.json()["url"], "confirm")
    assert (await ask_for(client, buyer, "pro")).status_code == 409
    stored = await buyer.subscription()
    assert stored is not None
    assert stored.next_plan == "starter"


async def test_a_cancelled_plan_is_kept_before_it_is_changed(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    """It would end all the same, with what was paid for the change."""
    stripe_twin.complete_checkout(await buyer.checkout(client, "pro"))
    await buyer.hear()
    cashier = buyer.resources.cashier(await buyer.caller())
    await cashier.cancel_plan()
    refused = await ask_for(client, buyer, "agency")
    assert refused.status_code == 409
    assert refused.json()["detail"] == "Pro is cancelled. Keep it first, then change it."
    await cashier.keep_plan()
    await change_to(client, buyer, "agency")
    assert await buyer.plan() == "agency"


async def test_a_change_that_has_come_is_in_nobody_s_way(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    """Its schedule stays with the subscription for one more period."""
    stripe_twin.complete_checkout(await buyer.checkout(client, "agency"))
    await buyer.hear()
    await change_to(client, buyer, "starter")
    stripe_twin.advance(days=31)
    await buyer.hear()
    await change_to(client, buyer, "pro")
    assert await buyer.plan() == "pro"


async def test_a_change_during_a_trial_leaves_the_trial_as_it_was_promised(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    await buyer.checkout(client)
    customer = await buyer.customer()
    trial = stripe_twin.add_subscription(customer, "price_starter_monthly", trial_days=14)
    await buyer.hear()
    before = await buyer.subscription()
    await change_to(client, buyer, "agency")
    stored = await buyer.subscription()
    assert before is not None
    assert stored is not None
    assert (stored.id, stored.plan, stored.status) == (trial["id"], "agency", "trialing")
    assert stored.trial_end == before.trial_end
    assert [each for each in stripe_twin.state.charges.values() if each["customer"] == customer] == []
