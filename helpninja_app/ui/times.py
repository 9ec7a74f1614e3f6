"""Moments as people say them."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


def in_words(moment: datetime, now: datetime) -> str:
    """How long ago, such as ``5 min ago``; from a week on the date. Both moments have a time zone."""
    ago = now - moment
    if ago < _MINUTE:
        return "just now"
    if ago >= 7 * _DAY:
        is_this_year = moment.year == now.year
        return f"{moment.day} {moment:%b}" if is_this_year else f"{moment.day} {moment:%b %Y}"
    return f"{duration_in_words(ago)} ago"


def duration_in_words(length: timedelta) -> str:
    """``12 min``, ``3 h``, ``2 days``: whole numbers of the largest unit."""
    if length < _HOUR:
        return f"{max(int(length / _MINUTE), 1)} min"
    if length < _DAY:
        return f"{int(length / _HOUR)} h"
    days = int(length / _DAY)
    return "1 day" if days == 1 else f"{days} days"


def exactly(moment: datetime) -> str:
    """``4 November 2026, 14:05 UTC``."""
    return f"{moment.day} {moment:%B %Y, %H:%M %Z}".strip()


def day_of(moment: datetime, zone: tzinfo) -> str:
    """The day on the clocks of ``zone``, such as ``4 November 2026``."""
    there = moment.astimezone(zone)
    return f"{there.day} {there:%B %Y}"
