"""The history of the workspace's credits, fifty entries to a page, filtered by type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.billing.history import WITHOUT_PAIRS, CreditEntry, credit_history
from helpninja_app.billing.models import EntryKind
from helpninja_app.screens.paged_state import PagedState
from helpninja_app.screens.session import SignedInState
from helpninja_app.ui.times import exactly, in_words

EVERYTHING = "all"
KIND_NAMES: dict[EntryKind, str] = {
    EntryKind.USAGE: "Used",
    EntryKind.TOPUP: "Bought",
    EntryKind.GRANT: "Allowance changed",
    EntryKind.RESET: "New month",
    EntryKind.REFUND: "Refunded",
    EntryKind.RESERVATION: "Reserved",
    EntryKind.RELEASE: "Given back",
}


@dataclass(frozen=True)
class CreditRow:
    what: str
    description: str
    amount: str
    balance: str
    when: str
    moment: str
    machine_time: str


class CreditsState(PagedState, SignedInState):
    """``kind`` is a type of entry, ``"all"`` for every one, and empty for those that changed something."""

    rows: rx.Field[list[CreditRow]] = rx.field(default_factory=list)
    kind: str = ""

    _zone: str = "UTC"

    @rx.event(background=True)
    async def open_credits(self) -> Any:
        """Run when the page loads, and to try again: without a filter."""
        return await self._answer(kind="", page=0)

    @rx.event(background=True)
    async def choose_kind(self, kind: str) -> Any:
        """Only entries of one type."""
        known = isinstance(kind, str) and (kind == EVERYTHING or kind in set(EntryKind))
        return await self._answer(kind=kind if known else "", page=0)

    async def _list(
        self, session: AsyncSession, caller: MemberCaller, *, limit: int, offset: int
    ) -> tuple[Sequence[CreditEntry], int]:
        require(caller, Permission.MANAGE_BILLING)
        return await credit_history(
            session, caller.workspace.id, kinds=_kinds(self.kind), limit=limit, offset=offset
        )

    def _show(self, found: tuple[int, Sequence[Any], int], caller: MemberCaller) -> None:
        self._zone = caller.workspace.time_zone
        super()._show(found, caller)

    def _row(self, item: CreditEntry, moment: datetime) -> CreditRow:
        there = item.created_at.astimezone(ZoneInfo(self._zone))
        return CreditRow(
            what=KIND_NAMES[item.kind],
            description=item.description,
            amount=signed(item.amount),
            balance=f"{item.balance_after:,}",
            when=in_words(there, moment),
            moment=exactly(there),
            machine_time=item.created_at.isoformat(),
        )


def signed(amount: int) -> str:
    """``+1,000``, ``−12`` or ``0``."""
    return f"{'+' if amount > 0 else '−' if amount < 0 else ''}{abs(amount):,}"


def _kinds(kind: str) -> tuple[EntryKind, ...]:
    if kind == EVERYTHING:
        return ()
    return (EntryKind(kind),) if kind else WITHOUT_PAIRS
