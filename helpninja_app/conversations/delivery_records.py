"""What the rows of a delivery say before and after an attempt; each function in the scope of members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.conversations.delivery_models import FALLBACKS, Delivery, DeliveryStatus, DueDelivery
from helpninja_app.conversations.dispatch import escalation_topic, make_due
from helpninja_app.conversations.notices import Change, announce
from helpninja_app.conversations.packets import build_packet
from helpninja_app.errors import DeliveryFailed, Unavailable
from helpninja_app.integrations.channels.mail import recipients
from helpninja_app.integrations.credentials import unseal
from helpninja_app.integrations.health import note_failure, note_success
from helpninja_app.integrations.models import Integration, IntegrationStatus, Provider
from helpninja_app.integrations.packet import Packet
from helpninja_app.integrations.retries import MAX_ATTEMPTS, delay_after
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.database import new_id
from helpninja_app.kernel.live import tell

log = structlog.get_logger(__name__)

# What our own limits hold back uses up no attempts, and does not wait for ever.
HELD_AT_MOST = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Fallbacks:
    """Where an escalation goes when the workspace has no integration; empty texts are none."""

    slack_webhook_url: str = field(default="", repr=False)
    email: str = ""

    @property
    def credentials(self) -> dict[str, tuple[Provider, dict[str, str]]]:
        """Provider and credentials by destination."""
        found: dict[str, tuple[Provider, dict[str, str]]] = {}
        if self.slack_webhook_url:
            found[f"{FALLBACKS}:slack"] = (Provider.SLACK, {"webhook_url": self.slack_webhook_url})
        if self.email:
            found[f"{FALLBACKS}:email"] = (Provider.EMAIL, {"to": self.email})
        return found


@dataclass(frozen=True, slots=True)
class Taken:
    """A delivery that is ours as long as its row has this ``lease``."""

    workspace_id: UUID
    delivery_id: UUID
    lease: UUID


@dataclass(frozen=True, slots=True)
class Prepared:
    """What to send."""

    workspace_id: UUID
    provider: str
    packet: Packet
    credentials: Mapping[str, str] = field(repr=False)


async def prepare(
    session: AsyncSession, taken: Taken, keys: Sequence[str], fallbacks: Fallbacks, origin: str
) -> Prepared | DeliveryFailed | None:
    """Count an attempt and build what it sends, or say why not; ``None`` where there is nothing to send."""
    delivery = await _locked(session, taken)
    if delivery is None or not await _is_still_ours(session, taken):
        return None
    if delivery.status != DeliveryStatus.WAITING:
        await _forget(session, taken)
        return None
    if delivery.destination == FALLBACKS:
        await _expand(session, delivery, fallbacks)
        return None
    if delivery.attempts >= MAX_ATTEMPTS:
        # The last one was interrupted before anybody noted what became of it.
        return DeliveryFailed("The last attempt was interrupted.", is_final=True)
    delivery.attempts += 1
    delivery.attempted_at = now()
    await session.flush()
    try:
        async with session.begin_nested():
            credentials = await _credentials(session, delivery, keys, fallbacks)
            packet = await build_packet(session, delivery, origin=origin)
    except DeliveryFailed as refused:
        return refused
    except Exception as error:
        # The attempt counts all the same: what can never be built does not wait for ever.
        log.error("packet_not_built", delivery=str(delivery.id), reason=type(error).__name__)
        return DeliveryFailed("Something went wrong on our side while this was written.", is_ours=True)
    return Prepared(taken.workspace_id, delivery.provider, packet, credentials)


async def finish(session: AsyncSession, taken: Taken) -> None:
    """It was taken: true whoever holds the lease by now."""
    delivery = await _locked(session, taken)
    if delivery is None:
        return
    delivery.status = DeliveryStatus.SENT.value
    delivery.last_error = ""
    delivery.finished_at = now()
    await _forget(session, taken)
    if delivery.integration_id is not None:
        await note_success(session, taken.workspace_id, delivery.integration_id)
    await _tell(session, delivery)


async def postpone(session: AsyncSession, taken: Taken, failure: DeliveryFailed) -> None:
    """It was not taken: have it tried again later, or show it as failed."""
    delivery = await _locked(session, taken)
    if delivery is None or not await _is_still_ours(session, taken):
        return
    due = await session.get_one(DueDelivery, taken.delivery_id)
    is_held = failure.is_ours and failure.retry_after is not None
    if is_held:
        delivery.attempts -= 1
    is_held_too_long = is_held and due.since < now() - HELD_AT_MOST
    is_over = failure.is_final or is_held_too_long or delivery.attempts >= MAX_ATTEMPTS
    delivery.last_error = failure.detail
    if is_over:
        delivery.status = DeliveryStatus.FAILED.value
        delivery.finished_at = now()
        await _forget(session, taken)
    else:
        wait = max(delay_after(max(delivery.attempts, 1)), timedelta(seconds=failure.retry_after or 0))
        await session.execute(
            update(DueDelivery)
            .where(col(DueDelivery.delivery_id) == taken.delivery_id)
            .values(due_at=now() + wait, lease=None, leased_until=None)
        )
    if delivery.integration_id is not None and not failure.is_ours:
        await note_failure(
            session, taken.workspace_id, delivery.integration_id, failure.detail, is_final=is_over
        )
    log.warning(
        "delivery_failed" if is_over else "delivery_postponed",
        delivery=str(delivery.id),
        provider=delivery.provider,
        attempt=delivery.attempts,
        detail=failure.detail,
    )
    await _tell(session, delivery)


async def share_out(session: AsyncSession, taken: Taken, refused: Mapping[str, bool]) -> None:
    """Some addresses took a mail: each other one gets a delivery of its own, tried again unless it is final.

    So nobody who has it gets it once more; true whoever holds the lease by now.
    """
    delivery = await _locked(session, taken)
    if delivery is None or delivery.status == DeliveryStatus.SENT:
        return
    delivery.status, delivery.last_error, delivery.finished_at = DeliveryStatus.SENT.value, "", now()
    await _forget(session, taken)
    # The addresses of the settings are those of whoever runs the installation.
    is_told = delivery.integration_id is not None
    made = [
        Delivery(
            workspace_id=delivery.workspace_id,
            id=new_id(),
            conversation_id=delivery.conversation_id,
            escalation_id=delivery.escalation_id,
            integration_id=delivery.integration_id,
            destination=f"{delivery.destination}:{address}",
            provider=delivery.provider,
            name=f"{delivery.name}: {address}" if is_told else "",
            status=(DeliveryStatus.FAILED if is_final else DeliveryStatus.WAITING).value,
            attempts=delivery.attempts,
            last_error=f"The mail server did not take it for {address if is_told else 'one address'}.",
            attempted_at=delivery.attempted_at,
            finished_at=now() if is_final else None,
        )
        for address, is_final in refused.items()
    ]
    session.add_all(made)
    await session.flush()
    waiting = [each.id for each in made if each.status == DeliveryStatus.WAITING.value]
    await make_due(session, taken.workspace_id, waiting, at=now() + delay_after(delivery.attempts))
    if delivery.integration_id is not None:
        await note_failure(
            session,
            taken.workspace_id,
            delivery.integration_id,
            f"The mail server did not take it for {', '.join(refused)}.",
            is_final=any(refused.values()),
        )
    log.warning("mail_partly_refused", delivery=str(delivery.id), refused=len(made), waiting=len(waiting))
    await _tell(session, delivery)


async def _credentials(
    session: AsyncSession, delivery: Delivery, keys: Sequence[str], fallbacks: Fallbacks
) -> Mapping[str, str]:
    """Raises ``DeliveryFailed`` where the destination is not there any more or cannot be read."""
    if delivery.destination.startswith(f"{FALLBACKS}:"):
        _, kind, *address = delivery.destination.split(":")
        found = fallbacks.credentials.get(f"{FALLBACKS}:{kind}")
        if found is None:
            raise DeliveryFailed("The settings name this destination no longer.", is_final=True)
        return _of_one(found[1], *address)
    integration = (
        await session.get(Integration, (delivery.workspace_id, delivery.integration_id))
        if delivery.integration_id is not None
        else None
    )
    if integration is None or integration.deleted_at is not None:
        raise DeliveryFailed("The integration was deleted.", is_final=True)
    if integration.status == IntegrationStatus.DISABLED:
        raise DeliveryFailed("The integration is switched off.", is_final=True)
    try:
        credentials = unseal(keys, integration)
    except Unavailable as error:
        raise DeliveryFailed(error.detail, is_ours=True) from None
    return _of_one(credentials, *delivery.destination.split(":")[1:])


def _of_one(credentials: Mapping[str, str], address: str = "") -> Mapping[str, str]:
    """Of a mail's addresses this one alone, where there is one."""
    if not address:
        return credentials
    try:
        is_there = address in recipients(credentials["to"])
    except ValueError:
        is_there = False
    if not is_there:
        raise DeliveryFailed(f"{address} is no address of this destination any more.", is_final=True)
    return {**credentials, "to": address}


