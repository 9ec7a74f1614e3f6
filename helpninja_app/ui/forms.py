"""Forms that the browser posts by itself, and their fields."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex_components_core.el.elements.base import BaseHTML

from helpninja_app.ui.actions import Size
from helpninja_app.ui.icons import icon

_HEIGHTS: dict[Size, str] = {"small": "h-7", "normal": "h-8", "large": "h-10"}
INVALID = "aria-invalid:border-danger"
_EDGE = (
    f"border border-border-strong {INVALID} disabled:cursor-not-allowed disabled:bg-subtle "
    "disabled:text-muted"
)


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
    label: str, *, name: str, hint: str = "", error: Any = "", id: str = "", **attributes: Any
) -> rx.Component:
    """A labelled text field; the hint and what is wrong stand below it and are read with it.

    ``error`` may be a Var, empty while nothing is wrong; ``id`` where two forms of a page have a field of the
    same name.
    """
    own = id or name
    return _labelled(
        label,
        own,
        hint,
        rx.el.input(
            id=own,
            name=name,
            class_name=f"h-10 w-full rounded-control {_EDGE} bg-bg px-3 text-body text-text "
            "placeholder:text-faint",
            **described(own, hint, error),
            **attributes,
        ),
        error,
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
            class_name=f"{_HEIGHTS[size]} block w-full rounded-control {_EDGE} bg-bg pr-3 pl-9 text-table "
            "text-text placeholder:text-muted",
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


_BOX = f"w-full rounded-control {_EDGE} bg-bg text-text"


def select_box(label: str, *options: rx.Component, size: Size = "normal", **attributes: Any) -> rx.Component:
    """The platform's own choice of one; ``label`` is only read out."""
    return rx.el.select(
        *options,
        aria_label=label,
        class_name=f"{_HEIGHTS[size]} min-w-0 px-2.5 text-table {_BOX}",
        **attributes,
    )


def date_box(label: str, **attributes: Any) -> rx.Component:
    """The platform's own choice of a day, as ``2026-11-28``; ``label`` stands before it."""
    return rx.el.label(
        rx.el.span(label, class_name="shrink-0 text-small text-muted"),
        rx.el.input(
            type="date",
            class_name=f"{_HEIGHTS['normal']} min-w-0 px-2.5 text-table tabular-nums {_BOX} tablet:w-36",
            **attributes,
        ),
        class_name="flex min-w-40 flex-1 items-center gap-2 tablet:flex-none",
    )


def select_field(
    label: str,
    *,
    name: str,
    options: tuple[tuple[str, str], ...],
    hint: str = "",
    error: Any = "",
    id: str = "",
    **attributes: Any,
) -> rx.Component:
    """A labelled choice of one of ``options`` (value, label); the rest as in ``field``."""
    own = id or name
    return _labelled(
        label,
        own,
        hint,
        rx.el.select(
            *(rx.el.option(shown, value=value) for value, shown in options),
            id=own,
            name=name,
            class_name=f"h-10 px-3 text-body {_BOX}",
            **described(own, hint, error),
            **attributes,
        ),
        error,
    )


def text_area(
    label: str,
    *,
    name: str,
    hint: str = "",
    rows: str = "3",
    error: Any = "",
    id: str = "",
    **attributes: Any,
) -> rx.Component:
    """A labelled field of several lines; the rest as in ``field``."""
    own = id or name
    return _labelled(
        label,
        own,
        hint,
        rx.el.textarea(
            id=own,
            name=name,
            rows=rows,
            class_name=f"px-3 py-2 text-body {_BOX}",
            **described(own, hint, error),
            **attributes,
        ),
        error,
    )


def check_box(label: Any, *, name: str, value: str, **attributes: Any) -> rx.Component:
    return rx.el.label(
        rx.el.input(type="checkbox", name=name, value=value, class_name="size-4 accent-accent", **attributes),
        rx.el.span(label),
        class_name="flex items-center gap-2 text-table has-disabled:text-muted",
    )


def switch(label: Any, *, name: str, note: Any = "", **attributes: Any) -> rx.Component:
    """Something that is on or off at once, without a button to save it; ``note`` says what it does."""
    return rx.el.label(
        rx.el.span(
            rx.el.span(label, class_name="block font-medium"),
            rx.el.span(note, class_name="block text-small text-muted empty:hidden"),
            class_name="min-w-0 flex-1",
        ),
        rx.el.input(
            type="checkbox",
            role="switch",
            name=name,
            class_name="relative mt-px h-5 w-9 shrink-0 cursor-pointer appearance-none rounded-full "
            "border border-muted bg-subtle transition-colors before:absolute before:top-0.5 before:left-0.5 "
            "before:size-3.5 before:rounded-full before:bg-muted before:transition-transform "
            "checked:border-accent checked:bg-accent checked:before:translate-x-4 "
            "checked:before:bg-on-accent rtl:checked:before:-translate-x-4 rtl:before:right-0.5 "
            "rtl:before:left-auto disabled:cursor-not-allowed disabled:opacity-60",
            **attributes,
        ),
        class_name="flex items-start gap-4 text-table",
    )


def _labelled(label: str, name: str, hint: str, control: rx.Component, error: Any) -> rx.Component:
    return rx.el.div(
        rx.el.label(label, html_for=name, class_name="text-table font-medium text-text"),
        control,
        field_error(name, error),
        rx.el.p(hint, id=f"{name}-hint", class_name="text-small text-muted") if hint else rx.fragment(),
        class_name="flex min-w-0 flex-col gap-1.5",
    )


def field_error(name: str, error: Any) -> rx.Component:
    """What is wrong with a field, below it; nothing where it cannot be wrong."""
    if not _may_be_wrong(error):
        return rx.fragment()
    return rx.el.p(
        rx.cond(error, icon("circle-alert", class_name="mt-px")),
        error,
        id=f"{name}-error",
        aria_live="polite",
        class_name="flex gap-1.5 text-small font-medium text-danger empty:hidden",
    )


def described(name: str, hint: str, error: Any = "") -> dict[str, Any]:
    """The attributes that tie a control to its hint and to what is wrong with it."""
    parts = [f"{name}-error"] * _may_be_wrong(error) + [f"{name}-hint"] * bool(hint)
    described: dict[str, Any] = {"aria_describedby": " ".join(parts)} if parts else {}
    if _may_be_wrong(error):
        described["aria_invalid"] = rx.cond(error, "true", "false")
    return described


def _may_be_wrong(error: Any) -> bool:
    return isinstance(error, rx.Var) or bool(error)


def hidden_field(name: str, value: Any) -> rx.Component:
    """A value that goes with the form unseen."""
    return rx.el.input(type="hidden", name=name, value=value, read_only=True)


def field_from_address(name: str) -> rx.Component:
    """A value that goes with the form unseen: what the page's address says of ``name``.

    The browser puts it in as the form goes: whoever is quicker than the page's first event must not lose it.
    """
    return rx.el.input(type="hidden", name=name, data_from_address=True)
