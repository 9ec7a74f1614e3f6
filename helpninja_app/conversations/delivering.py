"""Sends what is due: claims a delivery, sends it outside of any transaction, and notes what became of it.

See docs/adr/0022-dispatch.md for what happens when it is interrupted at any point.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol
from uuid import UUID

import structlog
from sqlalchemy import text

from helpninja_app.conversations.delivery_records import (
    Fallbacks,
    Prepared,
    Taken,
    finish,
    postpone,
    prepare,
)
from helpninja_app.conversations.dispatch import DUE_TOPIC
from helpninja_app.conversations.reply_addresses import Party, open_reply_address
from helpninja_app.errors import DeliveryFailed, Unavailable
from helpninja_app.integrations.packet import Packet
from helpninja_app.kernel.database import Database, new_id
from helpninja_app.kernel.live import Live
from helpninja_app.kernel.mail import Mailer
from helpninja_app.kernel.queue import stop
from helpninja_app.kernel.safe_http import SafeHttp
from helpninja_app.kernel.scope import Scope

log = structlog.get_logger(__name__)

# One attempt takes at most this long, and is then over before anybody else may take the delivery.
SEND_SECONDS = 40.0
LEASE_SECONDS = 75.0
CONCURRENT = 16
# How long nobody looks when nothing is told.
POLL_SECONDS = 10.0
SHUTDOWN_SECONDS = 3.0
# Seconds between tries to note down what was sent, while the database is away.
NOTE_PAUSES = (0.2, 1.0, 3.0, 6.0)

_CLAIM = text("""
    with due as materialized (
      select delivery_id from due_deliveries
      where due_at <= now() and (leased_until is null or leased_until < now())
        and (cast(:chosen as uuid[]) is null or delivery_id = any(cast(:chosen as uuid[])))
      order by due_at limit :count for update skip locked
    )
    update due_deliveries set lease = :lease, leased_until = now() + make_interval(secs => :seconds)
    from due where due_deliveries.delivery_id = due.delivery_id
    returning due_deliveries.delivery_id, due_deliveries.workspace_id
""")
_SECONDS_TO_NEXT = text(
    "select extract(epoch from min(greatest(due_at, coalesce(leased_until, due_at))) - now())"
    " from due_deliveries"
)


class Send(Protocol):
    """Returns when the other side has taken it; raises ``DeliveryFailed``."""

    async def __call__(
        self,
        provider: str,
        credentials: Mapping[str, str],
        packet: Packet,
        *,
        http: SafeHttp,
        mailer: Mailer,
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Courier:
    """``keys`` decrypt the credentials; ``origin`` is our own address, for links.

    Mails are answered to addresses below ``mailbox``, signed with ``signing_key``; not at all without one.
    """

    database: Database
    live: Live
    http: SafeHttp
    mailer: Mailer
    send: Send
    keys: Sequence[str] = field(repr=False)
    fallbacks: Fallbacks
    origin: str
    signing_key: str = field(default="", repr=False)
    mailbox: str = ""
    lease_seconds: float = LEASE_SECONDS

    async def run(self) -> None:
        """Send whatever is due until cancelled; what is being sent then gets a moment to end."""
        under_way: set[asyncio.Task[None]] = set()
        with self.live.listening(DUE_TOPIC) as told:
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
                    await stop(task)

    async def deliver_due(self, chosen: Sequence[UUID] | None = None) -> int:
        """Send all that is due now, or of the ``chosen`` what is; returns how many attempts were made."""
        count = 0
        while taken := await self._claim(CONCURRENT, chosen):
            await asyncio.gather(*(self.carry(each) for each in taken))
            count += len(taken)
        return count

    async def carry(self, taken: Taken) -> None:
        """One attempt. When it is interrupted the lease runs out and somebody else makes the next one."""
        try:
            scope = Scope.members(taken.workspace_id)
            async with self.database.unit_of_work(scope) as session:
                prepared = await prepare(session, taken, self.keys, self.fallbacks, self.origin)
            if prepared is None:
                return
            failure = await self._try(prepared)
            await self._note(taken, failure)
        except Exception as error:
            # Without its traceback: what was to be sent could stand in it.
            log.error("delivery_interrupted", delivery=str(taken.delivery_id), reason=type(error).__name__)

    async def _start_what_is_due(self, under_way: set[asyncio.Task[None]]) -> float:
        """Seconds after which to look again when nothing is told."""
        try:
            free = CONCURRENT - len(under_way)
            taken = await self._claim(free) if free else []
            under_way |= {asyncio.create_task(self.carry(each)) for each in taken}
            if len(taken) == free:
                return POLL_SECONDS if len(under_way) >= CONCURRENT else 0.0
            async with self.database.unit_of_work() as session:
                seconds = (await session.execute(_SECONDS_TO_NEXT)).scalar_one_or_none()
            return POLL_SECONDS if seconds is None else min(max(float(seconds), 0.05), POLL_SECONDS)
        except Exception as error:
            log.warning("deliveries_not_claimed", reason=type(error).__name__)
            return 1.0

    async def _claim(self, count: int, chosen: Sequence[UUID] | None = None) -> list[Taken]:
        lease = new_id()
        async with self.database.unit_of_work() as session:
            found = await session.execute(
                _CLAIM,
                {
                    "chosen": list(chosen) if chosen is not None else None,
                    "count": count,
                    "lease": lease,
                    "seconds": self.lease_seconds,
                },
            )
            return [Taken(row.workspace_id, row.delivery_id, lease) for row in found]

    async def _try(self, prepared: Prepared) -> DeliveryFailed | None:
        packet = prepared.packet
        if packet is None:
            return prepared.failure
        if prepared.provider == "email":
            async with self.database.unit_of_work() as session:
                reply_to = await open_reply_address(
                    session,
                    self.signing_key,
                    self.mailbox,
                    prepared.workspace_id,
                    packet.conversation_id,
                    Party.TEAM,
                )
            packet = replace(packet, reply_to=reply_to)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self.send(
                    prepared.provider, prepared.credentials, packet, http=self.http, mailer=self.mailer
                )
        except DeliveryFailed as failure:
            return failure
        except TimeoutError:
            return DeliveryFailed("The destination took too long to take the message.")
        except Exception as error:
            log.error("sending_failed", delivery=str(packet.delivery_id), reason=type(error).__name__)
            return DeliveryFailed("Something went wrong on our side while this was sent.")
        return None

    async def _note(self, taken: Taken, failure: DeliveryFailed | None) -> None:
        """Tried again while the database is away: what was sent and is not noted is sent a second time."""
        for pause in (*NOTE_PAUSES, None):
            try:
                async with self.database.unit_of_work(Scope.members(taken.workspace_id)) as session:
                    if failure is None:
                        await finish(session, taken)
                    else:
                        await postpone(session, taken, failure)
                return
            except Unavailable:
                if pause is None:
                    raise
                await asyncio.sleep(pause)
