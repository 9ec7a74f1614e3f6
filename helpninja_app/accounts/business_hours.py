"""Whether somebody is there: what business hours say about a moment."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
END_OF_DAY = "24:00"
# Further than the settings' 100 holidays can reach in a week with one open day.
_FURTHEST = timedelta(days=750)


@dataclass(frozen=True, slots=True)
class Opening:
    """``until`` is when that changes, on the clocks of the time zone and without one; ``None`` for never."""

    is_open: bool
    until: datetime | None


def opening_at(
    hours: Mapping[str, Sequence[Sequence[str]]],
    time_zone: str,
    moment: datetime,
    holidays: Collection[str] = (),
) -> Opening | None:
    """Open or closed at a moment, by hours and holidays as the settings store them; ``None`` where no hours
    are set."""
    local = moment.astimezone(ZoneInfo(time_zone)).replace(tzinfo=None)
    today = local.date()
    closed = {date.fromisoformat(day) for day in holidays}
    last = max((day for day in closed if today <= day <= today + _FURTHEST), default=today)
    # A whole week after the last holiday, whose last day may end after midnight of the first.
    end_of_view = (last - today).days + 9
    days = [today + timedelta(days=ahead) for ahead in range(end_of_view)]
    spans = _joined([span for day in days if day not in closed for span in _spans_of(hours, day)])
    if not spans:
        return None
    for begin, end in spans:
        if local < begin:
            return Opening(is_open=False, until=begin)
        if local < end:
            return Opening(is_open=True, until=end if end <= _on(days[-1], "00:00") else None)
    return None


def next_opening(
    hours: Mapping[str, Sequence[Sequence[str]]],
    time_zone: str,
    moment: datetime,
    holidays: Collection[str] = (),
) -> datetime | None:
    """When somebody is there again, in UTC; ``None`` where somebody is there now or no hours are set."""
    return _next_change(hours, time_zone, moment, holidays, is_open=False)


def next_closing(
    hours: Mapping[str, Sequence[Sequence[str]]],
    time_zone: str,
    moment: datetime,
    holidays: Collection[str] = (),
) -> datetime | None:
    """Until when somebody is there, in UTC; ``None`` where nobody is, or always somebody is."""
    return _next_change(hours, time_zone, moment, holidays, is_open=True)


def _next_change(
    hours: Mapping[str, Sequence[Sequence[str]]],
    time_zone: str,
    moment: datetime,
    holidays: Collection[str],
    *,
    is_open: bool,
) -> datetime | None:
    opening = opening_at(hours, time_zone, moment, holidays)
    if opening is None or opening.is_open is not is_open or opening.until is None:
        return None
    return _first_instant(opening.until, ZoneInfo(time_zone), after=moment)


def _first_instant(wall: datetime, zone: ZoneInfo, *, after: datetime) -> datetime:
    """When the clocks there first show ``wall`` or, where they skip it, something later."""
    # Clocks that go back show some times twice, and the first may be over.
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if second >= first:
        return first if first > after else second
    # A skipped time: the clocks jump somewhere between the two readings of it.
    early, late = second, first
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) / 2
        if middle.astimezone(zone).replace(tzinfo=None) < wall:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)


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
