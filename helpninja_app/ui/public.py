"""The frame of the pages that everybody may see."""

from __future__ import annotations

import reflex as rx

from helpninja_app.ui.actions import button_link
from helpninja_app.ui.brand import brand_link
from helpninja_app.ui.links import document_link

PRICING = "/pricing"
_LINK = "rounded-chip py-1 underline-offset-4 hover:underline"
_PAGE = "mx-auto w-full max-w-page px-5 tablet:px-8"


def public_page(*content: rx.Component, actions: tuple[rx.Component, ...] = ()) -> rx.Component:
    """Header with ``actions`` on its right, the content, and the footer."""
    return rx.el.div(
        document_link(
            "Skip to the content",
            href="#content",
            class_name="sr-only focus:not-sr-only focus:absolute focus:left-4 focus:top-4 "
            "focus:rounded-control focus:bg-raised focus:px-3 focus:py-2",
        ),
        rx.el.header(
            rx.el.div(
                brand_link(),
                rx.el.nav(
                    # On a phone there is no room for it; it stands in the footer too.
                    rx.el.div(
                        button_link("Pricing", href=PRICING, emphasis="quiet"), class_name="hidden phone:flex"
                    ),
                    *actions,
                    aria_label="Main",
                    class_name="flex items-center gap-2",
                ),
                class_name=f"{_PAGE} flex h-16 items-center justify-between",
            ),
        ),
        rx.el.main(*content, id="content", class_name="flex flex-1 flex-col"),
        rx.el.footer(
            rx.el.div(
                rx.el.p("HelpNinja runs on your own server, with or without a model provider."),
                rx.el.div(
                    rx.el.a("Pricing", href=PRICING, class_name=_LINK),
                    document_link("API", href="/api/docs", class_name=_LINK),
                    class_name="flex gap-6",
                ),
                class_name=f"{_PAGE} flex flex-wrap items-center justify-between gap-x-6 gap-y-2 py-6 "
                "text-small text-muted",
            ),
            class_name="border-t border-border",
        ),
        class_name="flex min-h-dvh flex-col bg-bg text-body text-text",
    )


def page_width(*content: rx.Component, class_name: str = "") -> rx.Component:
    """Content as wide as the page, with its margins."""
    return rx.el.div(*content, class_name=f"{_PAGE} {class_name}")
