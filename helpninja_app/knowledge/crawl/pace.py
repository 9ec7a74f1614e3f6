"""How often one website is asked: few requests at once, its crawl-delay, and a pause when it wants one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

AT_ONCE = 2
_REMEMBERED_SITES = 1000


@dataclass
class _Site:
    slots: asyncio.Semaphore
    not_before: float = 0.0
    users: int = field(default=0)


class HostPace:
    """Shared by everything in the process that crawls, so that two jobs on one site are no ruder than one."""

    def __init__(
        self,
        *,
        at_once: int = AT_ONCE,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._at_once = at_once
        self._sleep = sleep
        self._clock = clock
        self._sites: dict[str, _Site] = {}

    @asynccontextmanager
    async def turn(self, site: str, delay: float = 0.0) -> AsyncGenerator[None]:
        """Hold one of the site's slots; starts are at least ``delay`` seconds apart and after any pause."""
        entry = self._sites.setdefault(site, _Site(asyncio.Semaphore(self._at_once)))
        entry.users += 1
        try:
            async with entry.slots:
                while (wait := entry.not_before - self._clock()) > 0:
                    await self._sleep(wait)
                if delay:
                    entry.not_before = self._clock() + delay
                yield
        finally:
            entry.users -= 1
            self._forget_the_idle()

    def pause(self, site: str, seconds: float) -> None:
        """Start nothing on the site for ``seconds``; a longer pause that already runs stays."""
        entry = self._sites.setdefault(site, _Site(asyncio.Semaphore(self._at_once)))
        entry.not_before = max(entry.not_before, self._clock() + seconds)

    def _forget_the_idle(self) -> None:
        if len(self._sites) > _REMEMBERED_SITES:
            now = self._clock()
            self._sites = {
                site: entry for site, entry in self._sites.items() if entry.users or entry.not_before > now
            }
