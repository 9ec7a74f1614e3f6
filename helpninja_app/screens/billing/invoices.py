"""How the invoices look: one table, which fails alone when Stripe is away."""

from __future__ import annotations

from typing import Any

import reflex as rx

from helpninja_app.screens.billing.invoices_state import InvoiceRow, InvoicesState
from helpninja_app.screens.billing.state import BillingState
from helpninja_app.ui.badges import badge
from helpninja_app.ui.panels import card, empty_state, failed_state, section, skeleton_rows
from helpninja_app.ui.tables import Column, cell, pages, row, table

_WIDE_ONLY = "hidden tablet:table-cell"
_COLUMNS = (
    Column("Invoice"),
    Column("Date", f"w-44 {_WIDE_ONLY}"),
    Column("Amount", "w-28 text-right"),
    Column("Status", "w-28"),
    Column("Download", f"w-28 text-right {_WIDE_ONLY}"),
)
_state: Any = InvoicesState
_LINK = "rounded-chip font-medium text-accent-text underline-offset-4 hover:underline"


def invoices_section() -> rx.Component:
    return rx.cond(
        BillingState.has_payments,
        section(
            "Invoices",
            card(
                rx.cond(
                    InvoicesState.failure != "",
                    failed_state(InvoicesState.failure, retry=InvoicesState.open_invoices),
                    rx.cond(
                        InvoicesState.is_loaded,
                        rx.cond(
                            InvoicesState.rows.length() > 0,
                            _table(),
                            empty_state(
                                "receipt",
                                "There is no invoice yet",
                                "The first one comes with a plan or credits.",
                            ),
                        ),
                        skeleton_rows(2),
                    ),
                )
            ),
        ),
    )


def _table() -> rx.Component:
    return rx.fragment(
        table("Invoices", _COLUMNS, rx.foreach(InvoicesState.rows, _invoice)),
        rx.cond(
            (InvoicesState.page > 0) | ~InvoicesState.is_last,
            pages(
                InvoicesState.shown,
                is_first=InvoicesState.page == 0,
                is_last=InvoicesState.is_last,
                back=_state.turn_page(-1),
                on=_state.turn_page(1),
                name="Pages of the invoices",
            ),
        ),
    )


def _invoice(invoice: InvoiceRow) -> rx.Component:
    return row(
        cell(
            rx.cond(
                invoice.url != "",
                rx.el.a(
                    invoice.number,
                    href=invoice.url,
                    target="_blank",
                    rel="noopener noreferrer",
                    class_name=_LINK,
                ),
                rx.el.span(invoice.number, class_name="font-medium"),
            ),
            rx.el.p(invoice.what, class_name="truncate text-small text-muted", title=invoice.what),
            rx.el.p(invoice.day, class_name="text-small text-muted tablet:hidden"),
            rx.el.p(_file_link(invoice), class_name="text-small tablet:hidden"),
        ),
        cell(invoice.day, class_name=f"text-muted tabular-nums {_WIDE_ONLY}"),
        cell(invoice.amount, class_name="text-right tabular-nums"),
        cell(badge(invoice.status, invoice.tone)),
        cell(
            _file_link(invoice),
            class_name=f"text-right {_WIDE_ONLY}",
        ),
    )


def _file_link(invoice: InvoiceRow) -> rx.Component:
    return rx.cond(
        invoice.pdf != "",
        rx.el.a(
            "PDF",
            rx.el.span(" of invoice ", invoice.number, class_name="sr-only"),
            href=invoice.pdf,
            target="_blank",
            rel="noopener noreferrer",
            class_name=_LINK,
        ),
    )
