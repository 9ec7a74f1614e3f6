"""The mark and the name."""

from __future__ import annotations

import reflex as rx


def mark() -> rx.Component:
    """The tile with the h; decoration beside the name."""
    return rx.el.span(
        "h",
        aria_hidden="true",
        class_name="inline-flex size-7 shrink-0 items-center justify-center rounded-control bg-text "
        "text-chat font-semibold text-bg",
    )


def brand_link() -> rx.Component:
    """Mark and name, leading to the front page."""
    return rx.el.a(
        mark(),
        rx.el.span("HelpNinja", class_name="text-chat font-semibold tracking-title"),
        href="/",
        class_name="inline-flex items-center gap-2 rounded-control text-text",
    )
