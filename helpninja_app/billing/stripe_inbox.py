"""What Stripe sent: each event is kept once, worked on in a job, and parked where that failed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.billing.models import StripeEvent
from helpninja_app.billing.stripe_account import StripeAccount
from helpninja_app.billing.stripe_objects import EventRef
from helpninja_app.kernel.database import Database
from helpninja_app.kernel.queue import Queue

EVENT_TASK = "stripe_event"

# At most twenty: so many types does Stripe look for at once (https://docs.stripe.com/api/events/list). Left
# out are those of a schedule that is "aborted", as its subscription is deleted, and "expiring", in a week.
HANDLED = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "invoice.paid",
    "invoice.payment_failed",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "subscription_schedule.created",
    # What is planned may change without the subscription.
    "subscription_schedule.updated",
    "subscription_schedule.released",
    "subscription_schedule.completed",
    "subscription_schedule.canceled",
    "charge.refunded",
    # Money that does not arrive comes back, of which the charge has no event. One that was called back is
    # "updated" (https://docs.stripe.com/refunds#failed-refunds).
    "refund.failed",
    "refund.updated",
    "charge.dispute.created",
    # A bank that only asked at first takes the money.
    "charge.dispute.funds_withdrawn",
    "charge.dispute.closed",
)
STATES = ("waiting", "done", "ignored", "refused", "parked")
# What working on it again may still change: also what was refused while the key was of another account.
RETRIED = ("waiting", "refused", "parked")
# When asked also what was ignored: a customer whose row was lost with a backup may be known again. It is not
# tried by itself, as it is most of what comes where the account sells other things too.
UNDONE = (*RETRIED, "ignored")

# After that many tries somebody has to look.
MOST_ATTEMPTS = 60
# A waiting event whose job is lost, or a parked one, is tried again after this.
TRY_AGAIN_AFTER = timedelta(minutes=10)
# Stripe itself sends again for three days, so that what is older came long ago or not at all.
LOOK_BACK = timedelta(days=3)
# Of what is older it knows no more.
KEPT_BY_STRIPE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class KeptEvent:
    id: str
    type: str
    object_id: str
    state: str
    attempts: int
    detail: str
    is_live: bool | None
    created_at: datetime
    received_at: datetime


async def keep_event(session: AsyncSession, queue: Queue, event: EventRef, *, is_live: bool) -> bool:
    """Keep an event and have it worked on; whether it was new. One of the other mode is refused."""
    state, detail = "waiting", ""
    if event.type not in HANDLED:
        state = "ignored"
    elif event.is_live is not is_live:
        state, detail = "refused", f"Of {'live' if event.is_live else 'test'} mode; the key is not."
    added = await session.execute(
        insert(StripeEvent)
        .values(
            id=event.id,
            type=event.type,
            object_id=event.object_id,
            state=state,
            detail=detail,
            is_live=event.is_live,
            created_at=event.created_at,
        )
        .on_conflict_do_nothing()
        .returning(col(StripeEvent.id))
    )
    is_new = added.scalar_one_or_none() is not None
    if is_new and state == "waiting":
        await _work_on(session, queue, event.id)
    return is_new


async def replay(
    session: AsyncSession,
    queue: Queue,
    ids: Sequence[str] | None = None,
    *,
    is_live: bool,
    states: Sequence[str] = RETRIED,
) -> int:
    """Have events in these states worked on again: those named, or all; returns how many.

    Of what was ignored, those of types that are worked on.
    Of the other mode than the key's, as ``is_live`` says, none is: what they tell of cannot be read with it.
    """
    wanted = (
        col(StripeEvent.state).in_(states)
        & col(StripeEvent.type).in_(HANDLED)
        & func.coalesce(col(StripeEvent.is_live), is_live).is_(is_live)
    )
    return await _again(session, queue, wanted if ids is None else wanted & col(StripeEvent.id).in_(ids))


async def try_again(session: AsyncSession, queue: Queue) -> int:
    """Have those worked on that wait for too long or failed some time ago."""
    before = datetime.now(UTC) - TRY_AGAIN_AFTER
    return await _again(
        session,
        queue,
        col(StripeEvent.state).in_(("waiting", "parked"))
        & (col(StripeEvent.attempts) < MOST_ATTEMPTS)
        & (func.coalesce(col(StripeEvent.finished_at), col(StripeEvent.received_at)) < before),
    )


async def catch_up(database: Database, queue: Queue, stripe: StripeAccount) -> int:
    """Fetch from Stripe what it sent while nobody here could take it; returns how many were new."""
    missed, new = await _missed(database, stripe), 0
    # Oldest first: should this break off, what is still missed is newer than all that is known.
    for event in reversed(missed):
        async with database.unit_of_work() as session:
            new += await keep_event(session, queue, event, is_live=stripe.gateway.is_live)
    return new


async def _missed(database: Database, stripe: StripeAccount) -> list[EventRef]:
    """What Stripe tells of that is not kept here, newest first.

    Beyond ``LOOK_BACK`` only as long as something is missed: a page of which all is known ends it. What is
    older than the first event that ever came was not meant for this installation.
    """
    recent = datetime.now(UTC) - LOOK_BACK
    async with database.unit_of_work() as session:
        first = (await session.execute(select(func.min(StripeEvent.created_at)))).scalar_one() or recent
    since = max(min(first, recent), datetime.now(UTC) - KEPT_BY_STRIPE)
    missed = list[EventRef]()
    async with aclosing(stripe.gateway.events_since(since, list(HANDLED))) as pages:
        async for page in pages:
            async with database.unit_of_work() as session:
                ids = [each.id for each in page]
                found = await session.execute(select(col(StripeEvent.id)).where(col(StripeEvent.id).in_(ids)))
                known = set(found.scalars())
            unknown = [each for each in page if each.id not in known]
            if not unknown and page and page[0].created_at < recent:
                break
            missed += unknown
    return missed


async def finish(
    session: AsyncSession, id: str, state: str, detail: str, workspace_id: UUID | None = None
) -> None:
    """Note what became of an event; one that is done stays done."""
    await session.execute(
        update(StripeEvent)
        .where(col(StripeEvent.id) == id, col(StripeEvent.state) != "done")
        .values(
            state=state,
            detail=detail[:500],
            attempts=StripeEvent.attempts + 1,
            workspace_id=workspace_id,
            finished_at=datetime.now(UTC),
        )
    )


async def list_events(
    session: AsyncSession, *, state: str | None = None, limit: int = 50, offset: int = 0
) -> tuple[list[KeptEvent], int]:
    """Events, newest first, and how many there are in all."""
    matching = (
        select(StripeEvent) if state is None else select(StripeEvent).where(col(StripeEvent.state) == state)
    )
    total = await session.execute(select(func.count()).select_from(matching.subquery()))
    found = await session.execute(
        matching.order_by(col(StripeEvent.received_at).desc(), col(StripeEvent.id))
        .limit(limit)
        .offset(offset)
    )
    return [_kept(each) for each in found.scalars()], total.scalar_one()


async def find_event(session: AsyncSession, id: str) -> KeptEvent | None:
    found = await session.execute(select(StripeEvent).where(col(StripeEvent.id) == id))
    event = found.scalar_one_or_none()
    return _kept(event) if event else None


async def waiting_events(session: AsyncSession, ids: Sequence[str] | None = None) -> list[str]:
    """The ids of what is to be worked on, or of those among ``ids`` that are; oldest first."""
    wanted = select(col(StripeEvent.id)).where(col(StripeEvent.state) == "waiting")
    if ids is not None:
        wanted = wanted.where(col(StripeEvent.id).in_(ids))
    return list((await session.execute(wanted.order_by(col(StripeEvent.created_at)))).scalars())


def _kept(event: StripeEvent) -> KeptEvent:
    return KeptEvent(
        id=event.id,
        type=event.type,
        object_id=event.object_id,
        state=event.state,
        attempts=event.attempts,
        detail=event.detail,
        is_live=event.is_live,
        created_at=event.created_at,
        received_at=event.received_at,
    )


async def _again(session: AsyncSession, queue: Queue, wanted: ColumnElement[bool]) -> int:
    changed = await session.execute(
        update(StripeEvent)
        .where(wanted)
        .values(state="waiting", finished_at=None)
        .returning(col(StripeEvent.id))
    )
    ids = list(changed.scalars())
    for id in ids:
        await _work_on(session, queue, id)
    return len(ids)


async def _work_on(session: AsyncSession, queue: Queue, id: str) -> None:
    await queue.enqueue(session, EVENT_TASK, once=f"{EVENT_TASK}:{id}", event_id=id)
