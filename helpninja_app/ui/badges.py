"""Chips: a state as a dot and a word, a score as a number."""

from __future__ import annotations

from typing import Any, Literal

import reflex as rx

BadgeTone = Literal["accent", "success", "warning", "danger", "info", "neutral"]

_SHAPE = (
    "inline-flex shrink-0 items-center gap-1.5 rounded-chip px-2 py-0.5 text-small font-semibold "
    "whitespace-nowrap"
)
_TONES: dict[BadgeTone, str] = {
    "accent": "bg-accent-soft text-accent-text",
    "success": "bg-success-soft text-success",
    "warning": "bg-warning-soft text-warning",
    "danger": "bg-danger-soft text-danger",
    "info": "bg-info-soft text-info",
    # Its line takes no room: all are of one height.
    "neutral": "inset-ring inset-ring-border bg-subtle text-muted",
}


def badge(label: Any, tone: Any) -> rx.Component:
    """A state, never the colour alone; ``tone`` is a Var of a ``BadgeTone``, or one of them."""
    classes = [(name, f"{_SHAPE} {shape}") for name, shape in _TONES.items()]
    return rx.el.span(_dot(), label, class_name=rx.match(tone, *classes, f"{_SHAPE} {_TONES['neutral']}"))


def score(value: Any) -> rx.Component:
    """A number between 0 and 1."""
    return rx.el.span(value, class_name=f"{_SHAPE} {_TONES['accent']} tabular-nums")


def _dot() -> rx.Component:
    return rx.el.span(aria_hidden="true", class_name="size-1.5 shrink-0 rounded-full bg-current")
