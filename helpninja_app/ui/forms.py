"""Forms that the browser posts by itself, and their fields."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex_components_core.el.elements.base import BaseHTML

from helpninja_app.ui.actions import Size
from helpninja_app.ui.icons import icon

INVALID = "aria-[invalid=true]:border-danger"
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


def field(
    label: str, *, name: str, hint: str = "", id: str = "", error: Any = None, **attributes: Any
) -> rx.Component:
    """A labelled text field; the hint stands below it and is read with it, and so is what is wrong with it.

    ``id`` where two forms of a page have a field of the same name.
    """
    own = id or name
    return _labelled(
        label,
        own,
        hint,
        error,
        rx.el.input(
            id=own,
            name=name,
            class_name="h-10 w-full rounded-control border border-border-strong bg-bg px-3 text-body "
            f"text-text placeholder:text-faint {INVALID}",
            **described(own, hint, error),
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


_BOX = f"w-full rounded-control border border-border-strong bg-bg px-2.5 text-table text-text {INVALID}"


def select_box(label: str, *options: rx.Component, size: Size = "normal", **attributes: Any) -> rx.Component:
    """The platform's own choice of one; ``label`` is only read out."""
    return rx.el.select(
        *options, aria_label=label, class_name=f"{_HEIGHTS[size]} min-w-0 {_BOX}", **attributes
    )


def select_field(
    label: str,
    *,
    name: str,
    options: tuple[tuple[str, str], ...],
    hint: str = "",
    error: Any = None,
    **attributes: Any,
) -> rx.Component:
    """A labelled choice of one of ``options`` (value, label)."""
    return _labelled(
        label,
        name,
        hint,
        error,
        rx.el.select(
            *(rx.el.option(shown, value=value) for value, shown in options),
            id=name,
            name=name,
            class_name=f"h-10 {_BOX}",
            **described(name, hint, error),
            **attributes,
        ),
    )


def text_area(
    label: str, *, name: str, hint: str = "", rows: str = "3", error: Any = None, **attributes: Any
) -> rx.Component:
    """A labelled field of several lines."""
    return _labelled(
        label,
        name,
        hint,
        error,
        rx.el.textarea(
            id=name,
            name=name,
            rows=rows,
            class_name=f"py-2 {_BOX} text-body",
            **described(name, hint, error),
            **attributes,
        ),
    )


def check_box(label: Any, *, name: str, value: str, **attributes: Any) -> rx.Component:
    return rx.el.label(
        rx.el.input(type="checkbox", name=name, value=value, class_name="size-4 accent-accent", **attributes),
        rx.el.span(label),
        class_name="flex items-center gap-2 text-table",
    )


def _labelled(label: str, name: str, hint: str, error: Any, control: rx.Component) -> rx.Component:
    return rx.el.div(
        rx.el.label(label, html_for=name, class_name="text-table font-medium text-text"),
        control,
        rx.el.p(hint, id=f"{name}-hint", class_name="text-small text-muted") if hint else rx.fragment(),
        field_error(name, error),
        class_name="flex min-w-0 flex-col gap-1.5",
    )


def field_error(name: str, error: Any) -> rx.Component:
    """What is wrong with a field, below it; nothing where it cannot be wrong or is not."""
    if error is None:
        return rx.fragment()
    return rx.cond(
        error != "", rx.el.p(error, id=f"{name}-error", class_name="text-small font-medium text-danger")
    )


def described(name: str, hint: str, error: Any = None) -> dict[str, Any]:
    """The attributes that tie a control to its hint and to what is wrong with it."""
    said = [f"{name}-hint"] if hint else []
    if error is None:
        return {"aria_describedby": said[0]} if said else {}
    return {
        "aria_describedby": " ".join([f"{name}-error", *said]),
        "aria_invalid": rx.cond(error != "", "true", "false"),
    }


def hidden_field(name: str, value: Any) -> rx.Component:
    """A value that goes with the form unseen."""
    return rx.el.input(type="hidden", name=name, value=value, read_only=True)
