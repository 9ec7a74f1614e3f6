"""The log of one webhook endpoint: what became of each event, what was sent, sending again and a test."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.audit import Actor
from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.conversations.notices import Change, inbox_topic
from helpninja_app.errors import NotFound
from helpninja_app.integrations.webhooks.log import (
    MAX_SHOWN,
    AttemptView,
    DeliveryStatus,
    DeliveryView,
    SentView,
    list_deliveries,
    read_sent,
    resend,
)
from helpninja_app.integrations.webhooks.trials import TRIALS, send_test
from helpninja_app.kernel.columns import now
from helpninja_app.resources import current_resources
from helpninja_app.screens.chat.following import FollowedState
from helpninja_app.screens.paged_state import PAGE_SIZE
from helpninja_app.screens.session import SignedInState, id_from
from helpninja_app.screens.webhooks.words import (
    DELIVERY_STATES,
    day_and_clock,
    error_at,
    event_in_words,
    progress,
    taken,
)
from helpninja_app.ui.times import exactly, in_words

# The list of events, where the focus goes when what had it is gone.
EVENTS = "webhook-events"
# Who looks for older ones asks the API, page by page.
MOST = 500
SENT = "A test event is on its way. What becomes of it is shown below."
# However much happens it is read at most this often, in seconds.
_REST = 2.0
# An event whose next attempt is as near as that is looked at again and again.
_SOON = timedelta(seconds=30)


@dataclass(frozen=True)
class AttemptRow:
    """When it was, how long it took, what became of it, and how what was answered begins."""

    when: str
    moment: str
    machine_time: str
    took: str
    became: str
    answer: str


@dataclass(frozen=True)
class SentEvent:
    """What is sent of an event, and each attempt at it; ``cut`` says how much of it is not shown."""

    id: str = ""
    body: str = ""
    cut: str = ""
    log: list[AttemptRow] = field(default_factory=list)


@dataclass(frozen=True)
class EventRow:
    """``note`` says how often it was tried and what comes next."""

    id: str
    event: str
    type: str
    tone: str
    status: str
    note: str
    problem: str
    may_resend: bool
    when: str
    moment: str
    machine_time: str


class WebhookLogState(FollowedState, SignedInState):
    """``endpoint_id`` and ``place`` are whose log it is; ``status`` is what is shown, empty for all.

    ``opened`` is the event that is looked into, and ``sent`` what is seen there. ``said`` is what became of
    the last press.
    """

    is_open: bool = False
    endpoint_id: str = ""
    place: str = ""
    status: str = ""
    rows: rx.Field[list[EventRow]] = rx.field(default_factory=list)
    has_more: bool = False
    opened: str = ""
    sent: rx.Field[SentEvent] = rx.field(default_factory=SentEvent)
    said: str = ""

    _most: int = PAGE_SIZE
    _waits: bool = False

    @rx.event(background=True)
    async def open_log(self, endpoint_id: str, place: str) -> Any:
        """Open the log of an endpoint; ``place`` is its address as the list shows it."""
        return await self._answer(**_opened_anew(endpoint_id, place))

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
    async def look_into(self, event_id: str) -> Any:
        """Show what is sent of an event and what is answered; of the one that is shown, no longer."""
        whose, wanted = self.endpoint_id, str(event_id)[:40]
        if wanted == self.opened:
            return await self._answer(opened="", said="")

        async def work(session: AsyncSession, caller: MemberCaller) -> None:
            require(caller, Permission.MANAGE_WORKSPACE)
            await read_sent(session, caller.workspace.id, id_from(whose), id_from(wanted))

        def then(_: None) -> None:
            self.opened = wanted

        return await self._answer(work, then, said="")

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

    @rx.event(background=True)
    async def send_test(self, endpoint_id: str, place: str) -> Any:
        """Send a test event to an endpoint, and show in its log what becomes of it."""
        wanted = str(endpoint_id)[:40]

        async def errand(caller: MemberCaller) -> UUID:
            require(caller, Permission.MANAGE_WORKSPACE)
            resources = current_resources()
            await resources.limiter.hit("webhook-trials", str(caller.workspace.id), TRIALS)
            async with resources.database.unit_of_work(caller.scope) as session:
                return await send_test(session, caller.workspace.id, id_from(wanted))

        def then(event_id: UUID) -> None:
            if self.endpoint_id == wanted:
                self.opened, self.status, self.said = str(event_id), "", SENT

        is_shown = self.is_open and self.endpoint_id == wanted
        at_once = {"said": ""} if is_shown else _opened_anew(wanted, place)
        return await self._answer(errand=errand, then=then, once=(), **at_once)

    @rx.event
    def close(self) -> None:
        """The sheet was closed, or its page is loaded anew: nobody follows it any more."""
        self._follower += 1
        self._latest += 1
        self.drawn += 1
        self.is_open = self.is_loaded = self.is_busy = False
        self.endpoint_id, self.rows, self.said, self.problem, self.failure = "", [], "", "", ""
        self.opened, self.sent = "", SentEvent()

    async def _read(
        self, session: AsyncSession, caller: MemberCaller
    ) -> tuple[list[DeliveryView], SentView | None]:
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
        opened = None
        if self.endpoint_id and self.opened:
            # It may be forgotten by now.
            with suppress(NotFound):
                workspace_id = caller.workspace.id
                opened = await read_sent(
                    session, workspace_id, id_from(self.endpoint_id), id_from(self.opened)
                )
        return found, opened

    def _show(self, read: tuple[list[DeliveryView], SentView | None], caller: MemberCaller) -> None:
        found, opened = read
        moment = now()
        rows = [_row(view, self.place, moment) for view in found[: self._most]]
        sent = _sent(opened, self.place) if opened else SentEvent()
        if sent != self.sent:
            self.sent = sent
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


def _opened_anew(endpoint_id: object, place: object) -> dict[str, Any]:
    """The log of an endpoint before anything of it is read."""
    return {
        "endpoint_id": str(endpoint_id)[:40],
        "place": str(place)[:2048],
        "is_open": True,
        "is_loaded": False,
        "failure": "",
        "status": "",
        "said": "",
        "opened": "",
        "rows": [],
        "_most": PAGE_SIZE,
    }


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
        may_resend=view.status != "waiting",
        when=in_words(view.created_at, moment),
        moment=exactly(view.created_at),
        machine_time=view.created_at.isoformat(),
    )


def _sent(view: SentView, place: str) -> SentEvent:
    is_cut = view.length > len(view.body)
    return SentEvent(
        id=str(view.event_id),
        body=view.body,
        cut=f"Of its {view.length:,} characters the first {len(view.body):,} are shown." if is_cut else "",
        log=[_attempt(each, place) for each in view.log],
    )


def _attempt(view: AttemptView, place: str) -> AttemptRow:
    return AttemptRow(
        when=day_and_clock(view.at),
        moment=exactly(view.at),
        machine_time=view.at.isoformat(),
        took=f"{view.milliseconds:,} ms",
        became=error_at(place, view.error) if view.error else taken(view.status),
        answer=view.answer,
    )
