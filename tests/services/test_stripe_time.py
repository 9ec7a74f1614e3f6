"""What only time shows of Stripe: it hangs, a year passes, a plan grows in the middle of a month."""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import httpx
import pytest
from dateutil.relativedelta import relativedelta

from helpninja_app.billing.deadlines import meet_deadline
from helpninja_app.billing.models import Unit
from helpninja_app.billing.plans import PLANS
from helpninja_app.billing.reservations import reserve, settle
from helpninja_app.billing.stripe_gateway import TIMEOUT_SECONDS, StripeGateway
from tests.buying import Buyer, make_buyer
from tests.conftest import OpenResources
from tests.factories import Factory
from tests.stripe_shop import settings_of
from tests.twins.stripe import StripeTwin


@pytest.fixture
async def hasty(
    factory: Factory, with_resources: OpenResources, twin: StripeTwin, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Buyer]:
    """Of an installation that waits for Stripe a second."""
    impatient = functools.partial(StripeGateway, timeout=1.0)
    monkeypatch.setattr("helpninja_app.resources.StripeGateway", impatient)
    async with with_resources(**settings_of(twin) | {"unlimited": False}) as limited:
        yield await make_buyer(factory, limited, twin)


@pytest.mark.parametrize("path", ["POST .*customers", "GET .*checkout", "POST .*checkout"])
async def test_a_stripe_that_hangs_is_503_and_makes_nothing_twice(
    client: httpx.AsyncClient, hasty: Buyer, twin: StripeTwin, path: str
) -> None:
    goes_on = twin.hold(3, path)
    # Three times fifteen seconds, were it not told to wait for one.
    async with asyncio.timeout(30):
        answer = await client.post("/api/billing/checkout", headers=hasty.headers, json={"plan": "pro"})
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("Stripe cannot be reached right now")
    twin.api.faults.clear()
    # The call that was given up is still under way there.
    assert twin.api.hanging
    goes_on.set()
    while twin.api.hanging:
        await asyncio.sleep(0.01)
    assert await hasty.checkout(client)
    assert (len(twin.state.customers), len(twin.state.sessions)) == (1, 1)


async def test_what_stripe_does_in_time_is_waited_for(
    client: httpx.AsyncClient, hasty: Buyer, twin: StripeTwin
) -> None:
    twin.hang(0.05, "checkout")
    assert await hasty.checkout(client)


async def test_every_installation_waits_fifteen_seconds_for_stripe(buyer: Buyer) -> None:
    told = buyer.resources.need_stripe().gateway._http._timeout
    assert (told, TIMEOUT_SECONDS) == (15.0, 15.0)


async def test_a_larger_plan_in_the_middle_of_a_month_costs_the_difference_for_the_rest_of_it(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    twin.complete_checkout(await buyer.checkout(client, "starter"))
    await buyer.hear()
    twin.advance(days=10)
    answer = await client.post("/api/billing/checkout", headers=buyer.headers, json={"plan": "agency"})
    twin.use_portal(answer.json()["url"], "confirm")
    await buyer.hear()
    [asked] = [call.params for call in twin.state.calls if _is_new_configuration(call.method, call.path)]
    assert asked["features"]["subscription_update"]["proration_behavior"] == "always_invoice"
    subscription = await buyer.subscription()
    assert subscription is not None
    whole = subscription.period_end - subscription.period_start
    cost = (PLANS["agency"].price_month - PLANS["starter"].price_month) * (1 - timedelta(days=10) / whole)
    found = (await client.get("/api/billing/invoices", headers=buyer.headers)).json()["invoices"]
    assert [each["status"] for each in found] == ["paid", "paid"]
    # A second may pass between two of Stripe's answers, and each line is rounded.
    assert found[0]["amount"] == pytest.approx(cost, abs=3)
    assert found[1]["amount"] == PLANS["starter"].price_month
    assert await buyer.plan() == "agency"


def _is_new_configuration(method: str, path: str) -> bool:
    return method == "POST" and path.endswith("/billing_portal/configurations")


async def test_a_year_is_paid_once_has_twelve_months_and_is_renewed(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    pro = PLANS["pro"]
    twin.complete_checkout(await buyer.checkout(client, "pro", "year"))
    await buyer.hear()
    bought = await buyer.subscription()
    assert bought is not None
    assert (bought.status, bought.plan, bought.interval) == ("active", "pro", "year")
    assert bought.period_end == bought.period_start + relativedelta(years=1)
    assert await buyer.plan() == "pro"
    assert await paid(client, buyer) == [pro.price_year]
    months = [bought.anchor + relativedelta(months=number) for number in range(13)]
    for start, end in itertools.pairwise(months):
        await let_time_pass(buyer, start + timedelta(days=1))
        for unit, granted in ((Unit.CREDIT, pro.credits), (Unit.MESSAGE, pro.messages)):
            usage = await buyer.usage(unit)
            assert (usage.period_start, usage.period_end, usage.left) == (start, end, granted)
            assert granted is not None
            await use(buyer, unit, 70)
            assert (await buyer.usage(unit)).left == granted - 70
    assert await paid(client, buyer) == [pro.price_year]
    twin.advance(seconds=(bought.period_end - bought.period_start).total_seconds() + 60)
    await buyer.hear()
    renewed = await buyer.subscription()
    assert renewed is not None
    assert (renewed.status, renewed.plan, renewed.interval) == ("active", "pro", "year")
    assert renewed.period_end == bought.anchor + relativedelta(years=2)
    assert await paid(client, buyer) == [pro.price_year, pro.price_year]
    await let_time_pass(buyer, months[-1] + timedelta(days=1))
    usage = await buyer.usage()
    assert (usage.period_start, usage.left) == (months[-1], pro.credits)
    assert await buyer.plan() == "pro"
    assert await buyer.mistakes() == []


async def let_time_pass(buyer: Buyer, moment: datetime) -> None:
    """What the clock does for this workspace at that time."""
    own = buyer.resources
    await meet_deadline(own.database, own.queue, own.plan_of, buyer.tenant.id, moment=moment)


async def use(buyer: Buyer, unit: Unit, amount: int) -> None:
    async with buyer.resources.database.unit_of_work(buyer.tenant.scope) as session:
        held = await reserve(session, buyer.tenant.id, PLANS["pro"], unit, amount)
        await settle(session, buyer.tenant.id, held, amount)


async def paid(client: httpx.AsyncClient, buyer: Buyer) -> list[int]:
    found = (await client.get("/api/billing/invoices", headers=buyer.headers)).json()["invoices"]
    return [each["amount"] for each in found if each["status"] == "paid"]
