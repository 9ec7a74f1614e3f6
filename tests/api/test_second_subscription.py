"""Nobody pays for two plans, however many pages are open."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from helpninja_app.errors import Unavailable
from tests.buying import Buyer
from tests.twins.stripe import StripeTwin


async def statuses(buyer: Buyer) -> list[str]:
    """Of the customer's subscriptions, oldest first."""
    customer = await buyer.customer()
    return [
        each["status"] for each in buyer.twin.state.subscriptions.values() if each["customer"] == customer
    ]


async def paid_back(buyer: Buyer) -> list[tuple[int, int]]:
    """What each payment of the customer took, and what of it went back."""
    customer = await buyer.customer()
    return [
        (each["amount"], each["amount_refunded"])
        for each in buyer.twin.state.charges.values()
        if each["customer"] == customer and each["paid"]
    ]


async def told(buyer: Buyer) -> list[str]:
    return [(await buyer.detail(each))[1] for each in await buyer.events()]


async def open_beside(buyer: Buyer, price: str) -> str:
    """A page as a click opens it that knows nothing of another one at the same moment."""
    customer = await buyer.customer()
    url = await buyer.resources.need_stripe().gateway.open_checkout(
        customer,
        buyer.tenant.id,
        price,
        "subscription",
        back="http://helpninja.test/app/billing",
        key=f"second:{customer}",
    )
    return url.rpartition("/")[2]


async def buy_two(client: httpx.AsyncClient, buyer: Buyer) -> None:
    """As two clicks do that know nothing of each other: starter, and two seconds later pro."""
    first = await buyer.checkout(client, "starter")
    second = await open_beside(buyer, "price_pro_monthly")
    assert buyer.twin.complete_checkout(first)
    buyer.twin.advance(seconds=2)
    assert buyer.twin.complete_checkout(second)


