"""What time brings to a workspace: its month begins anew, a reservation expires, a trial or a grace ends."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.workspaces import load_workspace
from helpninja_app.billing.alerts import request_alert_mails
from helpninja_app.billing.ledger import database_time, lock_accounts, open_account
from helpninja_app.billing.models import BillingDeadline, LedgerAccount, LedgerReservation, Unit
from helpninja_app.billing.plans import PlanOf
from helpninja_app.billing.reservations import release_expired
from helpninja_app.billing.subscriptions import apply_subscription, lock_plan, next_change
from helpninja_app.errors import NotFound
from helpninja_app.kernel.database import Database
from helpninja_app.kernel.queue import Queue
from helpninja_app.kernel.scope import Scope

log = structlog.get_logger(__name__)

# A deleted workspace is looked at now and then: it may come back.
WHILE_DELETED = timedelta(days=1)


async def meet_deadlines(
    database: Database, queue: Queue, plan_of: PlanOf, *, moment: datetime | None = None
) -> int:
    """Do what is due in every workspace; returns in how many a month of credits began.

    Each workspace is a transaction of its own that looks again under the lock of its accounts: however many
    processes do this, whatever their clocks say, each month begins once. ``moment`` is the database's clock
    unless it is given.
    """
    async with database.unit_of_work() as session:
        found = await session.execute(
            select(col(BillingDeadline.workspace_id))
            .where(col(BillingDeadline.due_at) <= (moment or func.clock_timestamp()))
            .order_by(col(BillingDeadline.due_at))
        )
        due = list(found.scalars())
    begun = 0
    for workspace_id in due:
        try:
            begun += await meet_deadline(database, queue, plan_of, workspace_id, moment=moment)
        except Exception:
            # The others do not wait for this one, and it for the next time.
            log.exception("deadline_not_met", workspace=str(workspace_id))
    return begun


async def meet_deadline(
    database: Database, queue: Queue, plan_of: PlanOf, workspace_id: UUID, *, moment: datetime | None = None
) -> bool:
    """Do what is due in one workspace; whether a month of credits began."""
    async with database.unit_of_work(Scope.members(workspace_id)) as session:
        moment = moment or await database_time(session)
        try:
            await load_workspace(session, workspace_id)
        except NotFound:
            await _set_due(session, workspace_id, [moment + WHILE_DELETED])
            return False
        await lock_plan(session, workspace_id)
        # Both, also one that was never used: whoever makes a deadline earlier holds the account's lock.
        accounts = await lock_accounts(session, workspace_id)
        before = {account.unit: account.period_start for account in accounts}
        plan = plan_of(await apply_subscription(session, workspace_id, plan_of, moment))
        await release_expired(session, workspace_id, moment)
        for unit in Unit:
            await open_account(session, workspace_id, unit, plan, moment=moment)
        await request_alert_mails(session, queue, workspace_id)
        await _set_due(session, workspace_id, await _next_times(session, workspace_id, accounts, moment))
        return any(each.period_start != before[each.unit] for each in accounts if each.unit == Unit.CREDIT)


async def _next_times(
    session: AsyncSession, workspace_id: UUID, accounts: list[LedgerAccount], moment: datetime
) -> list[datetime]:
    expiry = await session.execute(
        select(func.min(LedgerReservation.expires_at)).where(
            col(LedgerReservation.workspace_id) == workspace_id
        )
    )
    times = (expiry.scalar_one(), await next_change(session, workspace_id, moment))
    return [*(each for each in times if each is not None), *(each.period_end for each in accounts)]


async def _set_due(session: AsyncSession, workspace_id: UUID, times: list[datetime]) -> None:
    is_due = col(BillingDeadline.workspace_id) == workspace_id
    await session.execute(update(BillingDeadline).where(is_due).values(due_at=min(times)))
