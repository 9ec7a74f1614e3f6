"""What a workspace has used of its plan, as bars, and the sentence where that is nearly all of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo

from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import MemberCaller
from helpninja_app.accounts.invites import count_places
from helpninja_app.billing.at_once import THRESHOLDS
from helpninja_app.billing.models import Unit
from helpninja_app.billing.plans import Plan, how_to_get_more
from helpninja_app.billing.usage import Usage, usage_of
from helpninja_app.integrations.service import count_integrations
from helpninja_app.knowledge.overview import count_knowledge, list_sites
from helpninja_app.ui.progress import BarTone
from helpninja_app.ui.times import day_of

FULL = THRESHOLDS[-1]


@dataclass(frozen=True)
class UsedRow:
    """One bar; ``percent`` is 0 to 100, and ``is_limited`` false where there is nothing to fill.

    ``tone`` tells of a month's allowance that is nearly used, or all of it.
    """

    label: str
    counts: str
    note: str
    percent: int
    is_limited: bool
    tone: BarTone = "accent"


@dataclass(frozen=True, slots=True)
class Used:
    """All of it, and the month that messages and credits are counted in."""

    messages: Usage
    credits: Usage
    sites: int
    documents: int
    integrations: int
    places: int


async def read_used(session: AsyncSession, caller: MemberCaller, plan: Plan) -> Used:
    workspace_id = caller.workspace.id
    return Used(
        messages=await usage_of(session, workspace_id, Unit.MESSAGE, plan),
        credits=await usage_of(session, workspace_id, Unit.CREDIT, plan),
        sites=len(await list_sites(session, workspace_id)),
        documents=(await count_knowledge(session, workspace_id)).documents,
        integrations=await count_integrations(session, workspace_id),
        places=await count_places(session, workspace_id),
    )


def used_rows(used: Used, plan: Plan) -> list[UsedRow]:
    extra = f"and {used.credits.topped_up:,} bought, which do not expire" if used.credits.topped_up else ""
    return [
        _row("Visitor messages", used.messages.used, used.messages.allowance, tone=_tone(used.messages)),
        _row("Chat credits", used.credits.used, used.credits.allowance, extra, tone=_tone(used.credits)),
        _row("Websites", used.sites, plan.sites),
        _row("Documents", used.documents, plan.documents),
        _row("Integrations", used.integrations, plan.integrations),
        _row("Members", used.places, plan.members, "those who are invited are counted too"),
    ]


def month_of(usage: Usage, zone: tzinfo) -> str:
    return f"{day_of(usage.period_start, zone)} to {day_of(usage.period_end, zone)}"


def reached(usage: Usage) -> int:
    """The highest threshold, in percent, that the month's use has reached; 0 before the first one."""
    if not usage.allowance:
        return 0
    return max((each for each in THRESHOLDS if usage.used * 100 >= each * usage.allowance), default=0)


def usage_notices(usages: Iterable[Usage], zone: tzinfo) -> list[str]:
    """A sentence for each unit of which the month's allowance is nearly used, or all of it."""
    return [_sentence(usage, zone) for usage in usages if reached(usage)]


def ways_on(usages: Iterable[Usage], plan: str) -> str:
    """How there comes more of each unit of which the month's allowance is nearly used, or all of it."""
    units = [usage.unit for usage in usages if reached(usage)]
    return " ".join(how_to_get_more(plan, can_top_up=unit is Unit.CREDIT) for unit in units)


def is_used_up(usages: Iterable[Usage]) -> bool:
    return any(reached(usage) == FULL for usage in usages)


def _sentence(usage: Usage, zone: tzinfo) -> str:
    is_credit = usage.unit is Unit.CREDIT
    things = "chat credits" if is_credit else "visitor messages"
    until = day_of(usage.period_end, zone)
    if reached(usage) < FULL:
        share = int(100 * usage.used / (usage.allowance or 1))
        return (
            f"{share} % of this month's {things} are used: {usage.used:,} of {usage.allowance:,}. The next"
            f" month begins on {until}."
        )
    if is_credit and usage.topped_up:
        return (
            f"All {usage.allowance:,} {things} of this month are used. The chat goes on with the"
            f" {usage.topped_up:,} that were bought."
        )
    without = "the chat answers with the offline model only, which costs no credits"
    then = without if is_credit else "the widget offers visitors the contact form"
    return f"All {usage.allowance:,} {things} of this month are used. Until {until} {then}."


def _tone(usage: Usage) -> BarTone:
    at = reached(usage)
    if at == FULL and not usage.topped_up:
        return "danger"
    return "warning" if at else "accent"


def _row(label: str, used: int, limit: int | None, note: str = "", *, tone: BarTone = "accent") -> UsedRow:
    if limit is None:
        return UsedRow(label, f"{used:,}, not limited", note, 0, is_limited=False)
    percent = min(100 * used // limit, 100) if limit else 100
    return UsedRow(label, f"{used:,} of {limit:,}", note, percent, is_limited=True, tone=tone)
