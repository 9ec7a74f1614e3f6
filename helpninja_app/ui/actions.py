"""Buttons, and links that look like buttons."""

from __future__ import annotations

from typing import Any, Literal

import reflex as rx

from helpninja_app.ui.links import document_link

Emphasis = Literal["primary", "secondary", "quiet"]
Size = Literal["normal", "large"]

_SHAPE = (
    "inline-flex items-center justify-center gap-2 rounded-control border font-medium whitespace-nowrap "
    "transition-colors disabled:cursor-not-allowed disabled:opacity-60"
)
_SIZES: dict[Size, str] = {
    "normal": "h-8 px-3 text-table",
    "large": "h-10 px-4 text-body",
}
_EMPHASES: dict[Emphasis, str] = {
    "primary": "border-accent bg-accent text-on-accent hover:border-accent-hover hover:bg-accent-hover",
    "secondary": "border-border-strong bg-raised text-text hover:bg-subtle",
    "quiet": "border-transparent bg-transparent text-muted hover:bg-subtle hover:text-text",
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
