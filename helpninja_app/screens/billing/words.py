"""Plans and money in the words that people read."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from helpninja_app.billing.models import Subscription
from helpninja_app.billing.plans import FREE, MEGABYTE, PLANS, Feature, Interval, Plan, sizes_refused
from helpninja_app.billing.subscriptions import end_of_plan, is_live, plan_that_counts
from helpninja_app.ui.badges import BadgeTone
from helpninja_app.ui.times import day_of

_UNPAID = frozenset({"unpaid", "incomplete", "incomplete_expired"})
WITHOUT_END = "Unlimited"
# What stands in the place of a button, of a plan that has no price here.
NOT_SOLD = {
    "": "Not sold here",
    "month": "Not sold by the month here",
    "year": "Not sold by the year here",
}
# Of a year of a smaller plan, to which Stripe would change at once (``PlanPrice.is_less_for_more_after``).
MONTH_FIRST = "Choose it by the month first"
# The facts of a plan that are numbers of things.
_LIMITS = (
    *("Visitor messages a month", "Chat credits a month", "Websites", "Documents", "Pages per crawl"),
    *("Integrations", "Members"),
)
LACKING = "–"
# What becomes of what a workspace made with a feature, once its plan has that no more.
ENDINGS: dict[Feature, str] = {
    Feature.API_KEYS: "API keys stop working",
    Feature.RULES: "escalation rules do not run",
    Feature.WEBHOOKS: "outbound webhooks pause",
    Feature.EXPORT: "conversations cannot be exported",
    Feature.WHITE_LABEL: "the widget names HelpNinja again",
    Feature.CUSTOM_LIMITS: "limits that were agreed do not count",
}
# From when on every page says that a trial ends, and what comes then.
_TRIAL_ENDS_SOON = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class PlanWords:
    """How a workspace's plan stands. ``keep`` is the button that takes back what is planned, or empty."""

    badge: str
    tone: BadgeTone
    sentence: str
    keep: str = ""
    may_cancel: bool = False


def called(plan: str) -> str:
    """``pro`` as ``Pro``."""
    return plan.capitalize()


# How many decimals an amount has whose unit is not a hundredth (https://docs.stripe.com/currencies).
_DECIMALS = dict.fromkeys(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"],
    0,
) | dict.fromkeys(["bhd", "jod", "kwd", "omr", "tnd"], 3)


def money(amount: int, currency: str = "usd") -> str:
    """US cents as ``$29``, ``$2,990`` or ``$12.50``; of another currency ``12.50 EUR`` or ``1,300 JPY``.

    ``amount`` is in the smallest unit that Stripe has for the currency.
    """
    decimals = _DECIMALS.get(currency.lower(), 2)
    whole, rest = divmod(abs(amount), 10**decimals)
    shown = f"{whole:,}.{rest:0{decimals}}" if rest else f"{whole:,}"
    sign = "−" if amount < 0 else ""
    return f"{sign}${shown}" if currency.lower() == "usd" else f"{sign}{shown} {currency.upper()}"


def price_words(plan: Plan, interval: Interval) -> str:
    """``$29 a month``."""
    return f"{money(plan.price(interval))} a {interval}"


def why_not_sold(plan: Plan, interval: Interval, sold: Container[tuple[str, str]]) -> str:
    """That a plan has no price here for that ``interval``; empty when it is among what is ``sold``."""
    if (plan.name, interval) in sold:
        return ""
    is_sold_otherwise = (plan.name, "year" if interval == "month" else "month") in sold
    return NOT_SOLD[interval] if is_sold_otherwise else NOT_SOLD[""]


def saved_by_year(plan: Plan) -> int:
    """US cents that a year costs less than twelve months."""
    return plan.price_month * 12 - plan.price_year


def plan_facts(plan: Plan) -> tuple[tuple[str, str], ...]:
    """What a plan includes: in words and how much of it, the same rows for every plan."""
    return (
        ("Visitor messages a month", amount(plan.messages)),
        ("Chat credits a month", amount(plan.credits)),
        ("Chat models", plan.models.value),
        ("Websites", amount(plan.sites)),
        ("Documents", amount(plan.documents)),
        ("Pages per crawl", amount(plan.pages_per_crawl)),
        ("Largest file", f"{plan.upload_bytes // MEGABYTE} MB"),
        ("Integrations", amount(plan.integrations)),
        ("Members", amount(plan.members)),
        *((_as_label(feature), "Yes" if feature in plan.features else LACKING) for feature in Feature),
    )


