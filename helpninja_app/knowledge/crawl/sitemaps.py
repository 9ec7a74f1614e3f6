"""Reads sitemaps by the protocol of sitemaps.org, hardened: no DTD, no entities, and a cap on everything."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from xml.parsers import expat

from helpninja_app.errors import InputRefused

MAX_URLS = 50_000
MAX_UNPACKED = 50 << 20
MAX_URL_LENGTH = 2048

_PIECE = 1 << 16
# expat scans an unfinished token again with every piece, so an endless one would cost its length squared.
_MAX_TOKEN = 1 << 20
_MAX_NESTING = 20
_MAX_PROBLEMS = 100
_GZIP = b"\x1f\x8b"
_SPACE = b" \t\r\n"
_PROLOG = re.compile(rb"(?>\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(?:\[.*?\])?\s*>)*+", re.S | re.I)
_FIRST_ELEMENT = re.compile(rb"<(?:[\w.-]+:)?(urlset|sitemapindex)[\s/>]", re.I)
_ONE_URL = re.compile(rb"https?://[^\s<>]+", re.I)


class SitemapKind(StrEnum):
    URLSET = "urlset"
    INDEX = "index"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class SitemapEntry:
    """An address as the file has it, not yet checked; ``lastmod`` is its text."""

    loc: str
    lastmod: str | None = None


@dataclass(frozen=True, slots=True)
class SitemapProblem:
    """Something in a sitemap that could not be used, and why."""

    what: str
    reason: str


@dataclass
class Sitemap:
    """What could be read of one file: ``entries`` are pages, or further sitemaps when it is an index."""

    kind: SitemapKind
    entries: list[SitemapEntry] = field(default_factory=list)
    problems: list[SitemapProblem] = field(default_factory=list)

    def report(self, what: str, reason: str) -> None:
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(SitemapProblem(what[:MAX_URL_LENGTH], reason))


def is_gzip(body: bytes) -> bool:
    return body.startswith(_GZIP)


def sitemap_kind(body: bytes) -> SitemapKind | None:
    """What kind of sitemap ``body`` (unpacked or gzip) is by its content; None when it is none."""
    try:
        start = next(_unpacked(body), b"")[:8192]
    except InputRefused:
        return None
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        start = start.decode("utf-16", errors="ignore").encode()
    start = start.removeprefix(b"\xef\xbb\xbf").lstrip(_SPACE)
    if start.startswith(b"<"):
        prolog = _PROLOG.match(start)
        element = _FIRST_ELEMENT.match(start, prolog.end() if prolog else 0)
        if element is None:
            return None
        return SitemapKind.INDEX if element[1].lower() == b"sitemapindex" else SitemapKind.URLSET
    first_line = start.split(b"\n", 1)[0].strip()
    return SitemapKind.TEXT if _ONE_URL.fullmatch(first_line) else None


def parse_sitemap(body: bytes) -> Sitemap:
    """Read a sitemap, plain or gzip. A damaged one gives what stands before the damage and the problem.

    Works in pieces, so that memory stays at the size of what is kept. CPU-bound: 50,000 addresses take up to
    a second, so call it in a thread. Raises ``InputRefused`` when ``body`` is no sitemap at all.
    """
    kind = sitemap_kind(body)
    if kind is None:
        raise InputRefused("This is not a sitemap.")
    sitemap = Sitemap(kind)
    try:
        if kind is SitemapKind.TEXT:
            _read_lines(body, sitemap)
        else:
            _XmlReader(sitemap).read(body)
    except _Stop as stop:
        sitemap.report("sitemap", stop.reason)
    except InputRefused as error:
        sitemap.report("sitemap", error.detail)
    return sitemap


class _Stop(Exception):
    """Nothing more is read from this sitemap."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _unpacked(body: bytes) -> Iterator[bytes]:
    """The content in pieces, gzip members in turn; raises ``InputRefused`` past the cap or when damaged."""
    if not is_gzip(body):
        if len(body) > MAX_UNPACKED:
            raise InputRefused(f"The sitemap is over {MAX_UNPACKED >> 20} MB.")
        for start in range(0, len(body), _PIECE):
            yield body[start : start + _PIECE]
        return
    size, rest = 0, body
    while rest.startswith(_GZIP):
        decoder = zlib.decompressobj(zlib.MAX_WBITS | 16)
        while not decoder.eof:
            try:
                piece = decoder.decompress(rest, _PIECE)
            except zlib.error as error:
                raise InputRefused("The compressed sitemap is damaged.") from error
            if not piece and not decoder.eof:
                raise InputRefused("The compressed sitemap ends too early.")
            size += len(piece)
            if size > MAX_UNPACKED:
                raise InputRefused(f"The sitemap is over {MAX_UNPACKED >> 20} MB unpacked.")
            rest = decoder.unconsumed_tail
            yield piece
        rest = decoder.unused_data


