"""Owns the finding of tables among a PDF page's lines, by gaps within lines and columns they share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from helpninja_app.knowledge.extraction.pdf_lines import Cell, Line

# Lines of one cell stand closer than this many font sizes; rows, with their padding, do not.
_SAME_CELL = 1.45
_LOOK_AHEAD = 6
# A line wider than this share of the page's text is prose and no wrapped cell.
_WIDEST_CELL = 0.6
_SLACK = 2.0


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of equal length, from top to bottom."""

    rows: list[list[str]]


@dataclass
class _Row:
    """Fragments of one row: column, height above the page's end, text."""

    fragments: list[tuple[int, float, str]]
    heights: list[float] = field(default_factory=list)

    def texts(self, width: int) -> list[str]:
        ordered = sorted(self.fragments, key=lambda fragment: -fragment[1])
        return [" ".join(text for at, _, text in ordered if at == column) for column in range(width)]


def parts_of(lines: list[Line]) -> Iterator[Table | list[Line]]:
    """The page cut into tables and the lines between them, in order."""
    start = place = 0
    right = max((line.right for line in lines), default=0)
    widest = _WIDEST_CELL * (right - min((line.left for line in lines), default=0))
    while place < len(lines):
        end = _region_end(lines, place, widest)
        table = _table(lines[place:end]) if end - place > 1 else None
        if table is None:
            place = max(end, place + 1)
            continue
        if start < place:
            yield lines[start:place]
        yield table
        start = place = end
    if start < len(lines):
        yield lines[start:]


def _region_end(lines: list[Line], start: int, widest: float) -> int:
    """The end of the lines with several cells from ``start`` on; a wrapped cell's lines may stand between."""
    end = start
    if len(lines[start].cells) < 2:
        return end
    for place in range(start, len(lines)):
        line = lines[place]
        if line.size != lines[start].size or place - end >= _LOOK_AHEAD:
            break
        if len(line.cells) > 1:
            end = place + 1
        elif line.width > widest:
            break
    return end


def _table(lines: list[Line]) -> Table | None:
    """The table that ``lines`` form, or nothing when their cells share no columns."""
    counts = Counter(len(line.cells) for line in lines if len(line.cells) > 1)
    width = max((width for width, count in counts.items() if count > 1), default=0)
    if not width:
        return None
    full = [line for line in lines if len(line.cells) == width]
    columns = [
        (min(line.cells[n].left for line in full), max(line.cells[n].right for line in full))
        for n in range(width)
    ]
    if any(left[1] > right[0] for left, right in pairwise(columns)):
        return None
    rows = [_Row(_placed(line, columns) or [], [line.bottom]) for line in full]
    loose: list[_Row] = []
    for line in lines:
        if len(line.cells) == width:
            continue
        fragments = _placed(line, columns)
        if fragments is None:
            return None
        near = _nearest(line, rows) or _nearest(line, loose)
        if near is None:
            near = _Row([])
            loose.append(near)
        near.fragments += fragments
        if any(near is row for row in loose):
            near.heights.append(line.bottom)
    ordered = sorted([*rows, *loose], key=lambda row: -max(row.heights))
    return Table([row.texts(width) for row in ordered])


def _placed(line: Line, columns: list[tuple[float, float]]) -> list[tuple[int, float, str]] | None:
    fragments = []
    for cell in line.cells:
        column = _column(cell, columns)
        if column is None:
            return None
        fragments.append((column, line.bottom, cell.text))
    return fragments


def _column(cell: Cell, columns: list[tuple[float, float]]) -> int | None:
    """The one column that ``cell`` overlaps, or the nearest; nothing when it reaches over several."""
    over = [
        n
        for n, (left, right) in enumerate(columns)
        if cell.left < right + _SLACK and cell.right > left - _SLACK
    ]
    if len(over) > 1:
        return None
    middle = (cell.left + cell.right) / 2
    return over[0] if over else min(range(len(columns)), key=lambda n: abs(sum(columns[n]) / 2 - middle))


def _nearest(line: Line, rows: list[_Row]) -> _Row | None:
    """The row that ``line`` is another line of."""
    distances = [(min(abs(height - line.bottom) for height in row.heights), n) for n, row in enumerate(rows)]
    distance, number = min(distances, default=(float("inf"), 0))
    return rows[number] if distance <= _SAME_CELL * max(line.size, 1) else None
