"""Forms that the browser posts by itself, and their fields."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex_components_core.el.elements.base import BaseHTML


class NativeForm(BaseHTML):
    """A form that posts to ``action`` without any script: Reflex' own form would keep the browser from it."""

    tag = "form"
    action: rx.Var[str]
    method: rx.Var[str]


def native_form(*fields: rx.Component, action: str, **attributes: Any) -> rx.Component:
    """Post ``fields`` to a route of ours, which answers with a redirect."""
    return NativeForm.create(
        *fields, action=action, method="post", class_name="flex flex-col gap-4", **attributes
    )


def field(label: str, *, name: str, hint: str = "", **attributes: Any) -> rx.Component:
    """A labelled text field; the hint stands below it and is read with it."""
    described = {"aria_describedby": f"{name}-hint"} if hint else {}
    return rx.el.div(
        rx.el.label(label, html_for=name, class_name="text-table font-medium text-text"),
        rx.el.input(
            id=name,
            name=name,
            class_name="h-10 w-full rounded-control border border-border-strong bg-bg px-3 text-body "
            "text-text placeholder:text-faint",
            **described,
            **attributes,
        ),
        rx.el.p(hint, id=f"{name}-hint", class_name="text-small text-muted") if hint else rx.fragment(),
        class_name="flex flex-col gap-1.5",
    )


def hidden_field(name: str, value: Any) -> rx.Component:
    """A value that goes with the form unseen."""
    return rx.el.input(type="hidden", name=name, value=value, read_only=True)
