"""Tries the rules on a conversation or on made-up facts, without any effect, and says why each matched."""

from __future__ import annotations

import asyncio
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
from helpninja_app.conversations.rules.service import RuleWish, list_rules, rules_with_draft
from helpninja_app.conversations.rules.turns import facts_of, last_question
from helpninja_app.errors import NotFound
from helpninja_app.kernel.columns import now


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
class Draft:
    """A rule that is being written; ``rule_id`` is of the stored one that it changes.

    ``field`` is where it stands in what was sent, for what is wrong with it.
    """

    wish: RuleWish
    rule_id: UUID | None = None
    field: str = "body"


@dataclass(frozen=True, slots=True)
class MadeUp:
    """What a member types; without ``moment`` it is now."""

    question: str = ""
    confidence: float | None = None
    page_url: str = ""
    message_count: int = 1
    moment: datetime | None = None


async def try_rules(
    session: AsyncSession, caller: StaffCaller, given: MadeUp | UUID, *, draft: Draft | Rule | None = None
) -> Trial:
    """Try all rules, as they would be with a ``Draft``, or just the one ``Rule``, on what is ``given``.

    That is typed, or the id of a conversation, which is looked at as if its last question had been asked now.
    ``NotFound`` for one of another workspace; for a ``Draft`` what saving it would raise.
    """
    require(caller, Permission.READ_CONVERSATIONS)
    facts = (
        await _facts_of_stored(session, caller, given) if isinstance(given, UUID) else _facts(caller, given)
    )
    if isinstance(draft, Draft):
        rules = await rules_with_draft(session, caller, draft.wish, draft.rule_id, field=draft.field)
    elif draft is not None:
        rules = [(draft, True)]
    else:
        rules = [(each.rule, each.is_on) for each in await list_rules(session, caller)]
    # A hundred rules that are explained take longer than others should wait.
    return await asyncio.to_thread(_try, rules, facts)


def _try(rules: Sequence[tuple[Rule, bool]], facts: Facts) -> Trial:
    tried = [Tried(rule, is_on, explain(rule.condition, facts)) for rule, is_on in rules]
    in_force = [each for each in tried if each.is_on]
    decision = decide([each.rule for each in in_force], facts)
    return Trial(facts, tuple(tried), decision, outcome_of(decision, in_force))


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
