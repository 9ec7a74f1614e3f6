"""The frame of the dashboard: sidebar with workspace, places and account; a drawer on narrow screens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import reflex as rx

from helpninja_app.ui.actions import icon_button
from helpninja_app.ui.brand import mark
from helpninja_app.ui.dialogs import opens
from helpninja_app.ui.icons import icon
from helpninja_app.ui.links import document_link
from helpninja_app.ui.palette import PALETTE, palette_button
from helpninja_app.ui.panels import skeleton

_DRAWER = "sidebar"


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the sidebar. ``is_shown`` may be a Var; ``is_page`` unless it leads away from our pages.

    ``count``, which may be a Var, is how many things wait there.
    """

    label: str
    symbol: str
    href: str
    is_current: bool = False
    is_page: bool = True
    is_shown: Any = True
    count: Any = 0


def app_shell(
    *content: rx.Component,
    workspace: Any,
    places: tuple[tuple[str, tuple[Place, ...]], ...],
    switcher: rx.Component,
    account: rx.Component,
    overlays: tuple[rx.Component, ...] = (),
    fills: bool = False,
) -> rx.Component:
    """The page's ``content`` beside the sidebar.

    ``places`` are groups of entries, each with its name or none; ``switcher`` stands at the head of the
    sidebar and ``account`` at its foot; ``overlays`` are the dialogs that every page has. The name of the
    ``workspace`` may be empty while it loads.
    """
    return rx.el.div(
        document_link(
            "Skip to the content",
            href="#content",
            class_name="sr-only focus:not-sr-only focus:absolute focus:left-4 focus:top-4 focus:z-10 "
            "focus:rounded-control focus:bg-raised focus:px-3 focus:py-2",
        ),
        rx.el.header(
            icon_button("Menu", "menu", custom_attrs={"popoverTarget": _DRAWER}),
            rx.el.div(
                mark(),
                shown_name(workspace, "truncate text-body font-semibold"),
                class_name="flex min-w-0 flex-1 items-center gap-2.5",
            ),
            icon_button("Search or jump to", "search", **opens(PALETTE)),
            class_name="sticky top-0 z-5 flex h-14 items-center gap-2 border-b border-border bg-subtle px-3 "
            "tablet:hidden",
        ),
        rx.el.aside(
            switcher,
            rx.el.div(palette_button(), class_name="px-0.5 pt-1.5 pb-3"),
            rx.el.nav(*(_group(name, entries) for name, entries in places), aria_label="Main"),
            rx.el.div(account, class_name="mt-auto pt-6"),
            id=_DRAWER,
            aria_label="Workspace",
            custom_attrs={"popover": "auto"},
            class_name="fixed inset-y-0 left-0 m-0 h-dvh max-h-none w-70 max-w-none flex-col overflow-y-auto "
            "border-0 border-r border-border bg-subtle p-2 text-text backdrop:bg-backdrop open:flex "
            "tablet:sticky tablet:top-0 tablet:flex tablet:w-auto",
        ),
        rx.el.main(
            rx.el.div(
                *content,
                class_name="flex h-[calc(100dvh-3.5rem)] flex-col tablet:h-dvh"
                if fills
                else "mx-auto flex w-full max-w-page flex-col gap-8 px-4 py-7 tablet:px-8",
            ),
            id="content",
            class_name="min-w-0",
        ),
        *overlays,
        class_name="min-h-dvh bg-bg text-body text-text tablet:grid tablet:grid-cols-shell",
    )


def switcher_button(name: Any, **attributes: Any) -> rx.Component:
    """The workspace one is in, as the button that opens the menu of the others."""
    return rx.el.button(
        mark(),
        shown_name(name, "min-w-0 flex-1 truncate text-left text-body font-semibold"),
        icon("chevrons-up-down", class_name="ml-auto text-muted"),
        type="button",
        # It has one too while the name is not known.
        aria_label=rx.cond(name, name, "Workspace"),
        title=name,
        class_name="flex h-10 w-full min-w-0 items-center gap-2.5 rounded-control px-2 hover:bg-border/60",
        **attributes,
    )


def account_button(name: Any, picture: rx.Component, **attributes: Any) -> rx.Component:
    """Who is signed in, as the button that opens their menu."""
    return rx.el.button(
        rx.cond(name, picture, skeleton("size-7")),
        shown_name(name, "min-w-0 flex-1 truncate text-left text-table font-medium"),
        icon("ellipsis", class_name="ml-auto text-muted"),
        type="button",
        # It has one too while the name is not known.
        aria_label=rx.cond(name, name, "Account"),
        title=name,
        class_name="flex h-10 w-full min-w-0 items-center gap-2.5 rounded-control px-2 hover:bg-border/60",
        **attributes,
    )


def shown_name(name: Any, classes: str) -> rx.Component:
    return rx.cond(name, rx.el.span(name, class_name=classes), skeleton("h-4 w-28"))


def _group(name: str, places: tuple[Place, ...]) -> rx.Component:
    # A name without anything below it, because nothing of the group may be seen, goes with it.
    return rx.el.div(
        rx.el.p(name, class_name="px-2 pt-5 pb-1.5 text-small text-muted last:hidden")
        if name
        else rx.fragment(),
        *(
            _place(place) if place.is_shown is True else rx.cond(place.is_shown, _place(place))
            for place in places
        ),
        role="group",
        aria_label=name or "Pages",
        class_name="flex flex-col gap-0.5",
    )


def _place(place: Place) -> rx.Component:
    shape = "flex h-8 items-center gap-2.5 rounded-control border px-2 text-body font-medium "
    if place.is_current:
        return rx.el.a(
            icon(place.symbol),
            place.label,
            _waiting(place.count),
            href=place.href,
            aria_current="page",
            class_name=shape + "border-border bg-bg text-text",
        )
    link = rx.el.a if place.is_page else document_link
    return link(
        icon(place.symbol),
        place.label,
        _waiting(place.count),
        href=place.href,
        class_name=shape + "border-transparent text-muted hover:bg-border/60 hover:text-text",
    )


def _waiting(count: Any) -> rx.Component:
    # Of the places that nothing waits at, nothing is built.
    if not isinstance(count, rx.Var):
        return rx.fragment()
    return rx.cond(
        count.to(int) > 0,
        rx.el.span(
            count,
            rx.el.span(" waiting", class_name="sr-only"),
            class_name="ml-auto text-small font-normal text-muted tabular-nums",
        ),
    )
