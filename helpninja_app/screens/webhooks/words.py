"""What events, endpoints and deliveries of webhooks are called."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from helpninja_app.integrations.webhooks.endpoints import EndpointView
from helpninja_app.integrations.webhooks.log import DeliveryView
from helpninja_app.integrations.webhooks.models import EventType
from helpninja_app.integrations.webhooks.trials import TEST_EVENT
from helpninja_app.ui.badges import BadgeTone
from helpninja_app.ui.times import duration_in_words

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
    """``Hears when a conversation starts, a visitor rates``; a name that is none any more stays."""
    if set(events) == set(EventType):
        return "Hears of everything"
    known = [words for event, words in EVENTS.items() if event in events]
    others = [event for event in events if event not in set(EventType)]
    return f"Hears when {', '.join([*(f'{words[:1].lower()}{words[1:]}' for words in known), *others])}"


def event_in_words(event: str) -> str:
    if event == TEST_EVENT:
        return "A test"
    return EVENTS[EventType(event)] if event in set(EventType) else event


def progress(view: DeliveryView, moment: datetime) -> str:
    """How often it was tried, and what comes next."""
    is_waiting = view.status == "waiting"
    # Those before it was last asked for count where nothing is to come.
    tried = view.attempts if is_waiting else len(view.log)
    none = "Not tried again yet." if view.log else "Not tried yet."
    times = {0: none, 1: "Tried once."}.get(tried, f"Tried {tried} times.")
    if view.next_at is None:
        return times
    left = view.next_at - moment
    soon = f"in {duration_in_words(left)}" if left.total_seconds() > 0 else "at once"
    return f"{times} The next attempt is {soon}."


def failing_in_words(view: EndpointView, moment: datetime) -> str:
    """Since when nothing arrives at an endpoint, and why the last time; empty where it does."""
    if view.status != "failing" or view.failing_since is None:
        return ""
    length = duration_in_words(moment - view.failing_since)
    return f"Nothing has arrived for {length}. The last attempt failed: {view.last_error}"


def error_at(url: str, error: str) -> str:
    """An error where the address that it is about is to be seen anyway: ``It answered 503.``"""
    host = urlsplit(url).hostname
    return f"It{error.removeprefix(host)}" if host and error.startswith(f"{host} ") else error


def taken(status: int | None) -> str:
    """``It was taken (200).``; of one of earlier days the status is not known."""
    return f"It was taken ({status})." if status else "It was taken."


def day_and_clock(moment: datetime) -> str:
    """``30 Nov, 02:08 UTC``."""
    there = moment.astimezone(UTC)
    return f"{there.day} {there:%b, %H:%M} UTC"
