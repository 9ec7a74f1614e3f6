"""Owns the extraction of Word documents, after a look at the archive that they are."""

from __future__ import annotations

import html
import io
import re
import zipfile
import zlib
from typing import Any, BinaryIO

import mammoth
from selectolax.lexbor import LexborHTMLParser

from helpninja_app.errors import FileRefused
from helpninja_app.knowledge.extraction.extracted import Extracted
from helpninja_app.knowledge.extraction.tree_markdown import markdown_of

_MOST_ENTRIES = 5_000
_MOST_UNPACKED = 300 * 1024 * 1024
_MOST_XML = 50 * 1024 * 1024
# Text compresses to a tenth, rarely to a fiftieth; small parts may do better.
_HIGHEST_RATIO = 200
_SMALL = 1024 * 1024
_DAMAGED = "This Word document is damaged."
_BOMB = "This Word document unpacks to far more than a document holds, so it is not opened."
_TITLE = re.compile(r"<dc:title[^>]{0,200}>([^<]{1,300})</dc:title>")
_LANGUAGE = re.compile(r"<dc:language[^>]{0,200}>([A-Za-z]{2})\b")
_HEADING = re.compile(r"^# (.{1,300})$", re.MULTILINE)


def extract_docx(file: BinaryIO, *, name: str) -> Extracted:
    """Headings, paragraphs, lists and tables of a document; pictures are left out."""
    try:
        properties = _inspect(file)
        file.seek(0)
        converted: Any = mammoth.convert_to_html(file, convert_image=mammoth.images.img_element(_no_picture))
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, NotImplementedError, OSError) as error:
        raise FileRefused(_DAMAGED) from error
    body = LexborHTMLParser(converted.value).body
    markdown = markdown_of(body) if body is not None else ""
    title = _TITLE.search(properties)
    heading = _HEADING.search(markdown)
    language = _LANGUAGE.search(properties)
    return Extracted(
        kind="docx",
        title=(html.unescape(title[1]).strip() if title else "") or (heading[1] if heading else name),
        markdown=markdown,
        language_hint=language[1].lower() if language else None,
    )


def _no_picture(_: object) -> dict[str, str]:
    return {}


def _inspect(file: BinaryIO) -> str:
    """The XML of the document's properties; refuses bombs, macros, locked and hostile archives."""
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        names = {entry.filename for entry in entries}
        if len(entries) > _MOST_ENTRIES or sum(entry.file_size for entry in entries) > _MOST_UNPACKED:
            raise FileRefused(_BOMB)
        if "[Content_Types].xml" not in names or "word/document.xml" not in names:
            raise FileRefused("This file is named .docx, but its content is not a Word document.")
        if any(entry.flag_bits & 1 for entry in entries):
            raise FileRefused("This Word document is protected by a password.")
        if any(name.lower().endswith("vbaproject.bin") for name in names):
            raise FileRefused("Office files with macros are not taken. Save it as DOCX and upload that.")
        for entry in entries:
            is_xml = entry.filename.lower().endswith((".xml", ".rels"))
            if entry.file_size > _SMALL and entry.file_size > _HIGHEST_RATIO * max(1, entry.compress_size):
                raise FileRefused(_BOMB)
            if is_xml:
                _inspect_xml(archive, entry)
        if "docProps/core.xml" not in names:
            return ""
        return archive.read("docProps/core.xml").decode("utf-8", "replace")


def _inspect_xml(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    if entry.file_size > _MOST_XML:
        raise FileRefused(_BOMB)
    # Office writes no document types; entities are only ever an attack.
    if b"<!DOCTYPE" in archive.read(entry).replace(b"\x00", b""):
        raise FileRefused(_DAMAGED)


def docx_from_bytes(body: bytes, *, name: str) -> Extracted:
    return extract_docx(io.BytesIO(body), name=name)
