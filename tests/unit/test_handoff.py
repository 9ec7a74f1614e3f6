"""The table of changes of status, and why an answer asks for a person."""

from __future__ import annotations

import itertools

import pytest

from helpninja_app.answers.pipeline import Answer, Kind
from helpninja_app.conversations.handoff import TRANSITIONS
from helpninja_app.conversations.models import Reason, Status
from helpninja_app.conversations.visitor_chat import reason_to_escalate

ALLOWED = {
    ("bot", "waiting"),
    ("bot", "human"),
    ("bot", "resolved"),
    ("waiting", "bot"),
    ("waiting", "human"),
    ("waiting", "resolved"),
    ("human", "bot"),
    ("human", "resolved"),
    ("resolved", "bot"),
    ("resolved", "waiting"),
    ("resolved", "human"),
}


@pytest.mark.parametrize(("before", "after"), itertools.product(Status, Status))
def test_a_change_of_status_is_in_the_table_or_not(before: Status, after: Status) -> None:
    assert (after in TRANSITIONS[before]) is ((before.value, after.value) in ALLOWED)


@pytest.mark.parametrize(
    ("kind", "confidence", "provider_failed", "reason"),
    [
        ("answer", 0.56, False, None),
        ("answer", 0.55, False, None),
        ("answer", 0.549, False, Reason.LOW_CONFIDENCE),
        ("answer", 0.99, True, Reason.PROVIDER_ERROR),
        ("declined", 0.0, True, Reason.PROVIDER_ERROR),
        ("declined", 0.3, False, Reason.NO_ANSWER),
        ("small_talk", 0.0, False, None),
    ],
)
def test_an_answer_asks_for_a_person_for_one_reason(
    kind: Kind, confidence: float, provider_failed: bool, reason: Reason | None
) -> None:
    answer = Answer("text", (), confidence, kind, "offline", provider_failed=provider_failed)
    assert reason_to_escalate(answer, 0.55) is reason
