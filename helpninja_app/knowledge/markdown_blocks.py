"""Owns the reading of markdown into sections (by heading) of blocks (paragraph, list, table, code)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from helpninja_app.knowledge.tokens import estimate_tokens

LEAD_IN_MOST = 60
BlockKind = Literal["paragraph", "list", "table", "code"]

_HEADING = re.compile(r"^ {0,3}(#{1,6})(?:[ \t]+(.*))?$")
_SETEXT = re.compile(r"^ {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_ITEM = re.compile(r"^\s{0,12}(?:[-*+•]|\d{1,4}[.)])[ \t]+\S")
_TABLE_RULE = frozenset(" \t:|-")
_MARKUP = re.compile(r"\*+|`+|(?<!\w)_+|_+(?!\w)|!?\[([^\[\]]{0,300})\]\([^()\s]{0,1000}\)")
_CLOSING_HASHES = re.compile(r"(?<!\S)#+$")
# What is longer is a paragraph that somebody marked as a heading.
_HEADING_MOST = 200


@dataclass(frozen=True)
class Block:
    """A run of lines that belongs together; ``lines`` are as written, without their line ends."""

    kind: BlockKind
    lines: tuple[str, ...]

    @cached_property
    def text(self) -> str:
        return "\n".join(self.lines)

    @cached_property
    def tokens(self) -> int:
        return estimate_tokens(self.text)

    @property
    def is_rigid(self) -> bool:
        """Whether it loses its sense when cut: a table's cells, a program's lines."""
        return self.kind in ("table", "code")

    @property
    def leads_in(self) -> bool:
        """Whether it announces what comes next ("The prices are:")."""
        return self.kind == "paragraph" and self.tokens <= LEAD_IN_MOST and self.text.endswith((":", "："))


@dataclass
class Section:
    """The blocks between one heading and the next; ``path`` holds the headings above, outermost first."""

    path: tuple[str, ...]
    blocks: list[Block] = field(default_factory=list)


def read_sections(markdown: str) -> list[Section]:
    """Sections in the document's order; one without text of its own or below it keeps its heading as text."""
    sections = [Section(())]
    levels: list[tuple[int, str]] = []
    reader = _Reader(sections[0])
    for line in markdown.splitlines():
        heading = None if reader.is_in_code else _heading_of(line, reader)
        if heading is None:
            reader.take(line)
            continue
        reader.close()
        while levels and levels[-1][0] >= heading[0]:
            levels.pop()
        levels.append(heading)
        sections.append(Section(tuple(name for _, name in levels)))
        reader = _Reader(sections[-1])
    reader.close()
    return _without_empty(sections)


def _heading_of(line: str, reader: _Reader) -> tuple[int, str] | None:
    if len(line) > _HEADING_MOST:
        return None
    match = _HEADING.match(line)
    if match:
        name = _plain(match[2] or "")
        return (len(match[1]), name) if name else None
    match = _SETEXT.match(line)
    if match and reader.has_one_plain_line:
        return (1 if match[1].startswith("=") else 2), _plain(reader.withdraw())
    return None


def _plain(heading: str) -> str:
    return " ".join(_MARKUP.sub(r"\1", _CLOSING_HASHES.sub("", heading.strip())).split())


def _without_empty(sections: list[Section]) -> list[Section]:
    """Drop sections without blocks, but keep the words of a heading that nothing stands below."""
    kept = []
    for number, section in enumerate(sections):
        if not section.blocks and section.path:
            following = sections[number + 1].path if number + 1 < len(sections) else ()
            if following[: len(section.path)] != section.path:
                section.blocks.append(Block("paragraph", (section.path[-1],)))
        if section.blocks:
            kept.append(section)
    return kept


class _Reader:
    """Collects the lines of one section into blocks."""

    def __init__(self, section: Section) -> None:
        self._blocks = section.blocks
        self._lines: list[str] = []
        self._kind: BlockKind = "paragraph"
        self._fence = ""
        self._is_after_gap = False

    @property
    def is_in_code(self) -> bool:
        return bool(self._fence)

    @property
    def has_one_plain_line(self) -> bool:
        return self._kind == "paragraph" and len(self._lines) == 1 and self._could_be_heading()

    def _could_be_heading(self) -> bool:
        return not self._is_after_gap and len(self._lines[0]) <= _HEADING_MOST

    def withdraw(self) -> str:
        return self._lines.pop()

    def take(self, line: str) -> None:
        if self._fence:
            self._lines.append(line)
            if line.strip().startswith(self._fence) and not line.strip().strip(self._fence[0]):
                self._fence = ""
                self._flush()
        elif fence := _FENCE.match(line):
            self._start("code", line)
            self._fence = fence[1]
        elif not line.strip():
            self._gap()
        elif self._kind == "table" and "|" in line and not self._is_after_gap:
            self._lines.append(line)
        elif self._starts_table(line):
            header = self._lines.pop()
            self._start("table", header)
            self._lines.append(line)
        elif _ITEM.match(line):
            self._take_item(line)
        elif self._kind == "list" and (line[:1] in " \t" or not self._is_after_gap):
            self._continue(line)
        elif self._kind == "paragraph" and self._lines and not self._is_after_gap:
            self._lines.append(line)
        else:
            self._start("paragraph", line)

    def close(self) -> None:
        self._fence = ""
        self._flush()

    def _starts_table(self, line: str) -> bool:
        is_rule = self._kind == "paragraph" and bool(self._lines) and not self._is_after_gap
        return (
            is_rule
            and "|" in line
            and "|" in self._lines[-1]
            and "-" in line
            and _TABLE_RULE.issuperset(line)
        )

    def _take_item(self, line: str) -> None:
        if self._kind == "list" and self._lines:
            self._continue(line)
        elif self._kind == "paragraph" and self._lines and self._is_lead_in():
            # The sentence that introduces a list says what its items are: it stays with them.
            self._kind = "list"
            self._continue(line)
        else:
            self._start("list", line)

    def _is_lead_in(self) -> bool:
        return self._lines[-1].rstrip().endswith((":", "：")) or not self._is_after_gap

    def _continue(self, line: str) -> None:
        if self._is_after_gap:
            self._lines.append("")
            self._is_after_gap = False
        self._lines.append(line)

    def _gap(self) -> None:
        if self._kind in ("list", "paragraph") and self._lines:
            # Whether the block goes on is decided by the next line.
            self._is_after_gap = True
        else:
            self._flush()

    def _start(self, kind: BlockKind, line: str) -> None:
        self._flush()
        self._kind = kind
        self._lines = [line]

    def _flush(self) -> None:
        if self._lines:
            self._blocks.append(Block(self._kind, tuple(self._lines)))
        self._lines = []
        self._kind = "paragraph"
        self._is_after_gap = False
