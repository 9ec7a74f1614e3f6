"""What repeats the plans and packs by hand, where it cannot import them, repeats all of them."""

from __future__ import annotations

from typing import Any, get_args

from helpninja_app.billing.plans import FREE, PACKS, PLANS, Interval, PackSize, PaidPlanName, PlanName
from helpninja_app.billing_settings import BillingSettings
from helpninja_app.model_servers import ServedModel

PAID = [name for name in PLANS if name != FREE.name]


def settings() -> BillingSettings:
    """With an id for each price: the name of its setting."""
    prices: dict[str, Any] = {
        name: field.alias for name, field in BillingSettings.model_fields.items() if "_price_" in name
    }
    return BillingSettings.model_construct(**prices)


def test_the_types_name_the_plans_and_packs() -> None:
    assert list(get_args(PlanName)) == list(PLANS)
    assert list(get_args(PaidPlanName)) == PAID
    assert list(get_args(PackSize)) == list(PACKS)


def test_a_model_of_a_server_can_be_given_to_every_plan() -> None:
    assert list(get_args(ServedModel.model_fields["plan"].annotation)) == list(PLANS)


def test_every_plan_has_a_setting_for_its_price_a_month_and_a_year() -> None:
    expected = {
        (plan, interval): f"STRIPE_PRICE_{plan.upper()}_{interval.upper()}LY"
        for plan in PAID
        for interval in get_args(Interval)
    }
    assert settings().plan_prices == expected


def test_every_pack_has_a_setting_that_says_its_credits() -> None:
    found = settings().pack_prices
    assert found == {credits: f"STRIPE_PRICE_TOPUP_{credits}" for credits in PACKS}
    said = {field.alias: field.description for field in BillingSettings.model_fields.values()}
    for credits, name in found.items():
        assert said[name] == f"The id of Stripe's price for {credits:,} credits."
