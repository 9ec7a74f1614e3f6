"""What a site's robots.txt allows us (RFC 9309), read once per site and kept for a while."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from protego import Protego

from helpninja_app.errors import FetchFailed
from helpninja_app.kernel.safe_http import SafeHttp
from helpninja_app.knowledge.crawl.agent import PRODUCT
from helpninja_app.knowledge.crawl.urls import origin, resolve_link

MAX_CRAWL_DELAY = 10.0
"""Seconds; a longer delay is cut, since a thousand pages would otherwise take days."""

_KEPT_SECONDS = 3600.0
# A site that is down is not asked again by each of its pages, but soon after.
_FAILURE_KEPT_SECONDS = 60.0
_KEPT_SITES = 1000
_MAX_DOWNLOAD = 5 << 20
# RFC 9309, 2.5 wants at least 500 KiB read; what comes after is ignored.
_MAX_READ = 512 << 10
_MAX_LINES = 5_000


@dataclass(frozen=True, slots=True)
class RobotsRules:
    """One robots.txt; ``crawl_delay`` in seconds, capped; ``failure`` is why nothing may be read for now."""

    parsed: Protego
    crawl_delay: float = 0.0
    sitemaps: frozenset[str] = frozenset()
    failure: FetchFailed | None = None

    def allows(self, url: str) -> bool:
        """Whether ``url`` may be read; raises the failure where robots.txt itself could not be."""
        if self.failure is not None:
            raise FetchFailed(
                self.failure.detail,
                remote_status=self.failure.remote_status,
                retryable=self.failure.retryable,
                retry_after=self.failure.retry_after,
            )
        return bool(self.parsed.can_fetch(url, PRODUCT))

    def forbidden(self, urls: Iterable[str]) -> set[str]:
        """Those that may not be read. CPU-bound, so call it in a thread."""
        return {url for url in urls if not self.allows(url)}


class RobotsCache:
    """Rules per origin. Failures are kept too, for a minute; the least used origins are forgotten first."""

    def __init__(self, http: SafeHttp, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._http = http
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, RobotsRules]] = OrderedDict()
        self._running: dict[str, asyncio.Task[RobotsRules]] = {}

    async def rules(self, url: str) -> RobotsRules:
        """The rules for ``url``'s origin; raises ``AddressRefused`` when robots.txt may not be contacted."""
        site = origin(url)
        expires, kept = self._kept.get(site, (0.0, None))
        if kept is not None and self._clock() < expires:
            self._kept.move_to_end(site)
            return kept
        # All who ask meanwhile wait for one download; who gives up does not take it from the others.
        task = self._running.get(site)
        if task is None:
            task = self._running[site] = asyncio.create_task(self._load(site))
            task.add_done_callback(lambda done: self._finished(site, done))
        return await asyncio.shield(task)

    def _finished(self, site: str, task: asyncio.Task[RobotsRules]) -> None:
        self._running.pop(site, None)
        if not task.cancelled():
            task.exception()  # seen, also when everybody who waited has left

    async def _load(self, site: str) -> RobotsRules:
        rules = await self._read(site)
        lifetime = _KEPT_SECONDS if rules.failure is None else _FAILURE_KEPT_SECONDS
        self._kept[site] = (self._clock() + lifetime, rules)
        self._kept.move_to_end(site)
        while len(self._kept) > _KEPT_SITES:
            self._kept.popitem(last=False)
        return rules

    async def _read(self, site: str) -> RobotsRules:
        try:
            fetched = await self._http.fetch(
                f"{site}/robots.txt", max_bytes=_MAX_DOWNLOAD, accept="text/plain,*/*;q=0.5"
            )
        except FetchFailed as error:
            return _rules_without_a_file(error)
        text = fetched.body[:_MAX_READ].decode("utf-8-sig", errors="replace")
        # In a thread, and bounded: each rule is a pattern that is tried on each address.
        parsed = await asyncio.to_thread(Protego.parse, "\n".join(text.splitlines()[:_MAX_LINES]))
        delay = parsed.crawl_delay(PRODUCT) or 0.0
        return RobotsRules(
            parsed=parsed,
            crawl_delay=min(max(delay, 0.0), MAX_CRAWL_DELAY),
            sitemaps=frozenset(
                filter(None, (resolve_link(fetched.url, address) for address in parsed.sitemaps))
            ),
        )


def _rules_without_a_file(error: FetchFailed) -> RobotsRules:
    """RFC 9309, 2.3.1: 4xx means there are no rules; what may pass means that nothing is read for now."""
    everything_allowed = Protego.parse("")
    status = error.remote_status
    if status is None:
        return RobotsRules(parsed=everything_allowed, failure=error)
    if 400 <= status < 500 and status != 429:
        return RobotsRules(parsed=everything_allowed)
    return RobotsRules(
        parsed=everything_allowed,
        failure=FetchFailed(
            f"The site's robots.txt cannot be read now, so its pages are not read either: {error.detail}",
            remote_status=status,
            retryable=error.retryable,
            retry_after=error.retry_after,
        ),
    )
