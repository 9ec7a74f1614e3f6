"""What has no price here: the pages of the plans say so, and lead nobody to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import pytest
from pydantic import SecretStr
from reflex import Component, Var

from helpninja_app.billing.models import Subscription
from helpninja_app.billing.plans import PACKS, Interval, PaidPlanName
from helpninja_app.billing.prices import PlanPrice, Prices
from helpninja_app.screens.billing.buying import plans_section
from helpninja_app.screens.billing.comparison import is_named_by_the_year
from helpninja_app.screens.billing.figures import CURRENT, plan_actions
from helpninja_app.screens.billing.state import BillingState
from helpninja_app.screens.billing.words import MONTH_FIRST, NOT_SOLD
from helpninja_app.screens.pricing.page import pricing_page
from helpninja_app.screens.pricing.state import PricingState, packs_in_words, ways_to_begin
from helpninja_app.settings import Settings
from tests.conftest import OpenResources
from tests.factories import Factory
from tests.screens.billing_shop import open_shop
from tests.screens.events import fire, tab_at
from tests.screens.test_home import call, signed_in_tab

EVERY = [PlanPrice(plan, each) for plan in get_args(PaidPlanName) for each in get_args(Interval)]
MONTHLY = {f"stripe_price_{plan}_yearly": None for plan in ("starter", "pro", "agency")}


def settings_with(**prices: str) -> Settings:
    given = {f"stripe_price_{name}": price for name, price in prices.items()}
    nothing = dict.fromkeys(
        (name for name in Settings.model_fields if name.startswith("stripe_price_")), None
    )
    paid = Settings.model_construct(stripe_secret_key=SecretStr("sk_test_1"), unlimited=None)
    return paid.model_copy(update=nothing | given)


def test_a_plan_without_a_price_says_so_in_place_of_a_button() -> None:
    prices = Prices({"a": PlanPrice("starter", "month"), "b": PlanPrice("pro", "year")})
    actions = plan_actions("free", None, prices)
    assert actions["starter:month"] == "Upgrade to Starter"
    assert actions["starter:year"] == "Not sold by the year here"
    assert actions["pro:month"] == "Not sold by the month here"
    assert actions["agency:month"] == actions["agency:year"] == "Not sold here"
    assert actions["free:month"] == CURRENT


def test_a_year_that_is_had_by_the_month_first_says_so_in_place_of_a_button() -> None:
    prices = Prices({f"{each.plan} {each.interval}": each for each in EVERY})
    paid = Subscription(id="sub", plan="pro", interval="month", status="active")
    actions = plan_actions("pro", paid, prices)
    assert actions["starter:year"] == "Choose it by the month first"
    assert actions["starter:month"] == "Switch to Starter"
    assert actions["agency:year"] == "Upgrade to Agency"


def test_where_nothing_can_be_bought_at_all_nothing_is_said_of_prices() -> None:
    for actions in (plan_actions("free", None, None), plan_actions("free", None, Prices(), is_held=True)):
        assert set(actions.values()) == {"", CURRENT}


async def test_where_nothing_is_sold_by_the_year_nobody_can_ask_for_it(
    with_resources: OpenResources, factory: Factory
) -> None:
    async with open_shop(with_resources, **MONTHLY):
        tenant = await factory.tenant(plan="free")
        page = await signed_in_tab(BillingState, factory, tenant)
        page = await tab_at(BillingState, page.router.headers.cookie, {"interval": "year"})
        await call(page, "open_billing")
    assert (page.is_sold_yearly, page.interval) == (False, "month")


async def test_where_something_is_sold_by_the_year_it_can_be_asked_for(
    with_resources: OpenResources, factory: Factory
) -> None:
    async with open_shop(with_resources, **(MONTHLY | {"stripe_price_pro_yearly": "price_pro_yearly"})):
        page = await signed_in_tab(BillingState, factory, await factory.tenant(plan="free"))
        await call(page, "open_billing")
        await fire(page, "choose_interval", "year")
    assert (page.is_sold_yearly, page.interval) == (True, "year")
    assert page.actions["agency:year"] == "Not sold by the year here"


def test_the_page_of_the_prices_begins_only_with_what_is_sold() -> None:
    ways = ways_to_begin(settings_with(pro_monthly="a", agency_yearly="b"))
    assert ways["pro:month"] == "Begin with Pro"
    assert ways["pro:year"] == "Not sold by the year here"
    assert ways["agency:month"] == "Not sold by the month here"
    assert ways["starter:month"] == "Not sold here"


@pytest.mark.parametrize("changes", [{"stripe_secret_key": None}, {"unlimited": True}])
def test_where_nobody_pays_the_page_of_the_prices_leads_to_no_plan(changes: dict[str, object]) -> None:
    settings = settings_with(pro_monthly="a").model_copy(update=changes)
    assert set(ways_to_begin(settings).values()) == {""}


def test_credits_that_are_not_sold_are_not_named() -> None:
    assert packs_in_words(settings_with(pro_monthly="a")) == ""
    assert packs_in_words(settings_with(topup_5000="a")) == "5,000 credits for $60"
    everything = settings_with(**{f"topup_{credits}": f"{credits}" for credits in PACKS})
    assert packs_in_words(everything) == "1,000 credits for $15 or 5,000 credits for $60"


def test_the_page_of_the_prices_asks_the_server_what_is_sold() -> None:
    drawn = str(pricing_page().render())
    assert "ways" in drawn
    assert "is_sold_yearly" in drawn


@pytest.mark.parametrize(
    ("draw", "labels"), [(plans_section, BillingState.actions), (pricing_page, PricingState.ways)]
)
def test_both_pages_name_the_price_of_a_year_by_what_stands_at_it(
    draw: Callable[[], Component], labels: Any
) -> None:
    drawn = str(draw().render())
    conditions = {plan: str(is_named_by_the_year(labels[f"{plan}:year"])) for plan in get_args(PaidPlanName)}
    assert [plan for plan, condition in conditions.items() if condition not in drawn] == []


@pytest.mark.parametrize("said", [*NOT_SOLD.values(), MONTH_FIRST])
def test_what_stands_in_the_place_of_a_button_is_a_line_of_text(said: str) -> None:
    assert f"""(['"{said}"'], {{'name': '"p"'""" in str(plans_section().render())


def test_the_price_of_a_year_is_not_named_of_a_plan_that_is_not_sold_by_it() -> None:
    named = str(is_named_by_the_year(Var("said")))
    assert [said for said in NOT_SOLD.values() if f'"{said}"' in named] == [NOT_SOLD[""], NOT_SOLD["year"]]


@pytest.mark.parametrize(
    ("settings", "is_told"),
    [
        (settings_with(), True),
        (settings_with(topup_1000="a"), False),
        (settings_with(pro_monthly="a"), False),
        (settings_with().model_copy(update={"unlimited": True}), False),
        (settings_with().model_copy(update={"stripe_secret_key": None}), False),
    ],
)
def test_a_key_of_stripe_s_without_anything_to_sell_is_told_at_the_start(
    settings: Settings, is_told: bool
) -> None:
    told = "STRIPE_SECRET_KEY is set although nothing has a price"
    problems = settings.billing_problems()
    assert [problem.startswith(told) for problem in problems] == [True] * is_told
