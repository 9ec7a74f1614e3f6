"""Burst limits: sliding windows in memory, or in Redis where several processes share them."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from limits import RateLimitItem, parse
from limits.aio.storage import MovingWindowSupport, Storage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.storage import storage_from_string

from helpninja_app.errors import RateLimited


@dataclass(frozen=True, slots=True)
class Burst:
    """At most ``amount`` in ``seconds``."""

    amount: int
    seconds: int


class RateLimiter:
    """Counts hits per name and subject; what was refused does not count."""

    def __init__(self, redis_url: str | None = None) -> None:
        self._windows: _Windows | _SharedWindows = _SharedWindows(redis_url) if redis_url else _Windows()

    async def hit(self, name: str, subject: str, burst: Burst) -> None:
        """Count one; raises ``RateLimited`` with the seconds to wait when there were too many."""
        _refuse(await self._windows.hit(name, subject, burst), burst)

    async def hit_all(self, *hits: tuple[str, str, Burst]) -> None:
        """Count one for each name and subject, or none where one of them had too many.

        Processes that share Redis do not wait for each other between looking and counting: at the edge of a
        limit some of the others may have been counted then.
        """
        for name, subject, burst in hits:
            _refuse(await self._windows.wait(name, subject, burst), burst)
        for each in hits:
            await self.hit(*each)


def _refuse(seconds: float | None, burst: Burst) -> None:
    if seconds is not None:
        wait = max(1, int(seconds) + 1)
        raise RateLimited(
            f"Too many requests: at most {burst.amount} in {_spoken(burst.seconds)}."
            f" Please try again in {wait} seconds.",
            limit=burst.amount,
            retry_after=wait,
        )


class _Windows:
    """In this process. The library's own memory looks at all subjects in a thread with every hit."""

    def __init__(self) -> None:
        # By when they came last, the one that stayed away longest first.
        self._hits: OrderedDict[tuple[str, str, Burst], deque[float]] = OrderedDict()

    async def hit(self, name: str, subject: str, burst: Burst) -> float | None:
        """``None`` when it counts, else the seconds until the next would."""
        seconds = await self.wait(name, subject, burst)
        if seconds is None:
            self._hits[(name, subject, burst)].append(time.monotonic())
        return seconds

    async def wait(self, name: str, subject: str, burst: Burst) -> float | None:
        """``None`` when one more would count now, else the seconds until it would."""
        now = time.monotonic()
        self._forget(now)
        times = self._hits.setdefault((name, subject, burst), deque())
        self._hits.move_to_end((name, subject, burst))
        while times and times[0] <= now - burst.seconds:
            times.popleft()
        if len(times) >= burst.amount:
            return (times[0] if times else now) + burst.seconds - now
        return None

    def _forget(self, now: float) -> None:
        """Two that nothing is known of any more; more than come anew with a hit."""
        for _ in range(2):
            subject = next(iter(self._hits), None)
            if subject is None:
                return
            times = self._hits[subject]
            if times and times[-1] > now - subject[2].seconds:
                return
            del self._hits[subject]


class _SharedWindows:
    """In Redis."""

    def __init__(self, url: str) -> None:
        # redis-py and not coredis, the library's default: it is the one that Reflex needs anyhow.
        self._storage = cast(Storage, storage_from_string(f"async+{url}", implementation="redispy"))
        self._limiter = MovingWindowRateLimiter(cast("Storage | MovingWindowSupport", self._storage))  # type: ignore[arg-type]

    async def hit(self, name: str, subject: str, burst: Burst) -> float | None:
        """``None`` when it counts, else the seconds until the next would."""
        item = _parsed(burst.amount, burst.seconds)
        return (
            None if await self._limiter.hit(item, name, subject) else await self._seconds(item, name, subject)
        )

    async def wait(self, name: str, subject: str, burst: Burst) -> float | None:
        """``None`` when one more would count now, else the seconds until it would."""
        item = _parsed(burst.amount, burst.seconds)
        return (
            None
            if await self._limiter.test(item, name, subject)
            else await self._seconds(item, name, subject)
        )

    async def _seconds(self, item: RateLimitItem, name: str, subject: str) -> float:
        window = await self._limiter.get_window_stats(item, name, subject)
        return window.reset_time - time.time()


@lru_cache(maxsize=100)
def _parsed(amount: int, seconds: int) -> RateLimitItem:
    return parse(f"{amount} per {seconds} second")


def _spoken(seconds: int) -> str:
    if seconds == 60:
        return "a minute"
    return f"{seconds // 60} minutes" if seconds % 60 == 0 else f"{seconds} seconds"
