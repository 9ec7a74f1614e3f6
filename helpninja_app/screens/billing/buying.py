"""What can be bought: another plan, and credits beside it."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.billing.plans import PACKS, PLANS, Pack, Plan
from helpninja_app.screens.billing.comparison import (
    interval_switch,
    is_named_by_the_year,
    not_sold,
    plan_comparison,
)
from helpninja_app.screens.billing.figures import CURRENT
from helpninja_app.screens.billing.state import BillingState
from helpninja_app.screens.billing.words import MONTH_FIRST, NOT_SOLD, money
from helpninja_app.ui.actions import busy_button
from helpninja_app.ui.badges import badge
from helpninja_app.ui.panels import card, section

_state: Any = BillingState
_OPENING = "Opening Stripe…"


def plans_section() -> rx.Component:
    is_yearly = BillingState.interval == "year"
    return section(
        "Plans",
        plan_comparison(
            is_yearly=is_yearly,
            is_sold_yearly=lambda plan: (
                BillingState.is_sold_yearly & is_named_by_the_year(_state.actions[f"{plan.name}:year"])
            ),
            action=lambda plan: _action(plan, is_yearly),
        ),
        note=rx.cond(
            BillingState.is_unlimited,
            "none of these limits counts on this installation",
            rx.cond(
                BillingState.has_payments,
                rx.cond(
                    BillingState.keep != "",
                    _state.keep + " first, under Plan; then another one can be chosen",
                    "a larger plan begins at once, as does a year of the same;"
                    " all else when the paid time is over",
                ),
                "",
            ),
        ),
        actions=rx.cond(
            BillingState.is_sold_yearly,
            interval_switch(name="interval", chosen=BillingState.interval, on_choose=_state.choose_interval),
        ),
        id="plans",
    )


def _action(plan: Plan, is_yearly: Any) -> rx.Component:
    label: Any = rx.cond(is_yearly, _state.actions[f"{plan.name}:year"], _state.actions[f"{plan.name}:month"])
    pressed = busy_button(
        label,
        is_busy=BillingState.going_to == plan.name,
        while_busy=_OPENING,
        emphasis="primary" if plan is PLANS["pro"] else "secondary",
        type="button",
        on_click=_state.buy_plan(plan.name, BillingState.interval),
    )
    return rx.match(
        label,
        (CURRENT, badge(CURRENT, "accent")),
        ("", rx.fragment()),
        *((said, not_sold(said)) for said in (*NOT_SOLD.values(), MONTH_FIRST)),
        pressed,
    )


def credits_section() -> rx.Component:
    return rx.cond(
        BillingState.packs.length() > 0,
        section(
            "More credits",
            rx.el.div(*(_pack(pack) for pack in PACKS.values()), class_name="grid gap-3 tablet:grid-cols-2"),
            note="bought once; they are spent after the month's own and do not expire",
            id="credits",
        ),
    )


def _pack(pack: Pack) -> rx.Component:
    return rx.cond(
        BillingState.packs.contains(f"{pack.credits}"),
        card(
            rx.el.div(
                rx.el.div(
                    rx.el.p(f"{pack.credits:,} credits", class_name="text-body font-semibold tabular-nums"),
                    rx.el.p(money(pack.price), class_name="text-table text-muted tabular-nums"),
                ),
                busy_button(
                    f"Buy {pack.credits:,} credits",
                    is_busy=BillingState.going_to == f"{pack.credits}",
                    while_busy=_OPENING,
                    emphasis="secondary",
                    type="button",
                    on_click=_state.buy_credits(pack.credits),
                ),
                class_name="flex items-center justify-between gap-4 p-4",
            )
        ),
    )
