"""A twin of Stripe that sells what the product sells, and the settings that lead to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import SecretStr

from helpninja_app.billing.plans import PACKS, PLANS
from tests.twins.stripe import StripeTwin

WORDS = {"month": "monthly", "year": "yearly"}


@contextmanager
def open_stripe_shop() -> Iterator[StripeTwin]:
    """Prices are named ``price_pro_monthly`` and ``price_topup_1000``; no webhooks are sent by themselves."""
    with StripeTwin() as twin:
        for plan in list(PLANS.values())[1:]:
            name = f"HelpNinja {plan.name}"
            twin.add_price(f"price_{plan.name}_monthly", plan.price_month, "month", name=name)
            twin.add_price(f"price_{plan.name}_yearly", plan.price_year, "year", name=name)
        for pack in PACKS.values():
            twin.add_price(f"price_topup_{pack.credits}", pack.price, None, name=f"{pack.credits:,} credits")
        yield twin


def settings_of(twin: StripeTwin) -> dict[str, object]:
    """By field name; limits stay off unless a test turns them on."""
    plans = {
        f"stripe_price_{plan}_{word}": f"price_{plan}_{word}"
        for plan in PLANS
        if plan != "free"
        for word in WORDS.values()
    }
    return {
        "unlimited": True,
        "stripe_secret_key": SecretStr(twin.api_key),
        "stripe_api_base": twin.url,
        "stripe_webhook_secret": SecretStr(",".join(twin.webhook_secrets)),
        **plans,
        **{f"stripe_price_topup_{credits}": f"price_topup_{credits}" for credits in PACKS},
        "cron_secret": SecretStr(CRON_SECRET),
    }


CRON_SECRET = "cr0n-secret-for-tests-0123456789-abcdef"
