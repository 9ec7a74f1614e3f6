"""Where a visitor writes from, as their browser says: shown to members, and nothing is decided by it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Self
from zoneinfo import ZoneInfo, available_timezones

from helpninja_app.conversations.models import Conversation

LONGEST_LANGUAGE = 35
# The form of a language tag (BCP 47, RFC 5646): which subtags there are changes with their registry.
_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Each is empty where it is not known: the page, a language tag, and a time zone of the IANA database."""

    page_url: str = ""
    language: str = ""
    time_zone: str = ""

    @classmethod
    def told(cls, page_url: str | None, language: str | None, time_zone: str | None) -> Self:
        """What a browser says of itself; a language or a time zone that is none counts as not said."""
        return cls(page_url or "", _tag(language or ""), _zone(time_zone or ""))

    def note(self, conversation: Conversation) -> None:
        """The latest of each that is known."""
        conversation.page_url = self.page_url or conversation.page_url
        conversation.visitor_language = self.language or conversation.visitor_language
        conversation.visitor_time_zone = self.time_zone or conversation.visitor_time_zone


NOT_KNOWN = Whereabouts()


def clock_there(time_zone: str, moment: datetime) -> str:
    """``14:05 there (Europe/Berlin)``; empty where the zone is not known."""
    return f"{moment.astimezone(ZoneInfo(time_zone)):%H:%M} there ({time_zone})" if _zone(time_zone) else ""


@cache
def _zones() -> frozenset[str]:
    # Read from the disk at each call otherwise.
    return frozenset(available_timezones())


def _tag(language: str) -> str:
    return language if len(language) <= LONGEST_LANGUAGE and _TAG.fullmatch(language) else ""


def _zone(time_zone: str) -> str:
    return time_zone if time_zone in _zones() else ""
