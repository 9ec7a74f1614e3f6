"""What follows from the rules that match, and how conditions read in plain words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from helpninja_app.conversations.rules.conditions import read_group
from helpninja_app.conversations.rules.engine import Action, Decision, Rule, decide
from helpninja_app.conversations.rules.facts import Facts
from helpninja_app.conversations.rules.sentences import describe, explain, sentence_of

FACTS = Facts(
    "I want a refund.",
    0.42,
    "https://shop.example/pricing",
    2,
    datetime(2026, 12, 1, 11, 30, tzinfo=UTC),
    "Europe/Berlin",
    {},
)
YES: dict[str, Any] = {"fact": "keyword", "operator": "any", "values": ["refund"]}
NO: dict[str, Any] = {"fact": "keyword", "operator": "any", "values": ["parcel"]}
SLACK, TEAMS = UUID(int=1), UUID(int=2)


def rule(number: int, action: Action, *destinations: UUID, condition: dict[str, Any] = YES) -> Rule:
    group = read_group({"match": "all", "conditions": [condition]})
    return Rule(UUID(int=number), f"Rule {number}", action, group, destinations)


def test_of_those_that_escalate_the_first_counts() -> None:
    first, second = rule(11, Action.ESCALATE, SLACK), rule(12, Action.ESCALATE, TEAMS)
    assert decide([rule(10, Action.ESCALATE, condition=NO), first, second], FACTS) == Decision(
        first, (SLACK,)
    )


def test_a_route_before_it_says_where_it_goes() -> None:
    route, asking = rule(10, Action.ROUTE, TEAMS), rule(11, Action.ESCALATE, SLACK)
    assert decide([route, asking], FACTS) == Decision(asking, (TEAMS,))


def test_one_that_escalates_without_destinations_leaves_them_to_a_later_route() -> None:
    asking, route = rule(10, Action.ESCALATE), rule(11, Action.ROUTE, TEAMS)
    assert decide([asking, route], FACTS) == Decision(asking, (TEAMS,))


def test_a_route_asks_for_nobody() -> None:
    assert decide([rule(10, Action.ROUTE, TEAMS)], FACTS).escalation is None


def test_all_notices_are_told_and_say_nothing_of_where_an_escalation_goes() -> None:
    notices = (rule(10, Action.NOTIFY, SLACK), rule(12, Action.NOTIFY))
    assert decide([notices[0], rule(11, Action.NOTIFY, condition=NO), notices[1]], FACTS) == Decision(
        None, (), notices
    )


def test_without_a_match_nothing_follows() -> None:
    assert decide([rule(10, Action.ESCALATE, condition=NO)], FACTS) == Decision()


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        (YES, "the question has “refund”"),
        (YES | {"values": ["a", "b", "c"]}, "the question has “a”, “b” or “c”"),
        (YES | {"operator": "all", "values": ["a", "b"]}, "the question has “a” and “b”"),
        (YES | {"operator": "none", "values": ["a", "b"]}, "the question does not have “a” or “b”"),
        ({"fact": "page", "operator": "is_not", "values": ["/a"]}, "the page is not “/a”"),
        ({"fact": "confidence", "operator": "below", "value": 0.5}, "the confidence is below 50 %"),
        (
            {"fact": "message_count", "operator": "at_least", "value": 1},
            "the visitor has written at least 1 message",
        ),
        ({"fact": "time", "operator": "outside_business_hours"}, "it is outside business hours"),
        (
            {"fact": "time", "operator": "between", "from": "22:00", "to": "06:00", "days": ["mon", "tue"]},
            "it is between 22:00 and 06:00 on Mon, Tue",
        ),
    ],
)
def test_a_condition_reads(condition: dict[str, Any], sentence: str) -> None:
    assert describe(read_group({"match": "all", "conditions": [condition]})) == sentence


def test_a_rule_reads_with_its_groups() -> None:
    either = {"match": "any", "conditions": [YES, NO]}
    group = read_group(
        {"match": "all", "conditions": [either, {"fact": "confidence", "operator": "above", "value": 0.9}]}
    )
    assert sentence_of(Action.ESCALATE, group) == (
        "Ask for a person when (the question has “refund” or the question has “parcel”)"
        " and the confidence is above 90 %."
    )


def test_why_it_matched_names_each_condition_and_what_was_found() -> None:
    late = {"fact": "time", "operator": "between", "from": "22:00", "to": "06:00"}
    group = read_group({"match": "any", "conditions": [YES, NO, late]})
    explained = explain(group, FACTS)
    assert (explained.sentence, explained.found) == ("At least one of these matches.", "1 of 3 match.")
    assert [(part.matched, part.found) for part in explained.parts] == [
        (True, "It has “refund”."),
        (False, "It has none of them."),
        (False, "It is Tuesday 12:30 in Europe/Berlin."),
    ]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ({"fact": "confidence", "operator": "below", "value": 0.5}, "The confidence is 42 %."),
        ({"fact": "page", "operator": "is", "values": ["/x"]}, "The page is shop.example/pricing."),
        ({"fact": "message_count", "operator": "at_most", "value": 1}, "The visitor has written 2 messages."),
        (
            {"fact": "time", "operator": "inside_business_hours"},
            "It is Tuesday 12:30 in Europe/Berlin, which is inside business hours.",
        ),
    ],
)
def test_what_was_found_is_said(condition: dict[str, Any], found: str) -> None:
    group = read_group({"match": "all", "conditions": [condition]})
    assert explain(group, FACTS).parts[0].found == found


def test_what_is_not_known_is_said_to_be_so() -> None:
    unknown = Facts("", None, "", 1, FACTS.moment, "UTC", {})
    page = read_group({"match": "all", "conditions": [{"fact": "page", "operator": "is", "values": ["/x"]}]})
    unsure = read_group(
        {"match": "all", "conditions": [{"fact": "confidence", "operator": "below", "value": 1}]}
    )
    assert explain(page, unknown).parts[0].found == "The page is not known."
    assert explain(unsure, unknown).parts[0].found == "No answer was judged, so there is no confidence."
