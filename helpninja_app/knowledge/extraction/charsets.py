"""Owns the reading of bytes as text when nobody, or somebody wrong, says what their encoding is."""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

from helpninja_app.errors import FileRefused

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_META = re.compile(rb"""<meta[^>]{0,300}?charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE)
_XML = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})""", re.IGNORECASE)
# The WHATWG encoding standard reads these labels as the supersets that pages really use.
_SUPERSETS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
}
_SAMPLE = 64 * 1024
_HEAD = 4096
# So many wrong bytes are damage; more are another encoding.
_DAMAGED_SHARE = 0.001


def decode_text(body: bytes, *, declared: str | None = None, is_html: bool = False) -> str:
    """``body`` as text: a byte order mark first, then the declared charset, UTF-8, and the likeliest.

    ``declared`` is the charset of the HTTP header; an HTML page's own ``<meta>`` counts after it.
    Raises ``FileRefused`` for what is not text.
    """
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, "replace")
    if b"\x00" in body:
        raise FileRefused("This file is not a text file.")
    labels = [declared] if declared else []
    if is_html:
        labels += [
            match[1].decode() for match in (_XML.search(body[:_HEAD]), _META.search(body[:_HEAD])) if match
        ]
    for encoding in [*filter(None, map(_known, labels)), "utf-8"]:
        text = _decoded(body, encoding)
        if text is not None:
            return text
    best = from_bytes(body[:_SAMPLE]).best()
    return body.decode(best.encoding if best else "cp1252", "replace")


def _known(label: str) -> str | None:
    try:
        name = codecs.lookup(label.strip("\"' ")).name
        "".encode(name)
    except (LookupError, ValueError):
        return None
    # A page whose ASCII label could be read cannot be in a wide encoding.
    return None if name.startswith(("utf-16", "utf-32")) else _SUPERSETS.get(name, name)


def _decoded(body: bytes, encoding: str) -> str | None:
    try:
        text = body.decode(encoding, "replace")
    except (UnicodeError, LookupError):
        return None
    wrong = text.count("\ufffd")
    return text if wrong <= len(text) * _DAMAGED_SHARE else None
