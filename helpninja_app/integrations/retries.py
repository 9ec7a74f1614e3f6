"""When a delivery that failed is tried again, and when no more."""

from __future__ import annotations

from datetime import timedelta

MAX_ATTEMPTS = 10
_LONGEST = timedelta(minutes=60)


def delay_after(attempt: int) -> timedelta:
    """How long to wait after the attempt of that number, the first being 1: 2, 4, 8 … 60 minutes."""
    if attempt < 1:
        raise ValueError("The first attempt is number 1.")
    return min(timedelta(minutes=2 ** min(attempt, 10)), _LONGEST)
