"""Keeps strangers from filling the disk by what libraries log about them."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict

SECONDS = 60.0
MOST_ALIKE = 20
_REMEMBERED = 500
_OURS = ("helpninja_app", "api_routes")


class NoFlood(logging.Filter):
    """Lets through 20 records a minute of each place in a library that logs; says how many it left out.

    Our own lines are one for each request, and limits hold their number.
    """

    def __init__(self) -> None:
        super().__init__()
        self._windows: OrderedDict[tuple[str, int], tuple[float, int]] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] in _OURS:
            return True
        place, now = (record.pathname, record.lineno), time.monotonic()
        since, count = self._windows.pop(place, (now, 0))
        left_out = 0
        if now - since >= SECONDS:
            left_out, since, count = max(0, count - MOST_ALIKE), now, 0
        self._windows[place] = (since, count + 1)
        while len(self._windows) > _REMEMBERED:
            self._windows.popitem(last=False)
        if count >= MOST_ALIKE:
            return False
        if left_out and not isinstance(record.msg, dict):
            record.msg = f"{record.getMessage()} ({left_out:,} more like this one were left out)"
            record.args = ()
        return True
