"""Owns the retrieved passage as prompts and citations see it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Passage:
    """One piece of a document that an answer may rest on.

    ``text`` is the chunk's Markdown; ``url`` is ``None`` for uploaded files; ``heading_path`` is where in
    the document it stands, such as ``Shipping > Abroad``; ``score`` how well it matched, from 0 to 1.
    """

    title: str
    text: str
    url: str | None
    heading_path: str = ""
    score: float | None = field(default=None, compare=False)
