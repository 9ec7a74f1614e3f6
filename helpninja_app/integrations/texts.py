"""Texts of visitors and models on their way into a message: cleaned, escaped, and cut without breaking."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

ELLIPSIS = "…"
_JOINER = "\u200d"
# Controls, and what turns the direction of the text around it; line ends are looked at apart.
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_LINE_ENDS = re.compile(r"\r\n?|[\u2028\u2029\x85\x0b\x0c]")
_BLANK_LINES = re.compile(r"\n\s*\n\s*\n+")


def cleaned(text: str) -> str:
    """``text`` with plain line ends, at most one empty line in a row, and nothing that is not seen."""
    text = _LINE_ENDS.sub("\n", text)
    # A lone surrogate cannot be sent at all.
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _BLANK_LINES.sub("\n\n", _UNSEEN.sub("", text)).strip()


def one_line(text: str) -> str:
    """``text`` for a subject or a title."""
    return " ".join(cleaned(text).split())


def as_it_is(character: str) -> str:
    return character


def size(text: str) -> int:
    """The length in UTF-16 units, in which the strictest of the channels count."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def escaped_within(text: str, limit: int, escape: Callable[[str], str] = as_it_is) -> str:
    """``text`` cleaned and escaped character by character, no larger than ``limit`` by ``size``.

    A cut never falls into an escape, and not between a character and what combines with it.
    """
    pieces: list[str] = []
    used = 0
    fitting = 0
    previous = ""
    for character in cleaned(text):
        piece = escape(character)
        if not _joins(character) and previous != _JOINER:
            # Before each whole character: how much of what is there leaves room for the dots.
            fitting = len(pieces) if used + 1 <= limit else fitting
        previous = character
        pieces.append(piece)
        used += size(piece)
        if used > limit:
            return "".join(pieces[:fitting]).rstrip() + ELLIPSIS if limit > 0 else ""
    return "".join(pieces)


def _joins(character: str) -> bool:
    return (
        unicodedata.combining(character) != 0
        or character in {_JOINER, "\ufe0e", "\ufe0f"}
        or "\U0001f3fb" <= character <= "\U0001f3ff"
    )
