"""Buttons, also busy ones and those of an icon alone, and links that look like buttons."""

from __future__ import annotations

from typing import Any, Literal

import reflex as rx

from helpninja_app.ui.icons import icon
from helpninja_app.ui.links import document_link

Emphasis = Literal["primary", "secondary", "quiet", "danger"]
Size = Literal["small", "normal", "large"]

_SHAPE = (
    "inline-flex items-center justify-center gap-2 rounded-control border font-medium whitespace-nowrap "
    "transition-colors disabled:cursor-not-allowed disabled:opacity-60"
)
_SQUARES: dict[Size, str] = {"small": "size-7", "normal": "size-8", "large": "size-10"}
_SIZES: dict[Size, str] = {
    "small": "h-7 px-2.5 text-table",
    "normal": "h-8 px-3 text-table",
    "large": "h-10 px-4 text-body",
}
_EMPHASES: dict[Emphasis, str] = {
    "primary": "border-accent bg-accent text-on-accent hover:border-accent-hover hover:bg-accent-hover",
    "secondary": "border-border-strong bg-raised text-text hover:bg-subtle",
    "quiet": "border-transparent bg-transparent text-muted hover:bg-border/60 hover:text-text",
    "danger": "border-danger bg-danger text-on-danger hover:opacity-90",
}


def button(
    *content: rx.Component | str,
    emphasis: Emphasis = "secondary",
    size: Size = "normal",
    wide: bool = False,
    **attributes: Any,
) -> rx.Component:
    """A button; ``wide`` fills its container."""
    return rx.el.button(*content, class_name=_classes(emphasis, size, wide=wide), **attributes)


def busy_button(
    label: Any,
    *,
    is_busy: Any,
    while_busy: str,
    emphasis: Emphasis = "primary",
    size: Size = "normal",
    **attributes: Any,
) -> rx.Component:
    """A button that says what is going on while ``is_busy``, and that a pointer cannot press meanwhile.

    It is not disabled, which would take the focus from whoever pressed it: what it begins is guarded where it
    makes something (``OnceState``).
    """
    classes = f"{_classes(emphasis, size, wide=False)} aria-busy:pointer-events-none aria-busy:opacity-60"
    return rx.el.button(
        rx.cond(is_busy, icon("loader-circle", class_name="motion-safe:animate-spin")),
        rx.cond(is_busy, while_busy, label),
        aria_disabled=is_busy,
        aria_busy=is_busy,
        class_name=classes,
        **attributes,
    )


def icon_button(
    name: Any, symbol: str, *, emphasis: Emphasis = "quiet", size: Size = "normal", **attributes: Any
) -> rx.Component:
    """A button of an icon alone; ``name`` is what screen readers say."""
    attributes.setdefault("type", "button")
    classes = f"{_SHAPE} {_SQUARES[size]} shrink-0 {_EMPHASES[emphasis]}"
    return rx.el.button(icon(symbol), aria_label=name, class_name=classes, **attributes)


def button_link(
    *content: rx.Component | str,
    href: str,
    emphasis: Emphasis = "secondary",
    size: Size = "normal",
    is_page: bool = True,
    **attributes: Any,
) -> rx.Component:
    """A link that looks like a button; ``is_page`` unless it leads away from our pages."""
    link = rx.el.a if is_page else document_link
    return link(*content, href=href, class_name=_classes(emphasis, size, wide=False), **attributes)


def _classes(emphasis: Emphasis, size: Size, *, wide: bool) -> str:
    return " ".join((_SHAPE, _SIZES[size], _EMPHASES[emphasis], "w-full" if wide else ""))
