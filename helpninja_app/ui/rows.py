"""What rows of lists have in common: their order, whether each is on, a menu that ends in deleting one."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.ui.actions import icon_button
from helpninja_app.ui.badges import badge
from helpninja_app.ui.dialogs import confirm, opens
from helpninja_app.ui.forms import switch
from helpninja_app.ui.menus import menu, menu_item, menu_line, opens_menu
from helpninja_app.ui.tables import Column


def order_column() -> Column:
    """For ``row_order``."""
    return Column(rx.el.span("Order", class_name="sr-only tablet:not-sr-only"), "w-15 tablet:w-28")


def actions_column() -> Column:
    """For ``row_menu``."""
    return Column(rx.el.span("Actions", class_name="sr-only"), "w-14")


def row_order(
    place: Any,
    *,
    kind: str,
    id: Any,
    name: Any,
    is_first: Any,
    is_last: Any,
    may_move: Any,
    on_up: Any,
    on_down: Any,
) -> rx.Component:
    """The place of a row and the buttons that move it, ``<kind>-up-<id>`` and ``<kind>-down-<id>``."""
    return rx.el.div(
        rx.el.span(place, class_name="hidden min-w-5 pt-1 text-muted tabular-nums tablet:block"),
        rx.cond(
            may_move,
            rx.el.div(
                icon_button(
                    f"Move up: {name}",
                    "arrow-up",
                    size="small",
                    id=f"{kind}-up-{id}",
                    disabled=is_first,
                    on_click=on_up,
                ),
                icon_button(
                    f"Move down: {name}",
                    "arrow-down",
                    size="small",
                    id=f"{kind}-down-{id}",
                    disabled=is_last,
                    on_click=on_down,
                ),
                class_name="flex flex-col tablet:flex-row",
            ),
        ),
        class_name="flex items-start gap-1",
    )


def row_switch(purpose: str, name: Any, *, is_on: Any, may_switch: Any, on_switch: Any) -> rx.Component:
    """On or off, and a word alone for whoever may not change it; ``purpose`` and ``name`` are read out."""
    return rx.cond(
        may_switch,
        rx.el.div(
            switch(
                rx.el.span(f"{purpose} ", name, class_name="sr-only"),
                name="on",
                checked=is_on,
                on_change=on_switch,
            ),
            # Where its label stands elsewhere.
            class_name="-ms-4 w-13",
        ),
        badge(rx.cond(is_on, "On", "Off"), rx.cond(is_on, "success", "neutral")),
    )


def row_menu(
    *entries: rx.Component,
    kind: str,
    id: Any,
    name: Any,
    question: Any,
    consequence: Any,
    on_delete: Any,
    may_delete: Any = True,
) -> rx.Component:
    """What can be done with a row, at last to delete it, which asks the ``question`` first."""
    more, removal = f"{kind}-more-{id}", f"{kind}-gone-{id}"
    return rx.fragment(
        icon_button(f"More for {name}", "ellipsis", size="small", **opens_menu(more)),
        menu(
            *entries,
            rx.cond(
                may_delete,
                rx.fragment(menu_line(), menu_item("Delete", "trash-2", tone="danger", **opens(removal))),
            ),
            id=more,
            label=f"More for {name}",
            placement="below end",
        ),
        rx.cond(
            may_delete,
            confirm(
                id=removal,
                title=question,
                consequence=consequence,
                act="Delete",
                on_confirm=on_delete,
            ),
        ),
    )
