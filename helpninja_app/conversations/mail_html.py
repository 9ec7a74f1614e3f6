"""The words of a mail in HTML, in one pass over it.

No parser builds its tree: with some of the rules of HTML a tree is far larger than its text, and the standard
library's looks for the end of some tags again and again.
"""

from __future__ import annotations

import re
from html import unescape

_TAG = re.compile(r"""<(/?)([a-z][^\s/>]*)((?:=\s*+(?:"[^"]*+"|'[^']*+'|)|[^>=]++)*+)>""", re.IGNORECASE)
_UNREAD = {
    name: re.compile(rf"</{name}\b[^>]*+>?", re.IGNORECASE)
    for name in ("script", "style", "title", "textarea")
}
_QUOTES = re.compile(r"\b(?:gmail_quote|yahoo_quoted|divRplyFwdMsg|appendonsend)\b")
_SPACES = re.compile(r"\s+")
_BLOCKS = frozenset(
    {"p", "div", "li", "ul", "ol", "table", "tr", "h1", "h2", "h3", "h4", "blockquote", "pre"}
)


def words_of(html: str) -> str:
    """Line by line as it is shown, without what is quoted."""
    page = _Page()
    position = 0
    while (start := html.find("<", position)) >= 0:
        page.add(html[position:start])
        if html.startswith("<!--", start):
            end = html.find("-->", start + 4)
            position = end + 3 if end >= 0 else len(html)
        elif html.startswith(("<!", "<?"), start):
            position = html.find(">", start) + 1 or len(html)
        elif html[start + 1 : start + 2].isalpha() or html.startswith("</", start):
            position = _after_tag(html, start, page)
        else:
            page.add("<")
            position = start + 1
    page.add(html[position:])
    return "\n".join(" ".join(line.split()) for line in "".join(page.pieces).split("\n"))


def _after_tag(html: str, start: int, page: _Page) -> int:
    tag = _TAG.match(html, start)
    if tag is None:
        # What is no name is a comment; a tag that never ends hides the rest, as in a browser.
        return html.find(">", start) + 1 or len(html)
    name = tag[2].lower()
    if tag[1]:
        page.close(name)
        return tag.end()
    page.open(name, tag[3])
    if (closing := _UNREAD.get(name)) is None:
        return tag.end()
    end = closing.search(html, tag.end())
    return end.end() if end else len(html)


class _Page:
    """The lines so far. Within a quote, the tags of its name are counted until it ends."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._is_line_begun = False
        self._quote = ""
        self._depth = 0

    def add(self, text: str) -> None:
        if text and not self._quote:
            shown = _SPACES.sub(" ", unescape(text))
            self.pieces.append(shown)
            self._is_line_begun = self._is_line_begun or not shown.isspace()

    def open(self, name: str, attributes: str) -> None:
        if self._quote:
            self._depth += name == self._quote
        elif name == "br":
            self._end_line()
        elif name in _BLOCKS:
            self._end_block()
        if not self._quote and (name == "blockquote" or _QUOTES.search(attributes)):
            self._quote, self._depth = name, 1

    def close(self, name: str) -> None:
        if self._quote:
            self._depth -= name == self._quote
            if self._depth == 0:
                self._quote = ""
        elif name in _BLOCKS:
            self._end_block()

    def _end_block(self) -> None:
        if self._is_line_begun:
            self._end_line()

    def _end_line(self) -> None:
        self.pieces.append("\n")
        self._is_line_begun = False
