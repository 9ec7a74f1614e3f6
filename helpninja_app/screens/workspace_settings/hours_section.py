"""How business hours are chosen: a switch for each day, and the times of its spans."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.workspace_settings.hours import DAYS, MOST_SPANS, Span
from helpninja_app.screens.workspace_settings.state import SettingsState
from helpninja_app.ui.actions import button
from helpninja_app.ui.choices import time_field
from helpninja_app.ui.forms import field_error, switch, text_area
from helpninja_app.ui.icons import icon
from helpninja_app.ui.panels import card, section

_state: Any = SettingsState
_hours: Any = SettingsState.hours
_errors: Any = SettingsState.errors


def hours_section() -> rx.Component:
    return section(
        "Business hours",
        card(rx.el.div(*(_day(day, label) for day, label in DAYS), class_name="divide-y divide-border")),
        text_area(
            "Holidays",
            name="holidays",
            rows="4",
            default_value=SettingsState.holidays,
            hint="One day a line, such as 2026-12-25. On these days nobody is there, whatever the hours say.",
            error=_errors["holidays"],
        ),
        note=SettingsState.hours_note,
    )


def _day(day: str, label: str) -> rx.Component:
    hours = _hours[day]
    return rx.el.div(
        rx.el.div(
            switch(
                label,
                name=f"open_{day}",
                id=f"open_{day}",
                checked=hours.is_open,
                on_change=_state.open_day(day),
                aria_describedby=f"{day}-error",
            ),
            class_name="flex min-h-8 w-40 shrink-0 flex-col justify-center",
        ),
        rx.cond(
            hours.is_open,
            rx.el.div(
                rx.foreach(hours.spans, lambda span, number: _span(day, label, span, number)),
                class_name="flex flex-col gap-2",
            ),
            rx.el.p("Closed", class_name="flex h-8 items-center text-table text-muted"),
        ),
        rx.cond(
            hours.is_open,
            rx.el.div(
                rx.cond(
                    hours.spans.length() < MOST_SPANS,
                    button(
                        icon("plus"),
                        "Add hours",
                        rx.el.span(f" on {label}", class_name="sr-only"),
                        type="button",
                        emphasis="quiet",
                        on_click=_state.add_span(day),
                    ),
                ),
                button(
                    icon("copy"),
                    "Copy to all weekdays",
                    type="button",
                    emphasis="quiet",
                    on_click=_state.copy_monday,
                )
                if day == "mon"
                else rx.fragment(),
                class_name="flex flex-wrap tablet:ml-auto",
            ),
        ),
        rx.el.div(field_error(day, _errors[day]), class_name="basis-full has-[p:empty]:hidden"),
        class_name="flex flex-wrap items-start gap-x-4 gap-y-2 px-4 py-2.5",
    )


def _span(day: str, label: str, span: rx.vars.ObjectVar[Span], number: Any) -> rx.Component:
    which = f"{label}, hours " + (number + 1).to_string()
    return rx.el.div(
        time_field(
            which + ", from",
            name=f"from_{day}_" + number.to_string(),
            value=span.start,
            on_change=lambda moment: _state.change_time(day, number, "start", moment),
            described_by=f"{day}-error",
        ),
        rx.el.span("to", class_name="text-table text-muted"),
        time_field(
            which + ", to",
            name=f"to_{day}_" + number.to_string(),
            value=span.end,
            on_change=lambda moment: _state.change_time(day, number, "end", moment),
            described_by=f"{day}-error",
        ),
        button(
            icon("x"),
            rx.el.span("Remove " + which, class_name="sr-only"),
            type="button",
            emphasis="quiet",
            on_click=_state.remove_span(day, number),
        ),
        class_name="flex items-center gap-2",
    )
