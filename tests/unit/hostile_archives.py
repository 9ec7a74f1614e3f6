"""Hostile Word documents, each made in a few lines; what each does to a reader is in its name."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile

from tests.unit.document_factory import docx, paragraph
from tests.unit.hostile_pdfs import Body

TEXT = paragraph("Readable text.")
DAMAGED = "This Word document is damaged"
BOMB = "unpacks to far more than a document holds"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def relations(kind: str, target: str) -> bytes:
    return (
        f'<Relationships xmlns="{RELATIONS}"><Relationship Id="r9" Type="{OFFICE}/{kind}"'
        f' Target="{target}" TargetMode="External"/></Relationships>'
    ).encode()


def with_part(name: str, content: bytes) -> bytes:
    return docx(TEXT, extra={name: content})


def nested_zips(depth: int) -> bytes:
    content = b"\x00" * 1_000
    for _ in range(depth):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("again.zip", content)
        content = out.getvalue()
    return content


def twice_the_same_entry() -> bytes:
    out = io.BytesIO(docx(TEXT))
    with warnings.catch_warnings(), zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")
        archive.writestr("word/document.xml", b"<second/>")
    return out.getvalue()


def without(part: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(docx(TEXT))) as whole, zipfile.ZipFile(out, "w") as less:
        for name in whole.namelist():
            if name != part:
                less.writestr(name, whole.read(name))
    return out.getvalue()


def lying_about_size(claimed: int) -> bytes:
    """``word/big.xml`` holds 60 MB; the central directory says ``claimed`` bytes."""
    content = b" " * 60_000_000
    data = bytearray(with_part("word/big.xml", content))
    place = data.find(struct.pack("<I", len(content)), data.find(b"PK\x01\x02"))
    data[place : place + 4] = struct.pack("<I", claimed)
    return bytes(data)


def overlapping(copies: int) -> bytes:
    """Many names in the directory for one and the same packed megabytes."""
    data = with_part("word/a.png", bytes(range(256)) * 4_000)
    directory = data.find(b"PK\x01\x02")
    end = data.rfind(b"PK\x05\x06")
    first = data.rfind(b"PK\x01\x02", 0, end)
    records = data[directory:end] + data[first:end] * copies
    count = data[directory:end].count(b"PK\x01\x02") + copies
    tail = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, len(records), directory, 0)
    return data[:directory] + records + tail


def lying_in_zip64(claimed: int) -> bytes:
    """Sends its reader to a zip64 field that says ``claimed`` bytes, for a part of 60 MB."""
    content = b" " * 60_000_000
    data = bytearray(with_part("word/big.xml", content))
    record = data.find(struct.pack("<I", len(content)), data.find(b"PK\x01\x02")) - 24
    name_length = struct.unpack_from("<H", data, record + 28)[0]
    more = struct.pack("<HHQ", 1, 8, claimed)
    struct.pack_into("<I", data, record + 24, 0xFFFFFFFF)
    struct.pack_into("<H", data, record + 30, len(more))
    place = record + 46 + name_length
    data[place:place] = more
    end = data.rfind(b"PK\x05\x06")
    struct.pack_into("<I", data, end + 12, struct.unpack_from("<I", data, end + 12)[0] + len(more))
    return bytes(data)


def lying_about_a_zip64_end() -> bytes:
    """Its end says that there is a directory of 4 billion entries, in a zip64 end that is not there."""
    data = docx(TEXT)
    end = data.rfind(b"PK\x05\x06")
    far = struct.pack("<4s4H2IH", b"PK\x05\x06", *(0xFFFF,) * 4, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return data[:end] + struct.pack("<4sIQI", b"PK\x06\x07", 0, 1 << 62, 1) + far


READ_ARCHIVES: list[tuple[str, Body]] = [
    ("a name that climbs out of the folder", with_part("../../../../tmp/hn-climbed.txt", b"climbed")),
    ("a name from the root", with_part("/tmp/hn-climbed.txt", b"climbed")),
    ("zips in zips, 50 deep", with_part("word/media/again.zip", nested_zips(50))),
    (
        "a picture elsewhere",
        with_part("word/_rels/document.xml.rels", relations("image", "http://169.254.169.254/")),
    ),
    (
        "a template elsewhere",
        with_part("word/_rels/settings.xml.rels", relations("attachedTemplate", "file:///etc/passwd")),
    ),
    ("a program inside", with_part("word/embeddings/oleObject1.bin", b"MZ" * 1_000)),
    ("a script in its markup", docx(TEXT + paragraph("&lt;script&gt;alert(1)&lt;/script&gt;"))),
    ("a name of 60,000 characters", with_part("word/" + "n" * 60_000, b"x")),
    ("4,900 empty parts", docx(TEXT, extra={f"word/{n}": b"" for n in range(4_900)})),
]

REFUSED_ARCHIVES: list[tuple[str, Body, str]] = [
    (
        "a reference to a local file",
        docx(paragraph("&x;"), prolog='<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
        DAMAGED,
    ),
    (
        "a document type elsewhere",
        docx(TEXT, prolog='<!DOCTYPE a SYSTEM "http://169.254.169.254/a.dtd">'),
        DAMAGED,
    ),
    ("a part that lies to be small", lambda: lying_about_size(100), DAMAGED),
    ("a part that lies to be 4 GB", lambda: lying_about_size(0xFFFFFFFE), BOMB),
    ("a part that lies to be small by zip64", lambda: lying_in_zip64(100), DAMAGED),
    ("a part that lies to be 9 exabytes by zip64", lambda: lying_in_zip64((1 << 63) - 1), BOMB),
    ("an end that lies about zip64", lying_about_a_zip64_end(), DAMAGED),
    ("a part that unpacks to 60 MB", lambda: with_part("word/a.xml", b" " * 60_000_000), BOMB),
    ("one part under 4,000 names", lambda: overlapping(4_000), BOMB),
    ("the same part twice", twice_the_same_entry(), "This file is damaged and cannot be read"),
    ("macros", with_part("word/vbaProject.bin", b"x"), "Office files with macros are not taken"),
    ("no document in it", without("word/document.xml"), "its content is not a Word document"),
    ("no list of types", without("[Content_Types].xml"), "its content is not a Word document"),
    ("only its first half", docx(TEXT * 200)[:900], DAMAGED),
    (
        "tables in tables, 5,000 deep",
        docx("<w:tbl><w:tr><w:tc>" * 5_000 + "</w:tc></w:tr></w:tbl>" * 5_000),
        "nested too deeply",
    ),
]
