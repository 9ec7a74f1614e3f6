"""When a billing period ends: months as the calendar has them, counted from the anchor."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime

from tests.twins.stripe.shapes import Obj


def end_of_period(price: Obj, anchor: int, start: int) -> int:
    """The first anniversary of the anchor after `start`; 31 January is followed by 28 February, 31 March."""
    months = 12 if price["recurring"]["interval"] == "year" else 1
    count = 1
    while (end := _months_later(anchor, months * count)) <= start:
        count += 1
    return end


def _months_later(seconds: int, months: int) -> int:
    at = datetime.fromtimestamp(seconds, UTC)
    years, month = divmod(at.month - 1 + months, 12)
    year, month = at.year + years, month + 1
    day = min(at.day, calendar.monthrange(year, month)[1])
    return int(at.replace(year=year, month=month, day=day).timestamp())
