"""What a workspace has used of its plan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.billing.ledger import USED_OF_ALLOWANCE, allowance_of, database_time
from helpninja_app.billing.models import LedgerAccount, Unit
from helpninja_app.billing.periods import CALENDAR, period_of
from helpninja_app.billing.plans import Plan


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one unit in the month under way. ``allowance`` ``None`` is without limit, and so is ``left``.

    ``used`` is of the allowance; without a limit it is all that was used.
    """

    unit: Unit
    used: int
    allowance: int | None
    topped_up: int
    left: int | None
    period_start: datetime
    period_end: datetime

    @property
    def is_used_up(self) -> bool:
        return self.left is not None and self.left <= 0


async def usage_of(session: AsyncSession, workspace_id: UUID, unit: Unit, plan: Plan) -> Usage:
    """What is used and left by the month and the plan that count just now; locks nothing."""
    moment = await database_time(session)
    allowance = allowance_of(plan, unit)
    found = await session.execute(
        select(LedgerAccount, USED_OF_ALLOWANCE).where(
            col(LedgerAccount.workspace_id) == workspace_id, col(LedgerAccount.unit) == unit.value
        )
    )
    account, of_allowance = found.tuples().one_or_none() or (None, 0)
    if account is None or moment >= account.period_end:
        start, end = period_of(account.anchor if account else CALENDAR, moment)
        used, spent = 0, 0
    else:
        start, end = account.period_start, account.period_end
        used, spent = account.used if allowance is None else of_allowance, account.spent
    topped_up = account.topped_up if account else 0
    left = None if allowance is None else max(allowance - spent, 0) + topped_up
    return Usage(unit, used, allowance, topped_up, left, start, end)
