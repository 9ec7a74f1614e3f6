"""A shop of the twin of Stripe's for tests of screens: its prices, what was clicked there, and its events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from helpninja_app.billing.plans import PACKS, PLANS
from helpninja_app.billing.stripe_inbox import keep_event
from helpninja_app.billing.stripe_objects import event_ref
from helpninja_app.resources import Resources
from tests.buying import NoQueue
from tests.conftest import OpenResources
from tests.twins.stripe import StripeTwin

SELLING = {
    f"stripe_price_{plan}_{word}": f"price_{plan}_{word}"
    for plan in ("starter", "pro", "agency")
    for word in ("monthly", "yearly")
} | {f"stripe_price_topup_{credits}": f"price_topup_{credits}" for credits in PACKS}


def sell_everything(twin: StripeTwin) -> None:
    """Put all plans and packs on sale, at the prices of ``SELLING``."""
    for plan in (each for each in PLANS.values() if each.price_month):
        name = f"{plan.name.capitalize()} plan"
        twin.add_price(f"price_{plan.name}_monthly", plan.price_month, name=name)
        twin.add_price(f"price_{plan.name}_yearly", plan.price_year, "year", name=name)
    for pack in PACKS.values():
        twin.add_price(f"price_topup_{pack.credits}", pack.price, None, name=f"{pack.credits:,} credits")


def environment_of(twin: StripeTwin) -> dict[str, str]:
    """The environment variables of a server that sells there."""
    return {name.upper(): price for name, price in SELLING.items()} | {
        "STRIPE_SECRET_KEY": twin.api_key,
        "STRIPE_WEBHOOK_SECRET": twin.webhook_secret,
        "STRIPE_API_BASE": twin.url,
    }


@dataclass(frozen=True, slots=True)
class Shop:
    """The twin, and the resources of a process that sells there."""

    twin: StripeTwin
    resources: Resources

    def pay(self) -> None:
        """Pay what was chosen last."""
        session = list(self.twin.state.sessions.values())[-1]
        assert self.twin.complete_checkout(session["id"], email="ada@example.com")

    async def take_events(self) -> None:
        """Take and work on everything that Stripe has to tell."""
        effects = self.resources.effects_of_stripe()
        for event in self.twin.held_events():
            async with self.resources.database.unit_of_work() as session:
                await keep_event(session, NoQueue(), event_ref(event), is_live=False)
            await effects.work_on(event["id"])
        self.twin.held.clear()


@asynccontextmanager
async def open_shop(with_resources: OpenResources, **changes: Any) -> AsyncIterator[Shop]:
    """``changes`` are settings; limits count."""
    with StripeTwin() as twin:
        sell_everything(twin)
        settings = SELLING | {
            "stripe_secret_key": SecretStr(twin.api_key),
            "stripe_webhook_secret": SecretStr(twin.webhook_secret),
            "stripe_api_base": twin.url,
            "unlimited": False,
        }
        async with with_resources(**(settings | changes)) as resources:
            yield Shop(twin, resources)
