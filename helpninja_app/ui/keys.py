"""Keys as they stand on the keyboard."""

from __future__ import annotations

import reflex as rx

_KEY = "rounded-chip border border-border bg-bg px-1 font-sans text-small text-muted"


def key(name: str) -> rx.Component:
    return rx.el.kbd(name, class_name=_KEY)


def with_control(letter: str) -> rx.Component:
    """A letter with the control key, which is the command key on a Mac."""
    return rx.el.kbd(
        rx.el.span(f"Ctrl {letter}", class_name="key-other"),
        rx.el.span(f"⌘ {letter}", class_name="key-mac"),
        class_name=f"{_KEY} whitespace-nowrap",
    )
