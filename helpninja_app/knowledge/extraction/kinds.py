"""Owns the decision what kind of document a file is, by its first bytes and its name together."""

from __future__ import annotations

import codecs
from pathlib import PurePath
from typing import BinaryIO, Final

from helpninja_app.errors import FileRefused
from helpninja_app.knowledge.extraction.extracted import Kind

KIND_OF_SUFFIX: Final[dict[str, Kind]] = {
    ".pdf": "pdf",
    ".docx": "docx",
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "text",
    ".text": "text",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".csv": "csv",
    ".tsv": "csv",
}
HEAD_BYTES = 8192

_KIND_OF_TYPE: Final[dict[str, Kind]] = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "text/markdown": "markdown",
    "text/x-markdown": "markdown",
    "text/plain": "text",
    "text/csv": "csv",
    "text/tab-separated-values": "csv",
}
_NAMES: Final[dict[Kind, str]] = {
    "html": "an HTML page",
    "pdf": "a PDF",
    "docx": "a Word document",
    "markdown": "a Markdown file",
    "text": "a text file",
    "csv": "a CSV file",
}
_WANTED = "Use PDF, DOCX, Markdown, text, HTML or CSV."
_MACROS = frozenset({".docm", ".dotm", ".xlsm", ".pptm"})
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = b"PK\x03\x04"
_BINARY = (
    *(b"MZ", b"\x7fELF", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"\x89PNG", b"GIF8", b"\xff\xd8\xff"),
    *(b"\x1f\x8b", b"BZh", b"7z\xbc\xaf", b"Rar!", b"\x28\xb5\x2f\xfd", b"OggS", b"ID3", b"RIFF", b"\x00asm"),
)
_WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_BLANKS = b"\x00 \t\r\n"
_CONTROL = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b"))


def read_head(file: BinaryIO) -> bytes:
    """The first 8 KB of a file that are not all blanks or zero bytes; nothing when there is nothing else."""
    head = file.read(HEAD_BYTES)
    while head and not head.strip(_BLANKS):
        head = file.read(HEAD_BYTES)
    return head


def decide_kind(head: bytes, *, filename: str | None, content_type: str | None) -> Kind:
    """The kind of the document whose ``read_head`` is ``head``.

    A name that has a suffix decides and its content has to agree; without one the content type decides. Pass
    no ``filename`` for a fetched page: a path like ``/price.pdf`` does not tell what a server sends.
    Raises ``FileRefused`` for what is empty, not supported, or not what its name says.
    """
    if not head.strip(_BLANKS):
        raise FileRefused("This file is empty.")
    suffix = PurePath(filename or "").suffix.lower()
    if suffix in _MACROS:
        raise FileRefused("Office files with macros are not taken. Save it as DOCX and upload that.")
    if suffix:
        named = KIND_OF_SUFFIX.get(suffix)
        if named is None:
            raise FileRefused(f"Files of the type {suffix[:20]} are not supported. {_WANTED}")
        _require(named, head[:HEAD_BYTES], claim=f"is named {suffix}")
        return named
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if head.startswith(b"%PDF-"):
        return "pdf"
    typed = _KIND_OF_TYPE.get(media_type)
    if typed is None:
        raise FileRefused(f"The content type {media_type[:80] or 'unknown'} is not supported. {_WANTED}")
    _require(typed, head[:HEAD_BYTES], claim=f"is sent as {media_type}")
    return typed


def _require(kind: Kind, head: bytes, *, claim: str) -> None:
    """Refuse the file when ``head`` cannot be the beginning of a document of ``kind``."""
    if kind == "docx" and head.startswith(_OLE):
        raise FileRefused(
            "This document is protected by a password, or it is an old DOC file. Save it as DOCX."
        )
    match kind:
        case "pdf":
            agrees = b"%PDF-" in head[:1024] and not head.startswith(_BINARY)
        case "docx":
            agrees = head.startswith(_ZIP)
        case "html":
            agrees = _is_text(head) and "<" in _characters(head)
        case "markdown":
            agrees = _is_text(head)
        case "text" | "csv":
            agrees = _is_text(head) and not _characters(head).startswith(("<!doctype html", "<html"))
    if not agrees:
        raise FileRefused(f"This file {claim}, but its content is not {_NAMES[kind]}.")


def _is_text(head: bytes) -> bool:
    if head.startswith(_WIDE_MARKS):
        return True
    if head.startswith((b"%PDF-", _ZIP, _OLE, *_BINARY)):
        return False
    return not head.translate(None, bytes(set(range(256)) - set(_CONTROL)))


def _characters(head: bytes) -> str:
    """Lower-case ASCII of the beginning, enough to find tags in any encoding."""
    return head.replace(b"\x00", b"").decode("ascii", "ignore").lstrip().lower()
