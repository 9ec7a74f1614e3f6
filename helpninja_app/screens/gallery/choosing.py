"""Samples of ways to choose beyond a text field: chips, a slider, a day, a time, one of many."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex.experimental.client_state import ClientStateVar

from helpninja_app.screens.gallery.samples import LONG, block, line
from helpninja_app.ui.actions import button
from helpninja_app.ui.choices import chip, chips, search_choice, slider_field, time_field
from helpninja_app.ui.forms import date_box, field_error

_LANGUAGES = (("en", "English"), ("de", "German"), ("fr", "French"), ("ja", "Japanese"))
_ZONES = ("UTC", "America/New_York", "America/Sao_Paulo", "Europe/Berlin", "Europe/Paris")
_NOTHING: Any = ""


def many_of(side: str) -> rx.Component:
    return rx.fragment(
        chips(
            "Languages of your visitors",
            *(_language(side, code, label) for code, label in _LANGUAGES),
            name=f"{side}-languages",
            hint="None chosen: the assistant goes by what each visitor writes.",
            error=_NOTHING,
        ),
        chips(
            "With a mistake",
            *(_language(f"{side}-bad", code, label) for code, label in _LANGUAGES[:2]),
            chip(LONG, name=f"{side}-bad-long", value="long", checked=False),
            name=f"{side}-bad-languages",
            hint="At most ten.",
            error=rx.Var.create("Choose at most ten."),
        ),
    )


def _language(side: str, code: str, label: str) -> rx.Component:
    return chip(label, name=f"{side}-{code}", value=code, checked=code in {"en", "de"})


def numbers(side: str) -> rx.Component:
    threshold: Any = ClientStateVar.create(f"threshold_{side}", default="0.55")
    wrong: Any = ClientStateVar.create(f"badThreshold_{side}", default="1.4")
    return rx.fragment(
        threshold,
        wrong,
        _slider(f"{side}-threshold", threshold, "A person is asked below this.", _NOTHING),
        _slider(f"{side}-bad-threshold", wrong, "", rx.Var.create("A number from 0 to 1.")),
    )


def _slider(name: str, number: Any, note: str, error: Any) -> rx.Component:
    return slider_field(
        "Confidence threshold",
        name=name,
        value=number.value,
        on_change=lambda value: number.set_value(value),
        note=note,
        error=error,
    )


def days_and_times(side: str) -> rx.Component:
    begins: Any = ClientStateVar.create(f"begins_{side}", default="09:00")
    ends: Any = ClientStateVar.create(f"ends_{side}", default="")
    error = f"{side}-hours"
    return rx.fragment(
        begins,
        ends,
        line(
            "A day: none yet, one, and where it cannot be changed",
            date_box("From"),
            date_box("Until", default_value="2026-11-28"),
            date_box("Since", default_value="2026-01-31", disabled=True),
        ),
        block(
            "Times: one, none yet, and what is wrong with them",
            rx.el.div(
                _time("Monday, from", begins, f"{error}-error"),
                rx.el.span("to", class_name="text-table text-muted"),
                _time("Monday, to", ends, f"{error}-error"),
                class_name="flex items-center gap-2",
            ),
            field_error(error, rx.Var.create("Say both when it begins and when it ends.")),
        ),
        block(
            "Nothing is wrong",
            _time("Tuesday, from", begins, f"{side}-right-error"),
            field_error(f"{side}-right", _NOTHING),
        ),
    )


def _time(label: str, moment: Any, described_by: str) -> rx.Component:
    return time_field(
        label,
        name=label,
        value=moment.value,
        on_change=lambda value: moment.set_value(value),
        described_by=described_by,
    )


def one_of_many(side: str) -> rx.Component:
    zone: Any = ClientStateVar.create(f"zone_{side}", default="Europe/Berlin")
    wrong: Any = ClientStateVar.create(f"badZone_{side}", default="Mars/Olympus")
    return rx.fragment(
        zone,
        wrong,
        search_choice(
            "Time zone",
            name=f"{side}-zone",
            options=_ZONES,
            value=zone.value,
            on_change=lambda value: zone.set_value(value),
            note="Type a city or a region.",
            error=_NOTHING,
            beside=button("Use UTC", type="button", size="small", on_click=zone.set_value("UTC")),
        ),
        search_choice(
            "Time zone",
            name=f"{side}-bad-zone",
            options=_ZONES,
            value=wrong.value,
            on_change=lambda value: wrong.set_value(value),
            note="",
            error=rx.Var.create("This is not a time zone. Choose one from the list."),
            beside=rx.fragment(),
        ),
    )
