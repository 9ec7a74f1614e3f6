"""Fetches pages politely: by robots.txt, two at a time per site, patient, with a reason for each failure."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from helpninja_app.errors import FetchFailed, InputRefused
from helpninja_app.kernel.safe_http import Fetched, Head, SafeHttp
from helpninja_app.knowledge.crawl.pace import HostPace
from helpninja_app.knowledge.crawl.pages import HTML, Page, may_be_page, may_index, page_type
from helpninja_app.knowledge.crawl.robots import RobotsCache
from helpninja_app.knowledge.crawl.urls import canonical_url, is_same_site, site_host

MAX_PAGE_BYTES = 20 << 20
TRIES = 3
ASKS_NOT_TO_BE_INDEXED = "The page asks not to be indexed (noindex)."
MAX_RETRY_AFTER = 30.0
"""Seconds; a site that wants a longer pause is asked again after this one all the same."""

_FIRST_BACKOFF = 1.0
_JITTER = random.SystemRandom()
_ACCEPT = "text/html, application/xhtml+xml, text/plain;q=0.9, application/pdf;q=0.8, */*;q=0.5"

BeforeRedirect = Callable[[str], Awaitable[None]]
CheckHead = Callable[[Head], None]


class PageFetcher:
    """The crawler's door to the web. One per process, so that its limits per site hold for all jobs."""

    def __init__(
        self,
        http: SafeHttp,
        *,
        robots: RobotsCache | None = None,
        pace: HostPace | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = http
        self.robots = robots or RobotsCache(http)
        self._pace = pace or HostPace()
        self._sleep = sleep

    async def page(self, url: str, *, stay_on: str | None = None) -> Page:
        """Fetch one page; with ``stay_on`` (an address), redirects may not leave that site.

        Raises ``FetchFailed`` or ``InputRefused`` whose detail is the reason: an error status, robots.txt,
        noindex, another site, or no page.
        """
        fetched = await self.answer(url, stay_on=stay_on, check_head=_refuse_what_is_no_page)
        return await asyncio.to_thread(read_page, fetched)

    async def answer(self, url: str, *, stay_on: str | None, check_head: CheckHead) -> Fetched:
        """Fetch by the same rules what is not looked at yet."""
        address = canonical_url(url)
        await self._respect_robots(address)

        async def before_redirect(following: str) -> None:
            if stay_on is not None and not is_same_site(stay_on, following):
                raise InputRefused(f"It redirects to another site: {site_host(following)}.")
            await self._respect_robots(canonical_url(following))

        return await self.raw(
            address, max_bytes=MAX_PAGE_BYTES, before_redirect=before_redirect, check_head=check_head
        )

    async def raw(
        self,
        url: str,
        *,
        max_bytes: int,
        before_redirect: BeforeRedirect | None = None,
        check_head: CheckHead | None = None,
    ) -> Fetched:
        """Fetch anything at the site's pace, again where that may help; no robots.txt, no type check."""
        site = site_host(url)
        backoff = _FIRST_BACKOFF
        for remaining in reversed(range(TRIES)):
            delay = await self._crawl_delay(url)
            try:
                async with self._pace.turn(site, delay):
                    return await self._http.fetch(
                        url,
                        max_bytes=max_bytes,
                        accept=_ACCEPT,
                        before_redirect=before_redirect,
                        check_head=check_head,
                    )
            except FetchFailed as error:
                if not error.retryable or not remaining:
                    raise
                # Spread, so that the pages of a site that had to wait do not all come back at once.
                wait = backoff * _JITTER.uniform(0.5, 1.5)
                backoff *= 2
                if error.retry_after is not None:
                    # What one page is told holds for the site: its other pages wait as well.
                    self._pace.pause(site, min(error.retry_after, MAX_RETRY_AFTER))
                await self._sleep(wait)
        raise AssertionError("unreachable: the last try returns or raises")

    async def _respect_robots(self, url: str) -> None:
        rules = await self.robots.rules(url)
        if not await asyncio.to_thread(rules.allows, url):
            raise InputRefused("The site's robots.txt does not allow this page to be read.")

    async def _crawl_delay(self, url: str) -> float:
        return (await self.robots.rules(url)).crawl_delay


def read_page(fetched: Fetched) -> Page:
    """Turn an answer into a page; raises ``InputRefused`` when it is none or asks not to be indexed."""
    content_type = page_type(fetched.content_type, fetched.url, fetched.body)
    if content_type is None:
        raise InputRefused(no_page(fetched.content_type))
    if not may_index(fetched.body if content_type == HTML else b"", fetched.headers.get("x-robots-tag", "")):
        raise InputRefused(ASKS_NOT_TO_BE_INDEXED)
    return Page(
        url=fetched.url,
        canonical_url=canonical_url(fetched.url),
        content_type=content_type,
        charset=fetched.charset,
        body=fetched.body,
        fetched_at=datetime.now(UTC),
        is_moved=fetched.is_moved,
    )


def _refuse_what_is_no_page(head: Head) -> None:
    if not may_be_page(head.content_type):
        raise InputRefused(no_page(head.content_type))


def no_page(content_type: str) -> str:
    """The sentence for what is fetched and is no page."""
    return f"This is not a page: {content_type or 'unknown type'}."
