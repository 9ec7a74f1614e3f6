"""How far long work has come: in percent, in counts, or only that it goes on."""

from __future__ import annotations

from typing import Any, Literal

import reflex as rx

BarTone = Literal["accent", "warning", "danger"]

_FILLING = "h-full rounded-full transition-all"


def progress(label: Any, percent: Any, *, tone: Any = "accent") -> rx.Component:
    """A bar of 0 to 100 percent, named for screen readers; ``tone`` is a name of ``BarTone``."""
    return rx.el.div(
        rx.el.div(
            class_name=rx.match(
                tone,
                ("danger", f"{_FILLING} bg-danger"),
                ("warning", f"{_FILLING} bg-warning"),
                f"{_FILLING} bg-accent",
            ),
            style={"width": f"{percent}%"},
        ),
        role="progressbar",
        aria_label=label,
        aria_valuemin=0,
        aria_valuemax=100,
        aria_valuenow=percent,
        class_name="h-1.5 w-full overflow-hidden rounded-full bg-border",
    )


def counted_progress(
    label: Any, counts: Any, percent: Any, *, tone: Any = "accent", cancel: Any = None
) -> rx.Component:
    """A bar with its name and counts, such as ``38 of 61 pages``; ``cancel`` is a button that stops it."""
    return rx.el.div(
        rx.el.div(
            rx.el.span(label, class_name="truncate font-medium"),
            rx.el.span(counts, class_name="shrink-0 text-muted tabular-nums"),
            class_name="flex justify-between gap-4 text-table",
        ),
        rx.el.div(
            progress(label, percent, tone=tone), cancel or rx.fragment(), class_name="flex items-center gap-3"
        ),
        class_name="flex flex-col gap-1.5",
    )


def endless_progress(label: Any) -> rx.Component:
    """A bar of work whose length nobody knows."""
    return rx.el.div(
        rx.el.div(class_name="indeterminate h-full w-1/3 rounded-full bg-accent"),
        role="progressbar",
        aria_label=label,
        class_name="h-1.5 w-full overflow-hidden rounded-full bg-border",
    )
