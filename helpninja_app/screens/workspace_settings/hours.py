"""Business hours as the form has them: days that are open or not, with spans of two times each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from helpninja_app.accounts.business_hours import END_OF_DAY, WEEK, opening_at
from helpninja_app.screens.session import is_checked, text_in

DAYS = tuple(
    zip(
        WEEK,
        ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        strict=True,
    )
)
WEEKDAYS = WEEK[:5]
MOST_SPANS = 6
_MIDNIGHT = "00:00"


@dataclass(frozen=True)
class Span:
    """From when to when, as a time field has it: an end at midnight is ``00:00``."""

    start: str
    end: str


@dataclass(frozen=True)
class Day:
    is_open: bool
    spans: list[Span]


Week = dict[str, Day]
CLOSED = Day(is_open=False, spans=[])
USUAL = Span("09:00", "17:00")


def week_of(stored: Mapping[str, Sequence[Sequence[str]]]) -> Week:
    return {day: _day_of(stored.get(day, ())) for day in WEEK}


def _day_of(stored: Sequence[Sequence[str]]) -> Day:
    spans = [Span(begin, _MIDNIGHT if end == END_OF_DAY else end) for begin, end in stored]
    return Day(is_open=bool(spans), spans=spans)


def stored_day(day: Day) -> list[list[str]]:
    """As the settings store it."""
    if not day.is_open:
        return []
    return [[span.start, END_OF_DAY if span.end == _MIDNIGHT else span.end] for span in day.spans]


def day_in(form: object, day: str) -> Day:
    """A day as it came with the form; spans without any time are left out."""
    spans = [
        Span(text_in(form, f"from_{day}_{number}", 8)[:5], text_in(form, f"to_{day}_{number}", 8)[:5])
        for number in range(MOST_SPANS)
    ]
    return Day(
        is_open=is_checked(form, f"open_{day}"), spans=[span for span in spans if span != Span("", "")]
    )


def opened(day: Day, *, is_open: bool) -> Day:
    """Open with the hours it had before, or usual ones."""
    return Day(is_open=is_open, spans=_copied(day) or [USUAL])


def with_another_span(day: Day) -> Day:
    return Day(is_open=day.is_open, spans=[*_copied(day), Span("", "")][:MOST_SPANS])


def without_span(day: Day, number: int) -> Day:
    """A day without any span is closed."""
    spans = [span for at, span in enumerate(_copied(day)) if at != number]
    return Day(is_open=day.is_open and bool(spans), spans=spans)


def with_time(day: Day, number: int, end: str, moment: str) -> Day:
    """Another time at the ``start`` or the ``end`` of a span."""
    spans = _copied(day)
    for at, span in enumerate(spans):
        if at == number:
            spans[at] = Span(moment, span.end) if end == "start" else Span(span.start, moment)
    return Day(is_open=day.is_open, spans=spans)


def copied(day: Day) -> Day:
    return Day(is_open=day.is_open, spans=_copied(day))


def _copied(day: Day) -> list[Span]:
    # Reflex hands out proxies of what is in a state, which must not become part of it again.
    return [Span(span.start, span.end) for span in day.spans]


def opening_in_words(week: Week, time_zone: str, moment: datetime, holidays: Sequence[str] = ()) -> str:
    """``Open now; closes at 17:00 (Europe/Berlin).``"""
    stored = {day: stored_day(hours) for day, hours in week.items()}
    opening = opening_at(stored, time_zone, moment, holidays)
    if opening is None:
        return "No business hours are set."
    if opening.until is None:
        return "Open around the clock."
    today = moment.astimezone(ZoneInfo(time_zone)).date()
    days = (opening.until.date() - today).days
    # A day that ends at midnight is still that day.
    at = f"{opening.until:%H:%M}"
    if opening.is_open and at == _MIDNIGHT:
        days, at = days - 1, "midnight"
    far = f"on {opening.until:%A} " if days < 7 else f"on {opening.until:%A, %-d %B} "
    when = {0: "", 1: "tomorrow "}.get(days, far)
    verb = "Open now; closes" if opening.is_open else "Closed now; opens"
    return f"{verb} {when}at {at} ({time_zone})."
