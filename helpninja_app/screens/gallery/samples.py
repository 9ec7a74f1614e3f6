"""How a sample of the gallery is laid out, and what the samples are about."""

from __future__ import annotations

import reflex as rx

LONG = (
    "Returns, exchanges and warranty claims for boots, tents and stoves that were bought in a shop "
    "and not online"
)
ADDRESS = "a-very-long-name-without-any-space@department.customer-support.example.com"
ARABIC = "سياسة الإرجاع والاستبدال"


def line(name: str, *content: rx.Component) -> rx.Component:
    """Samples side by side under what they show."""
    return rx.el.div(
        rx.el.p(name, class_name="text-small text-muted"),
        rx.el.div(*content, class_name="flex flex-wrap items-center gap-2"),
        class_name="flex flex-col gap-2",
    )


def block(name: str, *content: rx.Component) -> rx.Component:
    """Samples below each other, as wide as there is room."""
    return rx.el.div(
        rx.el.p(name, class_name="text-small text-muted"),
        *content,
        class_name="flex min-w-0 flex-col gap-2",
    )


def pictured(name: str, page: rx.Component) -> rx.Component:
    """A whole page, half as large, as a picture: it takes no focus, and screen readers pass it by."""
    return block(
        name,
        rx.el.div(
            rx.el.div(page, class_name="[zoom:0.5]"),
            aria_hidden="true",
            custom_attrs={"inert": True},
            # What is fixed, or as high as the window, stays in here.
            class_name="max-h-[50dvh] overflow-hidden rounded-card border border-border-strong contain-paint",
        ),
    )
