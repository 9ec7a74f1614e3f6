"""Burst limits: sliding windows in memory, or in Redis where several processes share them."""

from __future__ import annotations

import time
from dataclasses import dataclass
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

    @property
    def item(self) -> RateLimitItem:
        return parse(f"{self.amount} per {self.seconds} second")


class RateLimiter:
    """Counts hits per name and subject; what was refused does not count."""

    def __init__(self, redis_url: str | None = None) -> None:
        # redis-py and not coredis, the library's default: it is the one that Reflex needs anyhow.
        storage = (
            storage_from_string(f"async+{redis_url}", implementation="redispy")
            if redis_url
            else storage_from_string("async+memory://")
        )
        self._storage = cast(Storage, storage)
        self._limiter = MovingWindowRateLimiter(cast("Storage | MovingWindowSupport", self._storage))  # type: ignore[arg-type]

    async def hit(self, name: str, subject: str, burst: Burst) -> None:
        """Count one; raises ``RateLimited`` with the seconds to wait when there were too many."""
        item = burst.item
        if await self._limiter.hit(item, name, subject):
            return
        window = await self._limiter.get_window_stats(item, name, subject)
        wait = max(1, int(window.reset_time - time.time()) + 1)
        raise RateLimited(
            f"Too many requests: at most {burst.amount} in {_spoken(burst.seconds)}."
            f" Please try again in {wait} seconds.",
            limit=burst.amount,
            retry_after=wait,
        )


def _spoken(seconds: int) -> str:
    if seconds == 60:
        return "a minute"
    return f"{seconds // 60} minutes" if seconds % 60 == 0 else f"{seconds} seconds"
