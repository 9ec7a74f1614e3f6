"""What Stripe's prices stand for: a plan for a month or a year, or a pack of credits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from helpninja_app.billing.plans import PLANS, Interval, Pack, PaidPlanName

CheckoutMode = Literal["subscription", "one-time"]
# An amount in the currency's minor unit, the currency, and every how long it is paid: empty for once.
Cost = tuple[int | None, str, str]


@dataclass(frozen=True, slots=True)
class PlanPrice:
    plan: PaidPlanName
    interval: Interval

    @property
    def cost(self) -> Cost:
        return PLANS[self.plan].price(self.interval), "usd", self.interval

    def counts_at_once_after(self, before: PlanPrice) -> bool:
        """Whether a change from ``before`` is more, and does not wait until what is paid for is used.

        Of a smaller plan by the year that is so where the year costs more than the month that is given back.
        """
        is_larger = PLANS[self.plan].price_month > PLANS[before.plan].price_month
        is_longer = (before.interval, self.interval) == ("month", "year")
        return is_larger or (is_longer and PLANS[self.plan].price_year > PLANS[before.plan].price_month)


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of this installation, by Stripe's ids. A price that is not in here is not ours."""

    plans: Mapping[str, PlanPrice] = field(default_factory=dict)
    packs: Mapping[str, Pack] = field(default_factory=dict)

    def of_plan(self, plan: str, interval: str) -> str | None:
        """The id of a plan's price; ``None`` where none is configured."""
        return next(
            (id for id, price in self.plans.items() if (price.plan, price.interval) == (plan, interval)), None
        )

    def cost_of(self, id: str) -> Cost:
        """What has to be paid at a price of ours."""
        plan = self.plans.get(id)
        return plan.cost if plan else (self.packs[id].price, "usd", "")

    def of_pack(self, credits: int) -> str | None:
        return next((id for id, pack in self.packs.items() if pack.credits == credits), None)
