"""The frame of a chart: its name, the figure, and the same numbers as a table."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.ui.icons import icon
from helpninja_app.ui.panels import CARD


def chart_frame(
    title: str,
    figure: rx.Component,
    *,
    note: Any = "",
    columns: tuple[str, ...],
    rows: rx.Component,
    actions: rx.Component | None = None,
) -> rx.Component:
    """``figure`` is only seen; ``rows`` (``chart_row``) say the same to everybody, under ``columns``."""
    return rx.el.figure(
        rx.el.figcaption(
            rx.el.span(
                rx.el.span(title, class_name="block text-chat font-semibold"),
                rx.el.span(note, class_name="block text-table text-muted empty:hidden"),
            ),
            actions or rx.fragment(),
            class_name="flex flex-wrap items-start justify-between gap-x-4 gap-y-2",
        ),
        rx.el.div(figure, aria_hidden="true", class_name="min-h-32"),
        rx.el.details(
            rx.el.summary(
                icon("chevron-right", class_name="transition-transform group-open:rotate-90"),
                "The numbers as a table",
                class_name="inline-flex cursor-pointer list-none items-center gap-1 rounded-chip text-small "
                "font-medium text-muted hover:text-text",
            ),
            rx.el.div(
                rx.el.table(
                    rx.el.caption(title, class_name="sr-only"),
                    rx.el.thead(
                        rx.el.tr(
                            *(
                                rx.el.th(name, scope="col", class_name="py-1.5 pr-6 font-medium")
                                for name in columns
                            ),
                            class_name="border-b border-border text-left text-small text-muted",
                        )
                    ),
                    rx.el.tbody(rows),
                    class_name="mt-2 text-table tabular-nums",
                ),
                class_name="overflow-x-auto",
            ),
            class_name="group",
        ),
        class_name=f"{CARD} flex flex-col gap-4 p-4",
    )


def chart_row(name: Any, *values: Any) -> rx.Component:
    return rx.el.tr(
        rx.el.th(name, scope="row", class_name="py-1.5 pr-6 text-left font-normal text-muted"),
        *(rx.el.td(value, class_name="py-1.5 pr-6") for value in values),
        class_name="border-b border-border last:border-b-0",
    )
