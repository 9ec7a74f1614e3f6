"""Counts what a plan limits, per workspace and calendar month in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.billing.plans import Plan
from helpninja_app.errors import LimitUsedUp

MESSAGE = "message"

# The condition stands in the update itself, so that many at once cannot pass the limit together.
_COUNT = text(
    """
    insert into usage_counters as counter (workspace_id, unit, period_start, used)
    select :workspace, :unit, :period, 1 where cast(:allowed as int) is null or cast(:allowed as int) > 0
    on conflict (workspace_id, unit, period_start) do update set used = counter.used + 1
    where cast(:allowed as int) is null or counter.used < cast(:allowed as int)
    returning used
    """
)
_RETURN = text(
    """
    update usage_counters set used = used - 1
    where workspace_id = :workspace and unit = :unit and period_start = :period and used > 0
    """
)


def current_period(moment: datetime | None = None) -> date:
    """First day of the month that ``moment`` (now) lies in."""
    return (moment or datetime.now(UTC)).astimezone(UTC).date().replace(day=1)


async def reserve_message(session: AsyncSession, workspace_id: UUID, plan: Plan) -> date:
    """Count a visitor's message before it is answered; ``LimitUsedUp`` when the month has none left.

    Returns the period, to hand it to ``release_message`` if no answer comes of it.
    """
    period = current_period()
    counted = await session.execute(
        _COUNT,
        {"workspace": workspace_id, "unit": MESSAGE, "period": period, "allowed": plan.messages},
    )
    if counted.first() is None:
        limit = plan.messages or 0
        raise LimitUsedUp(
            f"All {limit} messages of this month are used on the {plan.name} plan."
            " They are counted anew on the first of next month; a larger plan has more.",
            limit=limit,
            used=limit,
        )
    return period


async def release_message(session: AsyncSession, workspace_id: UUID, period: date) -> None:
    """Give a reserved message back: only one that got an answer counts."""
    await session.execute(_RETURN, {"workspace": workspace_id, "unit": MESSAGE, "period": period})


async def is_message_left(session: AsyncSession, workspace_id: UUID, plan: Plan) -> bool:
    """Whether another visitor's message would be answered this month."""
    if plan.messages is None:
        return True
    used = await session.execute(
        text(
            "select used from usage_counters"
            " where workspace_id = :workspace and unit = :unit and period_start = :period"
        ),
        {"workspace": workspace_id, "unit": MESSAGE, "period": current_period()},
    )
    return (used.scalar() or 0) < plan.messages