def agreed_limits(plan: str, counting: Plan) -> str:
    """What was agreed for a workspace in the place of its plan's limits; empty when nothing was."""
    usual = plan_facts(PLANS[plan])
    other = [
        f"{value} {label.lower()}"
        for (label, value), (_, before) in zip(plan_facts(counting), usual, strict=True)
        if value != before
    ]
    return f"Agreed for this workspace: {', '.join(other)}." if other else ""


def refusals_of_files(plan: Plan) -> str:
    """For the scripts that upload: most bytes of a file, what to say of it, whether a plan helps; as JSON."""
    return json.dumps([(size, said.detail, said.is_by_plan) for size, said in sizes_refused(plan)])


def _as_label(feature: Feature) -> str:
    return feature.value[:1].upper() + feature.value[1:]


def amount(limit: int | None) -> str:
    return WITHOUT_END if limit is None else f"{limit:,}"


def describe_plan(
    counting: str,
    subscription: Subscription | None,
    moment: datetime,
    zone: tzinfo,
    on_sale: Container[str] = (),
) -> PlanWords:
    """How things stand with the plan of that name, which counts at ``moment``, in a sentence or two.

    ``on_sale`` are the ids of today's prices at Stripe: what an older one comes to is not known here.
    """
    if subscription is None:
        if counting == FREE.name:
            return PlanWords("Free", "neutral", "The free plan costs nothing and does not end.")
        return PlanWords(
            "Not paid for",
            "info",
            f"{called(counting)} was given to this workspace. It costs nothing.",
        )
    name = called(subscription.plan)
    if not is_live(subscription):
        return _over(name, subscription)
    is_counting = plan_that_counts(subscription, moment) != FREE.name
    if subscription.status == "past_due":
        return _past_due(name, subscription, zone, is_counting=is_counting)
    if not is_counting:
        return PlanWords("Trial over", "neutral", f"The trial of {name} is over, so the free plan counts.")
    if subscription.cancel_at is not None:
        until = day_of(subscription.cancel_at, zone)
        return PlanWords(
            f"Ends on {until}",
            "warning",
            f"{name} ends on {until}. Until then nothing changes; from then on the free plan counts.",
            keep=f"Keep {name}",
        )
    price = "the price it was bought at"
    if not subscription.price or subscription.price in on_sale:
        price = price_words(PLANS[subscription.plan], "year" if subscription.interval == "year" else "month")
    if subscription.status == "trialing":
        until = day_of(subscription.trial_end or subscription.period_end, zone)
        if subscription.next_plan is not None:
            return _changing(name, subscription.next_plan, until, f"The trial of {name} runs")
        said = f"The trial of {name} runs until {until}. It then costs {price}."
        return PlanWords(f"Trial until {until}", "info", said, may_cancel=True)
    until = day_of(subscription.period_end, zone)
    if subscription.next_plan is not None:
        return _changing(name, subscription.next_plan, until, f"{name} is paid")
    said = f"{name} is active and paid until {until}. It then renews by itself for {price}."
    return PlanWords("Active", "success", said, may_cancel=True)


def pressing_words(
    subscription: Subscription | None, moment: datetime, zone: tzinfo, on_sale: Container[str] = ()
) -> PlanWords | None:
    """How the plan stands, where every page says so: a payment failed, a trial ends soon or is over."""
    if subscription is None:
        return None
    is_late = subscription.status == "past_due"
    trial_end = subscription.trial_end or subscription.period_end
    is_ending = subscription.status == "trialing" and trial_end - moment <= _TRIAL_ENDS_SOON
    if not (is_late or is_ending):
        return None
    return describe_plan(subscription.plan, subscription, moment, zone, on_sale)


