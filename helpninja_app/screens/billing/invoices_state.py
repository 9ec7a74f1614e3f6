"""The workspace's invoices, as Stripe has them: read apart, so that the page works while Stripe is away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import reflex as rx

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.billing.stripe_objects import InvoiceState
from helpninja_app.resources import current_resources
from helpninja_app.screens.billing.words import money
from helpninja_app.screens.page_state import PageState
from helpninja_app.screens.session import SignedInState
from helpninja_app.ui.badges import BadgeTone
from helpninja_app.ui.times import day_of

_STATES: dict[str, tuple[BadgeTone, str]] = {
    "paid": ("success", "Paid"),
    "open": ("warning", "Open"),
    "draft": ("neutral", "Draft"),
    "void": ("neutral", "Void"),
    "uncollectible": ("danger", "Not paid"),
}


@dataclass(frozen=True)
class InvoiceRow:
    """``url`` shows it, ``pdf`` downloads it; either may be empty."""

    number: str
    what: str
    day: str
    amount: str
    tone: str
    status: str
    url: str
    pdf: str


class InvoicesState(PageState, SignedInState):
    """The newest invoices."""

    rows: rx.Field[list[InvoiceRow]] = rx.field(default_factory=list)

    @rx.event(background=True)
    async def open_invoices(self) -> Any:
        """Run when the page loads, and to try again."""
        return await self._answer()

    async def _find(self, caller: MemberCaller) -> list[InvoiceState]:
        require(caller, Permission.MANAGE_BILLING)
        resources = current_resources()
        return await resources.cashier(caller).invoices() if resources.stripe else []

    def _show(self, found: list[InvoiceState], caller: MemberCaller) -> None:
        zone = ZoneInfo(caller.workspace.time_zone)
        self.rows = [_row(invoice, zone) for invoice in found]


def _row(invoice: InvoiceState, zone: ZoneInfo) -> InvoiceRow:
    tone, status = _STATES.get(invoice.status, ("neutral", invoice.status.capitalize()))
    return InvoiceRow(
        number=invoice.number or "Not numbered yet",
        what=invoice.description,
        day=day_of(invoice.created_at, zone),
        amount=money(invoice.amount, invoice.currency),
        tone=tone,
        status=status,
        url=invoice.url,
        pdf=invoice.pdf,
    )
