"""What an HTML page leads to: the links on it that may be followed, and the address it calls its own."""

from __future__ import annotations

from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser

from helpninja_app.kernel.safe_http import Fetched
from helpninja_app.knowledge.crawl.pages import MARKS_WITHIN, may_follow
from helpninja_app.knowledge.crawl.urls import canonical_url, resolve_link

MAX_LINKS = 2_000
"""Different addresses that are taken from one page."""

MAX_URL_LENGTH = 2_000


@dataclass(frozen=True, slots=True)
class PageLinks:
    """``urls`` in the order of the page, each once; ``own`` is what ``<link rel=canonical>`` names."""

    urls: tuple[str, ...] = ()
    own: str | None = None


def page_links(fetched: Fetched) -> PageLinks:
    """Read the links of a page; CPU-bound, so call it in a thread.

    Only its beginning is parsed, as everywhere in this process. A page or a link that is marked ``nofollow``
    leads nowhere.
    """
    tree = LexborHTMLParser(fetched.body[:MARKS_WITHIN])
    here = fetched.url
    if (named := tree.css_first("base[href]")) is not None:
        here = resolve_link(here, named.attributes.get("href") or "") or here
    own = _own_address(tree, here)
    if not may_follow(fetched.body, fetched.headers.get("x-robots-tag", "")):
        return PageLinks(own=own)
    urls: dict[str, None] = {}
    for node in tree.css("a[href], area[href]"):
        if "nofollow" in (node.attributes.get("rel") or "").lower().split():
            continue
        url = resolve_link(here, node.attributes.get("href") or "")
        if url is None or len(url) > MAX_URL_LENGTH:
            continue
        if len(urls) >= MAX_LINKS and url not in urls:
            break
        urls[url] = None
    urls.pop(canonical_url(fetched.url), None)
    return PageLinks(tuple(urls), own)


def _own_address(tree: LexborHTMLParser, here: str) -> str | None:
    for node in tree.css("link[rel][href]"):
        if "canonical" in (node.attributes.get("rel") or "").lower().split():
            url = resolve_link(here, node.attributes.get("href") or "")
            return url if url is not None and len(url) <= MAX_URL_LENGTH else None
    return None
