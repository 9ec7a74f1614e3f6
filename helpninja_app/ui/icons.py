"""Icons: Lucide's outlines in the two sizes of the design, always beside a word or a name."""

from __future__ import annotations

from typing import Literal

import reflex as rx

IconSize = Literal[16, 20]


def icon(name: str, *, size: IconSize = 16, class_name: str = "") -> rx.Component:
    """An outline that says nothing to a screen reader: the word beside it does."""
    return rx.icon(
        name,
        size=size,
        stroke_width=1.75,
        class_name=f"shrink-0 {class_name}",
        custom_attrs={"aria-hidden": "true"},
    )
