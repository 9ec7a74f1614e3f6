"""What a workspace's settings may be, wherever they come from: the API or a page."""

from __future__ import annotations

import re
from datetime import date, time
from itertools import pairwise
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator

from helpninja_app.accounts.callers import Voice

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_SLUG = r"^[a-z0-9][a-z0-9-]{0,62}$"
_DOMAIN = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:[0-9]{1,5})?")
_DAY = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}")
_LANGUAGE = re.compile(r"[a-z]{2}")
RESERVED = frozenset({"app", "api", "demo", "docs", "new", "settings", "widget", "www"})
_ID = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}")
_COLUMNS = {
    "allowedDomains": "allowed_domains",
    "timeZone": "time_zone",
    "businessHours": "business_hours",
    "threshold": "confidence_threshold",
}


def looks_like_id(slug: str) -> bool:
    """Whether a slug could be taken for the id of a workspace."""
    return bool(_ID.fullmatch(slug))


class WorkspaceChanges(BaseModel):
    """What is absent stays as it is.

    ``businessHours`` has, for each day with any, spans such as ``["09:00", "17:00"]`` in ``timeZone``, in
    order and without overlaps. ``holidays`` are days such as ``2026-12-25``, closed from midnight to midnight
    there. ``allowedDomains`` are hosts such as ``example.com`` or ``*.example.com``.
    """

    model_config = ConfigDict(strict=True, extra="ignore")

    name: str | None = Field(None, min_length=1, max_length=100, pattern=r"\S")
    slug: str | None = Field(None, pattern=_SLUG)
    voice: Voice | None = None
    threshold: float | None = Field(None, ge=0, le=1)
    # In JSON, and so for every caller, these are written as the API writes names.
    allowedDomains: list[str] | None = Field(None, max_length=100)  # noqa: N815
    timeZone: str | None = Field(None, max_length=64)  # noqa: N815
    businessHours: dict[Day, list[list[str]]] | None = None  # noqa: N815
    holidays: list[str] | None = Field(None, max_length=100)
    languages: list[str] | None = Field(None, max_length=20)
    greeting: str | None = Field(None, max_length=500)
    suggestions: list[Annotated[str, Field(min_length=1, max_length=200)]] | None = Field(None, max_length=6)

    def columns(self) -> dict[str, Any]:
        """The changes under the names of the table's columns."""
        return {
            _COLUMNS.get(name, name): value
            for name, value in self.model_dump(exclude_unset=True).items()
            if value is not None
        }

    @field_validator("slug")
    @classmethod
    def _is_free_for_all(cls, slug: str | None) -> str | None:
        if slug in RESERVED or looks_like_id(slug or ""):
            raise ValueError("This name is reserved")
        return slug

    @field_validator("allowedDomains")
    @classmethod
    def _are_hosts(cls, domains: list[str] | None) -> list[str] | None:
        folded = None if domains is None else [domain.strip().lower() for domain in domains]
        for domain in folded or ():
            if len(domain) > 253 or not _DOMAIN.fullmatch(domain):
                raise ValueError("Each has to be a host such as example.com or *.example.com")
        return None if folded is None else list(dict.fromkeys(folded))

    @field_validator("timeZone")
    @classmethod
    def _is_known(cls, zone: str | None) -> str | None:
        if zone is not None and zone not in available_timezones():
            raise ValueError("This is not a time zone of the IANA database, such as Europe/Berlin")
        return zone

    @field_validator("businessHours")
    @classmethod
    def _are_spans(cls, hours: dict[Day, list[list[str]]] | None) -> dict[Day, list[list[str]]] | None:
        for spans in (hours or {}).values():
            if len(spans) > 6 or any(len(span) != 2 for span in spans):
                raise ValueError("Each day has at most six spans of a beginning and an end")
            moments = [_moment(text) for span in spans for text in span]
            if any(later <= earlier for earlier, later in pairwise(moments)):
                raise ValueError("Spans follow each other, and each ends after it begins")
        return {day: spans for day, spans in hours.items() if spans} if hours is not None else None

    @field_validator("holidays")
    @classmethod
    def _are_days(cls, days: list[str] | None) -> list[str] | None:
        for day in days or ():
            if not _DAY.fullmatch(day) or not _is_day(day):
                raise ValueError("Each has to be a day such as 2026-12-25")
        return None if days is None else sorted(set(days))

    @field_validator("languages")
    @classmethod
    def _are_codes(cls, languages: list[str] | None) -> list[str] | None:
        if any(not _LANGUAGE.fullmatch(code) for code in languages or ()):
            raise ValueError("Each has to be a code of ISO 639-1, such as en")
        return None if languages is None else list(dict.fromkeys(languages))


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _moment(text: str) -> time:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text) and text != "24:00":
        raise ValueError("Times are written as 09:00, from 00:00 to 24:00")
    return time.max if text == "24:00" else time.fromisoformat(text)
