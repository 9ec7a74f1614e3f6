"""What was paid, and in which mode, has to be what a plan or credits cost here."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.buying import Buyer
from tests.twins.stripe import StripeTwin


async def told(buyer: Buyer, kind: str) -> list[tuple[str, str]]:
    return [await buyer.detail(each) for each in await buyer.events() if each["type"] == kind]


async def subscribe(client: httpx.AsyncClient, buyer: Buyer) -> dict[str, Any]:
    """The subscription to pro that Stripe has and has not told of."""
    buyer.twin.complete_checkout(await buyer.checkout(client, "pro"))
    customer = await buyer.customer()
    [found] = [each for each in buyer.twin.state.subscriptions.values() if each["customer"] == customer]
    return found


@pytest.mark.parametrize(
    ("change", "cost"),
    [
        ({"unit_amount": 1_00}, "100 usd a month"),
        ({"unit_amount": None}, "None usd a month"),
        ({"currency": "jpy"}, "9900 jpy a month"),
        ({"recurring": {"interval": "year", "interval_count": 1}}, "9900 usd a year"),
        ({"recurring": {"interval": "month", "interval_count": 6}}, "9900 usd a 6 months"),
    ],
)
async def test_a_plan_that_costs_something_else_at_stripe_is_parked(
    client: httpx.AsyncClient,
    buyer: Buyer,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, Any],
    cost: str,
) -> None:
    subscription = await subscribe(client, buyer)
    # Others go on with this Stripe, whose clock moves for all that it has.
    for name, value in change.items():
        monkeypatch.setitem(subscription["items"]["data"][0]["price"], name, value)
    await buyer.hear()
    assert await told(buyer, "customer.subscription.created") == [
        ("parked", f"The pro plan costs 9900 US cents a month; the price price_pro_monthly is {cost}.")
    ]
    assert await buyer.plan() == "free"


@pytest.mark.parametrize(
    ("session", "line", "price", "cost"),
    [
        ({"amount_subtotal": 1_00}, {}, {}, "1 at 1500 usd, for 100 usd"),
        ({}, {"quantity": 2}, {}, "2 at 1500 usd, for 1500 usd"),
        ({}, {}, {"unit_amount": 1_00}, "1 at 100 usd, for 1500 usd"),
        ({}, {}, {"unit_amount": None}, "1 at None usd, for 1500 usd"),
        ({}, {}, {"currency": "jpy"}, "1 at 1500 jpy, for 1500 usd"),
    ],
)
async def test_credits_that_cost_something_else_at_stripe_are_refused(
    client: httpx.AsyncClient,
    buyer: Buyer,
    stripe_twin: StripeTwin,
    session: dict[str, Any],
    line: dict[str, Any],
    price: dict[str, Any],
    cost: str,
) -> None:
    checkout = await buyer.top_up(client)
    stripe_twin.complete_checkout(checkout)
    stripe_twin.state.sessions[checkout] |= session
    [bought] = stripe_twin.state.orders[checkout]["items"]
    bought |= line
    bought["price"] |= price
    await buyer.hear()
    assert await told(buyer, "checkout.session.completed") == [
        ("refused", f"1,000 credits cost 1500 US cents, not {cost}.")
    ]
    assert (await buyer.usage()).topped_up == 0


async def test_credits_count_that_were_paid_in_another_currency_of_their_price(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    checkout = await buyer.top_up(client)
    stripe_twin.localize_checkout(checkout, "eur", 13_00)
    stripe_twin.complete_checkout(checkout)
    await buyer.hear()
    assert (await buyer.usage()).topped_up == 1_000
    customer = await buyer.customer()
    [charge] = [each for each in stripe_twin.state.charges.values() if each["customer"] == customer]
    stripe_twin.refund(charge["id"], 6_50)
    await buyer.hear()
    assert (charge["currency"], (await buyer.usage()).topped_up) == ("eur", 500)
    assert await buyer.mistakes() == []


async def test_a_checkout_of_the_other_mode_is_refused(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    checkout = await buyer.top_up(client)
    stripe_twin.complete_checkout(checkout)
    stripe_twin.state.sessions[checkout]["livemode"] = True
    await buyer.hear()
    refused = ("refused", "The checkout is of the other mode than the key.")
    assert await told(buyer, "checkout.session.completed") == [refused]
    assert (await buyer.usage()).topped_up == 0


async def test_a_subscription_of_the_other_mode_is_refused(client: httpx.AsyncClient, buyer: Buyer) -> None:
    (await subscribe(client, buyer))["livemode"] = True
    await buyer.hear()
    refused = ("refused", "The subscription is of the other mode than the key.")
    assert await told(buyer, "customer.subscription.created") == [refused]
    assert await buyer.plan() == "free"


async def test_a_charge_of_the_other_mode_is_refused(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin
) -> None:
    stripe_twin.complete_checkout(await buyer.top_up(client))
    await buyer.hear()
    customer = await buyer.customer()
    [charge] = [each for each in stripe_twin.state.charges.values() if each["customer"] == customer]
    stripe_twin.refund(charge["id"])
    charge["livemode"] = True
    await buyer.hear()
    assert await told(buyer, "charge.refunded") == [
        ("refused", "The charge is of the other mode than the key.")
    ]
    assert (await buyer.usage()).topped_up == 1_000
