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
_CELL_BORDER = re.compile(r"(?<!\\)\|")
_MARKER = re.compile(r"\[(\d{1,3})\]")


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A sentence, list item or table row that can be read on its own.

    ``passage`` is the index of its passage, ``order`` its place among all pieces of that passage. ``context``
    is what it stands under: title, headings, and the sentence that announces a list. ``lead_in`` is that
    sentence.
    """

    kind: ExcerptKind
    text: str
    passage: int
    order: int
    context: str
    lead_in: str = ""


def read_excerpts(passages: Sequence[Passage]) -> list[Excerpt]:
    """All pieces of ``passages``, in their order, without Markdown's marks; code is left out."""
    excerpts: list[Excerpt] = []
    for index, passage in enumerate(passages):
        heading = " ".join(part for part in (passage.title, passage.heading_path) if part)
        order = 0
        for section in read_sections(passage.text):
            context = " ".join((heading, *section.path))
            lead_in = ""
            for block in section.blocks:
                for kind, text in _pieces(block):
                    excerpts.append(
                        Excerpt(kind, text, index, order, f"{context} {lead_in}".strip(), lead_in)
                    )
                    order += 1
                lead_in = plain_text(split_sentences(block.text)[-1]) if block.leads_in else ""
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
            for sentence in split_sentences(block.text):
                if text := plain_text(sentence):
                    yield "sentence", text
        case "list":
            for item in _items(block.lines):
                if text := plain_text(item):
                    yield "item", text
        case "table":
            yield from (("row", row) for row in _rows(block.lines))
        case "code":
            return


def _items(lines: Sequence[str]) -> Iterator[str]:
    """List items without their bullets, each with the lines that continue it."""
    item: list[str] = []
    for line in lines:
        if _ITEM.match(line) and item:
            yield " ".join(item)
            item = []
        item.append(_ITEM.sub("", line).strip())
    if item:
        yield " ".join(item)


def _rows(lines: Sequence[str]) -> Iterator[str]:
    """Table rows as ``First cell: other cell``, with more columns ``First cell: Header other cell, ...``."""
    rows = [_cells(line) for line in lines if line.strip()]
    rules = [index for index, row in enumerate(rows) if all(set(cell) <= set(":- ") for cell in row)]
    header = rows[rules[0] - 1] if rules and rules[0] > 0 else []
    first = rules[0] + 1 if rules else 0
    for row in rows[first:]:
        if not any(row):
            continue
        name, *values = row
        named = [
            f"{header[column]} {value}"
            if len(values) > 1 and column < len(header) and header[column]
            else value
            for column, value in enumerate(values, start=1)
            if value
        ]
        yield f"{name}: {', '.join(named)}" if name and named else name or ", ".join(named)


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|")
    inner = inner[:-1] if inner.endswith("|") and not inner.endswith("\\|") else inner
    return [plain_text(cell.replace("\\|", "|")) for cell in _CELL_BORDER.split(inner)]
