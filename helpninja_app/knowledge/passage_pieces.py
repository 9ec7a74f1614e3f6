"""Owns the cut of one block that is too long for a passage into the pieces that may not be cut further."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from helpninja_app.knowledge.markdown_blocks import LEAD_IN_MOST, Block
from helpninja_app.knowledge.sentences import split_sentences
from helpninja_app.knowledge.tokens import estimate_tokens

_ITEM = re.compile(r"^\s{0,12}(?:[-*+•]|\d{1,4}[.)])[ \t]+\S")
_SOFT_BREAK = re.compile(r"[,;:،؛、，；：]\s*|\s+")
_HEADER_MOST = 120
_JOINERS = frozenset("\u200d\ufe0f\u0e33\u0eb3")


@dataclass(frozen=True, slots=True)
class Piece:
    """Text that stays together; ``glue`` stands before it when it follows another piece in a passage."""

    text: str
    glue: str
    tokens: int


def pieces_of(block: Block, *, room: int) -> Iterator[Piece]:
    """The pieces of ``block`` in order, none (but for a repeated header) above ``room`` tokens; linear."""
    match block.kind:
        case "table":
            yield from _table_pieces(block, room)
        case "code":
            yield from _code_pieces(block, room)
        case "list":
            yield from _list_pieces(block, room)
        case "paragraph":
            yield from _prose_pieces(block.text, room, glue="\n\n")


def _prose_pieces(text: str, room: int, *, glue: str) -> Iterator[Piece]:
    """Sentences; a sentence above ``room`` is cut at clauses, then spaces, then anywhere."""
    for sentence in split_sentences(text):
        tokens = estimate_tokens(sentence)
        parts = [sentence] if tokens <= room else _cut(sentence, room)
        for part in parts:
            yield Piece(part, glue, estimate_tokens(part))
            glue = ""


def _cut(text: str, room: int) -> Iterator[str]:
    """Slices of ``text`` of at most ``room`` tokens, at a soft break in the last half where there is one."""
    start = 0
    while start < len(text):
        window = text[start : start + 4 * room]
        end = _fitting(window, room)
        if end < len(window) or start + end < len(text):
            breaks = [m.end() for m in _SOFT_BREAK.finditer(window, end // 2, end)]
            end = breaks[-1] if breaks else _between_letters(window, end)
        yield window[:end]
        start += end


def _fitting(window: str, room: int) -> int:
    """How many characters from the start fit into ``room`` tokens (at least one)."""
    low, high = 1, len(window)
    while low < high:
        middle = (low + high + 1) // 2
        if estimate_tokens(window[:middle]) <= room:
            low = middle
        else:
            high = middle - 1
    return low


def _between_letters(window: str, end: int) -> int:
    """Move ``end`` back so that no vowel sign or accent is parted from its letter."""
    for place in range(end, max(1, end - 16), -1):
        following = window[place : place + 1]
        if not following or not (unicodedata.category(following).startswith("M") or following in _JOINERS):
            return place
    return end


def _table_pieces(block: Block, room: int) -> Iterator[Piece]:
    """Groups of rows, each below the table's header."""
    header = block.lines[:2]
    head = "\n".join(header)
    cost = estimate_tokens(head)
    if cost > _HEADER_MOST:
        header, head, cost = (), "", 0
    rows: list[str] = []
    used = cost
    for row in block.lines[len(header) :]:
        tokens = estimate_tokens(row) + 1
        if rows and used + tokens > room:
            yield _rows(head, rows, used)
            rows, used = [], cost
        if cost + tokens > room:
            # A row longer than a passage is text in all but name.
            yield from _prose_pieces(row, room, glue="\n\n")
        else:
            rows.append(row)
            used += tokens
    if rows:
        yield _rows(head, rows, used)


def _rows(head: str, rows: list[str], tokens: int) -> Piece:
    return Piece("\n".join((head, *rows) if head else rows), "\n\n", tokens)


def _code_pieces(block: Block, room: int) -> Iterator[Piece]:
    """Groups of lines, each in a fence of its own."""
    opening = block.lines[0]
    fence = opening.strip()[:3]
    body = block.lines[1:]
    if body and body[-1].strip().startswith(fence):
        body = body[:-1]
    group: list[str] = []
    used = 0
    if estimate_tokens(opening) > LEAD_IN_MOST:
        opening, body = fence, (opening.strip().lstrip(fence[0]), *body)
    for line in body:
        tokens = estimate_tokens(line) + 1
        for part in [line] if tokens <= room else _cut(line, room - 1):
            tokens = estimate_tokens(part) + 1
            if group and used + tokens > room:
                yield _fenced(opening, group, fence, used)
                group, used = [], 0
            group.append(part)
            used += tokens
    if group:
        yield _fenced(opening, group, fence, used)


def _fenced(opening: str, lines: list[str], fence: str, tokens: int) -> Piece:
    return Piece("\n".join((opening, *lines, fence)), "\n\n", tokens)


def _list_pieces(block: Block, room: int) -> Iterator[Piece]:
    """Groups of items; a short lead-in is repeated above each group, since it says what the items are."""
    lead_in, items = _items_of(block)
    lead_cost = estimate_tokens(lead_in) if lead_in else 0
    if lead_cost > LEAD_IN_MOST:
        yield from _prose_pieces(lead_in, room, glue="\n\n")
        lead_in, lead_cost = "", 0
    group = [lead_in] if lead_in else []
    used = lead_cost
    for item in items:
        tokens = estimate_tokens(item) + 1
        if used > lead_cost and used + tokens > room:
            yield Piece("\n".join(group), "\n\n", used)
            group, used = ([lead_in] if lead_in else []), lead_cost
        if lead_cost + tokens > room:
            if group:
                yield Piece("\n".join(group), "\n\n", used)
            yield from _prose_pieces(item, room, glue="\n")
            group, used, lead_in, lead_cost = [], 0, "", 0
        else:
            group.append(item)
            used += tokens
    if used > lead_cost:
        yield Piece("\n".join(group), "\n\n", used)


def _items_of(block: Block) -> tuple[str, list[str]]:
    """The lines before the first item, and the items with the lines that continue them."""
    lead: list[str] = []
    items: list[list[str]] = []
    for line in block.lines:
        if _ITEM.match(line):
            items.append([line])
        elif items:
            items[-1].append(line)
        else:
            lead.append(line)
    return "\n".join(lead).strip(), ["\n".join(item).rstrip() for item in items]
