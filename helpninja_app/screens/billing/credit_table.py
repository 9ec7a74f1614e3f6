"""How the history of the credits looks: one table, filtered and in pages, and a file of all of it."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.billing.credits_state import EVERYTHING, KIND_NAMES, CreditRow, CreditsState
from helpninja_app.screens.shell.state import ShellState
from helpninja_app.ui.actions import button_link
from helpninja_app.ui.forms import select_box
from helpninja_app.ui.icons import icon
from helpninja_app.ui.panels import card, empty_state, failed_state, section, skeleton_rows
from helpninja_app.ui.tables import Column, cell, pages, row, table

_state: Any = CreditsState

CSV = "/api/billing/credit-history.csv"
_KINDS = (
    ("", "Without reservations"),
    *((kind.value, name) for kind, name in KIND_NAMES.items()),
    (EVERYTHING, "Everything"),
)
_WIDE_ONLY = "hidden tablet:table-cell"
_COLUMNS = (
    Column("What"),
    Column("When", f"w-28 text-right {_WIDE_ONLY}"),
    Column("Credits", "w-24 text-right"),
    Column("Left", "w-24 text-right"),
)


def history_section() -> rx.Component:
    return section(
        "Credit history",
        card(
            rx.cond(
                CreditsState.failure != "",
                failed_state(CreditsState.failure, retry=CreditsState.open_credits),
                rx.cond(
                    CreditsState.is_loaded,
                    rx.cond(CreditsState.rows.length() > 0, _table(), _nothing()),
                    skeleton_rows(5),
                ),
            )
        ),
        actions=rx.el.div(
            select_box(
                "Type",
                *(rx.el.option(label, value=value) for value, label in _KINDS),
                value=CreditsState.kind,
                on_change=_state.choose_kind,
            ),
            button_link(
                icon("download"),
                "CSV",
                rx.el.span(" file of all credits", class_name="sr-only"),
                href=f"{CSV}?tenantId={ShellState.workspace_id}",
                is_page=False,
                download=True,
            ),
            class_name="flex items-center gap-2",
        ),
        id="history",
    )


def _table() -> rx.Component:
    return rx.fragment(
        table("Credit history", _COLUMNS, rx.foreach(CreditsState.rows, _entry)),
        pages(
            CreditsState.shown,
            is_first=CreditsState.page == 0,
            is_last=CreditsState.is_last,
            back=_state.turn_page(-1),
            on=_state.turn_page(1),
            name="Pages of the credit history",
        ),
    )


def _entry(entry: CreditRow) -> rx.Component:
    return row(
        cell(
            rx.el.p(entry.what, class_name="font-medium"),
            rx.el.p(entry.description, class_name="break-words text-small text-muted empty:hidden"),
        ),
        cell(
            rx.el.time(entry.when, date_time=entry.machine_time, title=entry.moment),
            class_name=f"text-right text-muted tabular-nums {_WIDE_ONLY}",
        ),
        cell(entry.amount, class_name="text-right tabular-nums"),
        cell(entry.balance, class_name="text-right text-muted tabular-nums"),
    )


def _nothing() -> rx.Component:
    return rx.cond(
        CreditsState.kind != "",
        empty_state("search-x", "Nothing matches", "Choose another type."),
        empty_state("coins", "No credits were used yet", "Answers in the dashboard's chat appear here."),
    )
