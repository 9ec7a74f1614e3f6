"""What Stripe sent to this installation, for those who run it: what became of it, and trying again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import reflex as rx
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller
from helpninja_app.accounts.users import is_confirmed
from helpninja_app.billing.stripe_inbox import (
    HANDLED,
    STATES,
    UNDONE,
    KeptEvent,
    list_events,
    replay,
)
from helpninja_app.errors import NotFound
from helpninja_app.resources import current_resources
from helpninja_app.screens.paged_state import PagedState
from helpninja_app.screens.session import SignedInState
from helpninja_app.screens.shell.state import told
from helpninja_app.ui.badges import BadgeTone
from helpninja_app.ui.times import exactly, in_words

PATH = "/app/operations"
STATE_NAMES: dict[str, tuple[BadgeTone, str]] = {
    "waiting": ("info", "Waiting"),
    "done": ("success", "Done"),
    "ignored": ("neutral", "Ignored"),
    "refused": ("danger", "Refused"),
    "parked": ("warning", "Parked"),
}


@dataclass(frozen=True)
class EventRow:
    id: str
    type: str
    about: str
    tone: str
    state: str
    detail: str
    tries: str
    may_retry: bool
    when: str
    moment: str
    machine_time: str


class OperationsState(PagedState, SignedInState):
    """``state_shown`` is the state to show, empty for all; ``parked`` is how many events are parked.

    Only for whose confirmed address is among the settings' operators; there is nothing here for others.
    """

    rows: rx.Field[list[EventRow]] = rx.field(default_factory=list)
    state_shown: str = ""
    parked: int = 0
    has_stripe: bool = True

    _zone: str = "UTC"
    _is_live: bool = False

    @rx.event(background=True)
    async def open_events(self) -> Any:
        """Run when the page loads, at each new connection and to try again: with the filter that is shown."""
        return await self._answer()

    @rx.event(background=True)
    async def choose_state(self, state: str) -> Any:
        """Only events in one state."""
        return await self._answer(state_shown=state if state in STATES else "", page=0)

    @rx.event(background=True)
    async def work_again(self, event_id: str) -> Any:
        """Have one event worked on again."""

        async def work(session: AsyncSession, caller: MemberCaller) -> int:
            await _need_operator(session, caller)
            wanted = event_id.replace("\x00", "")[:255] if isinstance(event_id, str) else ""
            if not (begun := await _replay(session, [wanted])):
                raise NotFound("There is no such event that could be worked on again.")
            return begun

        return await self._answer(work, _say, once=())

    @rx.event(background=True)
    async def work_on_parked(self) -> Any:
        """Have all parked events worked on again."""

        async def work(session: AsyncSession, caller: MemberCaller) -> int:
            await _need_operator(session, caller)
            return await _replay(session, states=("parked",))

        return await self._answer(work, _say, once=())

    async def _list(
        self, session: AsyncSession, caller: MemberCaller, *, limit: int, offset: int
    ) -> tuple[Sequence[KeptEvent], int]:
        await _need_operator(session, caller)
        return await list_events(session, state=self.state_shown or None, limit=limit, offset=offset)

    async def _read(self, session: AsyncSession, caller: MemberCaller) -> Any:
        found = await super()._read(session, caller)
        _, parked = await list_events(session, state="parked", limit=1)
        return found, parked

    def _show(self, found: Any, caller: MemberCaller) -> None:
        listed, self.parked = found
        stripe = current_resources().stripe
        self.has_stripe, self._is_live = stripe is not None, stripe is not None and stripe.gateway.is_live
        self._zone = caller.workspace.time_zone
        super()._show(listed, caller)

    def _row(self, item: KeptEvent, moment: datetime) -> EventRow:
        tone, state = STATE_NAMES[item.state]
        there = item.received_at.astimezone(ZoneInfo(self._zone))
        return EventRow(
            id=item.id,
            type=item.type,
            about=item.object_id,
            tone=tone,
            state=state,
            detail=item.detail,
            tries=_tries(item.attempts),
            may_retry=item.state in UNDONE and item.type in HANDLED and item.is_live in {None, self._is_live},
            when=in_words(there, moment),
            moment=exactly(there),
            machine_time=item.received_at.isoformat(),
        )


def _tries(attempts: int) -> str:
    if not attempts:
        return ""
    return " · 1 try" if attempts == 1 else f" · {attempts:,} tries"


async def _replay(
    session: AsyncSession, ids: Sequence[str] | None = None, *, states: Sequence[str] = UNDONE
) -> int:
    resources = current_resources()
    is_live = resources.need_stripe().gateway.is_live
    return await replay(session, resources.queue, ids, is_live=is_live, states=states)


async def _need_operator(session: AsyncSession, caller: MemberCaller) -> None:
    if caller.email.lower() not in current_resources().settings.operators:
        raise NotFound
    if not await is_confirmed(session, caller.user_id):
        raise NotFound


def _say(begun: int) -> Any:
    if not begun:
        return told("No event is parked that this key could read.")
    return told(
        "1 event is worked on again." if begun == 1 else f"{begun:,} events are worked on again.", "success"
    )
