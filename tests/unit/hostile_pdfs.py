"""Hostile PDFs, each made in a few lines; what each does to a reader is in its name."""

from __future__ import annotations

import zlib
from collections.abc import Callable

from tests.unit.document_factory import docx, paragraph, pdf, pdf_of_empty_pages

# What takes a while to make is made when its test runs.
Body = bytes | Callable[[], bytes]

READABLE = b"BT /F1 12 Tf 72 700 Td (Readable text.) Tj ET"
FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
CATALOG = b"<< /Type /Catalog /Pages 2 0 R >>"
PAGES = b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>"


def stream(content: bytes, more: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), more, content)


def page(more: bytes = b"", resources: bytes = b"") -> bytes:
    return (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 5 0 R"
        b" /Resources << /Font << /F1 4 0 R >> %s >> %s >>" % (resources, more)
    )


def assemble(objects: dict[int, bytes], trailer: bytes = b"") -> bytes:
    out = bytearray(b"%PDF-1.7\n")
    places = {}
    for number, body in objects.items():
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 1\n0000000000 65535 f \n"
    out += b"".join(b"%d 1\n%010d 00000 n \n" % place for place in places.items())
    size = max(objects) + 1
    out += b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, start)
    return bytes(out)


def one_page(changed: dict[int, bytes] | None = None, trailer: bytes = b"") -> bytes:
    """A page that says "Readable text.", some of its objects changed for the worse."""
    objects = {1: CATALOG, 2: PAGES, 3: page(), 4: FONT, 5: stream(READABLE)}
    return assemble({**objects, **(changed or {})}, trailer)


def flate(content: bytes, times: int = 1) -> bytes:
    for _ in range(times):
        content = zlib.compress(content, 9)
    return stream(content, b"/Filter [%s]" % (b"/FlateDecode " * times))


def with_catalog(more: bytes) -> bytes:
    return one_page({1: b"<< /Type /Catalog /Pages 2 0 R %s >>" % more})


def pages_of(count: int, content: bytes) -> bytes:
    """A page tree that lists one page ``count`` times."""
    return one_page(
        {2: b"<< /Type /Pages /Count %d /Kids [%s] >>" % (count, b"3 0 R " * count), 5: flate(content)}
    )


NO_TEXT = "This PDF has no text"
DAMAGED = "This PDF is damaged and cannot be opened"

READ_PDFS: list[tuple[str, Body]] = [
    ("a script that opens with it", with_catalog(b"/OpenAction << /S /JavaScript /JS (while(1){}) >>")),
    ("a program to launch", with_catalog(b"/OpenAction << /S /Launch /F (/bin/sh) >>")),
    ("an address to call", with_catalog(b"/OpenAction << /S /URI /URI (http://169.254.169.254/) >>")),
    (
        "a file inside",
        one_page({6: stream(b"MZ" * 5_000, b"/Type /EmbeddedFile"), 7: b"<< /EF << /F 6 0 R >> >>"}),
    ),
    ("an outline in a circle", one_page({1: CATALOG[:-2] + b"/Outlines 6 0 R >>", 6: b"<< /First 6 0 R >>"})),
    ("a table of places that points to itself", one_page(trailer=b"/Prev 9")),
    ("a wrong place of the table", one_page().replace(b"startxref\n", b"startxref\n99")),
    ("no table at all", one_page().split(b"xref\n0 1")[0] + b"trailer\n<< /Root 1 0 R >>\n"),
    ("junk before its header", b"junk " * 100 + one_page()),
    ("a page of markup behind it", one_page() + b"<html><script>alert(1)</script></html>"),
    ("a Word document behind it", one_page() + docx(paragraph("Other text."))),
    ("a title of 2 MB", lambda: one_page({6: b"<< /Title (%s) >>" % (b"t" * 2_000_000)}, b"/Info 6 0 R")),
    ("a claim of 2 billion objects", one_page().replace(b"/Size 6", b"/Size 2147483647")),
    ("a form that draws itself", one_page({3: page(resources=b"/XObject << /X 6 0 R >>"),
        5: stream(READABLE + b" /X Do"),
        6: stream(b"/X Do", b"/Type /XObject /Subtype /Form /BBox [0 0 9 9]"
                  b" /Resources << /XObject << /X 6 0 R >> >>")})),
    ("a picture of 100,000 by 100,000", one_page({3: page(resources=b"/XObject << /X 6 0 R >>"),
        5: stream(READABLE + b" /X Do"),
        6: stream(b"x", b"/Type /XObject /Subtype /Image /Width 100000 /Height 100000"
                  b" /ColorSpace /DeviceRGB /BitsPerComponent 8")})),
    ("a claim of 2 billion pages", one_page({2: PAGES.replace(b"/Count 1", b"/Count 2000000000")})),
    ("a font with 2 million meanings", lambda: one_page({4: FONT[:-2] + b"/ToUnicode 6 0 R >>",
        6: flate(b"1 beginbfchar\n" + b"<FFFF> <0041>\n" * 2_000_000 + b"endbfchar")})),
]  # fmt: skip

# Each with the sentence that refuses it.
REFUSED_PDFS: list[tuple[str, Body, str]] = [
    ("a tree of pages in a circle", one_page({2: b"<< /Type /Pages /Count 1 /Kids [2 0 R] >>"}), NO_TEXT),
    # PDFium ends its process where memory ends.
    (
        "a content that unpacks to 200 MB",
        lambda: one_page({5: flate(b"\x00" * 200_000_000)}),
        "This file is damaged, or it needs too much memory to be read",
    ),
    ("a content packed three times", lambda: one_page({5: flate(b" " * 50_000_000, 3)}), NO_TEXT),
    ("arrays in arrays, 200,000 deep", one_page({5: stream(b"[" * 200_000)}), NO_TEXT),
    ("a tree of arrays, 200,000 deep", one_page({2: b"[" * 200_000 + b"]" * 200_000}), DAMAGED),
    ("objects that are each other", one_page({2: b"6 0 R", 6: b"2 0 R"}), DAMAGED),
    ("a million saved states", lambda: one_page({5: stream(b"q " * 1_000_000)}), NO_TEXT),
    ("no root", one_page().replace(b"/Root 1 0 R", b"/Roof 1 0 R"), DAMAGED),
    ("an unknown lock", one_page({6: b"<< /Filter /Unknown /V 9 >>"}, b"/Encrypt 6 0 R"), DAMAGED),
    ("only its second half", pdf("text" * 200)[400:], "is named .pdf, but its content is not a PDF"),
    ("10,000 pages", lambda: pdf_of_empty_pages(10_000), "has 10,000 pages; at most 2,000 can be read"),
]

WORDS = b"BT /F1 3 Tf " + b"".join(
    b"1 0 0 1 %d %d Tm (w) Tj " % (n * 7 % 600, n * 3 % 800) for n in range(2_000)
)
SLOW_PDFS: list[tuple[str, Body, str]] = [
    ("2,000 slow pages", lambda: pages_of(2_000, WORDS + b"ET"), "of its 2,000 pages could be read in time"),
    ("one page that is slower", lambda: one_page({5: flate(WORDS * 100 + b"ET")}), "takes too long to read"),
]
