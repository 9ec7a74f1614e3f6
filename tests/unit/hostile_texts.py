"""Hostile HTML, CSV, Markdown and text, wrong extensions and names, each made in a line or two."""

from __future__ import annotations

import gzip

from tests.unit.document_factory import docx, help_page, paragraph
from tests.unit.hostile_pdfs import Body

TEXT = "Readable text."
P = f"<p>{TEXT}</p>"


def slow_page() -> bytes:
    """A tag of 100,000 attributes, each of which its parser compares with all before it."""
    return help_page(f"<p {' '.join(f'a{n}=1' for n in range(100_000))}>{TEXT}</p>")


READ_TEXTS: list[tuple[str, Body, str]] = [
    ("an attribute of 5 MB", lambda: help_page(f"<p title='{'a' * 5_000_000}'>{TEXT}</p>"), "a.html"),
    ("a million entities", lambda: help_page(P + "<p>" + "&amp;" * 1_000_000 + "</p>"), "a.html"),
    ("a refresh to elsewhere", help_page(P, head="<meta http-equiv=refresh content='0;//evil'>"), "a.html"),
    ("a script that never closes", help_page(P + "<script>while(1){}"), "a.html"),
    ("bytes of no encoding", help_page(P + "<p>x</p>").replace(b">x<", b">\xff\xfe\xfa<"), "a.html"),
    ("formulas", b"a,b\n=cmd|'/C calc'!A0,Readable text.\n", "a.csv"),
    ("mixed encodings", "a,b\ncaf\u00e9,Readable text.\n".encode() + b"caf\xe9,x\n", "a.csv"),
    ("half a million open brackets", TEXT.encode() + b"\n\n" + b"[" * 500_000, "a.md"),
    ("half a million quote marks", TEXT.encode() + b"\n\n" + b">" * 500_000, "a.md"),
    ("a front matter that never ends", b"---\n" + b"a: b\n" * 200_000 + TEXT.encode(), "a.md"),
    ("characters that turn the line", f"\u202e\u2066{TEXT}\u2069\u202c".encode(), "a.txt"),
    ("UTF-16 with its mark", TEXT.encode("utf-16"), "a.txt"),
    ("one word of 5 MB", lambda: TEXT.encode() + b" " + b"x" * 5_000_000, "a.txt"),
    ("one word of 5 MB in a page", lambda: help_page(P + f"<p>{'x' * 5_000_000}</p>"), "a.html"),
    (
        "a cell of a billion columns",
        help_page(P + f"<table><tr><td colspan={10**9}>x<td>y</table>"),
        "a.html",
    ),
    (
        "a million columns",
        lambda: b",".join([b"c"] * 1_000_000) + b"\n" + b"," * 999_999 + TEXT.encode(),
        "a.csv",
    ),
    ("5 million line breaks first", lambda: b"\n" * 5_000_000 + TEXT.encode(), "a.txt"),
    ("5 million line breaks before a page", lambda: b"\r\n" * 2_500_000 + help_page(P), "a.html"),
    ("5 million blanks before a table", lambda: b" " * 5_000_000 + b"\na,b\n1,Readable text.\n", "a.csv"),
    ("invalid UTF-8", TEXT.encode() + b"\xc3\x28\xa0\xa1" * 50, "a.txt"),
]

REFUSED_TEXTS: list[tuple[str, Body, str, str]] = [
    (
        "a program named PDF",
        b"MZ\x90\x00" + b"\x00" * 500,
        "a.pdf",
        "named .pdf, but its content is not a PDF",
    ),
    (
        "a picture named Word",
        b"\x89PNG\r\n\x1a\n" + b"\x00" * 500,
        "a.docx",
        "content is not a Word document",
    ),
    ("a packed file named CSV", gzip.compress(b"a,b\n" * 100), "a.csv", "content is not a CSV file"),
    ("a Word document named text", docx(paragraph(TEXT)), "a.txt", "content is not a text file"),
    ("a page named text", help_page(P), "a.txt", "content is not a text file"),
    (
        "a drawing",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
        "a.svg",
        r"type \.svg are not supported",
    ),
    ("a line of 20 MB", lambda: b"a,b\n1," + b"x" * 20_000_000, "a.csv", "This CSV file is damaged"),
    ("more text than is taken", lambda: TEXT.encode() * 800_000, "a.txt", "more than 10,000,000 characters"),
    ("zero bytes in a page", help_page(P + "<p>\x00</p>"), "a.html", "content is not an HTML page"),
    (
        "zero bytes late in a page",
        help_page(P * 500 + "<p>\x00</p>"),
        "a.html",
        "This file is not a text file",
    ),
    ("nothing but 5 million line breaks", lambda: b"\n" * 5_000_000, "a.txt", "This file is empty"),
    (
        "zero bytes before its text",
        lambda: b"\x00" * 9_000 + TEXT.encode(),
        "a.txt",
        "content is not a text file",
    ),
    (
        "a program behind line breaks",
        lambda: b"\n" * 8_192 + b"MZ\x90\x00" + b"\x00" * 500,
        "a.txt",
        "content is not a text file",
    ),
    ("UTF-16 without its mark", TEXT.encode("utf-16-le"), "a.txt", "content is not a text file"),
    (
        "UTF-16 without its mark in a table",
        "a,b\n1,2".encode("utf-16-be"),
        "a.csv",
        "content is not a CSV file",
    ),
]

SLOW_TEXTS: list[tuple[str, Body, str, str]] = [
    (
        "a tag of 100,000 attributes",
        slow_page,
        "a.html",
        "This file takes too long to read",
    ),
    (
        "tables in tables, 20,000 deep",
        lambda: help_page(P + "<table><tr><td>x" * 20_000),
        "a.html",
        "This file takes too long to read",
    ),
]

NAMES = [
    ("a long one", "n" * 5_000 + ".txt"),
    ("one with slashes", "../../etc/passwd.txt"),
    ("one with a zero byte", "a\x00b.txt"),
    ("one that turns the line", "invoice\u202efdp.txt"),
    ("one of pictures", "\U0001f980" * 300 + ".txt"),
    ("one that a system reserves", "CON.txt"),
    ("one with leading dots", "...hidden.txt"),
    ("one of blanks", "   .txt"),
]
