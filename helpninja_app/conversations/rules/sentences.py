"""Conditions in plain words: what they ask, and what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from helpninja_app.conversations.rules.conditions import (
    Condition,
    Confidence,
    Group,
    Keyword,
    MessageCount,
    Page,
    Time,
    needle_of,
)
from helpninja_app.conversations.rules.engine import Action
from helpninja_app.conversations.rules.facts import Facts

_ACTIONS = {
    Action.ESCALATE: "Ask for a person",
    Action.ROUTE: "Send escalations to its destinations",
    Action.NOTIFY: "Tell its destinations",
}
_KEYWORDS = {
    "any": "the question has {words}",
    "all": "the question has {words}",
    "none": "the question does not have {words}",
}
_PAGES = {
    "is": "the page is {values}",
    "is_not": "the page is not {values}",
    "begins_with": "the page begins with {values}",
    "contains": "the page's address has {values} in it",
}


@dataclass(frozen=True, slots=True)
class Explained:
    """A condition, what was ``found`` for it, whether it matched, and the same of its parts."""

    sentence: str
    found: str
    matched: bool
    parts: tuple[Explained, ...] = ()


def sentence_of(action: Action, condition: Group) -> str:
    """A rule as a sentence."""
    return f"{_ACTIONS[action]} when {describe(condition)}."


def describe(condition: Condition) -> str:
    """A condition as a part of a sentence."""
    match condition:
        case Group():
            parts = [_part(each) for each in condition.conditions]
            return (" and " if condition.match == "all" else " or ").join(parts)
        case Confidence():
            return f"the confidence is {condition.operator} {_percent(condition.value)}"
        case Keyword():
            joined = _either(condition.values, "and" if condition.operator == "all" else "or")
            return _KEYWORDS[condition.operator].format(words=joined)
        case Page():
            return _PAGES[condition.operator].format(values=_either(condition.values, "or"))
        case MessageCount():
            bound = condition.operator.replace("_", " ")
            return f"the visitor has written {bound} {_counted(condition.value)}"
        case Time():
            return _time(condition)


def explain(condition: Condition, facts: Facts) -> Explained:
    """Why a condition matches or does not."""
    parts = tuple(explain(each, facts) for each in getattr(condition, "conditions", ()))
    return Explained(
        _sentence(describe(condition)) if not parts else _of_parts(condition),
        _found(condition, facts, parts),
        condition.holds(facts),
        parts,
    )


def _found(condition: Condition, facts: Facts, parts: Sequence[Explained]) -> str:
    match condition:
        case Group():
            return f"{sum(each.matched for each in parts)} of {len(parts)} match."
        case Confidence():
            if facts.confidence is None:
                return "No answer was judged, so there is no confidence."
            return f"The confidence is {_percent(facts.confidence)}."
        case Keyword():
            there = [value for value in condition.values if needle_of(value) in facts.words]
            return f"It has {_either(there, 'and')}." if there else "It has none of them."
        case Page():
            return f"The page is {facts.page}." if facts.page else "The page is not known."
        case MessageCount():
            return f"The visitor has written {_counted(facts.message_count)}."
        case Time():
            clock = facts.local.strftime("%A %H:%M")
            if condition.operator == "between":
                return f"It is {clock} in {facts.time_zone}."
            return f"It is {clock} in {facts.time_zone}, which is {_hours(is_inside=facts.is_open)}."


def _part(condition: Condition) -> str:
    described = describe(condition)
    is_several = isinstance(condition, Group) and len(condition.conditions) > 1
    return f"({described})" if is_several else described


def _of_parts(condition: Condition) -> str:
    is_all = isinstance(condition, Group) and condition.match == "all"
    return "All of these match." if is_all else "At least one of these matches."


def _time(condition: Time) -> str:
    if condition.operator != "between":
        return f"it is {_hours(is_inside=condition.operator == 'inside_business_hours')}"
    days = f" on {', '.join(day.capitalize() for day in condition.days)}" if condition.days else ""
    return f"it is between {condition.begin} and {condition.end}{days}"


def _hours(*, is_inside: bool) -> str:
    return "inside business hours" if is_inside else "outside business hours"


def _either(values: Sequence[str], word: str) -> str:
    quoted = [f"“{value}”" for value in values]
    return f" {word} ".join([", ".join(quoted[:-1]), quoted[-1]]) if len(quoted) > 1 else quoted[0]


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _counted(count: int) -> str:
    return "1 message" if count == 1 else f"{count} messages"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
