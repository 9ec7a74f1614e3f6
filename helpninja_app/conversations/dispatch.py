"""The outbox of escalations: what has to be told to whom, written in the transaction that asks for a person.

See docs/adr/0022-dispatch.md. Sending is ``delivering``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.conversations.delivery_models import FALLBACKS, Delivery, DeliveryStatus, DueDelivery
from helpninja_app.conversations.models import Conversation
from helpninja_app.integrations.models import Integration, IntegrationStatus
from helpninja_app.integrations.service import those_of
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.database import enter_scope, new_id
from helpninja_app.kernel.live import tell
from helpninja_app.kernel.scope import Scope

DUE_TOPIC = "deliveries"
"""Heard there by whoever sends: that something is due, or will be."""

_IS_ANY_DUE = text(
    "select exists (select 1 from due_deliveries where due_at <= now()"
    " and (leased_until is null or leased_until < now()))"
)


def escalation_topic(escalation_id: UUID) -> str:
    """Heard there: ids of its deliveries that were tried."""
    return f"escalation:{escalation_id}"


async def queue_deliveries(
    session: AsyncSession,
    conversation: Conversation,
    escalation_id: UUID,
    *,
    destinations: Sequence[UUID] = (),
    not_before: datetime | None = None,
) -> None:
    """Have an escalation delivered once its transaction commits, and not ``not_before``.

    It goes to those of ``destinations`` that are there and switched on; where none is, to all integrations
    that are switched on; where there is none either, to what the settings name.
    """
    async with as_members(session, conversation.workspace_id):
        deliveries = [
            Delivery(
                workspace_id=conversation.workspace_id,
                id=new_id(),
                conversation_id=conversation.id,
                escalation_id=escalation_id,
                integration_id=integration_id,
                destination=destination,
                provider=provider,
                name=name,
            )
            for integration_id, destination, provider, name in await _destinations(
                session, conversation.workspace_id, destinations
            )
        ]
        session.add_all(deliveries)
        await session.flush()
        await make_due(session, conversation.workspace_id, [each.id for each in deliveries], at=not_before)


async def release_held(session: AsyncSession, workspace_id: UUID, conversation_id: UUID) -> None:
    """Let go what waits for the visitor's contact; what waits because an attempt failed goes on waiting."""
    async with as_members(session, workspace_id):
        held = (
            select(col(Delivery.id))
            .where(
                col(Delivery.workspace_id) == workspace_id,
                col(Delivery.conversation_id) == conversation_id,
                col(Delivery.status) == DeliveryStatus.WAITING.value,
                col(Delivery.attempted_at).is_(None),
            )
            .scalar_subquery()
        )
        released = await session.execute(
            update(DueDelivery)
            .where(
                col(DueDelivery.workspace_id) == workspace_id,
                col(DueDelivery.delivery_id).in_(held),
                col(DueDelivery.due_at) > now(),
            )
            .values(due_at=now())
            .returning(col(DueDelivery.delivery_id))
        )
        if released.first() is not None:
            await tell(session, DUE_TOPIC, "due")


async def make_due(
    session: AsyncSession, workspace_id: UUID, delivery_ids: Sequence[UUID], *, at: datetime | None = None
) -> None:
    """Have deliveries sent that nobody sends yet; needs the scope of members for their rows."""
    moment = at or now()
    session.add_all(
        DueDelivery(delivery_id=each, workspace_id=workspace_id, due_at=moment) for each in delivery_ids
    )
    await session.flush()
    await tell(session, DUE_TOPIC, "due")


async def wake_couriers(session: AsyncSession) -> None:
    """Have all processes look when something is due: a notice may have been missed."""
    if (await session.execute(_IS_ANY_DUE)).scalar_one():
        await tell(session, DUE_TOPIC, "due")


async def _destinations(
    session: AsyncSession, workspace_id: UUID, wanted: Sequence[UUID]
) -> list[tuple[UUID | None, str, str, str]]:
    """Integration, destination, provider and name of each."""
    found = await session.execute(
        select(col(Integration.id), col(Integration.provider), col(Integration.name))
        .where(
            *those_of(workspace_id),
            col(Integration.status) != IntegrationStatus.DISABLED.value,
        )
        .order_by(col(Integration.id))
        # Until this commits none of them is deleted, so that none is forgotten.
        .with_for_update(read=True, key_share=True)
    )
    there = [(id, str(id), provider, name) for id, provider, name in found.tuples()]
    chosen = [each for each in there if each[0] in wanted] or there
    return list(chosen) or [(None, FALLBACKS, FALLBACKS, "")]


@asynccontextmanager
async def as_members(session: AsyncSession, workspace_id: UUID) -> AsyncIterator[None]:
    """A visitor's transaction sees neither rules, integrations nor deliveries; what has to be done with them
    for a visitor is done in here."""
    before = session.info.get("scope")
    await enter_scope(session, Scope.members(workspace_id))
    try:
        yield
    finally:
        if isinstance(before, Scope):
            await enter_scope(session, before)
