"""What the page of the prices has to know: what of it is sold on this installation."""

from __future__ import annotations

import reflex as rx

from helpninja_app.billing.plans import FREE, PACKS, PLANS
from helpninja_app.screens.billing.figures import INTERVALS
from helpninja_app.screens.billing.words import called, money, why_not_sold
from helpninja_app.settings import Settings, get_settings


def payments_in_words(settings: Settings) -> str:
    """Why the prices are not what is paid here; empty where they are."""
    has_payments = settings.stripe_secret_key is not None
    if settings.is_unlimited and has_payments:
        return "Nothing is limited on this installation, whatever the plan."
    if settings.is_unlimited:
        return (
            "This installation takes no payments: nothing is limited here, and these prices are not asked"
            " for."
        )
    if not has_payments:
        return "No payments are set up on this installation, so plans cannot be bought here."
    return ""


def ways_to_begin(settings: Settings) -> dict[str, str]:
    """What the link of each plan says, by ``pro:month``, or in its place that the plan is not sold so; empty
    where nobody pays."""
    wanted = [(plan, interval) for plan in PLANS.values() if plan is not FREE for interval in INTERVALS]
    return {
        f"{plan.name}:{interval}": ""
        if payments_in_words(settings)
        else why_not_sold(plan, interval, settings.plan_prices) or f"Begin with {called(plan.name)}"
        for plan, interval in wanted
    }


def is_sold_yearly(settings: Settings) -> bool:
    """Whether a year of some plan has a price; also where the prices are not what is paid."""
    return bool(payments_in_words(settings)) or any(each == "year" for _, each in settings.plan_prices)


def packs_in_words(settings: Settings) -> str:
    """The credits that are sold beside the plans; all where the prices are not what is paid."""
    sold = PACKS if payments_in_words(settings) else settings.pack_prices
    return " or ".join(
        f"{pack.credits:,} credits for {money(pack.price)}" for pack in PACKS.values() if pack.credits in sold
    )


class PricingState(rx.State):
    """Public; the value of the build is drawn first and the server's own replaces it."""

    payments: str = payments_in_words(get_settings())
    """What is said of payments, if they are not as on the page."""
    ways: rx.Field[dict[str, str]] = rx.field(default_factory=lambda: ways_to_begin(get_settings()))
    is_sold_yearly: bool = is_sold_yearly(get_settings())
    packs: str = packs_in_words(get_settings())
