"""Menus that open beside their button: entries that act, lead somewhere, or choose one of a few."""

from __future__ import annotations

from typing import Any, Literal

import reflex as rx

from helpninja_app.ui.icons import icon
from helpninja_app.ui.links import document_link

Placement = Literal["below start", "below end", "above start", "above end"]
Tone = Literal["normal", "danger"]

_ENTRY = (
    "flex min-h-8 w-full items-center gap-2.5 rounded-chip px-2 py-1 text-left text-table font-medium "
    "outline-offset-[-2px] hover:bg-border/50 focus:bg-border/50 disabled:cursor-not-allowed "
    "disabled:opacity-60 "
)
_TONES: dict[Tone, str] = {"normal": "text-text", "danger": "text-danger"}


def opens_menu(id: Any) -> dict[str, Any]:
    """The attributes of a button that opens the menu of this id."""
    return {"aria_haspopup": "menu", "custom_attrs": {"popoverTarget": id}}


def menu(*entries: rx.Component, id: Any, label: Any, placement: Placement = "below start") -> rx.Component:
    """A popover of ``entries``: the arrow keys move, a letter jumps, Escape goes back to the button."""
    return rx.el.div(
        *entries,
        id=id,
        role="menu",
        aria_label=label,
        data_placement=placement,
        custom_attrs={"popover": "auto"},
        class_name="m-0 max-h-[80dvh] max-w-[calc(100vw-1rem)] min-w-52 overflow-y-auto rounded-card border "
        "border-border bg-raised p-1 shadow-float",
    )


def menu_item(
    label: Any, symbol: str = "", *, tone: Tone = "normal", hint: Any = "", **attributes: Any
) -> rx.Component:
    """An entry that does something."""
    attributes.setdefault("type", "button")
    return rx.el.button(
        *_inside(label, symbol, hint),
        role="menuitem",
        tab_index=-1,
        class_name=_ENTRY + _TONES[tone],
        **attributes,
    )


def menu_link(label: Any, symbol: str = "", *, href: Any, is_page: bool = True) -> rx.Component:
    """An entry that leads somewhere; ``is_page`` unless it leads away from our pages."""
    link = rx.el.a if is_page else document_link
    return link(
        *_inside(label, symbol, ""),
        href=href,
        role="menuitem",
        tab_index=-1,
        class_name=_ENTRY + _TONES["normal"],
    )


def menu_choice(
    label: Any,
    symbol: str = "",
    *,
    is_chosen: Any,
    on_choose: Any,
    note: Any = "",
    is_locked: Any = False,
    **attributes: Any,
) -> rx.Component:
    """One of a few of which one holds; it has a tick. ``note`` stands below, such as why it ``is_locked``."""
    return rx.el.button(
        *_inside(label, symbol, "", note),
        rx.el.span(rx.cond(is_chosen, icon("check", class_name="text-accent-text")), class_name="ml-auto"),
        type="button",
        role="menuitemradio",
        aria_checked=rx.cond(is_chosen, "true", "false"),
        tab_index=-1,
        on_click=on_choose,
        disabled=is_locked,
        class_name=_ENTRY + _TONES["normal"],
        **attributes,
    )


def menu_locked(label: Any, *, reason: Any) -> rx.Component:
    """An entry that does nothing yet, with its ``reason``. The focus stops there, so that it is read out."""
    return rx.el.button(
        *_inside(label, "lock", "", reason),
        type="button",
        role="menuitem",
        aria_disabled="true",
        tab_index=-1,
        class_name=_ENTRY + "cursor-not-allowed text-muted",
    )


def menu_group(label: str, *entries: rx.Component) -> rx.Component:
    """Entries that belong together, under their name."""
    return rx.el.div(
        rx.el.p(label, aria_hidden="true", class_name="px-2 pt-1.5 pb-1 text-small text-muted"),
        *entries,
        role="group",
        aria_label=label,
    )


def menu_line() -> rx.Component:
    return rx.el.div(role="separator", class_name="-mx-1 my-1 border-t border-border")


def _inside(label: Any, symbol: str, hint: Any, note: Any = "") -> tuple[Any, ...]:
    return (
        icon(symbol, class_name="text-muted") if symbol else rx.fragment(),
        rx.el.span(label, class_name="min-w-0 truncate")
        if isinstance(note, str) and not note
        else rx.el.span(
            rx.el.span(label, class_name="block truncate"),
            rx.el.span(note, class_name="block max-w-80 text-small font-normal text-muted"),
            class_name="min-w-0",
        ),
        rx.el.span(hint, class_name="ml-auto pl-4 text-small font-normal text-muted")
        if hint
        else rx.fragment(),
    )
