"""The prices, for everybody: the plans side by side and the packs of credits."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import reflex as rx
from reflex.experimental.client_state import ClientStateVar

from helpninja_app.billing.plans import FREE, Plan
from helpninja_app.screens.billing.comparison import (
    interval_switch,
    is_named_by_the_year,
    not_sold,
    plan_comparison,
)
from helpninja_app.screens.billing.words import NOT_SOLD
from helpninja_app.screens.pricing.state import PricingState
from helpninja_app.ui.actions import button_link
from helpninja_app.ui.notices import notice
from helpninja_app.ui.public import page_width, public_page

_ways: Any = PricingState.ways


def pricing_page() -> rx.Component:
    interval: Any = ClientStateVar.create("pricing_interval", default="month")
    return public_page(
        interval,
        page_width(
            rx.el.div(
                rx.el.h1("Pricing", class_name="text-heading font-semibold tracking-title"),
                rx.el.p(
                    "Begin for free, without a card. A larger plan has more of everything, and can be "
                    "changed or cancelled at any time.",
                    class_name="max-w-prose text-lead text-muted",
                ),
                class_name="flex flex-col gap-3",
            ),
            rx.cond(PricingState.payments != "", notice(PricingState.payments, tone="info")),
            rx.el.section(
                rx.el.div(
                    rx.el.h2("Plans", class_name="text-title font-semibold tracking-title"),
                    rx.cond(
                        PricingState.is_sold_yearly,
                        interval_switch(name="interval", chosen=interval.value, on_choose=interval.set_value),
                    ),
                    class_name="flex flex-wrap items-center justify-between gap-3",
                ),
                plan_comparison(
                    is_yearly=interval.value == "year",
                    is_sold_yearly=lambda plan: (
                        PricingState.is_sold_yearly & is_named_by_the_year(_ways[f"{plan.name}:year"])
                    ),
                    action=lambda plan: _begin(plan, is_yearly=interval.value == "year"),
                ),
                class_name="flex flex-col gap-4",
            ),
            rx.el.section(
                rx.el.h2("How it counts", class_name="text-title font-semibold tracking-title"),
                rx.el.dl(
                    _explained(
                        "A message",
                        "A visitor's question that got an answer. One that it cannot answer is free.",
                    ),
                    _explained(
                        "A credit",
                        "What the chat in the dashboard costs: by the model, and by how long question and "
                        "answer are. The offline model costs none.",
                    ),
                    rx.cond(
                        PricingState.packs != "",
                        _explained(
                            "More credits",
                            PricingState.packs + ", bought once. They are spent after the month's own and do"
                            " not expire.",
                        ),
                    ),
                    class_name="grid gap-x-12 gap-y-6 tablet:grid-cols-3",
                ),
                class_name="flex flex-col gap-4",
            ),
            class_name="flex flex-col gap-10 py-12",
        ),
        actions=(
            button_link("Sign in", href="/sign-in", emphasis="quiet"),
            button_link("Make an account", href="/sign-up"),
        ),
    )


def _begin(plan: Plan, *, is_yearly: Any) -> rx.Component:
    if plan is FREE:
        return button_link("Begin for free", href="/sign-up", emphasis="primary")
    to = "/sign-up?next=" + quote("/app/billing?interval=", safe="")
    label = rx.cond(is_yearly, _ways[f"{plan.name}:year"], _ways[f"{plan.name}:month"])
    begun = button_link(label, href=rx.cond(is_yearly, f"{to}year", f"{to}month"))
    return rx.match(
        label,
        ("", rx.fragment()),
        *((said, not_sold(said)) for said in NOT_SOLD.values()),
        begun,
    )


def _explained(term: str, meaning: Any) -> rx.Component:
    return rx.el.div(
        rx.el.dt(term, class_name="text-chat font-semibold"),
        rx.el.dd(meaning, class_name="mt-1 max-w-prose text-body text-muted"),
    )
