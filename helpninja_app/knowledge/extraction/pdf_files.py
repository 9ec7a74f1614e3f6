"""Owns the extraction of PDF documents: text, headings by size, and tables by the gaps in their rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import groupby

import pypdfium2
import pypdfium2.raw as pdfium

from helpninja_app.errors import FileRefused
from helpninja_app.knowledge.extraction.extracted import Extracted
from helpninja_app.knowledge.extraction.pdf_lines import Line, lines_of
from helpninja_app.knowledge.extraction.pdf_tables import Table, parts_of
from helpninja_app.knowledge.extraction.tree_markdown import table_markdown

_HEADING_FACTOR = 1.12
_HEADING_MOST = 120
_MOST_LEVELS = 3
_BULLET = re.compile(r"^[•▪◦●‣·–-]\s+")
_NUMBERED = re.compile(r"^\d{1,3}[.)]\s")
_ENDS = (".", "!", "?", ":", "。", "！", "？", "؟")
_NEW_PARAGRAPH_GAP = 1.9
_SHORT_LINE = 0.8
# A line that stands first or last on this share of the pages is furniture.
_FURNITURE_SHARE = 0.5
_FURNITURE_PAGES = 3


def extract_pdf(
    source: bytes | str, *, name: str, most_pages: int, is_time_left: Callable[[], bool]
) -> Extracted:
    """``source`` is the file or its path; ``is_time_left`` is asked before each page.

    A document whose pages cannot all be read in time is refused: answers from half a document would be wrong
    where nobody looks for it.
    """
    try:
        document = pypdfium2.PdfDocument(source)
    except pypdfium2.PdfiumError as error:
        if error.err_code == pdfium.FPDF_ERR_PASSWORD:
            raise FileRefused(
                "This PDF is protected by a password. Remove it and upload the file again."
            ) from error
        raise FileRefused("This PDF is damaged and cannot be opened.") from error
    try:
        count = len(document)
        if count == 0:
            raise FileRefused("This PDF has no pages.")
        if count > most_pages:
            raise FileRefused(f"This PDF has {count:,} pages; at most {most_pages:,} can be read.")
        pages: list[list[Line]] = []
        for number in range(count):
            if not is_time_left():
                raise FileRefused(
                    f"This PDF takes too long to read: {number:,} of its {count:,} pages"
                    " could be read in time. Split it into smaller files."
                )
            pages.append(_lines(document, number))
        title = " ".join((document.get_metadata_dict().get("Title") or "").replace("\x00", "").split())
    finally:
        document.close()
    markdown = _markdown(pages)
    if not any(character.isalnum() for character in markdown):
        raise FileRefused("This PDF has no text (it may be a scan).")
    return Extracted("pdf", _better_title(title, markdown, name), markdown, pages=count)


def _lines(document: pypdfium2.PdfDocument, number: int) -> list[Line]:
    """The lines of one page; a page that is broken has none and does not cost the others."""
    try:
        page = document[number]
    except pypdfium2.PdfiumError:
        return []
    try:
        return lines_of(page)
    except pypdfium2.PdfiumError:
        return []
    finally:
        page.close()


def _better_title(title: str, markdown: str, name: str) -> str:
    """The document's own title unless it is what a program left there (``untitled``, ``report.docx``)."""
    if title and not re.search(
        r"\.\w{2,4}$|^\(?(?:untitled|anonymous|unspecified|microsoft word)", title.lower()
    ):
        return title[:300]
    heading = re.match(r"# (.+)", markdown)
    return heading[1] if heading else name


def _markdown(pages: list[list[Line]]) -> str:
    weights: Counter[float] = Counter()
    for line in (line for lines in pages for line in lines):
        weights[line.size] += len(line.text)
    if not weights:
        return ""
    body = weights.most_common(1)[0][0]
    larger = sorted((size for size in weights if size > body * _HEADING_FACTOR), reverse=True)
    levels = {size: min(place, _MOST_LEVELS) for place, size in enumerate(larger, 1)}
    pages = _without_furniture(pages, headings=frozenset(larger))
    return "\n\n".join(block for lines in pages for block in _blocks(lines, levels))


def _without_furniture(pages: list[list[Line]], *, headings: frozenset[float]) -> list[list[Line]]:
    """Drop running heads and page numbers: what begins or ends most pages, digits aside, in a small font."""

    def key(line: Line) -> str:
        return "" if line.size in headings else re.sub(r"\d+", "#", line.text)

    seen = Counter(
        name for lines in pages for name in {key(line) for line in (*lines[:1], *lines[-1:])} if name
    )
    enough = max(_FURNITURE_PAGES, len(pages) * _FURNITURE_SHARE)
    kept = []
    for lines in pages:
        first = 1 if lines and seen[key(lines[0])] >= enough else 0
        last = len(lines) - 1 if len(lines) > first and seen[key(lines[-1])] >= enough else len(lines)
        kept.append(lines[first:last])
    return kept


def _blocks(lines: list[Line], levels: dict[float, int]) -> Iterator[str]:
    for part in parts_of(lines):
        if isinstance(part, Table):
            yield table_markdown(part.rows)
        else:
            yield from _prose(part, levels)


def _prose(lines: list[Line], levels: dict[float, int]) -> Iterator[str]:
    for size, group in groupby(lines, key=lambda line: line.size):
        run = list(group)
        if size in levels and len(_joined(run)) <= _HEADING_MOST:
            yield f"{'#' * levels[size]} {_joined(run)}"
        else:
            yield from _paragraphs(run)


def _paragraphs(lines: list[Line]) -> Iterator[str]:
    widest = max(line.width for line in lines)
    paragraph: list[Line] = []
    for line in lines:
        if paragraph and _starts_paragraph(line, paragraph[-1], widest):
            yield _joined(paragraph)
            paragraph = []
        paragraph.append(line)
    yield _joined(paragraph)


def _starts_paragraph(line: Line, before: Line, widest: float) -> bool:
    gap = before.bottom - line.bottom
    is_short = before.width < widest * _SHORT_LINE
    return (
        gap > _NEW_PARAGRAPH_GAP * max(line.size, 1)
        or (is_short and before.text.endswith(_ENDS))
        or bool(_BULLET.match(line.text) or _NUMBERED.match(line.text))
    )


def _joined(lines: list[Line]) -> str:
    text = " ".join(line.text for line in lines)
    return _BULLET.sub("- ", re.sub("\u00ad ?", "", text))
