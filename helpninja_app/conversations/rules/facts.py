"""What the conditions of rules are compared with: one turn of a conversation."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from helpninja_app.accounts.business_hours import opening_at
from helpninja_app.answers.words import words_of


@dataclass(frozen=True)
class Facts:
    """``confidence`` is between 0 and 1, and ``None`` where nothing was answered that could be judged.

    ``message_count`` counts the visitor's messages, this one too. Hours, zone and holidays are stored as the
    workspace's settings store them.
    """

    question: str
    confidence: float | None
    page_url: str
    message_count: int
    moment: datetime
    time_zone: str
    business_hours: Mapping[str, Sequence[Sequence[str]]]
    holidays: Collection[str] = ()

    @cached_property
    def words(self) -> str:
        return folded(self.question)

    @cached_property
    def local(self) -> datetime:
        """The moment on the clocks of the workspace."""
        return self.moment.astimezone(ZoneInfo(self.time_zone))

    @cached_property
    def clock(self) -> str:
        return self.local.strftime("%H:%M")

    @cached_property
    def is_open(self) -> bool:
        """Inside business hours; always where none are set."""
        opening = opening_at(self.business_hours, self.time_zone, self.moment, self.holidays)
        return opening is None or opening.is_open

    @cached_property
    def page(self) -> str:
        return address_of(self.page_url)

    @cached_property
    def path(self) -> str:
        return f"/{self.page.partition('/')[2]}" if self.page else ""

    @cached_property
    def places(self) -> frozenset[str]:
        """The page as conditions may name it."""
        return frozenset({self.page, self.path} - {""})


@lru_cache(maxsize=8192)
def folded(text: str) -> str:
    """The words of a text, each between two spaces, so that whole words are found as parts of it."""
    return f" {' '.join(words_of(text))} "


@lru_cache(maxsize=8192)
def address_of(url: str) -> str:
    """Host and path of an address, or the path alone where it begins with a slash: without what a campaign
    appends, and without a slash at the end."""
    stripped = url.strip()
    try:
        parts = urlsplit(stripped if stripped.startswith("/") or "//" in stripped else f"//{stripped}")
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return ""
    path = parts.path.rstrip("/").casefold()
    return f"{host}{path}" or ("/" if stripped.startswith("/") else "")
