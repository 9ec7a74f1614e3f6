"""Owns the reading of Markdown and plain text files."""

from __future__ import annotations

import re

from helpninja_app.knowledge.extraction.charsets import decode_text
from helpninja_app.knowledge.extraction.extracted import Extracted

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.{0,20000}?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"^(title|lang|language)\s*:\s*(.{1,300}?)\s*$", re.MULTILINE | re.IGNORECASE)
_HEADING = re.compile(r"^ {0,3}#[ \t]+(\S.{0,300})$", re.MULTILINE)


def extract_markdown(body: bytes, *, charset: str | None, name: str) -> Extracted:
    """The file as it is; its title is the front matter's, else the first top heading, else ``name``."""
    text = _lines(decode_text(body, declared=charset))
    fields: dict[str, str] = {}
    if front := _FRONT_MATTER.match(text):
        fields = {match[1].lower(): match[2].strip("\"' ") for match in _FIELD.finditer(front[1])}
        text = text[front.end() :]
    heading = _HEADING.search(text)
    title = fields.get("title") or (heading[1].strip("# \t") if heading else "") or name
    language = (fields.get("lang") or fields.get("language") or "")[:2].lower()
    return Extracted("markdown", title, text.strip("\n"), language if language.isalpha() else None)


def extract_text(body: bytes, *, charset: str | None, name: str) -> Extracted:
    """The file as it is, titled by its name."""
    return Extracted("text", name, _lines(decode_text(body, declared=charset)).strip("\n"))


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
