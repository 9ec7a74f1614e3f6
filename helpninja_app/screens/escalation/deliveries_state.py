"""The outbox: what was sent where, what waits and what failed, fifty to a page, and sending it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.conversations.deliveries import DeliveryView, list_deliveries, resend_delivery
from helpninja_app.conversations.delivery_models import DeliveryStatus
from helpninja_app.screens.escalation.following import DispatchFollowedState
from helpninja_app.screens.escalation.words import DELIVERY_STATES, destination_in_words, progress
from helpninja_app.screens.inbox.words import reason_in_words
from helpninja_app.screens.paged_state import PagedState
from helpninja_app.screens.session import SignedInState, id_from
from helpninja_app.screens.shell.state import told
from helpninja_app.ui.times import exactly, in_words

# The heading that the focus goes to when what had it is gone.
OUTBOX = "outbox"
TAB = "outbox"


@dataclass(frozen=True)
class DeliveryRow:
    """``note`` says how often it was tried and what comes next, ``problem`` why it was not taken."""

    id: str
    name: str
    kind: str
    conversation_id: str
    reason: str
    tone: str
    status: str
    note: str
    problem: str
    may_resend: bool
    when: str
    moment: str
    machine_time: str


class DeliveriesState(DispatchFollowedState, PagedState, SignedInState):
    """``status`` is that of the deliveries shown, empty for all; ``failed`` says how many failed, if any."""

    rows: rx.Field[list[DeliveryRow]] = rx.field(default_factory=list)
    status: str = ""
    failed: str = ""

    _may_resend: bool = False
    # What the address asked for when the page was opened last.
    _asked: str = ""

    @rx.event(background=True)
    async def open_deliveries(self) -> Any:
        """Run when the page loads, to try again, and when a destination went.

        The address may ask for a status, until another one is chosen (``data-forgets``).
        """
        asked = self.router.url.query_parameters.get("status", "")
        async with self:
            is_new, self._asked = asked != self._asked, asked
        if is_new and asked in set(DeliveryStatus):
            return await self._answer(status=asked, page=0)
        return await self._answer()

    @rx.event(background=True)
    async def choose_status(self, status: str) -> Any:
        """Only what was sent, waits or failed."""
        known = isinstance(status, str) and status in set(DeliveryStatus)
        return await self._answer(status=status if known else "", page=0, _asked="")

    @rx.event(background=True)
    async def resend(self, delivery_id: str) -> Any:
        """Try what failed again, from the first attempt on."""

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.ANSWER_CONVERSATIONS)
            await resend_delivery(session, caller, id_from(delivery_id))

        def then(_: None) -> Any:
            # The button that was pressed is gone.
            return [rx.set_focus(OUTBOX), told("It is sent again.", "success")]

        return await self._answer(work, then, once=())

    async def _list(
        self, session: AsyncSession, caller: MemberCaller, *, limit: int, offset: int
    ) -> tuple[Sequence[DeliveryView], int]:
        status = DeliveryStatus(self.status) if self.status else None
        return await list_deliveries(session, caller, status=status, limit=limit, offset=offset)

    async def _read(self, session: AsyncSession, caller: MemberCaller) -> Any:
        listed = await super()._read(session, caller)
        _, failed = await list_deliveries(session, caller, status=DeliveryStatus.FAILED, limit=0)
        return listed, failed

    def _show(self, found: Any, caller: MemberCaller) -> None:
        listed, failed = found
        self._may_resend = Permission.ANSWER_CONVERSATIONS in caller.permissions
        super()._show(listed, caller)
        self.failed = f"{failed:,} failed" if failed else ""

    def _row(self, item: DeliveryView, moment: datetime) -> DeliveryRow:
        tone, status = DELIVERY_STATES[item.status]
        name, kind = destination_in_words(item)
        is_waiting = item.status is DeliveryStatus.WAITING
        note = progress(item, moment) if is_waiting else ""
        is_gone = item.integration_id is None and bool(item.name)
        at = item.attempted_at or item.created_at
        return DeliveryRow(
            id=str(item.id),
            name=name,
            kind=kind,
            conversation_id=str(item.conversation_id),
            reason=reason_in_words(item.reason) or item.reason,
            tone=tone,
            status=status,
            note=f"{note[:1].upper()}{note[1:]}.{' ' if item.last_error else ''}" if note else "",
            problem=item.last_error,
            may_resend=self._may_resend and item.status is DeliveryStatus.FAILED and not is_gone,
            when=in_words(at, moment),
            moment=exactly(at),
            machine_time=at.isoformat(),
        )
