"""Proves that every balance is the sum of its entries, and finds the entry that says otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.billing.models import EntryKind, LedgerAccount, LedgerEntry, LedgerReservation


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong in an account; ``entry_id`` names the entry, where it is one that is wrong."""

    unit: str
    sentence: str
    entry_id: UUID | None = None


@dataclass(slots=True)
class _Sum:
    """What the entries read so far amount to."""

    position: int = 0
    granted: int = 0
    topped_up: int = 0
    # How far the last entry's balance was off: those after it say the same, and are right.
    off: int = 0
    # Those not given back yet: the id of each with its two parts.
    reserved: dict[UUID, tuple[int, int]] = field(default_factory=dict)


async def verify_ledger(session: AsyncSession, workspace_id: UUID) -> list[Mistake]:
    """Everything that is wrong with the accounts of a workspace.

    The transaction has to be a consistent one, or what is written meanwhile looks like a mistake.
    """
    accounts = await session.execute(
        select(LedgerAccount).where(col(LedgerAccount.workspace_id) == workspace_id)
    )
    mistakes: list[Mistake] = []
    for account in accounts.scalars().all():
        mistakes += await _verify_account(session, account)
    return mistakes


async def _verify_account(session: AsyncSession, account: LedgerAccount) -> list[Mistake]:
    mistakes, total = [], _Sum()
    entries = await session.stream_scalars(
        select(LedgerEntry)
        .where(col(LedgerEntry.workspace_id) == account.workspace_id, col(LedgerEntry.unit) == account.unit)
        .order_by(col(LedgerEntry.position))
        .execution_options(yield_per=1_000)
    )
    async for entry in entries:
        mistakes += [Mistake(account.unit, each, entry.id) for each in _add(total, entry)]
    held = await session.execute(
        select(LedgerReservation).where(
            col(LedgerReservation.workspace_id) == account.workspace_id,
            col(LedgerReservation.unit) == account.unit,
        )
    )
    open_ones = {each.id: (each.granted, each.topped_up) for each in held.scalars()}
    mistakes += [Mistake(account.unit, each) for each in _compare(account, total, open_ones)]
    return mistakes


def _add(total: _Sum, entry: LedgerEntry) -> Iterator[str]:
    """Add an entry to the sum, yielding what does not fit."""
    where = f"Entry {entry.position} ({entry.kind}, {entry.id})"
    if entry.position != total.position + 1:
        yield f"{where} follows entry {total.position}: those between are missing."
    total.position = entry.position
    total.granted += entry.granted
    total.topped_up += entry.topped_up
    balance = total.granted + total.topped_up
    off, total.off = total.off, entry.balance_after - balance
    if total.off not in {0, off}:
        yield f"{where} says that {entry.balance_after} are left; by the entries up to it {balance} are."
    if not total.off and (total.granted < 0 or total.topped_up < 0):
        yield f"{where} takes more than there was."
    if entry.reservation_id is None:
        return
    if entry.kind == EntryKind.RESERVATION:
        total.reserved[entry.reservation_id] = (-entry.granted, -entry.topped_up)
    elif entry.kind == EntryKind.RELEASE and total.reserved.pop(entry.reservation_id, None) is None:
        yield f"{where} gives a reservation back that was not open."
    elif entry.kind == EntryKind.USAGE and entry.reservation_id in total.reserved:
        yield f"{where} charges a reservation that was not given back."


def _compare(account: LedgerAccount, total: _Sum, open_ones: dict[UUID, tuple[int, int]]) -> Iterator[str]:
    if account.position != total.position:
        yield f"The account is at entry {account.position}, its last one is {total.position}."
    if account.balance != total.granted + total.topped_up:
        yield (
            f"The account says that {account.balance} are left; its entries amount to"
            f" {total.granted + total.topped_up}."
        )
    if account.topped_up != total.topped_up:
        yield f"The account has {account.topped_up} topped up; its entries amount to {total.topped_up}."
    for reservation_id in open_ones.keys() ^ total.reserved.keys():
        known = "has no entry" if reservation_id in open_ones else "is open by its entry alone"
        yield f"Reservation {reservation_id} {known}."
    for reservation_id in open_ones.keys() & total.reserved.keys():
        if open_ones[reservation_id] != total.reserved[reservation_id]:
            yield f"Reservation {reservation_id} holds another amount than its entry says."
