"""The plans: the only place that knows what each of them includes and costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Literal, Protocol

from helpninja_app.errors import FileTooLarge, NotInPlan

PlanName = Literal["free", "starter", "pro", "agency"]
PaidPlanName = Literal["starter", "pro", "agency"]
Interval = Literal["month", "year"]
# How many credits are in a pack.
PackSize = Literal[1000, 5000]

MEGABYTE = 1_000_000


class Feature(StrEnum):
    """What a plan has or has not."""

    API_KEYS = "API keys"
    RULES = "escalation rules"
    WEBHOOKS = "outbound webhooks"
    EXPORT = "conversation export"
    WHITE_LABEL = "white label"
    CUSTOM_LIMITS = "custom limits"


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
_OWN = _RULES | {Feature.WHITE_LABEL, Feature.CUSTOM_LIMITS}

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
    _OWN,
)

PLANS: Mapping[str, Plan] = MappingProxyType({plan.name: plan for plan in (FREE, STARTER, PRO, AGENCY)})


@dataclass(frozen=True, slots=True)
class Pack:
    """Credits that are bought once; the price is in US cents."""

    credits: PackSize
    price: int


PACKS: Mapping[int, Pack] = MappingProxyType(
    {pack.credits: pack for pack in (Pack(1_000, 15_00), Pack(5_000, 60_00))}
)

# What a workspace may have more or less of than its plan says, by the names of ``Plan``'s fields. The other
# limits of a plan with custom limits are none, or protect the machine.
CUSTOMIZABLE = ("messages", "credits", "documents", "pages_per_crawl")


class HasPlan(Protocol):
    """Who has a plan; ``custom_limits`` are by the names of ``CUSTOMIZABLE``."""

    @property
    def plan(self) -> str: ...

    @property
    def custom_limits(self) -> Mapping[str, int]: ...


@dataclass(frozen=True, slots=True)
class Terms:
    """A workspace as far as its plan is concerned."""

    plan: str
    custom_limits: Mapping[str, int] = field(default_factory=dict)


# Gives the plan that counts for a workspace.
PlanOf = Callable[[HasPlan], Plan]

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


def plan_in_force(workspace: HasPlan, *, is_unlimited: bool) -> Plan:
    """What counts for a workspace: its plan with the limits that were agreed, if the plan may have such."""
    if is_unlimited:
        return UNLIMITED
    plan = PLANS[workspace.plan]
    if Feature.CUSTOM_LIMITS not in plan.features:
        return plan
    custom = workspace.custom_limits
    return replace(
        plan,
        messages=custom.get("messages", plan.messages),
        credits=custom.get("credits", plan.credits),
        documents=custom.get("documents", plan.documents),
        pages_per_crawl=custom.get("pages_per_crawl", plan.pages_per_crawl),
    )


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


def without_larger(plan: str) -> str:
    """What there is in the place of a larger plan; empty where the plan of that name is not the largest."""
    if plan != list(PLANS)[-1]:
        return ""
    return "There is no larger plan: whoever runs this installation can agree more with this workspace."


def how_to_get_more(plan: str, *, can_top_up: bool = False) -> str:
    """How a workspace on the plan of that name gets more than that has, in a sentence."""
    nothing_larger = without_larger(plan)
    ways = [*(["top up credits"] if can_top_up else []), *([] if nothing_larger else ["change the plan"])]
    return f"An owner can {' or '.join(ways)} under Billing." if ways else nothing_larger


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
