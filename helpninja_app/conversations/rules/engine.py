"""Which rules match, and what follows from all of them together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from helpninja_app.conversations.rules.conditions import Group
from helpninja_app.conversations.rules.facts import Facts


class Action(StrEnum):
    """``route`` only says where an escalation goes; ``notify`` tells people without asking for one."""

    ESCALATE = "escalate"
    ROUTE = "route"
    NOTIFY = "notify"


@dataclass(frozen=True, slots=True)
class Rule:
    """``destinations`` are ids of integrations; none means all that are switched on."""

    id: UUID
    name: str
    action: Action
    condition: Group
    destinations: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """``escalation`` asks for a person; ``destinations`` are where that goes, whoever asks; all ``notices``
    are told."""

    escalation: Rule | None = None
    destinations: tuple[UUID, ...] = ()
    notices: tuple[Rule, ...] = ()


def decide(rules: Sequence[Rule], facts: Facts) -> Decision:
    """``rules`` in the order in which they are tried: of those that escalate the first that matches counts,
    and of those that name destinations for an escalation likewise."""
    matching = [rule for rule in rules if rule.condition.holds(facts)]
    asking = [rule for rule in matching if rule.action is Action.ESCALATE]
    routing = [rule for rule in matching if rule.action is not Action.NOTIFY and rule.destinations]
    return Decision(
        escalation=asking[0] if asking else None,
        destinations=routing[0].destinations if routing else (),
        notices=tuple(rule for rule in matching if rule.action is Action.NOTIFY),
    )
