"""Four schedulers whose clocks differ, over hundreds of simulated days: each month has to begin once."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlmodel import col

from helpninja_app.accounts.workspaces import create_workspace
from helpninja_app.billing.deadlines import meet_deadlines
from helpninja_app.billing.ledger import database_time, lock_account
from helpninja_app.billing.models import EntryKind, LedgerEntry, Subscription, Unit
from helpninja_app.billing.periods import CALENDAR, period_of
from helpninja_app.billing.plans import PlanOf
from helpninja_app.billing.reservations import reserve, settle
from helpninja_app.billing.subscriptions import apply_subscription
from helpninja_app.billing.verification import verify_ledger
from helpninja_app.kernel.database import Database
from helpninja_app.kernel.queue import Queue
from helpninja_app.kernel.scope import Scope

DAYS = 400
SCHEDULERS = 4
# How far each clock may be off, both ways.
MOST_SKEW = timedelta(hours=3)
# Hours from a border at which the clocks tick; on other days they do once.
AROUND_A_BORDER = (-5, -3, -2, -1, 0, 1, 2, 3, 5)
# On the last day of each month, in the middle of one, and as the calendar's months begin.
ANCHORS = (
    CALENDAR,
    CALENDAR,
    datetime(2026, 1, 31, 13, 37, tzinfo=UTC),
    datetime(2026, 3, 14, 23, 59, 59, 250_000, tzinfo=UTC),
)


@dataclass(frozen=True, slots=True)
class Watched:
    """A workspace before time began to pass: where its months end, and the last entry of each account."""

    id: UUID
    anchor: datetime
    period_end: datetime
    positions: dict[Unit, int]


@dataclass
class Outcome:
    """What was done, and every mistake in words."""

    ticks: int = 0
    resets: int = 0
    faults: list[str] = field(default_factory=list)


async def run_clocks(
    database: Database, queue: Queue, plan_of: PlanOf, *, days: int = DAYS, seed: int = 0, daily: bool = True
) -> Outcome:
    """Let time pass, in a database where nobody minds. Without ``daily`` only borders are looked at."""
    chance, outcome = random.Random(seed), Outcome()
    watched = [await _make(database, plan_of, anchor) for anchor in ANCHORS]
    async with database.unit_of_work() as session:
        start = await database_time(session)
    end = start + timedelta(days=days)
    with structlog.testing.capture_logs() as logs:
        for moment in _moments(start, end, daily=daily):
            clocks = [moment + chance.uniform(-1, 1) * MOST_SKEW for _ in range(SCHEDULERS)]
            outcome.ticks += SCHEDULERS
            await asyncio.gather(*(meet_deadlines(database, queue, plan_of, moment=each) for each in clocks))
        await meet_deadlines(database, queue, plan_of, moment=end + MOST_SKEW)
    outcome.faults += [str(line) for line in logs if line["event"] == "deadline_not_met"]
    for each in watched:
        await _check(database, each, end + MOST_SKEW, outcome)
    return outcome


async def _make(database: Database, plan_of: PlanOf, anchor: datetime) -> Watched:
    """A workspace that used something; one with an anchor of its own pays for the pro plan."""
    async with database.unit_of_work() as session:
        slug = f"clocks-{secrets.token_hex(8)}"
        workspace = await create_workspace(session, slug=slug, name="Clocks", embedding_model="none")
        moment = await database_time(session)
        if anchor != CALENDAR:
            start, end = period_of(anchor, moment)
            session.add(
                Subscription(
                    workspace_id=workspace.id,
                    id=slug,
                    status="active",
                    plan="pro",
                    interval="month",
                    anchor=anchor,
                    period_start=start,
                    period_end=end,
                )
            )
            await session.flush()
        plan = plan_of(await apply_subscription(session, workspace.id, plan_of, moment))
        for unit in Unit:
            reservation = await reserve(session, workspace.id, plan, unit, 10)
            await settle(session, workspace.id, reservation, 10)
        accounts = {unit: await lock_account(session, workspace.id, unit) for unit in Unit}
        positions = {unit: account.position for unit, account in accounts.items()}
        return Watched(workspace.id, anchor, accounts[Unit.CREDIT].period_end, positions)


def _moments(start: datetime, end: datetime, *, daily: bool) -> Iterator[datetime]:
    days = (end - start).days
    found = {start + timedelta(days=day) for day in range(days + 1)} if daily else set()
    for anchor in ANCHORS:
        for border in _borders(anchor, period_of(anchor, start)[1], end):
            found |= {border + timedelta(hours=hours) for hours in AROUND_A_BORDER}
    yield from sorted(found)


def _borders(anchor: datetime, first: datetime, last: datetime) -> list[datetime]:
    """The starts of months from ``first`` on."""
    found = []
    while first <= last:
        found.append(first)
        first = period_of(anchor, first)[1]
    return found


async def _check(database: Database, watched: Watched, last: datetime, outcome: Outcome) -> None:
    months = _borders(watched.anchor, watched.period_end, last)
    wanted = [f"reset:{month.isoformat()}" for month in months]
    async with database.unit_of_work(Scope.members(watched.id), consistent=True) as session:
        outcome.faults += [mistake.sentence for mistake in await verify_ledger(session, watched.id)]
        for unit, position in watched.positions.items():
            found = await session.execute(
                select(col(LedgerEntry.idempotency_key))
                .where(
                    col(LedgerEntry.workspace_id) == watched.id,
                    col(LedgerEntry.unit) == unit.value,
                    col(LedgerEntry.kind) == EntryKind.RESET.value,
                    col(LedgerEntry.position) > position,
                )
                .order_by(col(LedgerEntry.position))
            )
            keys = list(found.scalars())
            outcome.resets += len(keys)
            if keys != wanted:
                outcome.faults.append(f"{watched.id}, {unit}: {keys} instead of {wanted}")