async def test_a_page_that_was_left_open_sells_no_second_plan(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    left_open, chosen = await buyer.checkout(client, "starter"), await buyer.checkout(client, "pro")
    paid = [stripe_twin.complete_checkout(each) for each in (left_open, chosen)]
    await buyer.hear()
    assert paid == [False, True]
    assert await statuses(buyer) == ["active"]
    assert await buyer.plan() == "pro"


async def test_who_changes_their_mind_twice_gets_a_page_that_can_be_paid_on(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    pages = [await buyer.checkout(client, plan) for plan in ("starter", "pro", "starter", "pro", "starter")]
    assert [stripe_twin.complete_checkout(each) for each in pages] == [False] * 4 + [True]


async def test_a_page_that_closes_while_stripe_is_away_is_not_opened_again(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    first = await buyer.checkout(client, "starter")
    stripe_twin.state.sessions[first] |= {"status": "expired", "url": None}
    again = await buyer.checkout(client, "starter")
    assert stripe_twin.complete_checkout(again)


async def test_two_clicks_at_once_open_one_page(client: httpx.AsyncClient, buyer: Buyer) -> None:
    await buyer.top_up(client)
    both = await asyncio.gather(buyer.checkout(client, "pro"), buyer.checkout(client, "pro"))
    assert len(set(both)) == 1


async def test_a_page_for_credits_stays_open_while_a_plan_is_chosen(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    credits, plan = await buyer.top_up(client), await buyer.checkout(client, "pro")
    assert [stripe_twin.complete_checkout(each) for each in (credits, plan)] == [True, True]


async def test_credits_that_were_paid_a_moment_ago_can_be_bought_again_and_a_dead_page_is_not_opened(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    first = await buyer.top_up(client)
    assert await buyer.top_up(client) == first
    stripe_twin.complete_checkout(first)
    second = await buyer.top_up(client)
    stripe_twin.state.sessions[second] |= {"status": "expired", "url": None}
    assert stripe_twin.complete_checkout(await buyer.top_up(client))


async def test_a_page_that_another_tab_opened_for_the_same_plan_is_closed_once_a_plan_is_paid(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    left_open = await buyer.checkout(client, "pro")
    chosen = await open_beside(buyer, "price_starter_monthly")
    assert stripe_twin.complete_checkout(chosen)
    answer = await client.post("/api/billing/checkout", headers=buyer.headers, json={"plan": "pro"})
    assert answer.status_code == 200
    assert not stripe_twin.complete_checkout(left_open)


async def test_a_plan_that_is_paid_but_not_told_of_yet_is_changed_and_no_second_one_bought(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    stripe_twin.complete_checkout(await buyer.checkout(client, "starter"))
    same = await client.post("/api/billing/checkout", headers=buyer.headers, json={"plan": "starter"})
    larger = await client.post("/api/billing/checkout", headers=buyer.headers, json={"plan": "agency"})
    stripe_twin.use_portal(larger.json()["url"], "confirm")
    await buyer.hear()
    assert same.status_code == 409
    assert await statuses(buyer) == ["active"]
    assert await buyer.plan() == "agency"


async def test_of_two_plans_that_were_paid_all_the_same_the_newer_is_ended_and_paid_back(
    client: httpx.AsyncClient, buyer: Buyer
) -> None:
    await buy_two(client, buyer)
    for _ in range(2):
        await buyer.hear()
    assert await statuses(buyer) == ["active", "canceled"]
    assert await paid_back(buyer) == [(29_00, 0), (99_00, 99_00)]
    assert await buyer.plan() == "starter"
    assert sum("ended and paid back" in each for each in await told(buyer)) == 1
    answer = await client.get(f"/api/workspaces/{buyer.tenant.id}/audit", headers=buyer.headers)
    ended = [each for each in answer.json()["events"] if each["action"] == "plan.second_ended"]
    assert [(each["subject"], each["actorName"]) for each in ended] == [("pro", "Billing")]


@pytest.mark.parametrize("path", ["refunds$", "subscriptions/sub_[^/]+$"])
async def test_paying_a_second_plan_back_goes_on_where_stripe_failed(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin, path: str
) -> None:
    await buy_two(client, buyer)
    created = [each for each in await buyer.events() if each["type"] == "invoice.paid"]
    stripe_twin.fail_next(3, path=path)
    with pytest.raises(Unavailable):
        await buyer.hear(created)
    stripe_twin.api.faults.clear()
    await buyer.hear()
    assert await statuses(buyer) == ["active", "canceled"]
    assert await paid_back(buyer) == [(29_00, 0), (99_00, 99_00)]


async def test_a_second_plan_that_was_paid_back_by_hand_is_ended(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    await buy_two(client, buyer)
    [charge] = [each["id"] for each in await _charges(buyer) if each["amount"] == 99_00]
    stripe_twin.refund(charge)
    await buyer.hear()
    assert await statuses(buyer) == ["active", "canceled"]


async def test_of_two_plans_the_one_that_could_not_be_paid_ends_and_its_invoice_with_it(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    await buy_two(client, buyer)
    customer = await buyer.customer()
    first, _ = (each for each in stripe_twin.state.subscriptions.values() if each["customer"] == customer)
    stripe_twin.set_status(first["id"], "past_due")
    invoice = stripe_twin.state.invoices[first["latest_invoice"]]
    invoice |= {"status": "open"}
    for link in stripe_twin.state.invoice_payments.values():
        link |= {"status": "open"} if link["invoice"] == invoice["id"] else {}
    await buyer.hear()
    assert await statuses(buyer) == ["canceled", "active"]
    assert invoice["status"] == "void"
    assert await paid_back(buyer) == [(29_00, 0), (99_00, 0)]
    assert await buyer.plan() == "pro"


async def _charges(buyer: Buyer) -> list[dict[str, Any]]:
    customer = await buyer.customer()
    return [each for each in buyer.twin.state.charges.values() if each["customer"] == customer]
