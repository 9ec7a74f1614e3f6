"""Sends escalations that are due to where people read of them.

See docs/adr/0022-dispatch.md for what happens when it is interrupted at any point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.conversations.delivery_records import (
    Fallbacks,
    Prepared,
    Taken,
    finish,
    postpone,
    prepare,
    share_out,
)
from helpninja_app.conversations.dispatch import DUE_TOPIC
from helpninja_app.conversations.reply_addresses import Party, open_reply_address
from helpninja_app.errors import DeliveryFailed, RateLimited
from helpninja_app.integrations.packet import Packet
from helpninja_app.kernel.mail import Mailer
from helpninja_app.kernel.outbox import Attempt, Outbox, OutboxCourier
from helpninja_app.kernel.rate_limits import Burst, RateLimiter
from helpninja_app.kernel.safe_http import SafeHttp

# Anybody's address can be that of an integration: this is no way to send mails to whom one likes.
PER_RECIPIENT = Burst(60, 3600)
PER_WORKSPACE = Burst(300, 3600)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Courier(OutboxCourier[Taken, Prepared]):
    """``keys`` decrypt the credentials; ``origin`` is our own address, for links.

    Mails are answered to addresses below ``mailbox``, signed with ``signing_key``; not at all without one.
    """

    outbox: ClassVar[Outbox[Taken]] = Outbox(DUE_TOPIC, "due_deliveries", id="delivery_id", taken=Taken)
    http: SafeHttp
    mailer: Mailer
    send: Send
    keys: Sequence[str] = field(repr=False)
    fallbacks: Fallbacks
    origin: str
    signing_key: str = field(default="", repr=False)
    mailbox: str = ""
    limiter: RateLimiter

    async def prepare(self, session: AsyncSession, taken: Taken) -> Prepared | DeliveryFailed | None:
        return await prepare(session, taken, self.keys, self.fallbacks, self.origin)

    async def hand_over(self, prepared: Prepared) -> None:
        packet = prepared.packet
        if prepared.provider == "email":
            await self.limit_mails(prepared.workspace_id, prepared.credentials)
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
        await self.send(prepared.provider, prepared.credentials, packet, http=self.http, mailer=self.mailer)

    async def limit_mails(self, workspace_id: UUID, credentials: Mapping[str, str]) -> None:
        """``DeliveryFailed`` where this workspace, or everybody together, has mailed too much to somebody."""
        try:
            addresses = [each.strip().casefold() for each in credentials.get("to", "").split(",")]
            # What one of them refuses takes nothing from the others.
            await self.limiter.hit_all(
                *(("escalation-recipient", address, PER_RECIPIENT) for address in addresses),
                ("escalation-workspace", str(workspace_id), PER_WORKSPACE),
            )
        except RateLimited as refusal:
            raise DeliveryFailed(
                "Too many mails were sent in the last hour.", retry_after=refusal.retry_after, is_ours=True
            ) from None

    async def note(self, session: AsyncSession, taken: Taken, attempt: Attempt) -> None:
        failure = attempt.failure
        if failure is None:
            await finish(session, taken)
        elif failure.refused:
            await share_out(session, taken, failure.refused)
        else:
            await postpone(session, taken, failure)
