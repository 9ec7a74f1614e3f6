"""Short messages in the flow of a page."""

from __future__ import annotations

from typing import Any, Literal

import reflex as rx

Tone = Literal["danger", "warning", "info", "success"]

_TONES: dict[Tone, str] = {
    "danger": "bg-danger-soft text-danger",
    "warning": "bg-warning-soft text-warning",
    "info": "bg-info-soft text-info",
    "success": "bg-success-soft text-success",
}


def notice(message: Any, *, tone: Tone) -> rx.Component:
    """A message that a screen reader reads out when it appears."""
    return rx.el.p(
        message, role="alert", class_name=f"rounded-control px-3 py-2 text-table font-medium {_TONES[tone]}"
    )
