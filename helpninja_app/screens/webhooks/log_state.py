"""The log of one webhook endpoint: what became of each event, and sending one again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.audit import Actor
from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.conversations.notices import Change, inbox_topic
from helpninja_app.integrations.webhooks.log import (
    MAX_SHOWN,
    AttemptView,
    DeliveryStatus,
    DeliveryView,
    list_deliveries,
    resend,
)
from helpninja_app.kernel.columns import now
from helpninja_app.screens.chat.following import FollowedState
from helpninja_app.screens.paged_state import PAGE_SIZE
from helpninja_app.screens.session import SignedInState, id_from
from helpninja_app.screens.webhooks.words import (
    DELIVERY_STATES,
    day_and_clock,
    error_at,
    event_in_words,
    progress,
)
from helpninja_app.ui.times import exactly, in_words

# The list of events, where the focus goes when what had it is gone.
EVENTS = "webhook-events"
# Who looks for older ones asks the API, page by page.
MOST = 500
# However much happens it is read at most this often, in seconds.
_REST = 2.0
# An event whose next attempt is as near as that is looked at again and again.
_SOON = timedelta(seconds=30)


@dataclass(frozen=True)
class AttemptRow:
    """When it was, how long it took, and what became of it."""

    when: str
    moment: str
    machine_time: str
    took: str
    became: str


@dataclass(frozen=True)
class EventRow:
    """``log`` has each attempt; ``note`` says how often it was tried and what comes next."""

    id: str
    event: str
    type: str
    tone: str
    status: str
    note: str
    problem: str
    log: list[AttemptRow]
    may_resend: bool
    when: str
    moment: str
    machine_time: str


class WebhookLogState(FollowedState, SignedInState):
    """``endpoint_id`` and ``place`` are whose log it is; ``status`` is what is shown, empty for all.

    ``said`` is what became of the last press.
    """

    is_open: bool = False
    endpoint_id: str = ""
    place: str = ""
    status: str = ""
    rows: rx.Field[list[EventRow]] = rx.field(default_factory=list)
    has_more: bool = False
    said: str = ""

    _most: int = PAGE_SIZE
    _waits: bool = False

    @rx.event(background=True)
    async def open_log(self, endpoint_id: str, place: str) -> Any:
        """Open the log of an endpoint; ``place`` is its address as the list shows it."""
        return await self._answer(
            endpoint_id=str(endpoint_id)[:40],
            place=str(place)[:2048],
            is_open=True,
            is_loaded=False,
            failure="",
            status="",
            said="",
            rows=[],
            _most=PAGE_SIZE,
        )

    @rx.event(background=True)
    async def read_again(self) -> Any:
        return await self._answer()

    @rx.event(background=True)
    async def choose_status(self, status: str) -> Any:
        """Only what was sent, waits or failed."""
        is_known = isinstance(status, str) and status in DELIVERY_STATES
        return await self._answer(status=status if is_known else "", said="", _most=PAGE_SIZE)

    @rx.event(background=True)
    async def show_more(self) -> Any:
        return await self._answer(_most=min(len(self.rows) + PAGE_SIZE, MOST))

    @rx.event(background=True)
    async def send_again(self, event_id: str) -> Any:
        """Send an event again, with the id it had."""
        wanted = self.endpoint_id

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.MANAGE_WORKSPACE)
            await resend(session, Actor.of(caller), id_from(wanted), id_from(event_id))

        def then(_: None) -> Any:
            self.said = "It is sent again."
            # The button that was pressed is gone.
            return rx.set_focus(EVENTS)

        return await self._answer(work, then, once=(), said="")

    @rx.event
    def close(self) -> None:
        """The sheet was closed, or its page is loaded anew: nobody follows it any more."""
        self._follower += 1
        self._latest += 1
        self.drawn += 1
        self.is_open = self.is_loaded = self.is_busy = False
        self.endpoint_id, self.rows, self.said, self.problem, self.failure = "", [], "", "", ""

    async def _read(self, session: AsyncSession, caller: MemberCaller) -> list[DeliveryView]:
        require(caller, Permission.MANAGE_WORKSPACE)
        found: list[DeliveryView] = []
        # One more than is shown says whether there are more.
        while self.endpoint_id and len(found) <= self._most:
            page = await list_deliveries(
                session,
                caller.workspace.id,
                id_from(self.endpoint_id),
                status=cast("DeliveryStatus", self.status) if self.status else None,
                before=found[-1].event_id if found else None,
                limit=MAX_SHOWN,
            )
            found += page
            if len(page) < MAX_SHOWN:
                break
        return found

    def _show(self, found: list[DeliveryView], caller: MemberCaller) -> None:
        moment = now()
        rows = [_row(view, self.place, moment) for view in found[: self._most]]
        if rows != self.rows:
            self.rows = rows
        self.has_more = len(found) > self._most and self._most < MOST
        self._waits = any(view.next_at and view.next_at < moment + _SOON for view in found[: self._most])

    def _topic(self, caller: MemberCaller) -> str:
        require(caller, Permission.MANAGE_WORKSPACE)
        return inbox_topic(caller.workspace.id)

    def _concerns(self, notice: str) -> bool:
        # Nearly all that happens is in a conversation, or becomes one's.
        return not notice.endswith(f" {Change.VISITOR_TYPES.value}")

    def _rest(self) -> float:
        return _REST

    def _is_waiting(self) -> bool:
        return self._waits


def _row(view: DeliveryView, place: str, moment: datetime) -> EventRow:
    tone, status = DELIVERY_STATES[view.status]
    return EventRow(
        id=str(view.event_id),
        event=event_in_words(view.type),
        type=view.type,
        tone=tone,
        status=status,
        note=progress(view, moment),
        problem=error_at(place, view.last_error) if view.status != "sent" else "",
        log=[_attempt(each, place) for each in view.log],
        may_resend=view.status != "waiting",
        when=in_words(view.created_at, moment),
        moment=exactly(view.created_at),
        machine_time=view.created_at.isoformat(),
    )


def _attempt(view: AttemptView, place: str) -> AttemptRow:
    return AttemptRow(
        when=day_and_clock(view.at),
        moment=exactly(view.at),
        machine_time=view.at.isoformat(),
        took=f"{view.milliseconds:,} ms",
        became=error_at(place, view.error) if view.error else "It was taken.",
    )
