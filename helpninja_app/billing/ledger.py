"""The ledger: each account's entries, added one after the other under the lock of its row.

No lock outlives the transaction that it was taken in: a provider is called between the transaction of a
reservation and that of its settlement, never inside of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.billing.at_once import THRESHOLDS
from helpninja_app.billing.models import (
    EntryKind,
    LedgerAccount,
    LedgerEntry,
    LedgerReservation,
    Unit,
    UsageAlert,
)
from helpninja_app.billing.periods import CALENDAR, period_of
from helpninja_app.billing.plans import Plan
from helpninja_app.kernel.columns import now

# What of an account's allowance is used, beside the account that is selected: what is spent of it but for
# what open reservations hold. Bought credits and what was used while nothing was limited are not of it.
USED_OF_ALLOWANCE = col(LedgerAccount.spent) - (
    select(func.coalesce(func.sum(LedgerReservation.granted), 0))
    .where(
        col(LedgerReservation.workspace_id) == col(LedgerAccount.workspace_id),
        col(LedgerReservation.unit) == col(LedgerAccount.unit),
        col(LedgerReservation.period_start) == col(LedgerAccount.period_start),
    )
    .correlate(LedgerAccount)
    .scalar_subquery()
)
_DUE = text(
    """
    insert into billing_deadlines as deadline (workspace_id, due_at) values (:workspace, :due)
    on conflict (workspace_id) do update set due_at = excluded.due_at where deadline.due_at > excluded.due_at
    """
)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an entry is added; the same ``key`` never counts twice in one account."""

    kind: EntryKind
    key: str
    description: str = ""
    reservation_id: UUID | None = None


def allowance_of(plan: Plan, unit: Unit) -> int | None:
    """How much of ``unit`` the plan has a month; ``None`` is without limit."""
    return plan.credits if unit is Unit.CREDIT else plan.messages


async def open_account(
    session: AsyncSession, workspace_id: UUID, unit: Unit, plan: Plan, *, moment: datetime | None = None
) -> LedgerAccount:
    """The account, locked until the transaction ends, in the current month and with its plan's allowance.

    ``moment`` is the database's own clock unless it is given. Months only ever go forward.
    """
    account = await lock_account(session, workspace_id, unit)
    await bring_up_to_date(session, account, plan, moment=moment)
    return account


async def bring_up_to_date(
    session: AsyncSession, account: LedgerAccount, plan: Plan, *, moment: datetime | None = None
) -> None:
    """Have the locked account be in the current month, with its plan's allowance."""
    moment = moment or await database_time(session)
    if moment >= account.period_end:
        await _renew(session, account, plan, moment)
    else:
        await _follow_plan(session, account, plan)


async def lock_account(session: AsyncSession, workspace_id: UUID, unit: Unit) -> LedgerAccount:
    """The account as it stands, locked; one that was never used is made, with nothing in it."""
    account, is_new = await _lock_or_make(session, workspace_id, unit)
    if is_new:
        await set_due(session, workspace_id, account.period_end)
    return account


async def lock_accounts(session: AsyncSession, workspace_id: UUID) -> list[LedgerAccount]:
    """All of a workspace's, in the order of their units, and the deadline after them as a turn does: of two
    who take them in turns each would wait for the other."""
    locked = [await _lock_or_make(session, workspace_id, unit) for unit in Unit]
    if new := [account for account, is_new in locked if is_new]:
        await set_due(session, workspace_id, min(each.period_end for each in new))
    return [account for account, _ in locked]


