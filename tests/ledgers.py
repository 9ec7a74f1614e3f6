"""What the tests of the ledger share: one account of a workspace, and what each turn of a chat does to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, text
from sqlmodel import col

from helpninja_app.billing.at_once import LIFETIME
from helpninja_app.billing.ledger import (
    Reason,
    change_anchor,
    database_time,
    lock_account,
    open_account,
    post,
)
from helpninja_app.billing.models import EntryKind, LedgerAccount, LedgerEntry, LedgerReservation, Unit
from helpninja_app.billing.periods import period_of
from helpninja_app.billing.plans import FREE, Plan
from helpninja_app.billing.reservations import (
    Reservation,
    release,
    release_expired,
    reserve,
    settle,
)
from helpninja_app.billing.usage import Usage, usage_of
from helpninja_app.billing.verification import verify_ledger
from helpninja_app.kernel.database import Database
from helpninja_app.kernel.scope import Scope


def with_credits(credits: int | None) -> Plan:
    """A plan that differs from the free one by so many credits."""
    return replace(FREE, credits=credits)


@dataclass(frozen=True, slots=True)
class Books:
    """The account of one unit; each method is a transaction of its own."""

    database: Database
    workspace_id: UUID
    unit: Unit = Unit.CREDIT
    plan: Plan = FREE

    @property
    def scope(self) -> Scope:
        return Scope.members(self.workspace_id)

    def on(self, plan: Plan) -> Books:
        return replace(self, plan=plan)

    async def reserve(
        self, amount: int, *, at_least: int | None = None, key: str | None = None
    ) -> Reservation:
        async with self.database.unit_of_work(self.scope) as session:
            return await reserve(
                session, self.workspace_id, self.plan, self.unit, amount, at_least=at_least, key=key
            )

    async def settle(self, reservation: Reservation, used: int) -> int:
        async with self.database.unit_of_work(self.scope) as session:
            return await settle(session, self.workspace_id, reservation, used, description="A turn")

    async def release(self, reservation: Reservation) -> None:
        async with self.database.unit_of_work(self.scope) as session:
            await release(session, self.workspace_id, reservation)

    async def expire(self) -> int:
        """As if every reservation had been left alone for too long."""
        async with self.database.unit_of_work(self.scope) as session:
            moment = await database_time(session) + LIFETIME + timedelta(seconds=1)
            return await release_expired(session, self.workspace_id, moment)

    async def use(self, amount: int) -> Reservation:
        reservation = await self.reserve(amount)
        await self.settle(reservation, amount)
        return reservation

    async def top_up(self, amount: int, key: str = "topup:1") -> None:
        async with self.database.unit_of_work(self.scope) as session:
            account = await open_account(session, self.workspace_id, self.unit, self.plan)
            await post(session, account, Reason(EntryKind.TOPUP, key, "Bought"), topped_up=amount)

    async def open(self, moment: datetime | None = None) -> LedgerAccount:
        """The account with the plan's allowance, in the month of ``moment``."""
        async with self.database.unit_of_work(self.scope) as session:
            return await open_account(session, self.workspace_id, self.unit, self.plan, moment=moment)

    async def next_month(self) -> LedgerAccount:
        """The account a moment after its month ended; what is reserved stays so."""
        return await self.open((await self.account()).period_end)

    async def move(self, anchor: datetime, moment: datetime) -> None:
        """Have months be counted from ``anchor``, as Stripe says of a change at that moment."""
        async with self.database.unit_of_work(self.scope) as session:
            account = await lock_account(session, self.workspace_id, self.unit)
            await change_anchor(session, account, self.plan, anchor, moment)

    async def end_month(self) -> None:
        """The month is over, and nobody has looked since."""
        async with self.database.unit_of_work(self.scope) as session:
            account = await lock_account(session, self.workspace_id, self.unit)
            start, _ = period_of(account.anchor, account.period_start - timedelta(days=1))
            account.period_end, account.period_start = account.period_start, start

    async def account(self) -> LedgerAccount:
        async with self.database.unit_of_work(self.scope) as session:
            return await lock_account(session, self.workspace_id, self.unit)

    async def usage(self) -> Usage:
        """As pages and mails say it."""
        async with self.database.unit_of_work(self.scope) as session:
            return await usage_of(session, self.workspace_id, self.unit, self.plan)

    async def balance(self) -> int:
        return (await self.account()).balance

    async def total(self) -> int:
        """The sum of the entries, added by the database."""
        async with self.database.unit_of_work(self.scope) as session:
            found = await session.execute(
                select(func.coalesce(func.sum(text("amount")), 0))
                .select_from(LedgerEntry)
                .where(col(LedgerEntry.unit) == self.unit.value)
            )
            return int(found.scalar_one())

    async def entries(self) -> list[LedgerEntry]:
        async with self.database.unit_of_work(self.scope) as session:
            found = await session.execute(
                select(LedgerEntry)
                .where(col(LedgerEntry.unit) == self.unit.value)
                .order_by(col(LedgerEntry.position))
            )
            return list(found.scalars())

    async def amounts(self, kind: EntryKind) -> list[int]:
        return [entry.amount for entry in await self.entries() if entry.kind == kind]

    async def held(self) -> list[LedgerReservation]:
        async with self.database.unit_of_work(self.scope) as session:
            return list((await session.execute(select(LedgerReservation))).scalars())

    async def mistakes(self) -> list[str]:
        async with self.database.unit_of_work(self.scope, consistent=True) as session:
            return [mistake.sentence for mistake in await verify_ledger(session, self.workspace_id)]

    async def is_right(self) -> bool:
        """Whether balance, entries and reservations agree."""
        return await self.mistakes() == [] and await self.total() == await self.balance()
