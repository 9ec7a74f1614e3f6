"""What events, endpoints and deliveries of webhooks are called."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from helpninja_app.integrations.webhooks.log import AttemptView, DeliveryView
from helpninja_app.integrations.webhooks.models import EventType
from helpninja_app.ui.badges import BadgeTone
from helpninja_app.ui.times import duration_in_words, exactly

EVENTS: dict[EventType, str] = {
    EventType.CONVERSATION_STARTED: "A conversation starts",
    EventType.CONVERSATION_ENDED: "A conversation ends",
    EventType.MESSAGE_CREATED: "A message is written",
    EventType.ESCALATION_CREATED: "A person is asked for",
    EventType.DOCUMENT_INDEXED: "A document can be searched",
    EventType.FEEDBACK_CREATED: "A visitor rates",
}
ENDPOINT_STATES: dict[str, tuple[BadgeTone, str]] = {
    "active": ("success", "Active"),
    "failing": ("danger", "Failing"),
    "paused": ("warning", "Waiting"),
    "disabled": ("neutral", "Switched off"),
}
DELIVERY_STATES: dict[str, tuple[BadgeTone, str]] = {
    "sent": ("success", "Sent"),
    "waiting": ("warning", "Waiting"),
    "failed": ("danger", "Failed"),
}


def events_in_words(events: Sequence[str]) -> str:
    if set(events) == set(EventType):
        return "Hears of everything"
    return f"Hears of {', '.join(events)}"


def event_in_words(event: str) -> str:
    return EVENTS[EventType(event)] if event in set(EventType) else event


def progress(view: DeliveryView, moment: datetime) -> str:
    """How often it was tried, and what comes next."""
    times = {0: "Not tried yet.", 1: "Tried once."}.get(view.attempts, f"Tried {view.attempts} times.")
    if view.next_at is None:
        return times
    left = view.next_at - moment
    soon = f"in {duration_in_words(left)}" if left.total_seconds() > 0 else "at once"
    return f"{times} The next attempt is {soon}."


def attempt_in_words(attempt: AttemptView) -> str:
    became = attempt.error or "It was taken."
    return f"{exactly(attempt.at)}, {attempt.milliseconds:,} ms: {became}"