async def _expand(session: AsyncSession, delivery: Delivery, fallbacks: Fallbacks) -> None:
    """Put a delivery for each destination of the settings in the place of one for all of them."""
    made = [
        Delivery(
            workspace_id=delivery.workspace_id,
            id=new_id(),
            conversation_id=delivery.conversation_id,
            escalation_id=delivery.escalation_id,
            destination=destination,
            provider=provider.value,
            name="",
        )
        for destination, (provider, _) in fallbacks.credentials.items()
    ]
    if not made:
        log.warning("escalation_without_destination", conversation=str(delivery.conversation_id))
    session.add_all(made)
    await session.delete(delivery)
    await session.flush()
    await make_due(session, delivery.workspace_id, [each.id for each in made])
    await tell(session, escalation_topic(delivery.escalation_id), str(delivery.id))


async def _locked(session: AsyncSession, taken: Taken) -> Delivery | None:
    found = await session.execute(
        select(Delivery)
        .where(col(Delivery.workspace_id) == taken.workspace_id, col(Delivery.id) == taken.delivery_id)
        .with_for_update()
    )
    return found.scalar_one_or_none()


async def _is_still_ours(session: AsyncSession, taken: Taken) -> bool:
    found = await session.execute(
        select(col(DueDelivery.lease))
        .where(col(DueDelivery.delivery_id) == taken.delivery_id)
        .with_for_update()
    )
    return found.scalar_one_or_none() == taken.lease


async def _forget(session: AsyncSession, taken: Taken) -> None:
    await session.execute(delete(DueDelivery).where(col(DueDelivery.delivery_id) == taken.delivery_id))


async def _tell(session: AsyncSession, delivery: Delivery) -> None:
    await session.flush()
    await tell(session, escalation_topic(delivery.escalation_id), str(delivery.id))
    await announce(session, delivery.workspace_id, delivery.conversation_id, Change.DETAILS)
