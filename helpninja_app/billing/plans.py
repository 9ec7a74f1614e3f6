"""The plans: the only place that knows what each of them includes and costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from helpninja_app.errors import FileTooLarge, NotInPlan

PlanName = Literal["free", "starter", "pro", "agency"]
PaidPlanName = Literal["starter", "pro", "agency"]
Interval = Literal["month", "year"]

MEGABYTE = 1_000_000


class Feature(StrEnum):
    """What a plan has or has not."""

    API_KEYS = "API keys"
    RULES = "escalation rules"
    WEBHOOKS = "outbound webhooks"
    EXPORT = "conversation export"


class ModelClass(StrEnum):
    """Which models of the private chat a plan has, from the cheapest class on; each has those before it."""

    SMALL = "Offline, GPT-4o mini class"
    MEDIUM = "+ GPT-4o class"
    LARGE = "+ Claude Sonnet class"
    ALL = "All"

    def includes(self, other: ModelClass) -> bool:
        classes = list(ModelClass)
        return classes.index(other) <= classes.index(self)


@dataclass(frozen=True, slots=True)
class Plan:
    """``None`` means unlimited. Prices are in US cents."""

    name: PlanName
    price_month: int
    price_year: int
    messages: int | None
    credits: int | None
    sites: int | None
    documents: int | None
    pages_per_crawl: int
    upload_bytes: int
    integrations: int | None
    members: int | None
    models: ModelClass
    features: frozenset[Feature]

    def price(self, interval: Interval) -> int:
        """US cents for a month or a year."""
        return self.price_month if interval == "month" else self.price_year


_NONE: frozenset[Feature] = frozenset()
_KEYS = _NONE | {Feature.API_KEYS}
_RULES = _KEYS | {Feature.RULES, Feature.WEBHOOKS, Feature.EXPORT}

_CHEAP, _MIDDLE, _DEAR, _ANY = ModelClass

FREE = Plan("free", 0, 0, 100, 100, 1, 100, 50, 10 * MEGABYTE, 1, 2, _CHEAP, _NONE)
STARTER = Plan("starter", 29_00, 290_00, 1_000, 1_000, 1, 1_000, 500, 10 * MEGABYTE, 3, 3, _MIDDLE, _KEYS)
PRO = Plan("pro", 99_00, 990_00, 10_000, 2_500, 3, 10_000, 5_000, 25 * MEGABYTE, None, 10, _DEAR, _RULES)
AGENCY = Plan(
    "agency",
    299_00,
    2_990_00,
    50_000,
    10_000,
    None,
    100_000,
    20_000,
    50 * MEGABYTE,
    None,
    None,
    _ANY,
    _RULES,
)

PLANS: Mapping[str, Plan] = MappingProxyType({plan.name: plan for plan in (FREE, STARTER, PRO, AGENCY)})


@dataclass(frozen=True, slots=True)
class Pack:
    """Credits that are bought once; the price is in US cents."""

    credits: int
    price: int


PACKS: Mapping[int, Pack] = MappingProxyType(
    {pack.credits: pack for pack in (Pack(1_000, 15_00), Pack(5_000, 60_00))}
)

# Gives the plan that counts for a workspace by the name of its plan.
PlanOf = Callable[[str], Plan]

LARGEST_UPLOAD = max(plan.upload_bytes for plan in PLANS.values())

# Where nobody has to pay, the largest plan's technical bounds stay: they protect the machine.
UNLIMITED = replace(
    AGENCY,
    price_month=0,
    price_year=0,
    messages=None,
    credits=None,
    documents=None,
    upload_bytes=LARGEST_UPLOAD,
    features=frozenset(Feature),
)


def plan_in_force(name: str, *, is_unlimited: bool) -> Plan:
    """What counts for a workspace on plan ``name``."""
    return UNLIMITED if is_unlimited else PLANS[name]


def require_feature(plan: Plan, feature: Feature) -> None:
    """Raise ``NotInPlan``, saying how to go on, for what the plan has not."""
    if reason := why_lacking(plan, feature):
        raise NotInPlan(reason)


def why_lacking(plan: Plan, feature: Feature) -> str:
    """That the plan has no ``feature``, which one has, and how to get it; empty when it has it."""
    if feature in plan.features:
        return ""
    first = next((each.name for each in PLANS.values() if feature in each.features), AGENCY.name)
    comes = "they come" if feature.value.endswith("s") else "it comes"
    return (
        f"The {plan.name} plan has no {feature}: {comes} with the {first} plan."
        " An owner can change the plan under Billing."
    )


def file_too_large(plan: Plan, size: int | None) -> FileTooLarge:
    """What to say to a file over the plan's size, with the first plan that takes it.

    ``size`` is in bytes, ``None`` of a file that was cut off before its end.
    """
    if plan.upload_bytes >= LARGEST_UPLOAD:
        return FileTooLarge(
            f"This file is larger than {_megabytes(plan.upload_bytes)}, the most that is taken."
        )
    said = f"This file is larger than the {_megabytes(plan.upload_bytes)} that the {plan.name} plan takes"
    if size is None:
        more = f"Larger plans take up to {_megabytes(LARGEST_UPLOAD)}"
    elif size > LARGEST_UPLOAD:
        return FileTooLarge(f"{said}, and no plan takes more than {_megabytes(LARGEST_UPLOAD)}.")
    else:
        first = next(each for each in PLANS.values() if each.upload_bytes >= size)
        more = f"The {first.name} plan takes up to {_megabytes(first.upload_bytes)}"
    return FileTooLarge(f"{said}. {more}. An owner can change the plan under Billing.", is_by_plan=True)


def sizes_refused(plan: Plan) -> tuple[tuple[int | None, FileTooLarge], ...]:
    """What is said to files over the plan's size: up to how many bytes which sentence, ``None`` to any."""
    larger = sorted({each.upload_bytes for each in PLANS.values() if each.upload_bytes > plan.upload_bytes})
    steps = [(size, file_too_large(plan, size)) for size in larger]
    return (*steps, (None, file_too_large(plan, LARGEST_UPLOAD + 1)))


def _megabytes(size: int) -> str:
    return f"{size // MEGABYTE} MB"
