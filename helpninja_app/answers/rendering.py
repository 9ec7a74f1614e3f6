"""Owns the way from an answer's Markdown to the HTML that dashboards and the widget show."""

from __future__ import annotations

import nh3
from markdown_it import MarkdownIt

from helpninja_app.answers.highlighting import CLASSES, highlight

_TAGS = {"a", "blockquote", "br", "code", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s"}
_TAGS |= {"strong", "table", "tbody", "td", "th", "thead", "tr", "ul"}
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
_SCHEMES = {"http", "https", "mailto"}

# Raw HTML becomes text here; images become tags that nh3 takes away.
_MARKDOWN = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])
_COLOURED = MarkdownIt("commonmark", {"html": False, "breaks": True, "highlight": highlight}).enable(
    ["table", "strikethrough"]
)
# Short rows are filled up to the width of their table: a few thousand characters can make millions of cells.
_MOST_CELLS = 5_000
_WITHOUT_TABLES = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable("strikethrough")


def render_markdown(text: str, *, has_colours: bool = False) -> str:
    """``text`` as sanitised HTML: no scripts, styles, ids, images or frames, no relative links.

    Links lead to http, https or mailto, open a new tab and carry ``rel="noopener nofollow ugc"``. The
    result is safe to place into a page; a heading of the text begins at h3, below those of the page. With
    ``has_colours`` words of code stand in ``span`` elements of the classes in ``highlighting``. Where tables
    could have more than 5,000 cells they stay text.
    """
    markdown = _COLOURED if has_colours else _MARKDOWN
    if _has_huge_tables(text):
        markdown = _WITHOUT_TABLES
    tokens = markdown.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1:]) + 2, 6)}"
    html = markdown.renderer.render(tokens, markdown.options, {})
    return nh3.clean(
        html,
        tags=_TAGS | {"span"} if has_colours else _TAGS,
        attributes=_ATTRIBUTES,
        allowed_classes={"span": set(CLASSES)} if has_colours else None,
        url_schemes=_SCHEMES,
        url_relative="deny",
        link_rel="noopener nofollow ugc",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    ).strip()


def last_block_at(text: str) -> int:
    """Where the last block of ``text`` begins, in characters: more text changes nothing before it."""
    markdown = _WITHOUT_TABLES if _has_huge_tables(text) else _MARKDOWN
    starts = [token.map[0] for token in markdown.parse(text) if token.level == 0 and token.map]
    if len(starts) < 2:
        return 0
    return sum(map(len, text.splitlines(keepends=True)[: starts[-1]]))


def _has_huge_tables(text: str) -> bool:
    lines = text.splitlines()
    # The line under a table's head has a dash for each of its columns.
    columns = max((line.count("|") + 1 for line in lines if "|" in line and "-" in line), default=0)
    return columns * len(lines) > _MOST_CELLS
