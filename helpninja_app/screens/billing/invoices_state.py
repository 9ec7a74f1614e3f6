"""The workspace's invoices, as Stripe has them: read apart, so that the page works while Stripe is away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import reflex as rx

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.billing.stripe_objects import InvoiceState
from helpninja_app.resources import current_resources
from helpninja_app.screens.billing.words import money
from helpninja_app.screens.paged_state import PAGE_SIZE, PagedState
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


class InvoicesState(PagedState, SignedInState):
    """The invoices, newest first."""

    rows: rx.Field[list[InvoiceRow]] = rx.field(default_factory=list)

    _zone: str = "UTC"

    @rx.event(background=True)
    async def open_invoices(self) -> Any:
        """Run when the page loads, and to try again."""
        return await self._answer()

    async def _find(self, caller: MemberCaller) -> tuple[int, list[InvoiceState], int]:
        require(caller, Permission.MANAGE_BILLING)
        resources = current_resources()
        found = await resources.cashier(caller).invoices() if resources.stripe else []
        page = min(self.page, max(len(found) - 1, 0) // PAGE_SIZE)
        return page, found[page * PAGE_SIZE :][:PAGE_SIZE], len(found)

    def _show(self, found: tuple[int, Sequence[Any], int], caller: MemberCaller) -> None:
        self._zone = caller.workspace.time_zone
        super()._show(found, caller)

    def _row(self, item: InvoiceState, _moment: datetime) -> InvoiceRow:
        tone, status = _STATES.get(item.status, ("neutral", item.status.capitalize()))
        return InvoiceRow(
            number=item.number or "Not numbered yet",
            what=item.description,
            day=day_of(item.created_at, ZoneInfo(self._zone)),
            amount=money(item.amount, item.currency),
            tone=tone,
            status=status,
            url=item.url,
            pdf=item.pdf,
        )
