"""The frame of the dashboard: sidebar with workspace, places and account; a drawer on narrow screens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import reflex as rx

from helpninja_app.ui.actions import button
from helpninja_app.ui.brand import mark
from helpninja_app.ui.forms import native_form
from helpninja_app.ui.icons import icon
from helpninja_app.ui.links import document_link
from helpninja_app.ui.panels import skeleton

_DRAWER = "sidebar"


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the sidebar. ``is_shown`` may be a Var; ``is_page`` unless it leads away from our pages."""

    label: str
    symbol: str
    href: str
    is_current: bool = False
    is_page: bool = True
    is_shown: Any = True


def app_shell(
    *content: rx.Component,
    workspace: Any,
    email: Any,
    places: tuple[Place, ...],
    sign_out_action: str,
    on_sign_out: Any,
    switcher: rx.Component | None = None,
) -> rx.Component:
    """The page's ``content`` beside the sidebar; ``workspace`` and ``email`` may be empty while they load."""
    return rx.el.div(
        document_link(
            "Skip to the content",
            href="#content",
            class_name="sr-only focus:not-sr-only focus:absolute focus:left-4 focus:top-4 focus:z-10 "
            "focus:rounded-control focus:bg-raised focus:px-3 focus:py-2",
        ),
        rx.el.header(
            _workspace(workspace),
            button(
                icon("menu"),
                "Menu",
                type="button",
                custom_attrs={"popoverTarget": _DRAWER},
            ),
            class_name="flex h-14 items-center justify-between border-b border-border bg-subtle px-4 "
            "tablet:hidden",
        ),
        rx.el.aside(
            _workspace(workspace),
            rx.el.div(switcher, class_name="px-2 pt-2 empty:hidden") if switcher else rx.fragment(),
            rx.el.nav(
                *(
                    _place(place)
                    if place.is_shown is True
                    else rx.cond(place.is_shown, _place(place), rx.fragment())
                    for place in places
                ),
                aria_label="Main",
                class_name="mt-3 flex flex-col gap-0.5",
            ),
            rx.el.div(
                rx.cond(
                    email,
                    rx.el.p(email, title=email, class_name="truncate text-table"),
                    skeleton("h-4 w-32"),
                ),
                native_form(
                    button(
                        icon("log-out"),
                        "Sign out",
                        type="submit",
                        wide=True,
                        on_click=on_sign_out,
                    ),
                    action=sign_out_action,
                    class_name="",
                ),
                class_name="mt-auto flex flex-col gap-3 px-2 pt-6",
            ),
            id=_DRAWER,
            aria_label="Workspace",
            custom_attrs={"popover": "auto"},
            class_name="m-0 h-dvh max-h-none w-70 max-w-none flex-col overflow-y-auto border-0 border-r "
            "border-border bg-subtle p-3 text-text backdrop:bg-text/30 open:flex tablet:sticky tablet:top-0 "
            "tablet:flex tablet:w-auto",
        ),
        rx.el.main(
            rx.el.div(
                *content, class_name="mx-auto flex w-full max-w-page flex-col gap-8 px-4 py-7 tablet:px-8"
            ),
            id="content",
            class_name="min-w-0",
        ),
        class_name="min-h-dvh bg-bg text-body text-text tablet:grid tablet:grid-cols-shell",
    )


def _workspace(name: Any) -> rx.Component:
    return rx.el.div(
        mark(),
        rx.cond(
            name,
            rx.el.span(name, class_name="truncate text-body font-semibold"),
            skeleton("h-4 w-28"),
        ),
        class_name="flex h-10 min-w-0 items-center gap-2.5 px-2",
    )


def _place(place: Place) -> rx.Component:
    shape = "flex h-8 items-center gap-2.5 rounded-control border px-2 text-body font-medium "
    if place.is_current:
        return rx.el.a(
            icon(place.symbol),
            place.label,
            href=place.href,
            aria_current="page",
            class_name=shape + "border-border bg-bg text-text",
        )
    link = rx.el.a if place.is_page else document_link
    return link(
        icon(place.symbol),
        place.label,
        href=place.href,
        class_name=shape + "border-transparent text-muted hover:bg-border/60 hover:text-text",
    )