async def _lock_or_make(session: AsyncSession, workspace_id: UUID, unit: Unit) -> tuple[LedgerAccount, bool]:
    wanted = (
        select(LedgerAccount)
        .where(col(LedgerAccount.workspace_id) == workspace_id, col(LedgerAccount.unit) == unit.value)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    account = (await session.execute(wanted)).scalar_one_or_none()
    if account is None:
        start, end = period_of(CALENDAR, await database_time(session))
        await session.execute(
            insert(LedgerAccount)
            .values(
                workspace_id=workspace_id,
                unit=unit.value,
                anchor=CALENDAR,
                period_start=start,
                period_end=end,
            )
            .on_conflict_do_nothing()
        )
        return (await session.execute(wanted)).scalar_one(), True
    return account, False


async def post(
    session: AsyncSession, account: LedgerAccount, reason: Reason, *, spent: int = 0, topped_up: int = 0
) -> LedgerEntry:
    """Change what is ``spent`` of the allowance and what is ``topped_up``, and add the entry that says so.

    The entry holds what that did to the balance, which may be less than was asked for: an allowance that
    became smaller is not given back. The account has to be locked.
    """
    granted = account.granted
    account.spent = max(account.spent + spent, 0)
    account.topped_up += topped_up
    return await add_entry(session, account, reason, granted=account.granted - granted, topped_up=topped_up)


async def add_entry(
    session: AsyncSession, account: LedgerAccount, reason: Reason, *, granted: int, topped_up: int = 0
) -> LedgerEntry:
    """Write down a change that was made to the locked account."""
    account.position += 1
    entry = LedgerEntry(
        workspace_id=account.workspace_id,
        unit=account.unit,
        position=account.position,
        kind=reason.kind.value,
        granted=granted,
        topped_up=topped_up,
        balance_after=account.balance,
        idempotency_key=reason.key,
        reservation_id=reason.reservation_id,
        description=reason.description,
    )
    session.add(entry)
    await session.flush()
    return entry


async def find_entry(session: AsyncSession, account: LedgerAccount, key: str) -> LedgerEntry | None:
    """The entry with that idempotency key, if the account has it."""
    found = await session.execute(
        select(LedgerEntry).where(
            col(LedgerEntry.workspace_id) == account.workspace_id,
            col(LedgerEntry.unit) == account.unit,
            col(LedgerEntry.idempotency_key) == key,
        )
    )
    return found.scalar_one_or_none()


async def note_usage(session: AsyncSession, account: LedgerAccount, *, mails_anew: bool = True) -> None:
    """Note the thresholds that the locked account has reached; the clock has the mails sent.

    One that was noted is told again when a larger allowance has reached it as well. It is not, without
    ``mails_anew``, for still being reached when the allowance grows; and never for one that shrinks.
    """
    if not account.allowance:
        return
    used = await _used_of_allowance(session, account)
    reached = [each for each in THRESHOLDS if used * 100 >= each * account.allowance]
    if not reached:
        return
    row = {
        "workspace_id": account.workspace_id,
        "unit": account.unit,
        "period_start": account.period_start,
        "allowance": account.allowance,
        "created_at": now(),
    }
    wanted = insert(UsageAlert).values([{**row, "threshold": each} for each in reached])
    known = {"allowance": wanted.excluded.allowance, **({"mailed_at": None} if mails_anew else {})}
    noted = await session.execute(
        wanted.on_conflict_do_update(
            index_elements=["workspace_id", "unit", "period_start", "threshold"],
            set_=known,
            where=col(UsageAlert.allowance) < wanted.excluded.allowance,
        ).returning(col(UsageAlert.threshold))
    )
    if noted.first() is not None:
        await set_due(session, account.workspace_id, await database_time(session))


async def _used_of_allowance(session: AsyncSession, account: LedgerAccount) -> int:
    found = await session.execute(
        select(USED_OF_ALLOWANCE).where(
            col(LedgerAccount.workspace_id) == account.workspace_id, col(LedgerAccount.unit) == account.unit
        )
    )
    return found.scalar_one()


async def set_due(session: AsyncSession, workspace_id: UUID, moment: datetime) -> None:
    """Have the workspace looked at by the clock at ``moment``, if it is not before."""
    await session.execute(_DUE, {"workspace": workspace_id, "due": moment})


async def database_time(session: AsyncSession) -> datetime:
    """The clock that all processes share."""
    moment: datetime = (await session.execute(select(func.clock_timestamp()))).scalar_one()
    return moment


async def change_anchor(
    session: AsyncSession, account: LedgerAccount, plan: Plan, anchor: datetime, moment: datetime
) -> None:
    """Count the locked account's months from ``anchor``. A month that begins later than the current one does
    begins at once, with the whole allowance but for what was used of days that are paid back; otherwise the
    current one goes on until the next begins. An anchor to come, as in a trial, begins no month: what was
    used stays used, whatever the day."""
    is_paid = CALENDAR < account.anchor <= account.period_start
    account.anchor = anchor
    # A clock that is late does not end the month before it began.
    start, end = period_of(anchor, max(moment, account.period_start))
    if account.period_start < start and anchor <= moment:
        is_cut = is_paid and anchor != CALENDAR and start < account.period_end
        spent = await _cut_month(session, account, start) if is_cut else 0
        await _renew(session, account, plan, moment, spent=spent)
    else:
        account.period_end = end
        await _follow_plan(session, account, plan)
        await set_due(session, account.workspace_id, account.period_end)
    await session.flush()


async def _cut_month(session: AsyncSession, account: LedgerAccount, end: datetime) -> int:
    """End a month that is paid in its middle; gives what the one that begins has lost of its allowance.

    Stripe pays the days back that are left of it. So what was used beyond the part of the allowance that the
    days until then had is used of the new month; and what is reserved is taken along into that.
    """
    used = await _used_of_allowance(session, account)
    passed = (end - account.period_start) / (account.period_end - account.period_start)
    await session.execute(
        update(LedgerReservation)
        .where(
            col(LedgerReservation.workspace_id) == account.workspace_id,
            col(LedgerReservation.unit) == account.unit,
            col(LedgerReservation.period_start) == account.period_start,
        )
        .values(period_start=end)
    )
    return max(used - int(account.allowance * passed), 0) + account.spent - used


async def _renew(
    session: AsyncSession, account: LedgerAccount, plan: Plan, moment: datetime, *, spent: int = 0
) -> None:
    start, end = period_of(account.anchor, moment)
    granted = account.granted
    allowance = allowance_of(plan, Unit(account.unit))
    account.allowance = allowance or 0
    account.spent, account.used = spent, 0
    account.period_start, account.period_end = start, end
    taken = f", of which {spent:,} were taken before." if spent else "."
    reason = Reason(
        EntryKind.RESET,
        f"reset:{start.isoformat()}",
        f"A month from {start:%Y-%m-%d}: "
        + ("nothing is limited." if allowance is None else f"{allowance:,} on the {plan.name} plan{taken}"),
    )
    await add_entry(session, account, reason, granted=account.granted - granted)
    if spent:
        await note_usage(session, account)
    await set_due(session, account.workspace_id, end)


async def _follow_plan(session: AsyncSession, account: LedgerAccount, plan: Plan) -> None:
    """Within a month the allowance follows the plan; what was used of it stays used."""
    allowance = allowance_of(plan, Unit(account.unit))
    if allowance is None or allowance == account.allowance:
        return
    before, granted = account.allowance, account.granted
    account.allowance = allowance
    reason = Reason(
        EntryKind.GRANT,
        f"allowance:{account.position + 1}",
        f"The {plan.name} plan has {allowance:,} a month" + (f" instead of {before:,}." if before else "."),
    )
    await add_entry(session, account, reason, granted=account.granted - granted)
    await note_usage(session, account, mails_anew=False)
