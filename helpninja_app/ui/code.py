"""Code to read and to copy."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.ui.actions import button
from helpninja_app.ui.icons import icon


def code_line(code: Any, *, label: str) -> rx.Component:
    """One line of code, selected as a whole by a click, scrolled sideways where it does not fit."""
    return rx.el.pre(
        rx.el.code(code, class_name="select-all"),
        tab_index=0,
        aria_label=label,
        # As high as the button beside it.
        class_name="overflow-x-auto rounded-control border border-border bg-subtle px-4 py-2.5 font-mono "
        "text-table text-text",
    )


def copied_line(code: Any, *, label: str, note: str) -> rx.Component:
    """One line of code with a button that puts it into the clipboard and says so by ``note``."""
    return rx.el.div(
        rx.el.div(code_line(code, label=label), class_name="min-w-0 flex-1"),
        button(
            icon("copy"),
            "Copy",
            type="button",
            size="large",
            on_click=[
                rx.set_clipboard(code),
                rx.toast(note),
            ],
        ),
        class_name="flex flex-col gap-2 phone:flex-row phone:items-center",
    )


def code_block(code: Any, *, label: str, note: str = "Copied.", is_long: bool = False) -> rx.Component:
    """Several lines of code under their name, with a button that puts them into the clipboard.

    What ``is_long`` is scrolled within twenty lines.
    """
    return rx.el.div(
        rx.el.div(
            rx.el.span(label, class_name="truncate text-small font-medium text-muted"),
            button(
                icon("copy"),
                "Copy",
                type="button",
                size="small",
                emphasis="quiet",
                on_click=[rx.set_clipboard(code), rx.toast.success(note)],
            ),
            class_name="flex items-center justify-between border-b border-border py-1 pr-1 pl-4",
        ),
        rx.el.pre(
            rx.el.code(code),
            tab_index=0,
            aria_label=label,
            class_name="overflow-x-auto px-4 py-3 font-mono text-table text-text outline-offset-[-2px]"
            f"{' max-h-96 overflow-y-auto' if is_long else ''}",
        ),
        class_name="overflow-hidden rounded-control border border-border bg-subtle",
    )
