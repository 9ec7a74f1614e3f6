"""The page for addresses that lead nowhere."""

from __future__ import annotations

import reflex as rx

from helpninja_app.ui.actions import button_link
from helpninja_app.ui.public import page_width, public_page


def not_found_page() -> rx.Component:
    return public_page(page_width(nowhere(button_link("Go to the front page", href="/"))))


def nowhere(way_out: rx.Component) -> rx.Component:
    """That there is nothing here; also for whom there is nothing."""
    return rx.el.div(
        rx.el.p("404", class_name="text-table font-semibold text-accent-text tabular-nums"),
        rx.el.h1("There is no page at this address", class_name="text-heading font-semibold tracking-title"),
        rx.el.p("It may have moved, or the link was mistyped.", class_name="text-body text-muted"),
        rx.el.div(way_out, class_name="pt-3"),
        class_name="flex max-w-reading flex-col gap-2 py-20",
    )
