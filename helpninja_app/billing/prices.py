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
        """Whether a change from ``before`` is more, and does not wait until what is paid for is used."""
        return self._is_larger_than(before) or (self.plan == before.plan and self._is_longer_than(before))

    def is_less_for_more_after(self, before: PlanPrice) -> bool:
        """Whether it is a year of a smaller plan that costs more than the month of the larger one.

        Stripe sees neither a smaller amount nor a shorter time, and has no change to it wait.
        """
        is_smaller = self.plan != before.plan and not self._is_larger_than(before)
        costs_more = PLANS[self.plan].price_year > PLANS[before.plan].price_month
        return is_smaller and self._is_longer_than(before) and costs_more

    def _is_larger_than(self, before: PlanPrice) -> bool:
        return PLANS[self.plan].price_month > PLANS[before.plan].price_month

    def _is_longer_than(self, before: PlanPrice) -> bool:
        return (before.interval, self.interval) == ("month", "year")


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
