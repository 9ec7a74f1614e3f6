"""How Stripe's events look to those who run the installation; for everybody else there is no such page."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.errors import NotFound
from helpninja_app.screens.not_found.page import nowhere
from helpninja_app.screens.operations.state import PATH, STATE_NAMES, EventRow, OperationsState
from helpninja_app.screens.shell.frame import could_not_be_read, dashboard
from helpninja_app.screens.shell.state import ShellState
from helpninja_app.ui.actions import busy_button, button, button_link
from helpninja_app.ui.badges import badge
from helpninja_app.ui.forms import select_box
from helpninja_app.ui.notices import notice
from helpninja_app.ui.panels import card, empty_state, page_header, section, skeleton_rows
from helpninja_app.ui.tables import Column, cell, pages, row, table

_state: Any = OperationsState

_WIDE_ONLY = "hidden tablet:table-cell"
_COLUMNS = (
    Column("Event"),
    Column("State", "w-28"),
    Column("Received", f"w-28 text-right {_WIDE_ONLY}"),
    Column("Again", "w-28 text-right"),
)
_NOWHERE = NotFound().detail


def operations_page() -> rx.Component:
    return dashboard(
        rx.cond(
            OperationsState.failure == _NOWHERE,
            nowhere(button_link("Go to the home page", href="/app")),
            rx.cond(
                ShellState.is_operator | OperationsState.is_loaded | (OperationsState.failure != ""),
                _events(),
                rx.el.div(skeleton_rows(5)),
            ),
        ),
        path=PATH,
    )


def _events() -> rx.Component:
    return rx.fragment(
        page_header(
            "Stripe events",
            "What Stripe sent to this installation, and what became of it.",
            rx.cond(
                OperationsState.parked > 0,
                busy_button(
                    rx.el.span("Try all ", OperationsState.parked, " parked again"),
                    is_busy=OperationsState.is_busy,
                    while_busy="One moment…",
                    emphasis="secondary",
                    type="button",
                    on_click=_state.work_on_parked,
                ),
            ),
        ),
        rx.cond(OperationsState.problem != "", notice(OperationsState.problem, tone="danger")),
        section(
            "Events",
            card(
                rx.cond(
                    OperationsState.failure != "",
                    could_not_be_read(OperationsState, again=(_state.turn_page(0),)),
                    rx.cond(
                        OperationsState.is_loaded,
                        rx.cond(OperationsState.rows.length() > 0, _table(), _nothing()),
                        skeleton_rows(5),
                    ),
                )
            ),
            actions=rx.el.div(
                select_box(
                    "State",
                    rx.el.option("Every state", value=""),
                    *(rx.el.option(name, value=state) for state, (_, name) in STATE_NAMES.items()),
                    value=OperationsState.state_shown,
                    on_change=_state.choose_state,
                ),
                class_name="flex w-36",
            ),
        ),
    )


def _table() -> rx.Component:
    return rx.fragment(
        table("Stripe events", _COLUMNS, rx.foreach(OperationsState.rows, _event)),
        pages(
            OperationsState.shown,
            is_first=OperationsState.page == 0,
            is_last=OperationsState.is_last,
            back=_state.turn_page(-1),
            on=_state.turn_page(1),
        ),
    )


def _event(event: EventRow) -> rx.Component:
    return row(
        cell(
            rx.el.p(event.type, class_name="font-medium break-words"),
            rx.el.p(event.detail, class_name="break-words empty:hidden"),
            rx.el.p(
                rx.el.span(event.about, class_name="font-mono break-all"),
                event.tries,
                class_name="text-small text-muted",
            ),
        ),
        cell(badge(event.state, event.tone)),
        cell(
            rx.el.time(event.when, date_time=event.machine_time, title=event.moment),
            class_name=f"text-right text-muted tabular-nums {_WIDE_ONLY}",
        ),
        cell(
            rx.cond(
                event.may_retry,
                button(
                    "Try again",
                    rx.el.span(" ", event.id, class_name="sr-only"),
                    type="button",
                    size="small",
                    disabled=OperationsState.is_busy,
                    on_click=_state.work_again(event.id),
                ),
            ),
            class_name="text-right",
        ),
        key=event.id,
    )


def _nothing() -> rx.Component:
    return rx.cond(
        OperationsState.state_shown != "",
        empty_state("search-x", "Nothing matches", "Choose another state."),
        rx.cond(
            OperationsState.has_stripe,
            empty_state(
                "webhook", "Stripe sent nothing yet", "Events appear here as soon as Stripe sends one."
            ),
            empty_state(
                "webhook", "Payments are not set up", "Set STRIPE_SECRET_KEY to take payments with Stripe."
            ),
        ),
    )
