"""Carries what an outbox holds: claims rows that are due under a lease, sends them, notes what became of it.

Of what is claimed each attempt has one slot. No transaction is open while something is sent.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Generic, Protocol, TypeVar
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.errors import DeliveryFailed, Unavailable
from helpninja_app.kernel.database import Database, new_id
from helpninja_app.kernel.live import Live
from helpninja_app.kernel.queue import stop
from helpninja_app.kernel.scope import Scope

log = structlog.get_logger(__name__)

# One attempt takes at most this long, and is then over before anybody else may take the row.
SEND_SECONDS = 40.0
LEASE_SECONDS = 75.0
SLOTS = 20
# A workspace has these, and more only while as many stay free for others.
SHARE = 4
# How long nobody looks when nothing is told.
POLL_SECONDS = 10.0
SHUTDOWN_SECONDS = 3.0
# Seconds between tries to note down what was sent, while the database is away.
NOTE_PAUSES = (0.2, 1.0, 3.0, 6.0)


class Row(Protocol):
    """Ids of what is ours as long as its row has our lease."""

    @property
    def workspace_id(self) -> UUID: ...


TakenT = TypeVar("TakenT", bound=Row)
PreparedT = TypeVar("PreparedT")


# ``lanes`` goes from one to the next by the index: what a claim costs depends on how many there are, not on
# how much waits in each. Of each lane it looks at more than it wants, since others may be at the first of it.
_CLAIM = """
    with recursive lanes as (
      (select {lane} from {table} order by {lane} limit 1)
      union all
      select following.* from lanes cross join lateral (
        select {lane} from {table} where ({lane}) > ({of_lanes}) order by {lane} limit 1
      ) following
    ), held as (
      select {lane}, count(*) as slots from {table} where leased_until > now() group by {lane}
    ), ahead as (
      select found.*, row_number() over (partition by found.workspace_id order by found.due_at)
        + coalesce((select sum(slots) from held where held.workspace_id = found.workspace_id), 0) as place
      from lanes left join held using ({lane}) cross join lateral (
        select {key}, due_at from {table}
        where ({lane}) = ({of_lanes})
          and due_at <= now() and (leased_until is null or leased_until <= now())
          and (cast(:chosen as uuid[]) is null or {id} = any(cast(:chosen as uuid[])))
        order by due_at limit {most_of_lane}
      ) found
    ), mine as (
      select {key} from {table} join ahead using ({key})
      where place <= coalesce(cast(:most as int), place) and (leased_until is null or leased_until <= now())
      order by place, ahead.due_at limit :count for update of {table} skip locked
    )
    update {table} set lease = :lease, leased_until = now() + make_interval(secs => :seconds)
    from mine where ({of_table}) = ({of_mine}) returning {of_table}
"""
_NEXT = """
    select extract(epoch from least(
      (select min(due_at) from {table} where due_at > now()),
      (select min(leased_until) from {table} where leased_until > now())
    ) - now())
