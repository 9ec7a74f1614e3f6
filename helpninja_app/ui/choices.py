"""Ways to choose beyond a text field: chips, a slider with its number, times, a long list."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.ui.forms import INVALID, described, field_error

_TYPED = 150
_FIELD = f"rounded-control border border-border-strong bg-bg text-body text-text {INVALID}"


def chips(legend: str, *content: rx.Component, name: str, hint: str, error: Any) -> rx.Component:
    """Any of a few, side by side; ``content`` are chips."""
    return rx.el.fieldset(
        rx.el.legend(legend, class_name="mb-1.5 text-table font-medium text-text"),
        rx.el.div(*content, class_name="flex flex-wrap gap-2"),
        rx.el.p(hint, id=f"{name}-hint", class_name="mt-1.5 text-small text-muted"),
        field_error(name, error),
        **described(name, hint, error) | {"aria_invalid": None},
        class_name="min-w-0",
    )


def chip(label: Any, *, name: Any, value: Any, checked: Any, id: str = "") -> rx.Component:
    """One of ``chips``; a tick shows that it is chosen, not the colour alone."""
    return rx.el.label(
        rx.el.input(
            type="checkbox",
            name=name,
            value=value,
            default_checked=checked,
            class_name="size-4 shrink-0 accent-accent",
            **({"id": id} if id else {}),
        ),
        rx.el.span(label),
        class_name="flex min-h-8 cursor-pointer items-center gap-2 rounded-chip border border-border-strong "
        "px-2.5 py-1 text-table has-checked:border-accent has-checked:bg-accent-soft "
        "has-checked:text-accent-text",
    )


def slider_field(label: str, *, name: str, value: Any, on_change: Any, note: Any, error: Any) -> rx.Component:
    """A number from 0 to 1, typed or pushed; the note says what it means."""
    return rx.el.div(
        rx.el.label(label, html_for=name, class_name="text-table font-medium text-text"),
        rx.el.div(
            rx.debounce_input(
                rx.el.input(
                    type="range",
                    min="0",
                    max="1",
                    step="0.01",
                    value=value,
                    on_change=on_change,
                    aria_label=f"{label}, slider",
                    class_name="h-10 min-w-0 flex-1 accent-accent",
                ),
                debounce_timeout=_TYPED,
            ),
            rx.debounce_input(
                rx.el.input(
                    id=name,
                    name=name,
                    value=value,
                    on_change=on_change,
                    required=True,
                    input_mode="decimal",
                    max_length=6,
                    auto_complete="off",
                    class_name=f"h-10 w-20 px-3 tabular-nums {_FIELD}",
                    **described(name, "note", error),
                ),
                debounce_timeout=_TYPED,
            ),
            class_name="flex items-center gap-3",
        ),
        field_error(name, error),
        rx.el.p(note, id=f"{name}-hint", class_name="min-h-4 text-small text-muted"),
        class_name="flex min-w-0 flex-col gap-1.5",
    )


def search_choice(
    label: str,
    *,
    name: str,
    options: tuple[str, ...],
    value: Any,
    on_change: Any,
    note: Any,
    error: Any,
    beside: rx.Component,
) -> rx.Component:
    """One of many: any part of it finds it. ``beside`` is another way to fill the field."""
    return rx.el.div(
        rx.el.label(label, html_for=name, class_name="text-table font-medium text-text"),
        rx.debounce_input(
            rx.el.input(
                id=name,
                name=name,
                list=f"{name}-options",
                value=value,
                on_change=on_change,
                required=True,
                max_length=64,
                auto_complete="off",
                spell_check=False,
                custom_attrs={"autoCapitalize": "none"},
                class_name=f"h-10 w-full px-3 {_FIELD}",
                **described(name, "note", error),
            ),
            debounce_timeout=_TYPED,
        ),
        rx.el.datalist(*(rx.el.option(value=option) for option in options), id=f"{name}-options"),
        field_error(name, error),
        rx.el.div(
            rx.el.p(note, id=f"{name}-hint", class_name="min-h-4 text-small text-muted"),
            beside,
            class_name="flex flex-wrap items-center gap-x-3 gap-y-1",
        ),
        class_name="flex min-w-0 flex-col gap-1.5",
    )


def time_field(label: Any, *, name: Any, value: Any, on_change: Any, described_by: str) -> rx.Component:
    """The platform's own field for a time of day; ``label`` is only read out."""
    return rx.debounce_input(
        rx.el.input(
            type="time",
            name=name,
            value=value,
            on_change=on_change,
            aria_label=label,
            aria_describedby=described_by,
            class_name=f"h-8 min-w-0 px-2 text-table tabular-nums {_FIELD}",
        ),
        debounce_timeout=_TYPED,
    )
