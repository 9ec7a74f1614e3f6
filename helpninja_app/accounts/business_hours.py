"""Whether somebody is there: what business hours say about a moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
END_OF_DAY = "24:00"


@dataclass(frozen=True, slots=True)
class Opening:
    """``until`` is when that changes, on the clocks of the time zone and without one; ``None`` for never."""

    is_open: bool
    until: datetime | None


def opening_at(
    hours: Mapping[str, Sequence[Sequence[str]]], time_zone: str, moment: datetime
) -> Opening | None:
    """Open or closed at a moment, by hours as the settings store them; ``None`` where no hours are set."""
    local = moment.astimezone(ZoneInfo(time_zone)).replace(tzinfo=None)
    # A whole week ahead, whose last day may end after midnight of the first.
    days = [local.date() + timedelta(days=ahead) for ahead in range(9)]
    spans = _joined([span for day in days for span in _spans_of(hours, day)])
    if not spans:
        return None
    for begin, end in spans:
        if local < begin:
            return Opening(is_open=False, until=begin)
        if local < end:
            return Opening(is_open=True, until=end if end - begin < timedelta(days=8) else None)
    return None


def _spans_of(hours: Mapping[str, Sequence[Sequence[str]]], day: date) -> list[tuple[datetime, datetime]]:
    return [(_on(day, begin), _on(day, end)) for begin, end in hours.get(WEEK[day.weekday()], ())]


def _on(day: date, moment: str) -> datetime:
    if moment == END_OF_DAY:
        return datetime.combine(day + timedelta(days=1), time.min)
    return datetime.combine(day, time.fromisoformat(moment))


def _joined(spans: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Spans in order, those that touch at midnight made one."""
    joined: list[tuple[datetime, datetime]] = []
    for begin, end in spans:
        if joined and joined[-1][1] == begin:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((begin, end))
    return joined
