"""Owners are told when a month's allowance is nearly used: at 75, 90 and 100 per cent, once a month each, and
again when a larger allowance is nearly used."""

from __future__ import annotations

from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.members import list_members
from helpninja_app.accounts.models import Role
from helpninja_app.accounts.workspaces import load_workspace
from helpninja_app.billing.models import Unit, UsageAlert
from helpninja_app.billing.plans import PlanOf, without_larger
from helpninja_app.billing.usage import Usage, usage_of
from helpninja_app.errors import NotFound
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.database import enter_scope
from helpninja_app.kernel.mail import Mail
from helpninja_app.kernel.queue import Queue
from helpninja_app.kernel.scope import Scope

ALERT_TASK = "send_usage_alert"


async def request_alert_mails(session: AsyncSession, queue: Queue, workspace_id: UUID) -> None:
    """Have every owner told of the highest threshold that nobody was told of yet, for each unit."""
    noted = await session.execute(
        update(UsageAlert)
        .where(col(UsageAlert.workspace_id) == workspace_id, col(UsageAlert.mailed_at).is_(None))
        .values(mailed_at=now())
        .returning(col(UsageAlert.unit), col(UsageAlert.threshold))
    )
    highest: dict[str, int] = {}
    for unit, threshold in noted:
        highest[unit] = max(threshold, highest.get(unit, 0))
    for unit, threshold in sorted(highest.items()):
        for member in await list_members(session, workspace_id):
            if member.role is Role.OWNER and not member.is_suspended:
                await queue.enqueue(
                    session,
                    ALERT_TASK,
                    workspace_id=str(workspace_id),
                    user_id=str(member.user_id),
                    unit=unit,
                    threshold=str(threshold),
                )


async def write_alert_mail(
    session: AsyncSession,
    workspace_id: UUID,
    user_id: UUID,
    unit: Unit,
    threshold: int,
    plan_of: PlanOf,
    *,
    origin: str,
) -> Mail | None:
    """The mail to one owner; ``None`` when it is not so any more: another month or a larger plan began, they
    are no owner, or the workspace is gone."""
    await enter_scope(session, Scope.members(workspace_id))
    try:
        workspace = await load_workspace(session, workspace_id)
    except NotFound:
        return None
    members = await list_members(session, workspace_id)
    owner = next((each for each in members if each.user_id == user_id and each.role is Role.OWNER), None)
    if owner is None or owner.is_suspended:
        return None
    usage = await usage_of(session, workspace_id, unit, plan_of(workspace))
    if usage.allowance is None or usage.used * 100 < threshold * usage.allowance:
        return None
    name = " ".join(workspace.name.split())[:200]
    link = f"{origin}/app/billing"
    return Mail(
        to=owner.email,
        subject=f"{name} has used {threshold} % of this month's {unit.value}s",
        text=_TEXT.format(
            name=name,
            percent=usage.used * 100 // usage.allowance,
            used=usage.used,
            allowance=usage.allowance,
            unit=unit.value,
            plan=workspace.plan,
            until=usage.period_end.astimezone(ZoneInfo(workspace.time_zone)),
            then=_then(usage),
            more=_more(usage, workspace.plan),
            link=link,
        ),
        link=link,
    )


_WITHOUT_CREDITS = (
    "answers with the offline model only, which costs no credits, until the next month or a top-up"
)


def _then(usage: Usage) -> str:
    """What comes when the allowance is used up, or is so by now."""
    if usage.unit is Unit.MESSAGE:
        who, does = "the widget", "offers visitors the contact form in place of an answer"
    elif usage.topped_up:
        who, does = "the chat", f"goes on with the credits that were bought: {usage.topped_up:,} are left"
    else:
        who, does = "the chat", _WITHOUT_CREDITS
    is_used_up = usage.allowance is not None and usage.used >= usage.allowance
    return f"{who.capitalize()} now {does}." if is_used_up else f"When all are used, {who} {does}."


def _more(usage: Usage, plan: str) -> str:
    """What the mail leads to, before a colon."""
    if not (nothing_larger := without_larger(plan)):
        return "A larger plan has more"
    if usage.unit is Unit.CREDIT:
        return "More credits can be bought here"
    return f"{nothing_larger} What is used is shown here"


_TEXT = """Hello,

{name} has used {used:,} of the {allowance:,} {unit}s that the {plan} plan has for this month, which ends on \
{until:%Y-%m-%d}. That is {percent} per cent.

{then} {more}:

{link}
"""
