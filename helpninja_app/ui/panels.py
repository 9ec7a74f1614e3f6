"""What a page of the dashboard is made of: header, sections, cards, figures, empty and failed forms."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.ui.actions import button
from helpninja_app.ui.icons import icon

CARD = "overflow-hidden rounded-card border border-border bg-raised"


def page_header(title: Any, subtitle: Any, actions: rx.Component | None = None) -> rx.Component:
    return rx.el.header(
        rx.el.div(
            rx.el.h1(title, class_name="text-title font-semibold tracking-title"),
            rx.el.p(subtitle, class_name="min-h-5 text-body text-pretty text-muted"),
            class_name="flex min-w-0 flex-col gap-1",
        ),
        actions or rx.fragment(),
        class_name="flex flex-wrap items-start justify-between gap-x-6 gap-y-3",
    )


def section(
    title: str,
    *content: rx.Component,
    note: Any = "",
    actions: rx.Component | None = None,
    id: str | None = None,
    heading_id: str | None = None,
) -> rx.Component:
    """A part of a page under its heading; ``note`` stands beside the heading, ``actions`` at its end.

    ``id`` where something leads right here, ``heading_id`` where the focus may be put on the heading.
    """
    focusable: dict[str, Any] = {"id": heading_id, "tab_index": -1} if heading_id else {}
    return rx.el.section(
        rx.el.div(
            rx.el.div(
                rx.el.h2(title, class_name="rounded-chip text-chat font-semibold", **focusable),
                rx.el.p(note, class_name="text-body text-pretty text-muted"),
                class_name="flex flex-wrap items-baseline gap-x-2",
            ),
            actions or rx.fragment(),
            class_name="flex flex-wrap items-center justify-between gap-x-4 gap-y-2",
        ),
        *content,
        id=id,
        class_name="flex min-w-0 scroll-mt-20 flex-col gap-3",
    )


def card(*content: rx.Component, class_name: str = "") -> rx.Component:
    return rx.el.div(*content, class_name=f"{CARD} {class_name}")


def stat(label: str, value: Any, note: Any) -> rx.Component:
    """A figure: its name, the number, and one line that says what to make of it."""
    return rx.el.div(
        rx.el.dt(label, class_name="text-table text-muted"),
        rx.el.dd(
            rx.el.span(value, class_name="block text-stat font-semibold tracking-title tabular-nums"),
            rx.el.span(note, class_name="block min-h-4 text-small text-muted"),
            class_name="mt-1",
        ),
        class_name=f"{CARD} px-4 py-3.5",
    )


def skeleton(class_name: str) -> rx.Component:
    """A grey bar where something is about to appear; ``class_name`` gives its size."""
    return rx.el.span(
        aria_hidden="true",
        class_name=f"block max-w-full rounded-chip bg-border motion-safe:animate-pulse {class_name}",
    )


def skeleton_rows(count: int) -> rx.Component:
    """A list that is being loaded."""
    return rx.el.div(
        rx.el.span("Loading", class_name="sr-only"),
        *(
            rx.el.div(
                skeleton("h-4 w-2/3"),
                skeleton("h-3 w-1/3"),
                class_name="flex flex-col gap-2 border-b border-border px-4 py-3.5 last:border-b-0",
            )
            for _ in range(count)
        ),
        role="status",
    )


def empty_state(symbol: str, title: Any, next_step: Any) -> rx.Component:
    """Nothing here yet: says so, and what to do about it."""
    return rx.el.div(
        icon(symbol, size=20, class_name="text-faint"),
        rx.el.p(title, class_name="text-body font-medium"),
        rx.el.p(next_step, class_name="max-w-prose text-table text-pretty text-muted"),
        class_name="flex flex-col items-center gap-1.5 px-6 py-9 text-center",
    )


def failed_state(sentence: Any, *, retry: Any) -> rx.Component:
    """Something could not be loaded: why, and a way to try again."""
    return rx.el.div(
        rx.el.p(sentence, class_name="text-body text-danger"),
        button(icon("rotate-cw"), "Try again", on_click=retry, type="button"),
        role="alert",
        class_name="flex flex-col items-center gap-3 px-6 py-9 text-center",
    )
