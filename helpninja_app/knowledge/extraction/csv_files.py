"""Owns the reading of CSV files: each row becomes a line that makes sense on its own."""

from __future__ import annotations

import csv
import io
from collections import Counter

from helpninja_app.errors import FileRefused
from helpninja_app.knowledge.extraction.charsets import decode_text
from helpninja_app.knowledge.extraction.extracted import Extracted

_DELIMITERS = ",;\t|"
_SAMPLE_LINES = 30
_SAMPLE_CHARACTERS = 64 * 1024
_LARGEST_CELL = 10_000_000


def extract_csv(body: bytes, *, charset: str | None, name: str) -> Extracted:
    """One list item per row, ``Header: value; Header: value``, empty cells left out.

    A row so carries its headers wherever a passage is cut, which a table's row does not. The first row is the
    header; a file of one column is read as one paragraph per row.
    """
    text = decode_text(body, declared=charset).replace("\x00", "")
    csv.field_size_limit(_LARGEST_CELL)
    try:
        rows = [
            row for row in csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)) if any(row)
        ]
    except csv.Error as error:
        raise FileRefused("This CSV file is damaged.") from error
    rows = [[" ".join(cell.split()) for cell in row] for row in rows]
    if max(map(len, rows), default=0) < 2:
        return Extracted("csv", name, "\n\n".join(row[0] for row in rows if row))
    header, *records = rows
    if not records:
        return Extracted("csv", name, "; ".join(filter(None, header)))
    return Extracted("csv", name, "\n".join(f"- {_record(header, row)}" for row in records))


def _record(header: list[str], row: list[str]) -> str:
    names = [*header, *([""] * (len(row) - len(header)))]
    return "; ".join(
        f"{name}: {cell}" if name else cell for name, cell in zip(names, row, strict=False) if cell
    )


def _delimiter(text: str) -> str:
    """The delimiter that cuts the first lines most evenly into more than one column."""
    sample = text[:_SAMPLE_CHARACTERS]
    best, best_score = ",", 0.0
    for delimiter in _DELIMITERS:
        reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
        try:
            widths = [len(row) for row, _ in zip(reader, range(_SAMPLE_LINES), strict=False) if row]
        except csv.Error:
            continue
        if not widths:
            continue
        width, count = Counter(widths).most_common(1)[0]
        score = count / len(widths) + min(width, 20) / 100
        if width > 1 and score > best_score:
            best, best_score = delimiter, score
    return best
