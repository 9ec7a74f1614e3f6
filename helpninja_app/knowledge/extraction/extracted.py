"""Owns the values that go into and come out of extraction, and their form between two processes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["html", "pdf", "docx", "markdown", "text", "csv"]

CHUNKS = "chunks"
"""What is asked of a child that is to cut Markdown and not to read a file."""
# Ten million letters of prose make a fifth of that, of headings alone twelve times as many.
MOST_CHUNKS = 50_000
# To take a line apart holds everybody up for as long as that takes.
CHUNKS_A_LINE = 32


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may cost.

    ``cpu_seconds`` of processor time stop a document that is made to be slow; with the start of a child it so
    costs ten at most. ``wall_seconds`` stop it on a machine that is too busy to give it these. Sizes are in
    bytes; ``memory_bytes`` is the address space of the whole child process.
    """

    max_bytes: int = 50 * 1024 * 1024
    max_pages: int = 2_000
    max_markdown_chars: int = 10_000_000
    cpu_seconds: float = 9.0
    wall_seconds: float = 60.0
    memory_bytes: int = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Extracted:
    """The readable part of a document.

    ``language_hint`` is what the document says of itself (lower-case ISO 639-1) and may be wrong.
    ``robots`` (such as ``noindex``) are an HTML page's own words.
    """

    kind: Kind
    title: str
    markdown: str
    language_hint: str | None = None
    robots: frozenset[str] = frozenset()
    pages: int = 1

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "robots": sorted(self.robots)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Extracted:
        return cls(**{**data, "robots": frozenset(data["robots"])})
