"""Forms that the browser posts by itself, and their fields."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex_components_core.el.elements.base import BaseHTML

from helpninja_app.ui.actions import Size
from helpninja_app.ui.icons import icon

_HEIGHTS: dict[Size, str] = {"normal": "h-8", "large": "h-10"}


class NativeForm(BaseHTML):
    """A form that posts to ``action`` without any script: Reflex' own form would keep the browser from it."""

    tag = "form"
    action: rx.Var[str]
    method: rx.Var[str]


def native_form(
    *fields: rx.Component, action: str, class_name: str = "flex flex-col gap-4", **attributes: Any
) -> rx.Component:
    """Post ``fields`` to a route of ours, which answers with a redirect."""
    return NativeForm.create(*fields, action=action, method="post", class_name=class_name, **attributes)


def field(label: str, *, name: str, hint: str = "", id: str = "", **attributes: Any) -> rx.Component:
    """A labelled text field; the hint stands below it and is read with it.

    ``id`` where two forms of a page have a field of the same name.
    """
    own = id or name
    return _labelled(
        label,
        own,
        hint,
        rx.el.input(
            id=own,
            name=name,
            class_name="h-10 w-full rounded-control border border-border-strong bg-bg px-3 text-body "
            "text-text placeholder:text-faint",
            **_described(own, hint),
            **attributes,
        ),
    )


def search_field(
    label: str, *, name: str, placeholder: str, size: Size = "normal", **attributes: Any
) -> rx.Component:
    """A field to search with; the label is only read out, the lens is what people see."""
    return rx.el.div(
        icon("search", class_name="pointer-events-none absolute left-3 top-1/2 -translate-y-1/2 text-muted"),
        rx.el.input(
            name=name,
            type="search",
            aria_label=label,
            placeholder=placeholder,
            auto_complete="off",
            class_name=f"{_HEIGHTS[size]} block w-full rounded-control border border-border-strong bg-bg "
            "pr-3 pl-9 text-table text-text placeholder:text-muted",
            **attributes,
        ),
        class_name="relative min-w-0 flex-1",
    )


def segments(
    legend: str, *, name: str, options: tuple[tuple[str, str], ...], chosen: Any, on_choose: Any
) -> rx.Component:
    """One of a few ``options`` (value, label), side by side; the arrow keys move between them."""
    return rx.el.fieldset(
        rx.el.legend(legend, class_name="sr-only"),
        *(
            rx.el.label(
                rx.el.input(
                    type="radio",
                    name=name,
                    value=value,
                    checked=chosen == value,
                    on_change=on_choose(value),
                    class_name="peer sr-only",
                ),
                rx.el.span(
                    label,
                    class_name="block rounded-chip px-2.5 py-1 text-table font-medium text-muted "
                    "hover:text-text peer-checked:bg-raised peer-checked:text-text peer-checked:ring-1 "
                    "peer-checked:ring-border-strong peer-focus-visible:outline-2 "
                    "peer-focus-visible:outline-accent",
                ),
                class_name="cursor-pointer",
            )
            for value, label in options
        ),
        class_name="flex shrink-0 gap-0.5 rounded-control border border-border bg-subtle p-0.5",
    )


_BOX = "w-full rounded-control border border-border-strong bg-bg px-2.5 text-table text-text"


def select_box(label: str, *options: rx.Component, size: Size = "normal", **attributes: Any) -> rx.Component:
    """The platform's own choice of one; ``label`` is only read out."""
    return rx.el.select(
        *options, aria_label=label, class_name=f"{_HEIGHTS[size]} min-w-0 {_BOX}", **attributes
    )


def select_field(
    label: str, *, name: str, options: tuple[tuple[str, str], ...], hint: str = "", **attributes: Any
) -> rx.Component:
    """A labelled choice of one of ``options`` (value, label)."""
    return _labelled(
        label,
        name,
        hint,
        rx.el.select(
            *(rx.el.option(shown, value=value) for value, shown in options),
            id=name,
            name=name,
            class_name=f"h-10 {_BOX}",
            **_described(name, hint),
            **attributes,
        ),
    )


def text_area(label: str, *, name: str, hint: str = "", rows: str = "3", **attributes: Any) -> rx.Component:
    """A labelled field of several lines."""
    return _labelled(
        label,
        name,
        hint,
        rx.el.textarea(
            id=name,
            name=name,
            rows=rows,
            class_name=f"py-2 {_BOX} text-body",
            **_described(name, hint),
            **attributes,
        ),
    )


def check_box(label: Any, *, name: str, value: str, **attributes: Any) -> rx.Component:
    return rx.el.label(
        rx.el.input(type="checkbox", name=name, value=value, class_name="size-4 accent-accent", **attributes),
        rx.el.span(label),
        class_name="flex items-center gap-2 text-table",
    )


def _labelled(label: str, name: str, hint: str, control: rx.Component) -> rx.Component:
    return rx.el.div(
        rx.el.label(label, html_for=name, class_name="text-table font-medium text-text"),
        control,
        rx.el.p(hint, id=f"{name}-hint", class_name="text-small text-muted") if hint else rx.fragment(),
        class_name="flex min-w-0 flex-col gap-1.5",
    )


def _described(name: str, hint: str) -> dict[str, str]:
    return {"aria_describedby": f"{name}-hint"} if hint else {}


def hidden_field(name: str, value: Any) -> rx.Component:
    """A value that goes with the form unseen."""
    return rx.el.input(type="hidden", name=name, value=value, read_only=True)
