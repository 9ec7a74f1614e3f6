"""Asking for a person by hand, and what became of telling people so far."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.callers import StaffCaller, VisitorCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.billing.plans import Plan
from helpninja_app.conversations.delivering import Courier
from helpninja_app.conversations.delivery_models import Delivery, DeliveryStatus, DueDelivery
from helpninja_app.conversations.dispatch import escalation_topic
from helpninja_app.conversations.handoff import escalate, wake_up
from helpninja_app.conversations.models import Conversation, Escalation, Reason, Status
from helpninja_app.conversations.rules.applying import judge_turn
from helpninja_app.conversations.rules.turns import last_question
from helpninja_app.conversations.threads import lock_conversation
from helpninja_app.errors import Conflict, NotFound
from helpninja_app.kernel.background import Background
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.scope import Scope

WAITS_SECONDS = 5.0
QUEUED = "queued"
NOWHERE = "No integration is switched on and no fallback is set: only the inbox shows it."


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one destination: ``integration_id`` is an id, or ``env`` for one of the settings."""

    integration_id: str
    provider: str
    status: DeliveryStatus
    error: str

    @property
    def is_ok(self) -> bool:
        return self.status is DeliveryStatus.SENT


@dataclass(frozen=True, slots=True)
class _Row:
    id: UUID
    told: Told
    is_due: bool


async def escalate_for_staff(
    session: AsyncSession,
    caller: StaffCaller,
    conversation_id: UUID,
    reason: Reason,
    plan: Plan,
    *,
    session_id: str | None = None,
    given: Mapping[str, Any] | None = None,
) -> UUID:
    """The escalation, which for a repeat is the first one. ``given`` counts where nothing is stored.

    ``NotFound`` also when it is not of ``session_id``; ``Conflict`` when nobody can be asked.
    """
    require(caller, Permission.ANSWER_CONVERSATIONS)
    conversation = await lock_conversation(session, caller.workspace.id, conversation_id)
    if session_id is not None and conversation.session_id != session_id:
        raise NotFound("There is no such conversation.")
    if Status(conversation.status) is Status.RESOLVED:
        raise Conflict("This conversation is resolved. Reopen it to ask for a person.")
    return await _escalated(session, caller, conversation, plan, reason, given, is_by_visitor=False)


async def escalate_for_visitor(
    session: AsyncSession, caller: VisitorCaller, conversation_id: UUID, plan: Plan
) -> UUID:
    """The same for a visitor in their own conversation; one that is old or resolved goes on, unread."""
    conversation = await lock_conversation(session, caller.workspace.id, conversation_id)
    if conversation.session_id != caller.session_id:
        raise NotFound("There is no such conversation.")
    await wake_up(session, conversation)
    conversation.last_message_at = conversation.last_visitor_at = now()
    conversation.snoozed_until = None
    return await _escalated(session, caller, conversation, plan, Reason.VISITOR_REQUEST, None)


async def first_results(
    courier: Courier, background: Background, workspace_id: UUID, escalation_id: UUID
) -> tuple[Told, ...]:
    """What became of the first attempts after ``WAITS_SECONDS`` at most; the others go on by themselves."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + WAITS_SECONDS
    with courier.live.listening(escalation_topic(escalation_id)) as told:
        while True:
            rows = await _rows(courier, workspace_id, escalation_id)
            waiting = [each.id for each in rows if each.is_due]
            left = deadline - loop.time()
            if not waiting or left <= 0:
                return tuple(each.told for each in rows)
            # Also where no worker runs; what one has taken already is left to it.
            background.start(_deliver(courier, waiting))
            await told.hear(min(left, 0.5))


async def _escalated(
    session: AsyncSession,
    caller: StaffCaller | VisitorCaller,
    conversation: Conversation,
    plan: Plan,
    reason: Reason,
    given: Mapping[str, Any] | None,
    *,
    is_by_visitor: bool = True,
) -> UUID:
    if Status(conversation.status) is Status.HUMAN:
        raise Conflict("A person answers in this conversation already.")
    question = await last_question(session, conversation.workspace_id, conversation.id)
    decision = await judge_turn(session, caller.workspace, conversation, plan, question)
    await escalate(
        session,
        conversation,
        reason,
        topic=question.text if question else "",
        destinations=decision.destinations,
        workspace=caller.workspace,
        given=given,
        is_by_visitor=is_by_visitor,
    )
    found = await session.execute(
        select(col(Escalation.id))
        .where(
            col(Escalation.workspace_id) == conversation.workspace_id,
            col(Escalation.conversation_id) == conversation.id,
            col(Escalation.episode) == conversation.episode,
            col(Escalation.reason) == reason.value,
            col(Escalation.notice_of).is_(None),
        )
        .order_by(col(Escalation.id).desc())
        .limit(1)
    )
    return found.scalar_one()


async def _rows(courier: Courier, workspace_id: UUID, escalation_id: UUID) -> list[_Row]:
    async with courier.database.unit_of_work(Scope.members(workspace_id)) as session:
        found = await session.execute(
            select(Delivery, col(DueDelivery.due_at) <= func.now())
            .outerjoin(DueDelivery, col(DueDelivery.delivery_id) == col(Delivery.id))
            .where(col(Delivery.workspace_id) == workspace_id, col(Delivery.escalation_id) == escalation_id)
            .order_by(col(Delivery.id))
        )
        return [_Row(each.id, _told(each), bool(is_due)) for each, is_due in found.tuples()]


def _told(delivery: Delivery) -> Told:
    status = DeliveryStatus(delivery.status)
    is_untried = status is DeliveryStatus.WAITING and not delivery.last_error
    return Told(
        integration_id=delivery.destination.partition(":")[0],
        provider=delivery.provider,
        status=status,
        error=QUEUED if is_untried else delivery.last_error,
    )


async def _deliver(courier: Courier, delivery_ids: Sequence[UUID]) -> None:
    await courier.deliver_due(delivery_ids)
