"""Finds the pages behind an address: the page itself, or a sitemap's entries."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from helpninja_app.errors import FetchFailed, InputRefused
from helpninja_app.kernel.safe_http import Fetched
from helpninja_app.knowledge.crawl.fetcher import MAX_PAGE_BYTES, PageFetcher, read_page
from helpninja_app.knowledge.crawl.pages import HTML
from helpninja_app.knowledge.crawl.sitemaps import (
    MAX_UNPACKED,
    SitemapKind,
    is_gzip,
    parse_sitemap,
    sitemap_kind,
)
from helpninja_app.knowledge.crawl.urls import canonical_url, site_host

MAX_DEPTH = 3
"""How many steps a sitemap of a sitemap index may be away from the address given."""

MAX_SITEMAPS = 500
MAX_ENTRIES = 200_000
MAX_SECONDS = 600.0
MAX_SKIPPED_LISTED = 1000

_SITEMAP_SUFFIXES = (".xml", ".xml.gz", ".gz", ".txt")


@dataclass(frozen=True, slots=True)
class Skipped:
    """An address that will not be read, and why, as a user may see it."""

    url: str
    reason: str


@dataclass
class Discovery:
    """What was found; ``skipped`` lists the first 1,000 of ``skipped_total``, ``host`` is a ``site_host``.

    ``is_complete`` when all that a sitemap lists is in ``pages`` or ``skipped``: when no part of it was
    unreadable, left out or not listed here. ``is_cut`` when there are more pages than may be read.
    """

    kind: Literal["page", "site", "sitemap"]
    host: str
    pages: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    skipped_total: int = 0
    is_complete: bool = False
    is_cut: bool = False

    @property
    def hosts(self) -> list[str]:
        """The websites that the pages are on: those of a sitemap can be on the one that was named as well."""
        return list(dict.fromkeys(map(site_host, self.pages))) or [self.host]


async def discover(
    fetcher: PageFetcher,
    url: str,
    *,
    max_pages: int,
    max_seconds: float = MAX_SECONDS,
    follows_links: bool = False,
) -> Discovery:
    """Decide by content what ``url`` is and list the pages behind it, at most ``max_pages``, in order.

    After ``max_seconds`` no further sitemap is read. With ``follows_links`` a page is the first of a site; to
    find the others is not done here.

    Raises ``AddressRefused``, ``InputRefused`` or ``FetchFailed`` when the address itself gives nothing.
    """
    found = await discover_slice(
        fetcher,
        url,
        max_pages=max_pages,
        max_seconds=max_seconds,
        slice_seconds=math.inf,
        follows_links=follows_links,
    )
    if isinstance(found, str):
        raise AssertionError("unreachable: a slice without an end is all of it")
    return found


async def discover_slice(
    fetcher: PageFetcher,
    url: str,
    so_far: str | None = None,
    *,
    max_pages: int,
    max_seconds: float = MAX_SECONDS,
    slice_seconds: float,
    follows_links: bool = False,
) -> Discovery | str:
    """``discover``, which stops after ``slice_seconds``: then it gives what it goes on with as ``so_far``."""
    if so_far:
        return await _SitemapWalk.resume(fetcher, so_far, max_pages).run(max_seconds, slice_seconds)
    address = canonical_url(url)
    fetched = await _fetch_input(fetcher, address)
    if sitemap_kind(fetched.body) is not None:
        sites = {site_host(address), site_host(fetched.url)}
        nothing = Discovery("sitemap", site_host(fetched.url), is_complete=True)
        walk = await _SitemapWalk(fetcher, sites, nothing, max_pages, max_seconds).begin(address, fetched)
        return await walk.run(max_seconds, slice_seconds)
    if is_gzip(fetched.body):
        raise InputRefused("This compressed file is not a sitemap.")
    if len(fetched.body) > MAX_PAGE_BYTES:
        raise InputRefused(f"The page is too large: over {MAX_PAGE_BYTES >> 20} MB.")
    page = await asyncio.to_thread(read_page, fetched)
    kind: Literal["page", "site"] = "site" if follows_links and page.content_type == HTML else "page"
    return Discovery(kind, site_host(page.url), pages=[page.canonical_url])


async def _fetch_input(fetcher: PageFetcher, address: str) -> Fetched:
    async def respect_robots(url: str) -> None:
        # Whoever names a sitemap wants it read, and many sites keep robots away from theirs.
        if urlsplit(url).path.lower().endswith(_SITEMAP_SUFFIXES):
            return
        rules = await fetcher.robots.rules(url)
        if canonical_url(url) not in rules.sitemaps and not await asyncio.to_thread(rules.allows, url):
            raise InputRefused("The site's robots.txt does not allow this page to be read.")

    await respect_robots(address)
    return await fetcher.raw(address, max_bytes=MAX_UNPACKED, before_redirect=respect_robots)


class _Collected:
    """Pages found so far, each once, up to the limit; and what was left out."""

    def __init__(self, discovery: Discovery, max_pages: int) -> None:
        self.discovery = discovery
        self._max_pages = max_pages
        self._known = set(discovery.pages)

    @property
    def is_full(self) -> bool:
        return len(self.discovery.pages) >= self._max_pages

    @property
    def over_the_limit(self) -> str:
        return f"over the plan's limit of {self._max_pages:,} pages"

    def lose(self, url: str, reason: str) -> None:
        """Leave out a part that may list more: what is in it is not known."""
        self.discovery.is_complete = False
        self.skip(url, reason)

    def skip(self, url: str, reason: str) -> None:
        self.discovery.skipped_total += 1
        if self.discovery.skipped_total > MAX_SKIPPED_LISTED:
            self.discovery.is_complete = False
        if len(self.discovery.skipped) < MAX_SKIPPED_LISTED:
            self.discovery.skipped.append(Skipped(url, reason))

    def add(self, url: str) -> None:
        """Take a page in normal form, unless it is known or one too many."""
        if url in self._known:
            return
        self._known.add(url)
        if self.is_full:
            self.discovery.is_cut = True
            self.skip(url, self.over_the_limit)
        else:
            self.discovery.pages.append(url)


class _SitemapWalk:
    """Reads a sitemap and those it names, breadth first, with caps that end every cycle and every flood."""

    def __init__(
        self, fetcher: PageFetcher, sites: set[str], found: Discovery, max_pages: int, seconds_left: float
    ) -> None:
        self._fetcher = fetcher
        self._sites = sites
        self._collected = _Collected(found, max_pages)
        self._known: set[str] = set()
        self._waiting: deque[tuple[str, int]] = deque()
        self._entries_left = MAX_ENTRIES
        self._deadline = time.monotonic() + seconds_left

    async def begin(self, address: str, fetched: Fetched) -> _SitemapWalk:
        """Take the first sitemap, which is there already."""
        self._known |= {address, canonical_url(fetched.url)}
        await asyncio.to_thread(self._take, fetched, 0)
        return self

    @classmethod
    def resume(cls, fetcher: PageFetcher, so_far: str, max_pages: int) -> _SitemapWalk:
        """The walk that ``_so_far`` was written of."""
        state = json.loads(so_far)
        found = Discovery(**state["found"])
        found.skipped = [Skipped(**skip) for skip in state["found"]["skipped"]]
        walk = cls(fetcher, set(state["sites"]), found, max_pages, state["seconds_left"])
        walk._known = set(state["known"])
        walk._waiting = deque((address, depth) for address, depth in state["waiting"])
        walk._entries_left = state["entries_left"]
        return walk

    def _so_far(self) -> str:
        return json.dumps(
            {
                "found": asdict(self._collected.discovery),
                "sites": sorted(self._sites),
                "known": sorted(self._known),
                "waiting": list(self._waiting),
                "entries_left": self._entries_left,
                "seconds_left": self._deadline - time.monotonic(),
            }
        )

    async def run(self, max_seconds: float, slice_seconds: float) -> Discovery | str:
        slice_ends = time.monotonic() + slice_seconds
        while self._waiting:
            if time.monotonic() > slice_ends:
                return self._so_far()
            address, depth = self._waiting.popleft()
            if self._collected.is_full:
                self._collected.discovery.is_cut = True
                self._collected.lose(address, self._collected.over_the_limit)
            elif time.monotonic() > self._deadline:
                self._collected.lose(address, f"the sitemaps took longer than {_in_words(max_seconds)}")
            else:
                await self._read(address, depth)
        found = self._collected.discovery
        if not found.pages:
            reason = found.skipped[0].reason if found.skipped else "It lists no pages."
            raise InputRefused(f"No page of this sitemap can be read. The first reason: {reason}")
        return found

    async def _read(self, address: str, depth: int) -> None:
        async def stay(following: str) -> None:
            if site_host(following) not in self._sites:
                raise InputRefused(f"It redirects to another site: {site_host(following)}.")

        try:
            fetched = await self._fetcher.raw(address, max_bytes=MAX_UNPACKED, before_redirect=stay)
            await asyncio.to_thread(self._take, fetched, depth)
        except (FetchFailed, InputRefused) as error:
            self._collected.lose(address, error.detail)

    def _take(self, fetched: Fetched, depth: int) -> None:
        """Runs in a thread, never two at a time: reading 50,000 addresses is a second's work."""
        sitemap = parse_sitemap(fetched.body)
        for problem in sitemap.problems:
            what = fetched.url if problem.what == "sitemap" else problem.what
            self._collected.lose(what, problem.reason)
        for entry in sitemap.entries:
            if self._entries_left <= 0:
                self._collected.lose(fetched.url, f"only the first {MAX_ENTRIES:,} entries are read")
                return
            self._entries_left -= 1
            self._take_entry(sitemap.kind, entry.loc, depth)

    def _take_entry(self, kind: SitemapKind, loc: str, depth: int) -> None:
        try:
            address = canonical_url(loc)
        except InputRefused as error:
            self._collected.skip(loc, error.detail)
            return
        if site_host(address) not in self._sites:
            self._collected.skip(address, "other host")
        elif kind is not SitemapKind.INDEX:
            self._collected.add(address)
        elif address in self._known:
            self._collected.skip(address, "this sitemap is named twice, or names itself")
        elif depth >= MAX_DEPTH:
            self._collected.lose(address, f"sitemaps more than {MAX_DEPTH} levels deep are not read")
        elif len(self._known) > MAX_SITEMAPS:
            self._collected.lose(address, f"only the first {MAX_SITEMAPS} sitemaps are read")
        else:
            self._known.add(address)
            self._waiting.append((address, depth + 1))


def _in_words(seconds: float) -> str:
    return f"{seconds / 60:g} minutes" if seconds >= 60 else f"{seconds:g} seconds"
