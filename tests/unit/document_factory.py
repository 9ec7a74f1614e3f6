"""Documents for the extraction tests, good and hostile, made in code."""

from __future__ import annotations

import io
import zipfile

from pypdf import PdfReader, PdfWriter
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate, Table

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def pdf(*pages: str, title: str = "") -> bytes:
    """One line of text per page; an empty string makes an empty page."""
    out = io.BytesIO()
    canvas = Canvas(out)
    canvas.setTitle(title)
    for text in pages:
        canvas.drawString(72, 700, text)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def pdf_of_two_columns() -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out)
    for left, side in ((72, "left"), (320, "right")):
        for number in range(12):
            canvas.drawString(left, 700 - 14 * number, f"This is line {number} of the {side} column.")
    canvas.save()
    return out.getvalue()


SHIPPING = [["Zone", "Time", "Price"], ["Home", "1 day", "$3.00"], ["Europe and islands", "3 days", "$9.00"]]


def pdf_with_table(rows: list[list[str]] = SHIPPING) -> bytes:
    styles = getSampleStyleSheet()
    out = io.BytesIO()
    SimpleDocTemplate(out, title="Shipping handbook").build(
        [
            Paragraph("Shipping", styles["Heading1"]),
            Paragraph("We ship on every working day. " * 12, styles["BodyText"]),
            Paragraph("Prices", styles["Heading2"]),
            Table(rows, style=[("VALIGN", (0, 0), (-1, -1), "TOP")]),
            Paragraph("Prices include tax. " * 12, styles["BodyText"]),
        ]
    )
    return out.getvalue()


def locked_pdf(text: str, *, user_password: str) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf(text))))
    writer.encrypt(user_password, owner_password="owner", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def pdf_of_empty_pages(count: int) -> bytes:
    """A page tree that lists one page ``count`` times."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>" % (count, b"3 0 R " * count),
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>",
    ]
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 4\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(out + b"trailer\n<< /Size 4 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start)


def paragraph(text: str, style: str = "") -> str:
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{properties}<w:r><w:t>{text}</w:t></w:r></w:p>"


def table(rows: list[list[str]]) -> str:
    cells = ("".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) for row in rows)
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in cells)}</w:tbl>"


def docx(
    body: str,
    *,
    prolog: str = "",
    title: str = "",
    extra: dict[str, bytes] | None = None,
    locked: bool = False,
) -> bytes:
    """A Word document with ``body`` as its WordprocessingML; ``extra`` adds entries to the archive."""
    types = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.'
        'wordprocessingml.document.main+xml"/></Types>'
    )
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="r1" Target="word/document.xml" Type="http://schemas.openxmlformats.org/officeDocument/'
        '2006/relationships/officeDocument"/></Relationships>'
    )
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="Heading{n}"><w:name w:val="heading {n}"/></w:style>'
        for n in range(1, 4)
    )
    entries = {
        "[Content_Types].xml": types.encode(),
        "_rels/.rels": relations.encode(),
        "word/styles.xml": f'<w:styles xmlns:w="{WORD}">{styles}</w:styles>'.encode(),
        "word/document.xml": (
            f'<?xml version="1.0" encoding="UTF-8"?>{prolog}'
            f'<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>'
        ).encode(),
        "docProps/core.xml": f"<cp><dc:title>{title}</dc:title></cp>".encode(),
        **(extra or {}),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    data = out.getvalue()
    # The flag of encryption stands at byte 8 of each entry in the central directory.
    plain, encrypted = (b"PK\x01\x02\x14\x03\x14\x00" + flags for flags in (b"\x00\x00", b"\x01\x00"))
    return data.replace(plain, encrypted) if locked else data


def help_page(main: str, *, title: str = "Returns - Shop", head: str = "", around: bool = True) -> bytes:
    navigation = "<nav><a href='/'>Start</a> <a href='/help'>Menu words</a></nav>" if around else ""
    footer = "<footer>Imprint and cookie words</footer>" if around else ""
    return (
        f"<!doctype html><html lang='en-GB'><head><title>{title}</title>{head}</head>"
        f"<body>{navigation}<main>{main}</main>{footer}</body></html>"
    ).encode()
