"""Owns the extraction of the readable part of an HTML page."""

from __future__ import annotations

import re

import trafilatura
from selectolax.lexbor import LexborHTMLParser, LexborNode

from helpninja_app.knowledge.extraction.charsets import decode_text
from helpninja_app.knowledge.extraction.extracted import Extracted, Link
from helpninja_app.knowledge.extraction.tree_markdown import markdown_of

_MAIN = "main, [role=main], article"
_WORD = re.compile(r"\w{3,}")
_LANGUAGE = re.compile(r"^([a-z]{2})(?:[-_]|$)")
# Below this share of the words that stand in the page's own main part, the general method missed the point.
_ENOUGH_OF_MAIN = 0.8
_ENOUGH_OF_BODY = 0.25
# Characters; trafilatura's work grows faster than the page, to seconds for a megabyte.
# Characters. Trafilatura's work grows faster than the page, to ten seconds for a megabyte.
_LARGE = 400_000
_MOST_LINKS = 5_000
_TITLE_MOST = 300


def extract_html(body: bytes, *, charset: str | None, name: str) -> Extracted:
    """Title, main text and links of a page; ``charset`` is the HTTP header's.

    The main text is found by trafilatura (Barbaresi, ACL 2021). It is made for articles and drops parts of
    short or table-like help pages, so its result is held against the page's own ``<main>``, which wins if
    much is lost.
    """
    html = decode_text(body, declared=charset, is_html=True)
    tree = LexborHTMLParser(html)
    title = _title(tree) or name
    links = tuple(_links(tree))
    base, canonical = (
        _attribute(tree, "base[href]", "href"),
        _attribute(tree, 'link[rel="canonical"]', "href"),
    )
    robots = _attribute(tree, 'meta[name="robots" i]', "content") or ""
    language = _LANGUAGE.match((_attribute(tree, "html[lang]", "lang") or "").strip().lower())
    return Extracted(
        kind="html",
        title=title,
        markdown=_main_markdown(html, tree),
        language_hint=language[1] if language else None,
        links=links,
        base=base,
        canonical=canonical,
        robots=frozenset(word for word in re.split(r"[\s,]+", robots.lower()) if word),
    )


def _main_markdown(html: str, tree: LexborHTMLParser) -> str:
    mains = [node for node in tree.css(_MAIN) if not _is_inside_another(node)]
    own = "\n\n".join(filter(None, map(markdown_of, mains)))
    enough = _ENOUGH_OF_MAIN
    if not own and tree.body is not None:
        own, enough = markdown_of(tree.body), _ENOUGH_OF_BODY
    if len(html) > _LARGE:
        return own
    found = trafilatura.extract(
        html,
        output_format="markdown",
        include_tables=True,
        include_formatting=True,
        include_links=False,
        include_images=False,
        include_comments=False,
        favor_recall=True,
    )
    article = _without_emphasis(found or "")
    if not _has_headings(article) and _has_headings(own) and mains:
        return own
    return article if _share(article, of=own) >= enough else own


def _without_emphasis(markdown: str) -> str:
    return re.sub(r"\*\*(?=\S)([^*\n]{1,300}?)(?<=\S)\*\*", r"\1", markdown)


def _has_headings(markdown: str) -> bool:
    return bool(re.search(r"^#{1,6} ", markdown, re.MULTILINE))


def _share(text: str, *, of: str) -> float:
    """Share of the different words of ``of`` that stand in ``text`` (1.0 when there are none)."""
    wanted = set(_WORD.findall(of.lower()))
    return len(wanted & set(_WORD.findall(text.lower()))) / len(wanted) if wanted else 1.0


def _is_inside_another(node: LexborNode) -> bool:
    parent = node.parent
    while parent is not None:
        if parent.tag in ("main", "article") or (parent.attributes or {}).get("role") == "main":
            return True
        parent = parent.parent
    return False


def _title(tree: LexborHTMLParser) -> str:
    """The page's only ``<h1>`` when ``<title>`` repeats it beside the site's name, else the ``<title>``."""
    official = _text(tree.css_first("head > title"))
    headings = tree.css("h1")
    heading = _text(headings[0]) if headings else ""
    shared = _attribute(tree, 'meta[property="og:title"]', "content") or ""
    if heading and len(headings) == 1 and (heading.lower() in official.lower() or not official):
        return heading[:_TITLE_MOST]
    return (official or shared.strip() or heading)[:_TITLE_MOST]


def _links(tree: LexborHTMLParser) -> list[Link]:
    links: dict[str, Link] = {}
    for node in tree.css("a[href]"):
        url = (node.attributes.get("href") or "").strip()
        if url and not url.startswith("#") and url not in links:
            links[url] = Link(url[:2_000], _text(node)[:200])
            if len(links) == _MOST_LINKS:
                break
    return list(links.values())


def _attribute(tree: LexborHTMLParser, selector: str, name: str) -> str | None:
    node = tree.css_first(selector)
    return (node.attributes.get(name) or None) if node is not None else None


def _text(node: LexborNode | None) -> str:
    return " ".join(node.text().split()) if node is not None else ""
