"""Short remarks that appear under the pointer and with the focus; nothing that is needed may stand there."""

from __future__ import annotations

import reflex as rx


def tooltip(control: rx.Component, words: str, *, id: str) -> rx.Component:
    """``control`` with a remark, which is also what screen readers add to its name."""
    control.custom_attrs["aria-describedby"] = id
    return rx.el.span(
        control,
        rx.el.span(
            words,
            id=id,
            role="tooltip",
            custom_attrs={"popover": "manual"},
            class_name="fixed m-0 max-w-60 rounded-chip border-0 bg-text px-2 py-1 text-small font-medium "
            "text-bg shadow-float",
        ),
        data_tooltip=id,
        class_name="inline-flex",
    )
