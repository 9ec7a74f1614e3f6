"""A checkout sells the prices of this installation, each in its own way, and names what is not set."""

from __future__ import annotations

import httpx
import pytest

from helpninja_app.billing.prices import CheckoutMode
from helpninja_app.errors import Invalid
from tests.buying import Buyer, session_of
from tests.conftest import OpenResources
from tests.factories import Factory


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
