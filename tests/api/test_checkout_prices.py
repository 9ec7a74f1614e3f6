"""A checkout sells the prices of this installation, each in its own way, and names what is not set."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from helpninja_app.billing.prices import CheckoutMode
from helpninja_app.errors import Invalid, Unavailable
from tests.buying import Buyer, session_of
from tests.conftest import OpenResources
from tests.factories import Factory
from tests.twins.stripe import StripeTwin

NOT_SOLD = (
    "This cannot be bought at the moment. Nothing was charged. Whoever runs HelpNinja finds why in its log."
)
MONTH = {"interval": "month", "interval_count": 1}


@pytest.mark.parametrize(
    ("price", "mode", "sold_as", "paid"),
    [
        ("price_pro_yearly", "subscription", "subscription", "pro"),
        ("price_topup_5000", "one-time", "payment", "free"),
    ],
)
async def test_a_price_is_sold_the_way_that_it_is_meant(
    buyer: Buyer, price: str, mode: CheckoutMode, sold_as: str, paid: str
) -> None:
    cashier = buyer.resources.cashier(await buyer.caller())
    checkout = session_of(await cashier.generate_checkout_link(price, mode))
    assert buyer.twin.state.sessions[checkout]["mode"] == sold_as
    buyer.twin.complete_checkout(checkout)
    await buyer.hear()
    assert (await buyer.plan(), (await buyer.usage()).topped_up) == (paid, 5_000 if paid == "free" else 0)


@pytest.mark.parametrize(
    ("price", "mode"),
    [
        ("price_topup_1000", "subscription"),
        ("price_pro_monthly", "one-time"),
        ("price_of_somebody_else", "subscription"),
        ("price_of_somebody_else", "one-time"),
        ("", "subscription"),
    ],
)
async def test_what_is_not_sold_that_way_is_refused_before_stripe_hears_of_it(
    buyer: Buyer, price: str, mode: CheckoutMode
) -> None:
    cashier = buyer.resources.cashier(await buyer.caller())
    known = len(buyer.twin.state.customers)
    with pytest.raises(Invalid, match="not for sale"):
        await cashier.generate_checkout_link(price, mode)
    assert len(buyer.twin.state.customers) == known


@pytest.mark.parametrize(
    ("path", "wish", "variable"),
    [
        ("checkout", {"plan": "pro", "interval": "year"}, "STRIPE_PRICE_PRO_YEARLY"),
        ("checkout", {"plan": "starter"}, "STRIPE_PRICE_STARTER_MONTHLY"),
        ("top-up", {"pack": 5000}, "STRIPE_PRICE_TOPUP_5000"),
    ],
)
async def test_what_has_no_price_here_is_503_with_the_name_of_its_variable(
    client: httpx.AsyncClient,
    factory: Factory,
    with_resources: OpenResources,
    path: str,
    wish: dict[str, object],
    variable: str,
) -> None:
    _, owner = await factory.member(await factory.tenant(plan="free"))
    async with with_resources(**{variable.lower(): None}):
        refused = await client.post(f"/api/billing/{path}", json=wish, headers=owner)
    assert refused.status_code == 503
    assert f"{variable} is not set" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("price", "mode", "change"),
    [
        ("price_pro_monthly", "subscription", {"unit_amount": 9_90}),
        ("price_pro_monthly", "subscription", {"unit_amount": None}),
        ("price_pro_monthly", "subscription", {"currency": "eur"}),
        ("price_pro_yearly", "subscription", {"recurring": MONTH}),
        ("price_pro_monthly", "subscription", {"recurring": MONTH | {"interval_count": 6}}),
        ("price_pro_monthly", "subscription", {"recurring": None}),
        ("price_pro_monthly", "subscription", {"active": False}),
        ("price_pro_monthly", "subscription", {"livemode": True}),
        ("price_topup_1000", "one-time", {"unit_amount": 60_00}),
        ("price_topup_1000", "one-time", {"currency": "jpy"}),
        ("price_topup_1000", "one-time", {"recurring": MONTH}),
    ],
)
async def test_nothing_is_sold_at_a_price_that_is_another_at_stripe(
    buyer: Buyer,
    monkeypatch: pytest.MonkeyPatch,
    price: str,
    mode: CheckoutMode,
    change: dict[str, Any],
) -> None:
    """Its money would be taken, and nothing given for it."""
    cashier = buyer.resources.cashier(await buyer.caller())
    known = len(buyer.twin.state.customers), len(buyer.twin.state.sessions)
    for name, value in change.items():
        monkeypatch.setitem(buyer.twin.state.prices[price], name, value)
    with capture_logs() as logs, pytest.raises(Unavailable) as refused:
        await cashier.generate_checkout_link(price, mode)
    assert refused.value.detail == NOT_SOLD
    assert (len(buyer.twin.state.customers), len(buyer.twin.state.sessions)) == known
    [said] = [each for each in logs if each["event"] == "price_not_sold"]
    assert (said["log_level"], said["price"]) == ("error", price)


async def test_a_price_that_stripe_does_not_know_is_not_sold_either(
    client: httpx.AsyncClient, buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(buyer.twin.state.prices, "price_pro_monthly")
    with capture_logs() as logs:
        asked = {"plan": "pro"}
        refused = await client.post("/api/billing/checkout", headers=buyer.headers, json=asked)
    assert (refused.status_code, refused.json()["detail"]) == (503, NOT_SOLD)
    [said] = [each for each in logs if each["event"] == "price_not_sold"]
    assert said["at_stripe"] == "unknown"


async def test_no_plan_is_changed_to_a_price_that_is_another_at_stripe(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin, monkeypatch: pytest.MonkeyPatch
) -> None:
    stripe_twin.complete_checkout(await buyer.checkout(client, "starter"))
    await buyer.hear()
    known = len(stripe_twin.state.portal_sessions)
    monkeypatch.setitem(stripe_twin.state.prices["price_pro_monthly"], "unit_amount", 9_90)
    asked = {"plan": "pro"}
    refused = await client.post("/api/billing/checkout", headers=buyer.headers, json=asked)
    assert (refused.status_code, refused.json()["detail"]) == (503, NOT_SOLD)
    assert len(stripe_twin.state.portal_sessions) == known


async def test_a_plan_whose_price_stripe_does_not_know_keeps_nobody_from_another(
    client: httpx.AsyncClient, buyer: Buyer, stripe_twin: StripeTwin, monkeypatch: pytest.MonkeyPatch
) -> None:
    stripe_twin.complete_checkout(await buyer.checkout(client, "starter"))
    await buyer.hear()
    monkeypatch.delitem(stripe_twin.state.prices, "price_agency_yearly")
    with capture_logs() as logs:
        answer = await client.post("/api/billing/checkout", headers=buyer.headers, json={"plan": "pro"})
    assert answer.status_code == 200, answer.text
    stripe_twin.use_portal(answer.json()["url"], "confirm")
    await buyer.hear()
    assert await buyer.plan() == "pro"
    [said] = [each for each in logs if each["event"] == "price_unknown_to_stripe"]
    assert said["price"] == "price_agency_yearly"


async def test_nothing_is_sold_while_the_price_cannot_be_read(buyer: Buyer, stripe_twin: StripeTwin) -> None:
    cashier = buyer.resources.cashier(await buyer.caller())
    stripe_twin.fail_next(3, path="prices/price_pro_monthly")
    with pytest.raises(Unavailable, match="cannot be reached right now"):
        await cashier.generate_checkout_link("price_pro_monthly", "subscription")
    stripe_twin.api.faults.clear()
    assert await cashier.generate_checkout_link("price_pro_monthly", "subscription")
