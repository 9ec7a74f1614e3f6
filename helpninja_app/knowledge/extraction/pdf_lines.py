"""Owns the reading of a PDF page's characters into lines, with the cells of table rows kept apart."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import pypdfium2
import pypdfium2.raw as pdfium

# A gap of this many font sizes parts two cells; between words, even justified ones, it is about half of that.
_CELL_GAP = 0.8
# PDFium's marks for a hyphen at the end of a line.
_HYPHENS = frozenset("\x02\ufffe\u00ad")


@dataclass(frozen=True, slots=True)
class Cell:
    """Text with no wide gap in it; ``left`` and ``right`` are in points from the page's left."""

    text: str
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a page; ``size`` is its font's and ``bottom`` its place above the page's end, in points."""

    cells: tuple[Cell, ...]
    size: float
    bottom: float

    @property
    def text(self) -> str:
        return " ".join(cell.text for cell in self.cells)

    @property
    def left(self) -> float:
        return self.cells[0].left

    @property
    def right(self) -> float:
        return self.cells[-1].right

    @property
    def width(self) -> float:
        return self.right - self.left


def lines_of(page: pypdfium2.PdfPage) -> list[Line]:
    """The lines of ``page`` in the order in which the page draws them."""
    textpage = page.get_textpage()
    try:
        codes = _codes(textpage)
        lines: list[Line] = []
        start = 0
        for place, code in enumerate([*codes, 10]):
            if code in (10, 13):
                if line := _line(textpage, codes, start, place):
                    lines.append(line)
                start = place + 1
        return lines
    finally:
        textpage.close()


def _codes(textpage: pypdfium2.PdfTextPage) -> list[int]:
    """Code points of the page's characters, by the numbers that PDFium's other functions take."""
    count = textpage.count_chars()
    text = textpage.get_text_range() if count else ""
    if len(text) == count:
        return [ord(character) for character in text]
    # Some characters have no text or two code units: the slow way keeps the numbers right.
    return [pdfium.FPDFText_GetUnicode(textpage, place) for place in range(count)]


def _line(textpage: pypdfium2.PdfTextPage, codes: list[int], start: int, end: int) -> Line | None:
    while start < end and codes[start] in (0, 32):
        start += 1
    while end > start and codes[end - 1] in (0, 32):
        end -= 1
    if start == end:
        return None
    # The last character: the first may be a bullet of another font, and spaces have none.
    size = pdfium.FPDFText_GetFontSize(textpage, end - 1)
    cells: list[Cell] = []
    cell_start = start
    for place in range(start + 1, end - 1):
        if codes[place] == 32 and pdfium.FPDFText_IsGenerated(textpage, place) == 1:
            gap = _box(textpage, place + 1)[0] - _box(textpage, place - 1)[2]
            if gap > _CELL_GAP * size:
                cells.append(_cell(textpage, codes, cell_start, place))
                cell_start = place + 1
    cells.append(_cell(textpage, codes, cell_start, end))
    written = tuple(cell for cell in cells if cell.text)
    return Line(written, round(size, 1), _box(textpage, start)[1]) if written else None


def _cell(textpage: pypdfium2.PdfTextPage, codes: list[int], start: int, end: int) -> Cell:
    return Cell(_text(codes[start:end]), _box(textpage, start)[0], _box(textpage, end - 1)[2])


def _text(codes: list[int]) -> str:
    characters = (chr(code) for code in codes if code and not 0xD800 <= code <= 0xDFFF)
    return "".join("\u00ad" if c in _HYPHENS else c for c in characters).strip()


def _box(textpage: pypdfium2.PdfTextPage, place: int) -> tuple[float, float, float, float]:
    """Left, bottom, right and top of a character (zeros where it has none)."""
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    pdfium.FPDFText_GetCharBox(textpage, place, left, right, bottom, top)
    return left.value, bottom.value, right.value, top.value
