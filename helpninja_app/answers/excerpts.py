"""Owns the cut of passages into the pieces that an extractive answer is put together from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from helpninja_app.answers.passages import Passage
from helpninja_app.knowledge.markdown_blocks import Block, read_sections
from helpninja_app.knowledge.sentences import split_sentences

ExcerptKind = Literal["sentence", "item", "row"]

_ITEM = re.compile(r"^\s*(?:[-*+•]|\d{1,4}[.)])[ \t]+")
_LINK = re.compile(r"!?\[([^\[\]]{0,300})\]\([^()\s]{0,1000}(?:\s\"[^\"]{0,200}\")?\)")
_EMPHASIS = re.compile(r"\*\*|__|(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)|`+")
_ANNOUNCES = re.compile(r"[:：]$")
_CELL_BORDER = re.compile(r"(?<!\\)\|")
_MARKER = re.compile(r"\[(\d{1,3})\]")


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A sentence, list item or table row that can be read on its own.

    ``passage`` is the index of its passage, ``order`` its place among all pieces of that passage. ``context``
    is what it stands under: title, headings, and the sentence that announces a list. ``lead_in`` is that
    sentence. Sentences of one paragraph, items of one list and rows of one table have the same ``block``.
    """

    kind: ExcerptKind
    text: str
    passage: int
    order: int
    context: str
    lead_in: str = ""
    block: int = 0


def read_excerpts(passages: Sequence[Passage]) -> list[Excerpt]:
    """All pieces of ``passages``, in their order, without Markdown's marks; code is left out."""
    excerpts: list[Excerpt] = []
    blocks = 0
    for index, passage in enumerate(passages):
        heading = " ".join(part for part in (passage.title, passage.heading_path) if part)
        order = 0
        for section in read_sections(passage.text):
            context = " ".join((heading, *section.path))
            lead_in = ""
            for block in section.blocks:
                blocks += 1
                for kind, text in _pieces(block):
                    above = lead_in if kind != "sentence" else ""
                    under = f"{context} {above}".strip()
                    excerpts.append(Excerpt(kind, text, index, order, under, above, blocks))
                    order += 1
                    if kind == "sentence":
                        lead_in = text if _ANNOUNCES.search(text) else ""
    return excerpts


def plain_text(markdown: str) -> str:
    """One line of text without emphasis and link targets.

    Numbers in square brackets become round ones: in an answer ``[2]`` is a citation, and a document cannot
    make any.
    """
    text = _EMPHASIS.sub("", _LINK.sub(r"\1", markdown))
    return " ".join(_MARKER.sub(r"(\1)", text).split())


def _pieces(block: Block) -> Iterator[tuple[ExcerptKind, str]]:
    match block.kind:
        case "paragraph":
            yield from (
                ("sentence", text) for one in split_sentences(block.text) if (text := plain_text(one))
            )
        case "list":
            lead_in, items = _items(block.lines)
            yield from (("sentence", text) for one in split_sentences(lead_in) if (text := plain_text(one)))
            yield from (("item", text) for one in items if (text := plain_text(one)))
        case "table":
            yield from (("row", row) for row in _rows(block.lines))
        case "code":
            return


def _items(lines: Sequence[str]) -> tuple[str, list[str]]:
    """What stands above a list, and its items without their bullets, each with the lines that continue it."""
    lead_in: list[str] = []
    items: list[list[str]] = []
    for line in lines:
        if _ITEM.match(line):
            items.append([_ITEM.sub("", line).strip()])
        else:
            (items[-1] if items else lead_in).append(line.strip())
    return "\n".join(lead_in), [" ".join(item) for item in items]


def _rows(lines: Sequence[str]) -> Iterator[str]:
    """Table rows as ``First cell: other cell``, or as ``First cell – Header: cell; Header: cell``."""
    rows = [_cells(line) for line in lines if line.strip()]
    rules = [index for index, row in enumerate(rows) if all(set(cell) <= set(":- ") for cell in row)]
    header = rows[rules[0] - 1] if rules and rules[0] > 0 else []
    for name, *values in rows[rules[0] + 1 if rules else 0 :]:
        if len(values) <= 1:
            text = ": ".join(cell for cell in (name, *values) if cell)
        else:
            titles = [*header[1:], *[""] * len(values)]
            named = [
                f"{title}: {value}" if title else value
                for title, value in zip(titles, values, strict=False)
                if value
            ]
            text = " – ".join(part for part in (name, "; ".join(named)) if part)
        if text:
            yield text


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|")
    inner = inner[:-1] if inner.endswith("|") and not inner.endswith("\\|") else inner
    return [plain_text(cell.replace("\\|", "|")) for cell in _CELL_BORDER.split(inner)]
