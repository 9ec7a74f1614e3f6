"""Owns the extraction of the readable part of an HTML page."""

from __future__ import annotations

import re

import trafilatura
from selectolax.lexbor import LexborHTMLParser, LexborNode

from helpninja_app.knowledge.extraction.charsets import decode_text
from helpninja_app.knowledge.extraction.extracted import Extracted
from helpninja_app.knowledge.extraction.tree_markdown import markdown_of

_MAIN = "main, [role=main], article"
_WORD = re.compile(r"\w{3,}")
_LANGUAGE = re.compile(r"^([a-z]{2})(?:[-_]|$)")
_ANY_WORD = re.compile(r"\w+")
# Words: "Last updated on 28 August 2026" and the like.
_DATELINE = 8
# Below this share of the words that stand in the page's body, the general method missed the point.
_ENOUGH_OF_BODY = 0.25
# A main part of fewer characters may be a mistake, if there is an article of several times its length.
_SHORT = 200
_MUCH_MORE = 4
# Characters. Trafilatura's work grows faster than the page, to ten seconds for a megabyte.
_LARGE = 400_000
_TITLE_MOST = 300


def extract_html(body: bytes, *, charset: str | None, name: str) -> Extracted:
    """Title and main text of a page; ``charset`` is the HTTP header's.

    A page says by ``<main>`` or ``<article>`` what it is about, and that is taken whole. Where it does not,
    the main text is found by trafilatura (Barbaresi, ACL 2021). It is made for articles and drops parts of
    short or table-like help pages, and words amid sentences, so its result is held against the body.
    """
    html = decode_text(body, declared=charset, is_html=True)
    tree = LexborHTMLParser(html)
    title = _title(tree) or name
    _drop_datelines(tree)
    robots = _attribute(tree, 'meta[name="robots" i]', "content") or ""
    language = _LANGUAGE.match((_attribute(tree, "html[lang]", "lang") or "").strip().lower())
    return Extracted(
        kind="html",
        title=title,
        markdown=_main_markdown(html, tree),
        language_hint=language[1] if language else None,
        robots=frozenset(word for word in re.split(r"[\s,]+", robots.lower()) if word),
    )


def _drop_datelines(tree: LexborHTMLParser) -> None:
    """Take out a line under the page's title that holds a time and little else: it is about the page.

    In the text it would make the page's first passage a little about dates.
    """
    for heading in tree.css("h1"):
        following = heading.next
        while following is not None and following.tag == "-text" and not following.text().strip():
            following = following.next
        if (
            following is not None
            and following.css_first("time") is not None
            and len(_ANY_WORD.findall(following.text())) <= _DATELINE
        ):
            following.decompose()


def _main_markdown(html: str, tree: LexborHTMLParser) -> str:
    mains = [node for node in tree.css(_MAIN) if not _is_inside_another(node)]
    own = "\n\n".join(filter(None, map(markdown_of, mains)))
    if len(own) >= _SHORT or len(html) > _LARGE:
        return own or _body_markdown(tree)
    body = _body_markdown(tree)
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
    article = _with_whole_lines(_without_emphasis(found or ""), of=body)
    if own and len(article) < _MUCH_MORE * len(own):
        return own
    return article if _share(article, of=body) >= _ENOUGH_OF_BODY else body


def _body_markdown(tree: LexborHTMLParser) -> str:
    return markdown_of(tree.body) if tree.body is not None else ""


def _with_whole_lines(article: str, *, of: str) -> str:
    """``article`` with the words back that were lost inside of its lines, such as those of ``<time>``."""
    by_first: dict[str, list[tuple[list[str], str]]] = {}
    for line in of.splitlines():
        if words := _ANY_WORD.findall(line):
            by_first.setdefault(words[0], []).append((words, line))
    repaired = []
    for line in article.splitlines():
        words = _ANY_WORD.findall(line)
        whole = (
            [
                (len(known), text)
                for known, text in by_first.get(words[0], ())
                if len(words) < len(known) <= 2 * len(words) and _is_subsequence(words, known)
            ]
            if words
            else []
        )
        repaired.append(min(whole)[1] if whole else line)
    return "\n".join(repaired)


def _is_subsequence(words: list[str], known: list[str]) -> bool:
    rest = iter(known)
    return all(word in rest for word in words)


def _without_emphasis(markdown: str) -> str:
    return re.sub(r"\*\*(?=\S)([^*\n]{1,300}?)(?<=\S)\*\*", r"\1", markdown)


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


def _attribute(tree: LexborHTMLParser, selector: str, name: str) -> str | None:
    node = tree.css_first(selector)
    return (node.attributes.get(name) or None) if node is not None else None


def _text(node: LexborNode | None) -> str:
    return " ".join(node.text().split()) if node is not None else ""
