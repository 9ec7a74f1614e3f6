"""Owns how brackets pair up in Markdown that is still arriving, and what a link's brackets hold."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

_BRACKETS = re.compile(r"\\.|[\[\]]|\n[ \t]*\n", re.DOTALL)
_PARENTHESES = re.compile(r"\\.|[()]|\n[ \t]*\n", re.DOTALL)
# Nobody nests brackets deeper, and looking for the pairs of thousands would take seconds.
_DEEPEST = 8
_BACKSLASHED = re.compile(r"\\([!-/:-@\[-`{-~])")


@dataclass(frozen=True, slots=True)
class Closing:
    """Where a bracket's pair ends, exclusive; ``None`` when it has none, for being too far or otherwise."""

    end: int | None
    is_too_far: bool = False


def closing_bracket(text: str, start: int, *, most: int, is_final: bool) -> Closing | None:
    """The pair of the ``[`` or ``(`` at ``start``, within ``most`` characters; ``None`` asks for more.

    Pairs nest up to eight deep, a backslash takes the next character's meaning away, and a blank line
    ends the search.
    """
    opening = text[start]
    limit = start + most
    level = 0
    for found in (_BRACKETS if opening == "[" else _PARENTHESES).finditer(text, start, limit):
        token = found[0]
        if token == opening:
            level += 1
            if level > _DEEPEST:
                return Closing(None, is_too_far=True)
        elif token in ("]", ")"):
            level -= 1
            if level == 0:
                return Closing(found.end())
        elif token.startswith("\n"):
            return Closing(None)
    if len(text) >= limit:
        return Closing(None, is_too_far=True)
    return Closing(None) if is_final else None


def destination(inside: str) -> str:
    """The address in the round brackets of a link, decoded; titles are dropped (CommonMark 6.3)."""
    inside = inside.strip()
    raw = inside[1:].partition(">")[0] if inside.startswith("<") else (inside.split() or [""])[0]
    return html.unescape(_BACKSLASHED.sub(r"\1", raw))


def link(text: str, url: str) -> str:
    """A Markdown link; without a text the address itself."""
    label = re.sub(r"[\[\]]", "", text).strip()
    if not label:
        return url
    return f"[{label}](<{url}>)" if re.search("[()]", url) else f"[{label}]({url})"
