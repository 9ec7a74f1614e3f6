"""The plans side by side, from the one file that knows them: a table, and cards where that is too wide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import reflex as rx

from helpninja_app.billing.plans import PLANS, Plan
from helpninja_app.screens.billing.words import LACKING, NOT_SOLD, called, money, plan_facts, saved_by_year
from helpninja_app.ui.forms import segments
from helpninja_app.ui.panels import card

_FACTS = {name: plan_facts(plan) for name, plan in PLANS.items()}
_LABELS = tuple(label for label, _ in _FACTS["free"])

Action = Callable[[Plan], rx.Component]


@dataclass(frozen=True, slots=True)
class _Prices:
    """Which of a plan's prices is shown, and of which plans the one of a year is named at all."""

    is_yearly: Any
    is_sold_yearly: Callable[[Plan], Any]


def interval_switch(*, name: str, chosen: Any, on_choose: Any) -> rx.Component:
    """Prices for a month or for a year."""
    options = (("month", "Monthly"), ("year", "Yearly"))
    return segments("Prices", name=name, options=options, chosen=chosen, on_choose=on_choose)


def not_sold(said: str) -> rx.Component:
    """In the place of the button of a plan that has no price."""
    return rx.el.p(said, class_name="text-small text-muted")


def is_named_by_the_year(label: Any) -> Any:
    """Whether the price of a plan's year is told, by what the button for that year says."""
    return (label != NOT_SOLD[""]) & (label != NOT_SOLD["year"])


def plan_comparison(*, is_yearly: Any, is_sold_yearly: Callable[[Plan], Any], action: Action) -> rx.Component:
    """Every plan with its price and what it includes; ``action`` is what stands below the price of each."""
    shown = _Prices(is_yearly, is_sold_yearly)
    return rx.fragment(
        rx.el.div(_table(shown, action), class_name="hidden wide:block"),
        rx.el.div(
            *(_card(plan, shown, action) for plan in PLANS.values()),
            class_name="grid gap-3 tablet:grid-cols-2 wide:hidden",
        ),
    )


def _table(shown: _Prices, action: Action) -> rx.Component:
    return card(
        rx.el.table(
            rx.el.caption("What each plan costs and includes", class_name="sr-only"),
            rx.el.thead(
                rx.el.tr(
                    rx.el.td(class_name="w-1/5"),
                    *(
                        rx.el.th(
                            _head(plan, shown, action, beside_others=True),
                            scope="col",
                            class_name="border-l border-border p-4 text-left align-top font-normal",
                        )
                        for plan in PLANS.values()
                    ),
                )
            ),
            rx.el.tbody(*(_row(at, label) for at, label in enumerate(_LABELS))),
            class_name="w-full table-fixed border-collapse text-table",
        )
    )


def _row(at: int, label: str) -> rx.Component:
    return rx.el.tr(
        rx.el.th(label, scope="row", class_name="px-4 py-2.5 text-left font-normal text-muted"),
        *(
            rx.el.td(_FACTS[name][at][1], class_name="border-l border-border px-4 py-2.5 tabular-nums")
            for name in PLANS
        ),
        class_name="border-t border-border",
    )


def _card(plan: Plan, shown: _Prices, action: Action) -> rx.Component:
    return card(
        rx.el.div(_head(plan, shown, action, beside_others=False), class_name="p-4"),
        rx.el.dl(
            *(
                rx.el.div(
                    rx.el.dt(label, class_name="text-muted"),
                    rx.el.dd(value, class_name="tabular-nums"),
                    class_name="flex justify-between gap-4 border-t border-border px-4 py-2",
                )
                for label, value in _FACTS[plan.name]
                # One below the other nobody compares them: only what it has.
                if value != LACKING
            ),
            class_name="text-table",
        ),
    )


def _head(plan: Plan, shown: _Prices, action: Action, *, beside_others: bool) -> rx.Component:
    """``beside_others`` keeps the place of a line that another plan has."""
    saved, is_yearly = saved_by_year(plan), shown.is_yearly
    other = rx.cond(
        is_yearly,
        f"{money(saved)} less than by the month",
        rx.cond(shown.is_sold_yearly(plan), f"or {money(plan.price_year)} a year", ""),
    )
    return rx.el.div(
        rx.el.p(called(plan.name), class_name="text-body font-semibold"),
        rx.el.p(
            rx.el.span(
                rx.cond(is_yearly, money(plan.price_year), money(plan.price_month)),
                class_name="text-stat font-semibold tracking-title tabular-nums",
            ),
            rx.el.span(rx.cond(is_yearly, " a year", " a month"), class_name="text-table text-muted"),
            class_name="mt-1",
        ),
        rx.el.p(
            other if saved else "",
            class_name=f"text-small text-muted tabular-nums {'min-h-4' if beside_others else 'empty:hidden'}",
        ),
        rx.el.div(action(plan), class_name="mt-3 flex min-h-8 items-center"),
    )
