"""Tries the rules on a conversation or on made-up facts, without any effect, and says why each matched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.accounts.callers import StaffCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.conversations.models import Conversation
from helpninja_app.conversations.rules.engine import Action, Decision, Rule, decide
from helpninja_app.conversations.rules.facts import Facts
from helpninja_app.conversations.rules.sentences import Explained, explain
from helpninja_app.conversations.rules.service import list_rules
from helpninja_app.conversations.rules.turns import facts_of, last_question
from helpninja_app.errors import NotFound
from helpninja_app.kernel.columns import now

# A draft that is not stored has no id of its own.
DRAFT = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Tried:
    """A rule, whether it is on, and why it matched or did not."""

    rule: Rule
    is_on: bool
    explained: Explained


@dataclass(frozen=True, slots=True)
class Trial:
    """``outcome`` says in a sentence what the rules that are on would do."""

    facts: Facts
    tried: tuple[Tried, ...]
    decision: Decision
    outcome: str


@dataclass(frozen=True, slots=True)
class MadeUp:
    """What a member types; without ``moment`` it is now."""

    question: str = ""
    confidence: float | None = None
    page_url: str = ""
    message_count: int = 1
    moment: datetime | None = None


async def try_rules(
    session: AsyncSession, caller: StaffCaller, given: MadeUp | UUID, *, draft: Rule | None = None
) -> Trial:
    """Try all rules, or just ``draft``, on what is ``given``: typed, or the id of a conversation, which is
    looked at as if its last question had been asked now. ``NotFound`` for one of another workspace."""
    require(caller, Permission.READ_CONVERSATIONS)
    facts = (
        await _facts_of_stored(session, caller, given) if isinstance(given, UUID) else _facts(caller, given)
    )
    tried = (
        [
            Tried(each.rule, each.is_on, explain(each.condition, facts))
            for each in await list_rules(session, caller)
        ]
        if draft is None
        else [Tried(draft, True, explain(draft.condition, facts))]
    )
    decision = decide([each.rule for each in tried if each.is_on], facts)
    return Trial(facts, tuple(tried), decision, outcome_of(decision, [each for each in tried if each.is_on]))


def outcome_of(decision: Decision, tried: Sequence[Tried]) -> str:
    """What follows, in a sentence or two."""
    said = []
    if decision.escalation is not None:
        said.append(f"“{decision.escalation.name}” asks for a person.")
    elif decision.destinations:
        routing = next(
            each.rule
            for each in tried
            if each.explained.matched and each.rule.action is Action.ROUTE and each.rule.destinations
        )
        said.append(f"If a person is asked for, “{routing.name}” says where that goes.")
    if decision.notices:
        names = ", ".join(f"“{each.name}”" for each in decision.notices)
        said.append(f"{names} {'tells' if len(decision.notices) == 1 else 'tell'} people, asking for nobody.")
    return " ".join(said) or "No rule does anything here."


async def _facts_of_stored(session: AsyncSession, caller: StaffCaller, conversation_id: UUID) -> Facts:
    conversation = await session.get(Conversation, (caller.workspace.id, conversation_id))
    if conversation is None:
        raise NotFound("There is no such conversation.")
    question = await last_question(session, caller.workspace.id, conversation_id)
    return await facts_of(session, caller.workspace, conversation, question)


def _facts(caller: StaffCaller, given: MadeUp) -> Facts:
    return Facts(
        question=given.question,
        confidence=given.confidence,
        page_url=given.page_url,
        message_count=given.message_count,
        moment=given.moment or now(),
        time_zone=caller.workspace.time_zone,
        business_hours=caller.workspace.business_hours,
        holidays=caller.workspace.holidays,
    )
