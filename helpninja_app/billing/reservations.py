"""Use is reserved before it happens, settled when it is known, and released when nothing came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.models import Workspace
from helpninja_app.billing.at_once import (
    GIVEN_BACK,
    LIFETIME,
    count_at_once,
    reservation_at_once,
    settlement_at_once,
)
from helpninja_app.billing.ledger import (
    Reason,
    allowance_of,
    bring_up_to_date,
    database_time,
    find_entry,
    lock_account,
    note_usage,
    post,
    set_due,
)
from helpninja_app.billing.models import EntryKind, LedgerAccount, LedgerReservation, Unit
from helpninja_app.billing.plans import Feature, Plan, Terms, how_to_get_more, plan_in_force, without_larger
from helpninja_app.errors import Conflict, LimitUsedUp
from helpninja_app.kernel.database import new_id, run


@dataclass(frozen=True, slots=True)
class Reservation:
    """What may be used. ``amount`` 0 holds nothing: what is used is free or not limited, and only counted."""

    id: UUID
    unit: Unit
    amount: int


async def reserve(
    session: AsyncSession,
    workspace_id: UUID,
    plan: Plan,
    unit: Unit,
    amount: int,
    *,
    at_least: int | None = None,
    key: str | None = None,
    description: str = "",
) -> Reservation:
    """Take ``amount`` off the balance, or what there is of it if that is ``at_least`` enough, and something.

    The month's allowance is spent before what was topped up. The same ``key`` gives the same reservation
    while it is open and ``Conflict`` afterwards. Raises ``LimitUsedUp`` when the balance does not suffice.
    """
    reservation_id = new_id()
    if amount == 0 or (allowance := allowance_of(plan, unit)) is None:
        return Reservation(reservation_id, unit, 0)
    least = least_of(amount, at_least)
    # A key of the caller's may have been asked for before, which takes a look.
    if key is None:
        at_once = reservation_at_once(
            workspace_id,
            reservation_id,
            unit,
            allowance,
            wanted=amount,
            at_least=least,
            description=description,
        )
        if (row := await run(session, at_once)).taken is not None:
            return Reservation(reservation_id, unit, row.taken)
    account = await lock_account(session, workspace_id, unit)
    if account.allowance != allowance:
        plan = await _present_plan(session, workspace_id, plan)
    await bring_up_to_date(session, account, plan)
    entry_key = f"reserve:{key or reservation_id}"
    if key is not None and (before := await find_entry(session, account, entry_key)) is not None:
        return await _again(session, account, before.reservation_id)
    taken = min(amount, account.balance)
    if taken < least:
        raise await _used_up(session, account, plan)
    granted = min(taken, account.granted)
    session.add(
        LedgerReservation(
            workspace_id=workspace_id,
            id=reservation_id,
            unit=unit.value,
            granted=granted,
            topped_up=taken - granted,
            period_start=account.period_start,
            expires_at=(expires_at := await database_time(session) + LIFETIME),
        )
    )
    await set_due(session, workspace_id, expires_at)
    reason = Reason(EntryKind.RESERVATION, entry_key, description, reservation_id)
    await post(session, account, reason, spent=granted, topped_up=granted - taken)
    return Reservation(reservation_id, unit, taken)


def least_of(amount: int, at_least: int | None) -> int:
    """What a reservation of ``amount`` needs at the least: all of it, or ``at_least``, but something."""
    return amount if at_least is None else max(at_least, 1)


async def settle(
    session: AsyncSession, workspace_id: UUID, reservation: Reservation, used: int, *, description: str = ""
) -> int:
    """Give the reservation back and take what was really ``used``; returns how much that took.

    What goes beyond the reservation is taken as far as the balance reaches. One that expired meanwhile is
    charged all the same. Settling twice is settling once, but for what is only counted.
    """
    if reservation.amount:
        at_once = settlement_at_once(
            workspace_id, reservation.id, reservation.unit, used, description=description
        )
        if (row := await run(session, at_once)).taken is not None:
            return int(row.taken)
    elif await run(session, count_at_once(workspace_id, reservation.unit, used)) is not None:
        return 0
    account = await lock_account(session, workspace_id, reservation.unit)
    if reservation.amount == 0:
        account.used += used
        await session.flush()
        return 0
    key = f"usage:{reservation.id}"
    if (before := await find_entry(session, account, key)) is not None:
        return -before.amount
    held = await _close(session, account, reservation.id, GIVEN_BACK)
    if held is not None and held.period_start != account.period_start:
        # The month it was reserved in is over, and what was left of that month with it.
        taken = min(used, held.granted + held.topped_up)
        topped_up = max(taken - held.granted, 0)
        account.used += topped_up
        reason = Reason(EntryKind.USAGE, key, f"{description} (in the month before)".strip(), reservation.id)
        await post(session, account, reason, topped_up=-topped_up)
        return taken
    # What was held is there to be spent, also when a smaller plan left nothing of the allowance meanwhile.
    of_allowance = max(account.granted, held.granted if held is not None else 0)
    taken = min(used, of_allowance + account.topped_up)
    granted = min(taken, of_allowance)
    account.used += taken
    reason = Reason(EntryKind.USAGE, key, description, reservation.id)
    await post(session, account, reason, spent=granted, topped_up=granted - taken)
    await note_usage(session, account)
    return taken


async def release(
    session: AsyncSession, workspace_id: UUID, reservation: Reservation, *, description: str = ""
) -> None:
    """Give all of it back: nothing came of it. One that is settled or released already stays so."""
    if reservation.amount:
        account = await lock_account(session, workspace_id, reservation.unit)
        await _close(session, account, reservation.id, description or "No answer: given back")


async def release_expired(session: AsyncSession, workspace_id: UUID, moment: datetime) -> int:
    """Release what whoever reserved it never came back for; returns how many reservations that were."""
    found = await session.execute(
        select(LedgerReservation)
        .where(
            col(LedgerReservation.workspace_id) == workspace_id, col(LedgerReservation.expires_at) <= moment
        )
        # Of several accounts always locked in this order, and the oldest reservations first.
        .order_by(col(LedgerReservation.unit), col(LedgerReservation.created_at), col(LedgerReservation.id))
    )
    expired = found.scalars().all()
    for each in expired:
        account = await lock_account(session, workspace_id, Unit(each.unit))
        await _close(session, account, each.id, "Not settled in time: given back")
    return len(expired)


async def release_topped_up(session: AsyncSession, account: LedgerAccount, needed: int) -> None:
    """Release what holds topped-up credits, oldest first, until the locked account has ``needed`` of them.

    Whoever settles such a reservation is charged all the same, as for one that expired.
    """
    found = await session.execute(
        select(LedgerReservation)
        .where(
            col(LedgerReservation.workspace_id) == account.workspace_id,
            col(LedgerReservation.unit) == account.unit,
            col(LedgerReservation.topped_up) > 0,
        )
        .order_by(col(LedgerReservation.created_at), col(LedgerReservation.id))
    )
    for each in found.scalars().all():
        if account.topped_up >= needed:
            return
        await _close(session, account, each.id, "Given back: its payment went back")


async def find_refusal(
    session: AsyncSession, workspace_id: UUID, plan: Plan, unit: Unit
) -> LimitUsedUp | None:
    """What ``reserve`` would raise, were it asked now, because nothing is left; told without a lock.

    ``None`` promises nothing: a month that is over or a plan that has changed is for ``reserve`` to see.
    """
    if (allowance := allowance_of(plan, unit)) is None:
        return None
    found = await session.execute(
        select(LedgerAccount).where(
            col(LedgerAccount.workspace_id) == workspace_id,
            col(LedgerAccount.unit) == unit.value,
            col(LedgerAccount.allowance) == allowance,
            func.greatest(allowance - col(LedgerAccount.spent), 0) + col(LedgerAccount.topped_up) <= 0,
            col(LedgerAccount.period_end) > func.clock_timestamp(),
        )
    )
    account = found.scalar_one_or_none()
    return None if account is None else await _used_up(session, account, plan)


async def _used_up(session: AsyncSession, account: LedgerAccount, plan: Plan) -> LimitUsedUp:
    """What to say where a balance does not suffice: how much there was, and how to go on.

    The day is that of the workspace's clocks, as on its pages.
    """
    found = await session.execute(
        select(col(Workspace.time_zone)).where(col(Workspace.id) == account.workspace_id)
    )
    end = account.period_end.astimezone(ZoneInfo(found.scalar_one()))
    things = "messages" if account.unit == Unit.MESSAGE else "credits"
    left = f"Only {account.balance:,} {things} are left" if account.balance else f"All {things} are used"
    can_top_up = account.unit == Unit.CREDIT
    return LimitUsedUp(
        f"{left} of the {account.allowance:,} that the {plan.name} plan has for the month up to"
        f" {end:%Y-%m-%d}. {how_to_get_more(plan.name, can_top_up=can_top_up)}",
        limit=account.allowance,
        used=account.spent,
        is_by_plan=can_top_up or not without_larger(plan.name),
    )


async def _present_plan(session: AsyncSession, workspace_id: UUID, plan: Plan) -> Plan:
    """The plan of the workspace, which may have become another one since its caller's ``plan`` was read.

    Read without a lock of its own, which would come after the account's: whoever changes a plan holds the
    accounts until that is committed.
    """
    found = await session.execute(
        select(col(Workspace.plan), col(Workspace.custom_limits)).where(col(Workspace.id) == workspace_id)
    )
    terms = Terms(*found.one())
    if terms.plan == plan.name and Feature.CUSTOM_LIMITS not in plan.features:
        return plan
    # Where nothing is limited nobody asks.
    return plan_in_force(terms, is_unlimited=False)


async def _close(
    session: AsyncSession, account: LedgerAccount, reservation_id: UUID, description: str
) -> LedgerReservation | None:
    """Remove an open reservation of the locked account and give it back; ``None`` if it is not open."""
    removed = await session.execute(
        delete(LedgerReservation)
        .where(
            col(LedgerReservation.workspace_id) == account.workspace_id,
            col(LedgerReservation.id) == reservation_id,
        )
        .returning(LedgerReservation)
    )
    held = removed.scalar_one_or_none()
    if held is None:
        return None
    is_of_this_month = held.period_start == account.period_start
    reason = Reason(EntryKind.RELEASE, f"release:{held.id}", description, held.id)
    await post(
        session, account, reason, spent=-held.granted if is_of_this_month else 0, topped_up=held.topped_up
    )
    return held


async def _again(session: AsyncSession, account: LedgerAccount, reservation_id: UUID | None) -> Reservation:
    found = await session.execute(
        select(LedgerReservation).where(
            col(LedgerReservation.workspace_id) == account.workspace_id,
            col(LedgerReservation.id) == reservation_id,
        )
    )
    held = found.scalar_one_or_none()
    if held is None:
        raise Conflict("This was asked before, and is answered or given up.")
    return Reservation(held.id, Unit(held.unit), held.granted + held.topped_up)
