"""The front page: what HelpNinja is, how it works, and the way to the demo and the sign-in."""

from __future__ import annotations

import reflex as rx

from helpninja_app.screens.landing.state import LandingState
from helpninja_app.ui.actions import button_link
from helpninja_app.ui.code import code_line
from helpninja_app.ui.conversation import answered, asked, citation
from helpninja_app.ui.public import page_width, public_page

INSTALL_LINE = '<script src="https://your-helpninja.example/api/widget?t=YOUR_PUBLIC_KEY" async></script>'

_POINTS = (
    (
        "Give it your pages",
        "A website address or a sitemap, PDF, Word, Markdown and CSV files. HelpNinja reads them, keeps them "
        "up to date, and says which pages it could not read and why.",
    ),
    (
        "Paste one line",
        "A chat opens on your site. Visitors ask in their own words and get an answer with numbered links to "
        "the passages it comes from.",
    ),
    (
        "Take over when it matters",
        "Every answer carries a measured confidence. Below your threshold the visitor is told so, and a "
        "person of your team takes over.",
    ),
)


def landing_page() -> rx.Component:
    return public_page(
        _hero(),
        _how_it_works(),
        _install(),
        actions=(
            button_link("Sign in", href="/sign-in", emphasis="quiet"),
            button_link("Make an account", href="/sign-up"),
        ),
    )


def _hero() -> rx.Component:
    return page_width(
        rx.el.div(
            rx.el.h1(
                "Support that answers from your own pages",
                class_name="text-heading font-semibold tracking-display tablet:text-display",
            ),
            rx.el.p(
                "HelpNinja answers your visitors from what you have already written, shows where each answer "
                "comes from, and says so when it does not know.",
                class_name="max-w-prose text-lead text-muted",
            ),
            rx.el.div(
                rx.cond(
                    LandingState.has_demo,
                    rx.fragment(
                        button_link(
                            "Try it in the demo shop",
                            href="/demo",
                            emphasis="primary",
                            size="large",
                            is_page=False,
                        ),
                        button_link("Sign in", href="/sign-in", size="large"),
                    ),
                    button_link("Sign in", href="/sign-in", emphasis="primary", size="large"),
                ),
                button_link("See the prices", href="/pricing", emphasis="quiet", size="large"),
                class_name="flex flex-wrap gap-3 pt-2",
            ),
            class_name="flex flex-col gap-5",
        ),
        _example(),
        class_name="grid items-center gap-12 pt-10 pb-16 wide:grid-cols-hero wide:gap-20 wide:pt-20 "
        "wide:pb-24",
    )


def _example() -> rx.Component:
    """A conversation as visitors see it: one answer with its sources, one honest no."""
    return rx.el.figure(
        asked("How long do I have to return a jacket?"),
        answered(
            rx.el.p(
                "You have 60 days from delivery, as long as it is unworn and has its tags",
                citation("1"),
                ". Returns from the EU are free",
                citation("2"),
                ".",
            ),
            rx.el.ol(
                rx.el.li("1  Returns and exchanges"),
                rx.el.li("2  Shipping costs"),
                class_name="mt-3 flex flex-col gap-1 border-t border-border pt-3 text-table text-accent-text",
            ),
        ),
        asked("Do you repair skis?"),
        answered(
            rx.el.p(
                "I could not find an answer to that in our pages. I have passed your question on to a person."
            )
        ),
        rx.el.figcaption("An example of a conversation in the widget.", class_name="sr-only"),
        class_name="flex flex-col gap-3 rounded-widget border border-border bg-bg p-5 shadow-float",
    )


def _how_it_works() -> rx.Component:
    return rx.el.section(
        page_width(
            rx.el.h2("How it works", class_name="text-title font-semibold tracking-title"),
            rx.el.ol(
                *(_point(str(number), *point) for number, point in enumerate(_POINTS, 1)),
                class_name="mt-8 grid gap-x-12 gap-y-8 tablet:grid-cols-3",
            ),
            class_name="py-14",
        ),
        class_name="border-y border-border bg-subtle",
    )


def _point(number: str, title: str, text: str) -> rx.Component:
    return rx.el.li(
        rx.el.span(number, aria_hidden="true", class_name="text-table font-semibold text-accent-text"),
        rx.el.h3(title, class_name="mt-2 text-chat font-semibold"),
        rx.el.p(text, class_name="mt-1 max-w-prose text-body text-muted"),
    )


def _install() -> rx.Component:
    return rx.el.section(
        page_width(
            rx.el.h2("One line on your website", class_name="text-title font-semibold tracking-title"),
            rx.el.p(
                "Before the end of the body, on every page that should have the chat. It loads after your "
                "own content and sets no cookies.",
                class_name="mt-2 mb-5 max-w-prose text-body text-muted",
            ),
            code_line(INSTALL_LINE, label="The line to paste"),
            class_name="py-14",
        ),
    )
