"""Code to read and to copy."""

from __future__ import annotations

import reflex as rx


def code_line(code: str, *, label: str) -> rx.Component:
    """One line of code, selected as a whole by a click, scrolled sideways where it does not fit."""
    return rx.el.pre(
        rx.el.code(code, class_name="select-all"),
        tab_index=0,
        aria_label=label,
        class_name="overflow-x-auto rounded-control border border-border bg-subtle px-4 py-3 font-mono "
        "text-table text-text",
    )
