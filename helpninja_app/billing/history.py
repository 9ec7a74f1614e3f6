"""The history of a workspace's credits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.billing.models import EntryKind, LedgerEntry, Unit


@dataclass(frozen=True, slots=True)
class CreditEntry:
    id: UUID
    position: int
    kind: EntryKind
    amount: int
    balance_after: int
    description: str
    created_at: datetime


# What a reservation holds is given back before what was really used is taken: the pair changes nothing.
PAIRED = frozenset({EntryKind.RESERVATION, EntryKind.RELEASE})
WITHOUT_PAIRS = tuple(kind for kind in EntryKind if kind not in PAIRED)


async def credit_history(
    session: AsyncSession,
    workspace_id: UUID,
    *,
    kinds: tuple[EntryKind, ...] = (),
    limit: int | None = 50,
    offset: int = 0,
) -> tuple[list[CreditEntry], int]:
    """Entries of those kinds (all without any), newest first, and how many there are of them."""
    matching = select(LedgerEntry).where(*_matching(workspace_id, kinds))
    total = await session.execute(select(func.count()).select_from(matching.subquery()))
    found = await session.execute(
        matching.order_by(col(LedgerEntry.position).desc()).limit(limit).offset(offset)
    )
    return [_entry(each) for each in found.scalars()], total.scalar_one()


async def entries_before(
    session: AsyncSession,
    workspace_id: UUID,
    position: int | None,
    *,
    kinds: tuple[EntryKind, ...] = (),
    limit: int = 1_000,
) -> list[CreditEntry]:
    """The entries that come before ``position``, newest first; from the newest on without one.

    What is added meanwhile moves none of them, as it would with an offset.
    """
    matching = select(LedgerEntry).where(*_matching(workspace_id, kinds))
    if position is not None:
        matching = matching.where(col(LedgerEntry.position) < position)
    found = await session.execute(matching.order_by(col(LedgerEntry.position).desc()).limit(limit))
    return [_entry(each) for each in found.scalars()]


def _matching(workspace_id: UUID, kinds: tuple[EntryKind, ...]) -> list[ColumnElement[bool]]:
    ours = [col(LedgerEntry.workspace_id) == workspace_id, col(LedgerEntry.unit) == Unit.CREDIT.value]
    return [*ours, col(LedgerEntry.kind).in_([kind.value for kind in kinds])] if kinds else ours


def _entry(row: LedgerEntry) -> CreditEntry:
    return CreditEntry(
        id=row.id,
        position=row.position,
        kind=EntryKind(row.kind),
        amount=row.amount,
        balance_after=row.balance_after,
        description=row.description,
        created_at=row.created_at,
    )
