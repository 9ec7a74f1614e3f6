"""Owns the writing of an HTML tree as markdown: headings, paragraphs, lists, tables and code."""

from __future__ import annotations

import re
from collections.abc import Iterable

from selectolax.lexbor import LexborNode

_DROPPED = frozenset(
    {
        *(
            "script",
            "style",
            "noscript",
            "template",
            "svg",
            "math",
            "iframe",
            "object",
            "embed",
            "canvas",
            "video",
        ),
        *(
            "audio",
            "select",
            "input",
            "button",
            "textarea",
            "head",
            "nav",
            "footer",
            "aside",
            "form",
            "dialog",
        ),
        "-comment",
    }
)
_BLOCKS = frozenset(
    {
        *(
            "address",
            "article",
            "blockquote",
            "body",
            "center",
            "dd",
            "details",
            "div",
            "dl",
            "dt",
            "fieldset",
        ),
        *(
            "figcaption",
            "figure",
            "header",
            "hgroup",
            "html",
            "main",
            "p",
            "section",
            "summary",
            "td",
            "th",
            "tr",
        ),
        *("tbody", "thead", "tfoot"),
    }
)
_DEEPEST = 120
_WHITE = re.compile(r"[ \t\n\r\f\xa0]+")
_LEVELS = {f"h{n}": n for n in range(1, 7)}


def markdown_of(root: LexborNode, *, drop: frozenset[str] = _DROPPED) -> str:
    """``root`` as markdown without links, images and page furniture; in the order of the document."""
    writer = _Writer(drop)
    writer.children(root, 0)
    return writer.finish()


class _Writer:
    def __init__(self, drop: frozenset[str]) -> None:
        self._drop = drop
        self._blocks: list[str] = []
        self._inline: list[str] = []

    def finish(self) -> str:
        self._end_paragraph()
        return "\n\n".join(self._blocks)

    def children(self, node: LexborNode, depth: int) -> None:
        for child in node.iter(include_text=True):
            self._node(child, depth + 1)

    def _node(self, node: LexborNode, depth: int) -> None:
        tag = node.tag or ""
        if tag == "-text":
            self._inline.append(node.text_content or "")
        elif tag in self._drop or _is_hidden(node):
            return
        elif depth > _DEEPEST:
            self._inline.append(node.text(separator=" "))
        elif tag in _LEVELS:
            self._block(f"{'#' * _LEVELS[tag]} {_line(node)}" if _line(node) else "")
        elif tag in ("ul", "ol"):
            self._block("\n".join(_list_lines(node, self._drop, 0)))
        elif tag == "table":
            self._table(node, depth)
        elif tag == "pre":
            code = node.text().strip("\n")
            self._block(f"```\n{code}\n```" if code.strip() else "")
        elif tag == "br":
            self._inline.append("\n")
        elif tag in _BLOCKS:
            self._end_paragraph()
            self.children(node, depth)
            self._end_paragraph()
        else:
            self.children(node, depth)

    def _table(self, node: LexborNode, depth: int) -> None:
        rows = [
            [_line(cell) for cell in row.css("td, th") if _table_of(cell) == node] for row in node.css("tr")
        ]
        rows = [row for row in rows if any(row)]
        if not rows or max(map(len, rows)) < 2 or node.css_first("table table"):
            # One column, or tables in cells: somebody's page layout.
            self._end_paragraph()
            self.children(node, depth)
            self._end_paragraph()
        else:
            self._block(table_markdown(rows))

    def _block(self, text: str) -> None:
        self._end_paragraph()
        if text:
            self._blocks.append(text)

    def _end_paragraph(self) -> None:
        lines = (_WHITE.sub(" ", line).strip() for line in "".join(self._inline).split("\n"))
        text = " ".join(line for line in lines if line)
        self._inline = []
        if text:
            self._blocks.append(text)


def table_markdown(rows: Iterable[Iterable[str]]) -> str:
    """A markdown table; the first row is the header, short rows are filled up."""
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    width = max(map(len, cells))
    lines = [f"| {' | '.join(row + [''] * (width - len(row)))} |" for row in cells]
    return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])


def _list_lines(node: LexborNode, drop: frozenset[str], depth: int) -> list[str]:
    lines: list[str] = []
    number = 0
    for item in node.iter():
        if item.tag != "li":
            continue
        number += 1
        nested = [child for child in item.iter() if child.tag in ("ul", "ol")]
        mark = f"{number}." if node.tag == "ol" else "-"
        own = _line(item, without=frozenset({"ul", "ol"}) | drop)
        if own:
            lines.append(f"{'  ' * depth}{mark} {own}")
        if depth < _DEEPEST // 4:
            for child in nested:
                lines += _list_lines(child, drop, depth + 1)
    return lines


def _line(node: LexborNode, without: frozenset[str] = _DROPPED) -> str:
    """All text below ``node`` on one line; iterative, for the depth is somebody else's choice."""
    parts: list[str] = []
    stack = [node]
    while stack:
        current = stack.pop()
        if current.tag == "-text":
            parts.append(current.text_content or "")
        elif current is node or current.tag not in without:
            if current.tag in _BLOCKS or current.tag in ("br", "li"):
                parts.append(" ")
            stack.extend(reversed(list(current.iter(include_text=True))))
    return _WHITE.sub(" ", "".join(parts)).strip()


def _table_of(cell: LexborNode) -> LexborNode | None:
    node = cell.parent
    while node is not None and node.tag != "table":
        node = node.parent
    return node


def _is_hidden(node: LexborNode) -> bool:
    attributes = node.attributes
    return "hidden" in attributes or attributes.get("aria-hidden") == "true"
