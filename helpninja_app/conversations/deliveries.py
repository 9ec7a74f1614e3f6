"""Deliveries as members see them: what was sent where, what failed, and sending it again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.callers import StaffCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.conversations.delivery_models import FALLBACKS, Delivery, DeliveryStatus, DueDelivery
from helpninja_app.conversations.dispatch import make_due
from helpninja_app.conversations.models import Escalation
from helpninja_app.conversations.notices import Change, announce
from helpninja_app.errors import Conflict, NotFound
from helpninja_app.integrations.models import Integration
from helpninja_app.integrations.service import those_of
from helpninja_app.kernel.columns import now

RECENT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """``integration_id`` is ``None`` for a destination of the settings, and for one that was deleted."""

    id: UUID
    conversation_id: UUID
    reason: str
    integration_id: UUID | None
    provider: str
    name: str
    status: DeliveryStatus
    attempts: int
    last_error: str
    created_at: datetime
    attempted_at: datetime | None
    next_at: datetime | None


async def list_deliveries(
    session: AsyncSession,
    caller: StaffCaller,
    *,
    status: DeliveryStatus | None = None,
    conversation_id: UUID | None = None,
    limit: int = 50,
    offset: int = 0,
) -> tuple[tuple[DeliveryView, ...], int]:
    """The latest first, and how many there are in all."""
    require(caller, Permission.READ_CONVERSATIONS)
    chosen = [col(Delivery.workspace_id) == caller.workspace.id]
    if status is not None:
        chosen.append(col(Delivery.status) == status.value)
    if conversation_id is not None:
        chosen.append(col(Delivery.conversation_id) == conversation_id)
    total = (await session.execute(select(func.count()).select_from(Delivery).where(*chosen))).scalar_one()
    found = await session.execute(
        _with_reasons(caller.workspace.id)
        .where(*chosen)
        .order_by(col(Delivery.created_at).desc(), col(Delivery.id).desc())
        .limit(limit)
        .offset(offset)
    )
    return tuple(_view(*row) for row in found.tuples()), total


async def count_failed_deliveries(session: AsyncSession, caller: StaffCaller) -> int:
    """How many of the last seven days did not arrive."""
    require(caller, Permission.READ_CONVERSATIONS)
    found = await session.execute(
        select(func.count())
        .select_from(Delivery)
        .where(
            col(Delivery.workspace_id) == caller.workspace.id,
            col(Delivery.created_at) > now() - RECENT,
            col(Delivery.status) == DeliveryStatus.FAILED.value,
        )
    )
    return int(found.scalar_one())


async def last_deliveries(session: AsyncSession, caller: StaffCaller) -> dict[UUID, DeliveryView]:
    """The latest to each integration of the workspace that was sent anything, by the integration's id."""
    require(caller, Permission.READ_CONVERSATIONS)
    latest = (
        select(col(Delivery.id))
        .where(
            col(Delivery.workspace_id) == col(Integration.workspace_id),
            col(Delivery.integration_id) == col(Integration.id),
        )
        .order_by(col(Delivery.created_at).desc(), col(Delivery.id).desc())
        .limit(1)
        .correlate(Integration)
        .scalar_subquery()
    )
    chosen = select(latest).where(*those_of(caller.workspace.id))
    found = await session.execute(_with_reasons(caller.workspace.id).where(col(Delivery.id).in_(chosen)))
    views = [_view(*row) for row in found.tuples()]
    return {view.integration_id: view for view in views if view.integration_id is not None}


async def resend_delivery(session: AsyncSession, caller: StaffCaller, delivery_id: UUID) -> DeliveryView:
    """Try a delivery that failed again, from the first attempt on; ``Conflict`` for any other."""
    require(caller, Permission.ANSWER_CONVERSATIONS)
    found = await session.execute(
        select(Delivery)
        .where(col(Delivery.workspace_id) == caller.workspace.id, col(Delivery.id) == delivery_id)
        .with_for_update()
    )
    delivery = found.scalar_one_or_none()
    if delivery is None:
        raise NotFound("There is no such delivery.")
    if delivery.status != DeliveryStatus.FAILED:
        raise Conflict("Only what failed can be sent again.")
    if not delivery.destination.startswith(f"{FALLBACKS}:"):
        await _refuse_deleted(session, caller, delivery.integration_id)
    delivery.status = DeliveryStatus.WAITING.value
    delivery.attempts, delivery.last_error, delivery.finished_at = 0, "", None
    await session.flush()
    await make_due(session, delivery.workspace_id, [delivery.id])
    await announce(session, delivery.workspace_id, delivery.conversation_id, Change.DETAILS)
    escalation = await session.get_one(Escalation, (delivery.workspace_id, delivery.escalation_id))
    return _view(delivery, escalation.reason, None)


async def _refuse_deleted(session: AsyncSession, caller: StaffCaller, integration_id: UUID | None) -> None:
    found = await session.execute(
        select(col(Integration.id)).where(
            *those_of(caller.workspace.id), col(Integration.id) == integration_id
        )
    )
    if found.scalar_one_or_none() is None:
        raise Conflict("The integration was deleted.")


def _with_reasons(workspace_id: UUID) -> Select[Delivery, str, datetime]:
    """Deliveries of a workspace, each with why a person was asked for and when it is tried next."""
    return (
        select(Delivery, col(Escalation.reason), col(DueDelivery.due_at))
        .join(
            Escalation,
            (col(Escalation.workspace_id) == col(Delivery.workspace_id))
            & (col(Escalation.id) == col(Delivery.escalation_id)),
        )
        .outerjoin(DueDelivery, col(DueDelivery.delivery_id) == col(Delivery.id))
        .where(col(Delivery.workspace_id) == workspace_id)
    )


def _view(delivery: Delivery, reason: str, next_at: datetime | None) -> DeliveryView:
    return DeliveryView(
        id=delivery.id,
        conversation_id=delivery.conversation_id,
        reason=reason,
        integration_id=delivery.integration_id,
        provider=delivery.provider,
        name=delivery.name,
        status=DeliveryStatus(delivery.status),
        attempts=delivery.attempts,
        last_error=delivery.last_error,
        created_at=delivery.created_at,
        attempted_at=delivery.attempted_at,
        next_at=next_at,
    )
