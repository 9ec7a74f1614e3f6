"""The history of a workspace's credits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.billing.models import EntryKind, LedgerEntry, Unit


@dataclass(frozen=True, slots=True)
class CreditEntry:
    id: UUID
    kind: EntryKind
    amount: int
    balance_after: int
    description: str
    created_at: datetime


async def credit_history(
    session: AsyncSession,
    workspace_id: UUID,
    *,
    kinds: tuple[EntryKind, ...] = (),
    limit: int | None = 50,
    offset: int = 0,
) -> tuple[list[CreditEntry], int]:
    """Entries of those kinds (all without any), newest first, and how many there are of them."""
    matching = select(LedgerEntry).where(
        col(LedgerEntry.workspace_id) == workspace_id, col(LedgerEntry.unit) == Unit.CREDIT.value
    )
    if kinds:
        matching = matching.where(col(LedgerEntry.kind).in_([kind.value for kind in kinds]))
    total = await session.execute(select(func.count()).select_from(matching.subquery()))
    found = await session.execute(
        matching.order_by(col(LedgerEntry.position).desc()).limit(limit).offset(offset)
    )
    return [
        CreditEntry(
            id=each.id,
            kind=EntryKind(each.kind),
            amount=each.amount,
            balance_after=each.balance_after,
            description=each.description,
            created_at=each.created_at,
        )
        for each in found.scalars()
    ], total.scalar_one()
