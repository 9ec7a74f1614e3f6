"""Tables and their pages."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.ui.actions import button
from helpninja_app.ui.icons import icon


def table(label: str, columns: tuple[tuple[str, str], ...], rows: rx.Component) -> rx.Component:
    """A table of ``columns``, each a heading and its classes; it scrolls sideways inside its own box."""
    return rx.el.div(
        rx.el.table(
            rx.el.caption(label, class_name="sr-only"),
            rx.el.thead(
                rx.el.tr(
                    *(
                        rx.el.th(heading, scope="col", class_name=f"px-4 py-2.5 font-medium {classes}")
                        for heading, classes in columns
                    ),
                    class_name="border-b border-border bg-subtle text-left text-small text-muted",
                )
            ),
            rx.el.tbody(rows),
            class_name="w-full table-fixed border-collapse text-table",
        ),
        class_name="overflow-x-auto",
    )


def row(*cells: rx.Component) -> rx.Component:
    return rx.el.tr(*cells, class_name="border-b border-border last:border-b-0")


def cell(*content: Any, class_name: str = "") -> rx.Component:
    return rx.el.td(*content, class_name=f"px-4 py-3 align-top {class_name}")


def pages(label: Any, *, is_first: Any, is_last: Any, back: Any, on: Any) -> rx.Component:
    """What part of a list is shown, and the way to the one before and after it."""
    return rx.el.nav(
        rx.el.p(label, aria_live="polite", class_name="text-small text-muted tabular-nums"),
        rx.el.div(
            button(icon("chevron-left"), "Back", on_click=back, disabled=is_first, type="button"),
            button("Next", icon("chevron-right"), on_click=on, disabled=is_last, type="button"),
            class_name="flex gap-2",
        ),
        aria_label="Pages",
        class_name="flex items-center justify-between gap-4 border-t border-border px-4 py-2.5",
    )
