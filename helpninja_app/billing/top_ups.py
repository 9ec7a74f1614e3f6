"""Credits that are bought once: added when they are paid for, taken back when the money is."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.billing.ledger import Reason, find_entry, lock_account, post
from helpninja_app.billing.models import EntryKind, LedgerEntry, TopUp, Unit
from helpninja_app.billing.plans import Pack
from helpninja_app.billing.reservations import release_topped_up
from helpninja_app.billing.stripe_objects import ChargeState, CheckoutState


async def add_top_up(
    session: AsyncSession, workspace_id: UUID, checkout: CheckoutState, pack: Pack, read_at: datetime
) -> bool:
    """Add what a checkout paid for; whether this was the first time."""
    account = await lock_account(session, workspace_id, Unit.CREDIT)
    key = f"topup:{checkout.id}"
    if await find_entry(session, account, key) is not None:
        return False
    await session.execute(
        insert(TopUp)
        .values(
            workspace_id=workspace_id,
            id=checkout.id,
            payment_intent=checkout.payment_intent,
            credits=pack.credits,
            amount=pack.price,
            read_at=read_at,
        )
        .on_conflict_do_nothing()
    )
    reason = Reason(EntryKind.TOPUP, key, f"{pack.credits:,} credits bought")
    await post(session, account, reason, topped_up=pack.credits)
    return True


async def count_top_ups(session: AsyncSession, workspace_id: UUID) -> int:
    found = await session.execute(
        select(func.count()).select_from(TopUp).where(col(TopUp.workspace_id) == workspace_id)
    )
    return found.scalar_one()


async def newest_top_up(session: AsyncSession, workspace_id: UUID) -> datetime | None:
    """When credits were bought last."""
    found = await session.execute(
        select(func.max(TopUp.created_at)).where(col(TopUp.workspace_id) == workspace_id)
    )
    return found.scalar_one_or_none()


async def follow_charge(
    session: AsyncSession, workspace_id: UUID, charge: ChargeState, read_at: datetime
) -> str:
    """Take credits back as far as their money went back, or give them again after a dispute that was won or
    a refund that failed.

    What was spent already is not taken from anything else, but what answers under way hold is not spent.
    Returns what was done, in a sentence.
    """
    # Whoever changes a top-up holds this lock.
    account = await lock_account(session, workspace_id, Unit.CREDIT)
    found = await session.execute(
        select(TopUp).where(
            col(TopUp.workspace_id) == workspace_id, col(TopUp.payment_intent) == charge.payment_intent
        )
    )
    top_up = found.scalar_one_or_none()
    if top_up is None:
        return "Not the payment of a top-up."
    if top_up.read_at > read_at:
        return "Something newer is known already."
    gone = min(charge.amount, charge.refunded + charge.disputed)
    target = top_up.credits * gone // charge.amount
    change, top_up.taken_back, top_up.read_at = target - top_up.taken_back, target, read_at
    if change == 0:
        await session.flush()
        return "Nothing is to be taken back."
    prefix = f"refund:{top_up.id}:"
    entries = await session.execute(
        select(func.count(), func.coalesce(func.sum(LedgerEntry.topped_up), 0)).where(
            col(LedgerEntry.workspace_id) == workspace_id,
            col(LedgerEntry.unit) == Unit.CREDIT.value,
            col(LedgerEntry.kind) == EntryKind.REFUND.value,
            col(LedgerEntry.idempotency_key).startswith(prefix, autoescape=True),
        )
    )
    count, taken = entries.one()
    if change > 0:
        await release_topped_up(session, account, change)
        amount = -min(change, account.topped_up)
        spent = "" if -amount == change else f"; {change + amount:,} of them were spent"
        told = f"The payment of {change:,} credits went back{spent}"
    else:
        # What is to be taken now may be more than there was to take.
        amount = max(-int(taken) - target, 0)
        told = f"The payment of {-change:,} credits counts again"
    await post(session, account, Reason(EntryKind.REFUND, f"{prefix}{count + 1}", told), topped_up=amount)
    return f"{told}."
