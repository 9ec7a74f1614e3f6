"""Follows the links of a website: reads one page with what it leads to, or looks ahead for a while."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from helpninja_app.errors import InputRefused
from helpninja_app.kernel.safe_http import Fetched, Head
from helpninja_app.knowledge.crawl.discovery import Discovery, Skipped
from helpninja_app.knowledge.crawl.fetcher import PageFetcher, no_page, read_page
from helpninja_app.knowledge.crawl.frontier import Frontier, Met
from helpninja_app.knowledge.crawl.links import page_links
from helpninja_app.knowledge.crawl.pages import HTML, Page, may_be_html, page_type
from helpninja_app.knowledge.crawl.urls import canonical_url, is_same_path, origin, site_host


@dataclass(frozen=True, slots=True)
class Step:
    """A page that was fetched, and what it leads to: ``met`` are new addresses.

    ``alias_of`` is the address that it names as its own, when that is read by itself.
    """

    fetched: Fetched = field(repr=False)
    met: tuple[Met, ...]
    alias_of: str | None

    async def page(self) -> Page:
        """The page itself; ``InputRefused`` when it is none, asks not to be indexed or is read elsewhere."""
        if self.alias_of is not None:
            raise InputRefused(f"It is the same page as {self.alias_of}, which is read.")
        return await asyncio.to_thread(read_page, self.fetched)


async def follow(fetcher: PageFetcher, frontier: Frontier, url: str, depth: int) -> Step:
    """Fetch a page of the site and take its links, also when the page itself is not to be kept.

    Raises as ``PageFetcher.page`` does.
    """
    try:
        fetched = await fetcher.answer(url, stay_on=url, check_head=_refuse_what_is_no_html)
        if page_type(fetched.content_type, fetched.url, fetched.body) != HTML:
            raise InputRefused(no_page(fetched.content_type))
    except InputRefused:
        frontier.refuse(url)
        raise
    links = await asyncio.to_thread(page_links, fetched)
    own = frontier.spell(links.own) if links.own and is_same_path(links.own, url) else None
    unmet = frontier.unmet([own, *links.urls] if own else links.urls)
    forbidden = await _forbidden(fetcher, unmet)
    # From here on nothing is awaited: what another page decides at the same time comes before or after.
    place = canonical_url(fetched.url)
    if place != url:
        frontier.arrive(place)
    met: list[Met] = []
    alias_of = None
    if own is not None and own not in (url, place):
        met += frontier.take([own], depth, forbidden)
        if frontier.stands_for_itself(own):
            alias_of = own
            frontier.refuse(url)
    met += frontier.take(unmet, depth + 1, forbidden)
    return Step(fetched, tuple(met), alias_of)


async def look_ahead(
    fetcher: PageFetcher, start: str, *, max_pages: int, max_seconds: float, enough: int
) -> Discovery:
    """The first pages of a site by its links: what a crawl would begin with, until there are ``enough``.

    What cannot be read is in ``skipped``, and the first page raises as ``follow`` does.
    """
    until = time.monotonic() + max_seconds
    frontier = Frontier(start, max_pages)
    frontier.remember(start, is_asked=True)
    found = Discovery("site", site_host(start), pages=[start])
    waiting = deque([(start, 0)])
    while waiting and len(found.pages) < enough and (left := until - time.monotonic()) > 0:
        url, depth = waiting.popleft()
        try:
            async with asyncio.timeout(left):
                step = await follow(fetcher, frontier, url, depth)
        except TimeoutError:
            waiting.appendleft((url, depth))
            break
        except InputRefused as error:
            if url == start:
                raise
            found.pages.remove(url)
            _note(found, url, error.detail)
            continue
        if step.alias_of is not None:
            found.pages.remove(url)
            _note(found, url, f"the same page as {step.alias_of}")
        for met in step.met:
            if met.reason is None:
                found.pages.append(met.url)
                waiting.append((met.url, met.depth))
            else:
                _note(found, met.url, met.reason)
    found.is_cut = frontier.is_full
    found.is_complete = not waiting
    return found


def _note(found: Discovery, url: str, reason: str) -> None:
    found.skipped_total += 1
    found.skipped.append(Skipped(url, reason))


async def _forbidden(fetcher: PageFetcher, urls: Sequence[str]) -> set[str]:
    """Those that robots.txt keeps us from; where that cannot be read now, each page will tell."""
    by_origin: dict[str, list[str]] = {}
    for url in urls:
        by_origin.setdefault(origin(url), []).append(url)
    forbidden: set[str] = set()
    for there, those in by_origin.items():
        with contextlib.suppress(InputRefused):
            rules = await fetcher.robots.rules(there)
            if rules.failure is None:
                forbidden |= await asyncio.to_thread(rules.forbidden, those)
    return forbidden


def _refuse_what_is_no_html(head: Head) -> None:
    if not may_be_html(head.content_type):
        raise InputRefused(no_page(head.content_type))
