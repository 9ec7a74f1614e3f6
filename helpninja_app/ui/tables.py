"""Tables: columns that sort, rows to choose, filters above and pages below."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import reflex as rx

from helpninja_app.ui.actions import button
from helpninja_app.ui.icons import icon

_HEAD = "border-b border-border bg-subtle text-left text-small text-muted"


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, the classes of its width and side, and the key it is sorted by, if it can be."""

    heading: Any
    classes: str = ""
    sort: str = ""


@dataclass(frozen=True, slots=True)
class Sorting:
    """By which key a table is sorted, and what a press on another heading calls with that key."""

    key: Any
    is_descending: Any
    on_sort: Callable[[str], Any]


def table(
    label: str,
    columns: tuple[Column, ...],
    rows: rx.Component,
    *,
    sorting: Sorting | None = None,
    width: Literal["", "min-w-160", "min-w-200"] = "",
) -> rx.Component:
    """A table of ``columns``; with a ``width`` it scrolls sideways inside its own box where that is less."""
    return rx.el.div(
        rx.el.table(
            rx.el.caption(label, class_name="sr-only"),
            rx.el.thead(rx.el.tr(*(_heading(column, sorting) for column in columns), class_name=_HEAD)),
            rx.el.tbody(rows),
            class_name=f"w-full table-fixed border-collapse text-table {width}",
        ),
        # What scrolls has to be reachable by keyboard, and then needs a name.
        **({"tab_index": 0, "role": "group", "aria_label": label} if width else {}),
        # Positioned, so that what is only read out does not widen the page.
        class_name="relative overflow-x-auto outline-offset-[-2px]",
    )


def row(*cells: rx.Component, key: Any = "", is_chosen: Any = False) -> rx.Component:
    """``key`` is the id of what a row of a list shows: what is open in the row stays with that, whatever
    comes before it meanwhile."""
    return rx.el.tr(
        *cells,
        **({"key": key} if isinstance(key, rx.Var) else {}),
        class_name=rx.cond(
            is_chosen,
            "border-b border-border bg-accent-soft last:border-b-0",
            "border-b border-border last:border-b-0",
        ),
    )


def cell(*content: Any, class_name: str = "") -> rx.Component:
    return rx.el.td(*content, class_name=f"px-4 py-3 align-top {class_name}")


def choice(label: Any, *, is_chosen: Any, on_choose: Any, is_mixed: Any = None) -> rx.Component:
    """The box that chooses a row, or in a heading all of them; ``is_mixed`` when only some are chosen."""
    mixed = {} if is_mixed is None else {"data_mixed": rx.cond(is_mixed, "true", "false")}
    return rx.el.input(
        type="checkbox",
        aria_label=label,
        checked=is_chosen,
        on_change=on_choose,
        class_name="block size-4 accent-accent",
        **mixed,
    )


def filters(*controls: rx.Component) -> rx.Component:
    """What narrows the rows down, above them and inside the same card."""
    return rx.el.div(
        *controls,
        class_name="flex flex-col gap-2 border-b border-border p-3 phone:flex-row phone:items-center",
    )


def chosen_rows(label: Any, *actions: rx.Component) -> rx.Component:
    """How many rows are chosen, and what can be done with them."""
    return rx.el.div(
        rx.el.p(label, aria_live="polite", class_name="text-table font-medium tabular-nums"),
        rx.el.div(*actions, class_name="flex gap-2"),
        class_name="flex flex-wrap items-center justify-between gap-3 border-b border-border bg-accent-soft "
        "px-4 py-2",
    )


def pages(
    label: Any, *, is_first: Any, is_last: Any, back: Any, on: Any, name: str = "Pages"
) -> rx.Component:
    """What part of a list is shown, and the way to the one before and after it."""
    return rx.el.nav(
        rx.el.p(label, aria_live="polite", class_name="text-small text-muted tabular-nums"),
        rx.el.div(
            button(icon("chevron-left"), "Back", on_click=back, disabled=is_first, type="button"),
            button("Next", icon("chevron-right"), on_click=on, disabled=is_last, type="button"),
            class_name="flex gap-2",
        ),
        aria_label=name,
        class_name="flex items-center justify-between gap-4 border-t border-border px-4 py-2.5",
    )


def _heading(column: Column, sorting: Sorting | None) -> rx.Component:
    classes = f"px-4 py-2.5 font-medium {column.classes}"
    if sorting is None or not column.sort:
        return rx.el.th(column.heading, scope="col", class_name=classes)
    is_sorted = sorting.key == column.sort
    return rx.el.th(
        rx.el.button(
            column.heading,
            rx.cond(
                is_sorted,
                rx.cond(sorting.is_descending, icon("arrow-down"), icon("arrow-up")),
                icon("chevrons-up-down", class_name="opacity-60"),
            ),
            type="button",
            on_click=sorting.on_sort(column.sort),
            class_name="inline-flex items-center gap-1 rounded-chip font-medium hover:text-text",
        ),
        scope="col",
        aria_sort=rx.cond(is_sorted, rx.cond(sorting.is_descending, "descending", "ascending"), "none"),
        class_name=classes,
    )