def _read_lines(body: bytes, sitemap: Sitemap) -> None:
    rest = b""
    for piece in _unpacked(body):
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            _add_line(line, sitemap)
        if len(rest) > _PIECE:
            raise _Stop("The sitemap has a line that does not end.")
    _add_line(rest, sitemap)


def _add_line(line: bytes, sitemap: Sitemap) -> None:
    text = line.decode("utf-8-sig", errors="replace").strip()
    if text:
        _add(sitemap, text, None)


def _add(sitemap: Sitemap, loc: str, lastmod: str | None) -> None:
    if not loc:
        sitemap.report("entry", "It has no address.")
    elif len(loc) > MAX_URL_LENGTH:
        sitemap.report(loc, f"The address is longer than {MAX_URL_LENGTH:,} characters.")
    elif len(sitemap.entries) >= MAX_URLS:
        raise _Stop(f"Only the first {MAX_URLS:,} addresses of a sitemap are read.")
    else:
        sitemap.entries.append(SitemapEntry(loc, lastmod))


class _XmlReader:
    """expat handlers that look at names without their prefix, so that any namespace or none will do."""

    def __init__(self, sitemap: Sitemap) -> None:
        self._sitemap = sitemap
        self._item = ["sitemapindex", "sitemap"] if sitemap.kind is SitemapKind.INDEX else ["urlset", "url"]
        self._path: list[str] = []
        self._field: str | None = None
        self._text: list[str] = []
        self._length = 0
        self._values: dict[str, str] = {}

    def read(self, body: bytes) -> None:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        try:
            fed = 0
            for piece in _unpacked(body):
                # White space before the XML declaration is an error to expat and common in the wild.
                part = piece if fed else piece.lstrip(_SPACE)
                parser.Parse(part, False)
                fed += len(part)
                if fed - parser.CurrentByteIndex > _MAX_TOKEN:
                    raise _Stop("The sitemap has an element that does not end.")
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            reason = expat.ErrorString(error.code)
            raise _Stop(f"The sitemap is not well-formed at line {error.lineno}: {reason}.") from error
        except (LookupError, ValueError) as error:
            raise _Stop("The sitemap is in an unknown encoding.") from error

    def _refuse_doctype(self, name: str, system: str | None, public: str | None, has_subset: bool) -> None:
        raise _Stop("The sitemap has a document type definition, which is not read.")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._path) >= _MAX_NESTING:
            raise _Stop("The sitemap is nested too deeply.")
        self._path.append(name.rpartition(":")[2].lower())
        if self._path == self._item:
            self._values = {}
        # Only direct children: <image:image><image:loc> inside <url> is a picture and not a page.
        elif self._path[:-1] == self._item and self._path[-1] in ("loc", "lastmod"):
            self._field, self._text, self._length = self._path[-1], [], 0

    def _characters(self, text: str) -> None:
        # One character more than allowed is kept, so that the length check still sees that there was more.
        if self._field is not None and self._length <= MAX_URL_LENGTH + 1000:
            self._text.append(text)
            self._length += len(text)

    def _end(self, name: str) -> None:
        if self._field is not None and self._path[:-1] == self._item:
            self._values.setdefault(self._field, "".join(self._text).strip())
            self._field = None
        elif self._path == self._item:
            _add(self._sitemap, self._values.get("loc", ""), self._values.get("lastmod") or None)
        self._path.pop()
