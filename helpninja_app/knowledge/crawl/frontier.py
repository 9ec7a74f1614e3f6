"""Which addresses a crawl by links has met, and which of those that a page names it goes on to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from helpninja_app.knowledge.crawl.urls import is_same_site

MAX_DEPTH = 10
"""How many links a page may be away from the first one: that ends calendars whose next month never ends."""

MAX_SKIPPED_LISTED = 1000
MAX_REPEATS = 3
"""How often one segment may stand in a path: a relative link that is wrong makes /a/a/a/…"""

_MOST_VARIANTS = 100
_FEWEST_VARIANTS = 10


def _suffixes(names: str) -> frozenset[str]:
    return frozenset(f".{name}" for name in names.split())


# What no reader of links expects to be read, so that it is not told either.
_ASSETS = _suffixes(
    "7z aac apk atom avi avif bmp bz2 css deb dmg eot epub exe flac gif gz heic ico ics iso jar jpeg jpg js"
    " json m4a m4v map mjs mkv mov mp3 mp4 mpeg mpg msi ogg ogv otf pkg png rar rpm rss svg swf tar tgz"
    " tif tiff torrent ttf vcf wasm wav webm webp wmv woff woff2 xml xz zip zst"
)
_FILES = _suffixes("csv doc docx markdown md odp ods odt pdf ppt pptx rtf txt xls xlsx")


@dataclass(frozen=True, slots=True)
class Met:
    """An address that a crawl met first now. It is asked for unless there is a ``reason`` not to."""

    url: str
    depth: int
    reason: str | None = None


class Frontier:
    """Holds each address once and says no to what would never end; ``start`` is the first page's address.

    ``is_full`` once a page more was met than may be asked for.
    """

    def __init__(self, start: str, max_pages: int) -> None:
        self._start = start
        self._max_pages = max_pages
        # A fifth of a crawl, so that no list with filters takes all of it.
        self._max_variants = max(_FEWEST_VARIANTS, min(_MOST_VARIANTS, max_pages // 5))
        self._known: set[str] = set()
        self._refused: set[str] = set()
        self._variants: Counter[str] = Counter()
        self._asked = 0
        self._skipped = 0
        self.is_full = False

    def remember(self, url: str, *, is_asked: bool, is_refused: bool = False) -> None:
        """Take in what an earlier part of the crawl met; ``is_refused`` when it gave no page."""
        self._known.add(url)
        if is_refused:
            self._refused.add(url)
        if not is_asked:
            self._skipped += 1
            return
        self._asked += 1
        if "?" in url:
            self._variants[url.partition("?")[0]] += 1

    def refuse(self, url: str) -> None:
        """This address gave no page, so that it stands for no other."""
        self._refused.add(url)

    def arrive(self, url: str) -> None:
        """A redirect led to this address, whose page is thereby read."""
        self._known.add(url)

    def stands_for_itself(self, url: str) -> bool:
        """Whether the page at ``url`` is read, or is going to be, by its own address."""
        return url in self._known and url not in self._refused

    def unmet(self, urls: Iterable[str]) -> list[str]:
        """Those that are new, on this site and no pictures or archives: what is to be decided about."""
        spelled = dict.fromkeys(map(self.spell, urls))
        return [url for url in spelled if url not in self._known and self._may_be_page(url)]

    def spell(self, url: str) -> str:
        """A site with https is asked by https alone, also where an old link says http."""
        secure = url.replace("http://", "https://", 1)
        start = urlsplit(self._start)
        return secure if start.scheme == "https" and urlsplit(secure).netloc == start.netloc else url

    def take(self, urls: Iterable[str], depth: int, forbidden: Collection[str] = ()) -> list[Met]:
        """Meet the addresses that are still new, ``depth`` links away; ``forbidden`` is by robots.txt."""
        found = (self._meet(url, depth, forbidden) for url in self.unmet(urls))
        return [met for met in found if met is not None]

    def _may_be_page(self, url: str) -> bool:
        return _suffix(url) not in _ASSETS and is_same_site(self._start, url)

    def _meet(self, url: str, depth: int, forbidden: Collection[str]) -> Met | None:
        self._known.add(url)
        path, has_query, _ = url.partition("?")
        segments = Counter(segment for segment in urlsplit(url).path.split("/") if segment)
        if _suffix(url) in _FILES:
            return self._skip(url, "a file and not a web page: its address can be added by itself")
        if url in forbidden:
            return self._skip(url, "the site's robots.txt does not allow this page to be read")
        if any(count > MAX_REPEATS for count in segments.values()):
            return self._skip(url, "its address repeats itself")
        if depth > MAX_DEPTH:
            return self._skip(url, f"more than {MAX_DEPTH} links away from the first page")
        if self._asked >= self._max_pages:
            self.is_full = True
            return self._skip(url, f"over the plan's limit of {self._max_pages:,} pages")
        if has_query and self._variants[path] >= self._max_variants:
            reason = f"over {self._max_variants} forms of one address that differ after the question mark"
            return self._skip(url, reason)
        self._variants[path] += bool(has_query)
        self._asked += 1
        return Met(url, depth)

    def _skip(self, url: str, reason: str) -> Met | None:
        self._refused.add(url)
        self._skipped += 1
        return Met(url, 0, reason) if self._skipped <= MAX_SKIPPED_LISTED else None


def _suffix(url: str) -> str:
    return PurePosixPath(urlsplit(url).path).suffix.lower()