def losses(subscription: Subscription, moment: datetime, zone: tzinfo) -> str:
    """What a workspace loses that cancels its plan, and when."""
    plan = PLANS[subscription.plan]
    lost = ", ".join(_smaller(plan, FREE))
    ends = [ENDINGS[feature] for feature in Feature if feature in plan.features - FREE.features]
    if plan.models != FREE.models:
        ends.append(f"of the chat's models these are left: {FREE.models.value}")
    listed = _listed(ends)
    name, last = called(subscription.plan), day_of(subscription.period_end, zone)
    grace = end_of_plan(subscription) if subscription.status == "past_due" else None
    stays = f"{name} stays until {last}."
    if plan_that_counts(subscription, moment) == FREE.name:
        stays = f"The free plan counts now, as {name} is not paid. If it is paid, it stays until {last}."
    elif grace is not None and grace < subscription.period_end:
        stays = f"{name} stays until {day_of(grace, zone)}, and if it is paid by then, until {last}."
    return (
        f"{stays} From then on the free plan counts: {lost}. {listed[:1].upper()}{listed[1:]}. Nothing is"
        f" deleted, credits that were bought stay, and until {last} you can keep the plan after all."
    )


def _listed(sentences: Sequence[str]) -> str:
    if len(sentences) < 3:
        return " and ".join(sentences)
    return f"{', '.join(sentences[:-1])}, and {sentences[-1]}"


def _smaller(before: Plan, after: Plan) -> Iterator[str]:
    """``1 website instead of 3``, for each limit that is another one."""
    known, facts = dict(plan_facts(before)), dict(plan_facts(after))
    for label in _LIMITS:
        if known[label] != facts[label]:
            things = label[0].lower() + label[1:]
            counted = things.removesuffix("s") if facts[label] == "1" else things
            usual = known[label] if known[label] != WITHOUT_END else "any number"
            yield f"{facts[label]} {counted} instead of {usual}"
    if before.upload_bytes != after.upload_bytes:
        most = after.upload_bytes // MEGABYTE
        yield f"files of at most {most} MB instead of {before.upload_bytes // MEGABYTE} MB"


def lost_by_deletion(subscription: Subscription | None, bought: int, zone: tzinfo) -> str:
    """What is not paid back to whoever deletes their workspace, with ``bought`` credits left; or nothing."""
    credits = f"{bought:,} bought {'credit' if bought == 1 else 'credits'}" if bought else ""
    if subscription is None or subscription.status != "active":
        return f"{credits} {'is' if bought == 1 else 'are'} not paid back." if credits else ""
    until = day_of(subscription.cancel_at or subscription.period_end, zone)
    rest = f"what is left of it and {credits} are" if credits else "what is left of it is"
    return f"{called(subscription.plan)} is paid until {until}; {rest} not paid back."


def _changing(name: str, next_plan: str, until: str, lasts: str) -> PlanWords:
    following = called(next_plan)
    to = following if following != name else "another billing interval"
    said = f"{lasts} until {until} and changes to {to} on that day."
    return PlanWords(f"Changes to {to}", "info", said, keep=f"Keep {name}", may_cancel=True)


def _over(name: str, subscription: Subscription) -> PlanWords:
    if subscription.status in _UNPAID:
        # After a day Stripe takes no money any more for one that never began.
        is_over = subscription.status == "incomplete_expired"
        way_on = "Choose a plan to try again." if is_over else "Pay its invoice below, or choose a plan."
        said = f"The payment for {name} did not go through, so the free plan counts. {way_on}"
        return PlanWords("Not paid", "danger", said)
    if subscription.status == "paused":
        return PlanWords("Paused", "neutral", f"{name} is paused, so the free plan counts.")
    return PlanWords("Free", "neutral", f"{name} has ended, so the free plan counts.")


def _past_due(name: str, subscription: Subscription, zone: tzinfo, *, is_counting: bool) -> PlanWords:
    end, cancelled = end_of_plan(subscription), subscription.cancel_at
    last = day_of(cancelled, zone) if cancelled else ""
    if cancelled is not None and end is not None and is_counting and cancelled <= end:
        said = f"The last payment failed, and {name} is cancelled: it ends on {last}."
    elif is_counting and end is not None:
        then = f"it stays until {last}, when it ends" if last else "it stays"
        until = day_of(end, zone)
        said = f"The last payment failed. {name} goes on until {until}; with a card that works, {then}."
    else:
        said = (
            "The last payment failed and the days of grace are over, so the free plan counts until"
            f" {name} is paid." + (f" It ends on {last} all the same." if last else "")
        )
    keep = f"Keep {name}" if cancelled is not None else ""
    tone: BadgeTone = "warning" if is_counting else "danger"
    return PlanWords("Payment failed", tone, said, keep=keep, may_cancel=not keep)
