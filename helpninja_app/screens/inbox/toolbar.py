"""The line above the list of conversations: in which order they stand."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.conversations.inbox import Order
from helpninja_app.screens.inbox.list_state import InboxListState
from helpninja_app.ui.actions import button
from helpninja_app.ui.icons import icon
from helpninja_app.ui.menus import menu, menu_choice, opens_menu

_state: Any = InboxListState
_ORDER = "inbox-order"
_ORDERS: dict[Order, str] = {Order.NEWEST: "Newest", Order.WAITING: "Longest waiting"}


def toolbar() -> rx.Component:
    return rx.el.div(
        _order(),
        role="group",
        aria_label="Order of the list",
        class_name="flex h-9 shrink-0 items-center justify-end border-b border-border px-1.5",
    )


def _order() -> rx.Component:
    chosen = rx.match(
        InboxListState.order,
        *((order.value, label) for order, label in _ORDERS.items()),
        _ORDERS[Order.NEWEST],
    )
    return rx.fragment(
        button(
            icon("arrow-down-wide-narrow"),
            rx.el.span("Sorted by ", class_name="sr-only"),
            chosen,
            type="button",
            emphasis="quiet",
            size="small",
            **opens_menu(_ORDER),
        ),
        menu(
            *(
                menu_choice(
                    label,
                    is_chosen=InboxListState.order == order.value,
                    on_choose=_state.choose_order(order.value),
                )
                for order, label in _ORDERS.items()
            ),
            id=_ORDER,
            label="Sorted by",
            placement="below end",
        ),
    )
