"""What counts as a page: its media type by header and content, and its robots marks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser

from helpninja_app.knowledge.crawl.agent import PRODUCT

HTML = "text/html"
PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

# What servers send, and the one name under which the extractor knows it.
_PAGE_TYPES = {
    HTML: HTML,
    "application/xhtml+xml": HTML,
    "text/plain": "text/plain",
    "text/markdown": "text/markdown",
    "text/x-markdown": "text/markdown",
    "text/csv": "text/csv",
    "application/csv": "text/csv",
    PDF: PDF,
    "application/x-pdf": PDF,
    DOCX: DOCX,
}
_TYPE_OF_SUFFIX = {
    ".html": HTML,
    ".htm": HTML,
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".txt": "text/plain",
    ".csv": "text/csv",
    ".pdf": PDF,
    ".docx": DOCX,
}
# Said of anything a server does not know better; only then content and suffix decide.
_VAGUE_TYPES = frozenset(
    {"", "application/octet-stream", "binary/octet-stream", "application/x-download", "application/zip"}
)
_XML_TYPES = frozenset({"application/xml", "text/xml"})
# Atomic and possessive: otherwise a row of comments could be divided in exponentially many ways.
_HTML_START = re.compile(rb"(?>\s+|<\?.*?\?>|<!--.*?-->)*+<(?:!doctype\s+html|html|head|body)\b", re.S | re.I)
_MENTIONS_ROBOTS = re.compile(rb"<meta[^>]{0,200}(?:robots|" + PRODUCT.encode() + rb")", re.I)
NOT_INDEXED = frozenset({"noindex", "none"})
_NOT_FOLLOWED = frozenset({"nofollow", "none"})
# Bytes from the beginning in which a page says how it may be used. It may be long, and is a stranger's:
# the rest of it is parsed in a process of its own.
MARKS_WITHIN = 512 * 1024


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it came; ``canonical_url`` is where it was found in the end, its type one we read.

    ``is_moved`` when it was led there for good.
    """

    url: str
    canonical_url: str
    content_type: str
    charset: str | None
    body: bytes = field(repr=False)
    fetched_at: datetime
    is_moved: bool = False


def may_be_page(content_type: str) -> bool:
    """Whether a body with this Content-Type is worth reading; decided before the body is there."""
    return content_type in _PAGE_TYPES or content_type in _VAGUE_TYPES or content_type in _XML_TYPES


def may_be_html(content_type: str) -> bool:
    """The same, of a page with links."""
    return may_be_page(content_type) and _PAGE_TYPES.get(content_type, HTML) == HTML


def page_type(content_type: str, url: str, body: bytes) -> str | None:
    """The type of a page by header, or by content and suffix where that is vague; None for no page."""
    known = _PAGE_TYPES.get(content_type)
    if known == "text/plain" and url_suffix_type(url) in ("text/markdown", "text/csv"):
        # Web servers without a type for .md and .csv send them as plain text.
        return url_suffix_type(url)
    if known is not None:
        return known
    start = body[:4096]
    if content_type in _XML_TYPES:
        return HTML if _HTML_START.match(start) else None
    if content_type not in _VAGUE_TYPES:
        return None
    if start.startswith(b"%PDF-"):
        return PDF
    if start.startswith(b"PK\x03\x04"):
        return DOCX if url_suffix_type(url) == DOCX else None
    if b"\0" in start:
        return None
    if _HTML_START.match(start):
        return HTML
    by_suffix = url_suffix_type(url)
    return by_suffix if by_suffix not in (PDF, DOCX) else None


def url_suffix_type(url: str) -> str | None:
    return _TYPE_OF_SUFFIX.get(PurePosixPath(urlsplit(url).path).suffix.lower())


def may_index(body: bytes, header: str) -> bool:
    """What ``<meta name="robots">`` (or our own name) and the X-Robots-Tag ``header`` say about indexing."""
    return not _marks(body, header) & NOT_INDEXED


def may_follow(body: bytes, header: str) -> bool:
    """What they say about the links of the page."""
    return not _marks(body, header) & _NOT_FOLLOWED


def _marks(body: bytes, header: str) -> set[str]:
    words = set(_header_words(header))
    start = body[:MARKS_WITHIN]
    if _MENTIONS_ROBOTS.search(start):
        for node in LexborHTMLParser(start).css("meta[name]"):
            if (node.attributes.get("name") or "").strip().lower() in ("robots", PRODUCT.lower()):
                words |= {word.strip().lower() for word in (node.attributes.get("content") or "").split(",")}
    return words


def _header_words(header: str) -> list[str]:
    """``noindex, otherbot: nofollow`` is for everybody up to the name, then for that robot only."""
    words, is_ours = [], True
    for part in header.lower().split(","):
        name, colon, rest = part.partition(":")
        if colon and name.strip() not in ("unavailable_after", "max-snippet", "max-image-preview"):
            is_ours, part = name.strip() == PRODUCT.lower(), rest
        if is_ours:
            words.append(part.strip())
    return words