"""


class Outbox(Generic[TakenT]):
    """A table of what is due, with ``workspace_id``, ``due_at``, ``lease`` and ``leased_until``.

    On ``topic`` it is told that something is due. ``taken`` takes the columns of the key, which ends with
    ``id``, and the lease. At most ``per_lane`` rows of the same ``lane`` are under way at once.
    """

    def __init__(
        self,
        topic: str,
        table: str,
        *,
        id: str,
        taken: Callable[..., TakenT],
        lane: tuple[str, ...] = ("workspace_id",),
        per_lane: int | None = None,
    ) -> None:
        key = (*lane, id)
        left = f"least(4 * :count, greatest({per_lane} - coalesce(held.slots, 0), 0))"
        words = {
            "table": table,
            "id": id,
            "lane": ", ".join(lane),
            "key": ", ".join(key),
            "of_lanes": _each("lanes", lane),
            "of_table": _each(table, key),
            "of_mine": _each("mine", key),
            "most_of_lane": "4 * :count" if per_lane is None else left,
        }
        self.topic, self.taken = topic, taken
        self.claim, self.next = text(_CLAIM.format(**words)), text(_NEXT.format(**words))


def _each(table: str, columns: Sequence[str]) -> str:
    return ", ".join(f"{table}.{column}" for column in columns)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said over HTTP: its status, and the beginning of the body."""

    status: int
    beginning: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of one: there is no ``failure`` when it was taken."""

    milliseconds: int
    failure: DeliveryFailed | None = None
    answer: Answer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxCourier(ABC, Generic[TakenT, PreparedT]):
    """What is to be sent where, and what follows of it, is said by who derives from this."""

    outbox: ClassVar[Outbox]  # type: ignore[type-arg]
    database: Database
    live: Live
    lease_seconds: float = LEASE_SECONDS

    @abstractmethod
    async def prepare(self, session: AsyncSession, taken: TakenT) -> PreparedT | DeliveryFailed | None:
        """What to send, or what to note in place of it; ``None`` where nothing is to be sent any more."""

    @abstractmethod
    async def hand_over(self, prepared: PreparedT) -> Answer | None:
        """Return when the other side has taken it; raises ``DeliveryFailed``."""

    @abstractmethod
    async def note(self, session: AsyncSession, taken: TakenT, attempt: Attempt) -> None:
        """What became of an attempt."""

    async def run(self) -> None:
        """Send whatever is due until cancelled; what is being sent then gets a moment to end."""
        under_way: set[asyncio.Task[None]] = set()
        with self.live.listening(self.outbox.topic) as told:
            hearing = asyncio.create_task(told.hear())
            try:
                while True:
                    pause = await self._start_what_is_due(under_way)
                    done, _ = await asyncio.wait(
                        {hearing, *under_way}, timeout=pause, return_when=asyncio.FIRST_COMPLETED
                    )
                    if hearing in done:
                        hearing = asyncio.create_task(told.hear())
                    under_way -= done
            finally:
                hearing.cancel()
                if under_way:
                    await asyncio.wait(under_way, timeout=SHUTDOWN_SECONDS)
                for task in under_way:
                    # What was being sent is sent again by whoever finds its lease over.
                    await stop(task)

    async def deliver_due(self, chosen: Sequence[UUID] | None = None) -> int:
        """Send all that is due now, or of the ``chosen`` what is; returns how many attempts were made."""
        count = 0
        while taken := await self.claim(SLOTS, chosen):
            await asyncio.gather(*(self.carry(each) for each in taken))
            count += len(taken)
        return count

    async def claim(self, count: int, chosen: Sequence[UUID] | None = None) -> list[TakenT]:
        """At most ``count`` that nobody else is at; whoever claims them sends them."""
        async with self.database.unit_of_work() as session:
            return await self._claim(session, count, chosen=chosen)

    async def take(self, session: AsyncSession, free: int) -> list[TakenT]:
        """What a process with so many ``free`` slots sends now."""
        taken = await self._claim(session, free, most=SHARE)
        spare = free - len(taken) - SHARE
        return taken + await self._claim(session, spare) if spare > 0 else taken

    async def carry(self, taken: TakenT) -> None:
        """One attempt. When it is interrupted the lease runs out and somebody else makes the next one."""
        try:
            async with self.database.unit_of_work(Scope.members(taken.workspace_id)) as session:
                prepared = await self.prepare(session, taken)
            if prepared is None:
                return
            started = time.monotonic()
            became = prepared if isinstance(prepared, DeliveryFailed) else await self._try(prepared)
            await self._note(taken, _attempt(became, round((time.monotonic() - started) * 1000)))
        except Exception as error:
            # Without its traceback: what was to be sent could stand in it.
            log.error("delivery_interrupted", taken=str(taken), reason=type(error).__name__)

    async def _start_what_is_due(self, under_way: set[asyncio.Task[None]]) -> float:
        """Seconds after which to look again when nothing is told and nothing ends."""
        free = SLOTS - len(under_way)
        if not free:
            return POLL_SECONDS
        try:
            async with self.database.unit_of_work() as session:
                taken = await self.take(session, free)
                seconds = (await session.execute(self.outbox.next)).scalar_one_or_none()
        except Exception as error:
            log.warning("deliveries_not_claimed", topic=self.outbox.topic, reason=type(error).__name__)
            return 1.0
        under_way |= {asyncio.create_task(self.carry(each)) for each in taken}
        return POLL_SECONDS if seconds is None else min(max(float(seconds), 0.05), POLL_SECONDS)

    async def _claim(
        self,
        session: AsyncSession,
        count: int,
        *,
        most: int | None = None,
        chosen: Sequence[UUID] | None = None,
    ) -> list[TakenT]:
        """``most`` is how many a workspace has at once, with those that are under way."""
        values = {
            "most": most,
            "chosen": None if chosen is None else list(chosen),
            "count": count,
            "lease": new_id(),
            "seconds": self.lease_seconds,
        }
        found = await session.execute(self.outbox.claim, values)
        return [self.outbox.taken(**row, lease=values["lease"]) for row in found.mappings()]

    async def _try(self, prepared: PreparedT) -> DeliveryFailed | Answer | None:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                return await self.hand_over(prepared)
        except DeliveryFailed as failure:
            return failure
        except TimeoutError:
            return DeliveryFailed("The destination took too long to take the message.")
        except Exception as error:
            log.error("sending_failed", topic=self.outbox.topic, reason=type(error).__name__)
            return DeliveryFailed("Something went wrong on our side while this was sent.", is_ours=True)

    async def _note(self, taken: TakenT, attempt: Attempt) -> None:
        """Tried again while the database is away: what was sent and is not noted is sent a second time."""
        for pause in (*NOTE_PAUSES, None):
            try:
                async with self.database.unit_of_work(Scope.members(taken.workspace_id)) as session:
                    await self.note(session, taken, attempt)
                return
            except Unavailable:
                if pause is None:
                    raise
                await asyncio.sleep(pause)


def _attempt(became: DeliveryFailed | Answer | None, milliseconds: int) -> Attempt:
    if not isinstance(became, DeliveryFailed):
        return Attempt(milliseconds, answer=became)
    status = became.remote_status
    answer = None if status is None else Answer(status, became.remote_answer)
    return Attempt(milliseconds, became, answer)
