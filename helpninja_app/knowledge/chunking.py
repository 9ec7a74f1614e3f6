"""Owns the cut of a document's markdown into passages that can be found, embedded and cited on their own.

A passage never crosses a heading, carries the path of the headings above it, and holds whole sentences, whole
table rows and whole lists as far as they fit. Sizes are in estimated tokens (see ``estimate_tokens``).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from helpninja_app.knowledge.markdown_blocks import Block, read_sections
from helpninja_app.knowledge.passage_pieces import Piece, pieces_of
from helpninja_app.knowledge.tokens import estimate_tokens

ENOUGH = 200
MOST = 300
MOST_WHOLE = 500
TINY = 60

# Bounded repeats keep the search linear; what is longer than this is no link worth shortening.
_LINK = re.compile(r"!?\[([^\[\]]{0,300})\]\([^()\s]{0,1000}(?:\s\"[^\"]{0,200}\")?\)")
_TITLE_MOST = 200


@dataclass(frozen=True, slots=True)
class Chunk:
    """One passage of a document.

    ``position`` counts from 0 within the document; ``heading_path`` is outermost first and without the
    document's title; ``tokens`` is the estimate for ``text`` alone. ``embed_text`` is what is embedded and
    indexed: a line of title and headings, then the text without link targets; ``content_hash`` is its SHA-256
    (hex): equal hashes need no second embedding.
    """

    position: int
    heading_path: tuple[str, ...]
    text: str
    tokens: int
    embed_text: str
    content_hash: str

    def as_json(self) -> list[Any]:
        return [self.position, self.heading_path, self.text, self.tokens, self.embed_text, self.content_hash]

    @classmethod
    def from_json(cls, data: list[Any]) -> Chunk:
        position, heading_path, *others = data
        return cls(position, tuple(heading_path), *others)


def chunk_markdown(markdown: str, *, title: str) -> list[Chunk]:
    """Cut ``markdown`` into passages of about 200 to 300 tokens, in linear time.

    Tables, code and lists up to 500 tokens stay whole; a longer table is cut between rows and repeats its
    header. A sentence is cut only when it alone is longer than a passage. Nothing of the text is left out.
    """
    chunks: list[Chunk] = []
    for section in read_sections(markdown):
        for text in _pack(section.blocks):
            embed_text = embed_text_of(title, section.path, text)
            content_hash = hashlib.sha256(embed_text.encode("utf-8", "surrogatepass")).hexdigest()
            tokens = estimate_tokens(text)
            chunks.append(Chunk(len(chunks), section.path, text, tokens, embed_text, content_hash))
    return chunks


def embed_text_of(title: str, heading_path: Sequence[str], text: str) -> str:
    names: list[str] = []
    for name in (title.strip()[:_TITLE_MOST], *heading_path):
        if name and (not names or name.casefold() != names[-1].casefold()):
            names.append(name)
    return "\n".join(part for part in (" > ".join(names), _LINK.sub(r"\1", text)) if part)


@dataclass
class _Passage:
    """A passage while it is being filled."""

    pieces: list[Piece] = field(default_factory=list)
    tokens: int = 0

    def add(self, piece: Piece) -> None:
        self.pieces.append(piece)
        self.tokens += piece.tokens

    def pop(self) -> Piece:
        piece = self.pieces.pop()
        self.tokens -= piece.tokens
        return piece

    @property
    def text(self) -> str:
        parts = [part for piece in self.pieces for part in (piece.glue, piece.text)]
        return "".join(parts).strip("\n").rstrip()


def _pack(blocks: list[Block]) -> list[str]:
    """The texts of the passages of one section."""
    passages = [_Passage()]
    previous: Block | None = None
    for block in blocks:
        _place(block, previous, passages)
        previous = block
    last = passages[-1]
    if len(passages) > 1 and last.tokens < TINY and passages[-2].tokens + last.tokens <= MOST_WHOLE:
        passages.pop()
        passages[-1].pieces += last.pieces
    return [text for passage in passages if (text := passage.text)]


def _place(block: Block, previous: Block | None, passages: list[_Passage]) -> None:
    current = passages[-1]
    stays_whole = block.is_rigid and block.tokens <= MOST_WHOLE
    room = MOST_WHOLE if stays_whole and current.tokens < ENOUGH else MOST
    piece = Piece(block.text, "\n\n", block.tokens)
    if current.tokens + block.tokens <= room:
        current.add(piece)
        return
    if current.pieces and (stays_whole or current.tokens >= ENOUGH):
        current = _next_passage(passages, lead_in=previous is not None and previous.leads_in)
    if stays_whole or current.tokens + block.tokens <= MOST:
        current.add(piece)
        return
    for part in pieces_of(block, room=MOST):
        if current.pieces and current.tokens + part.tokens > MOST:
            current = _next_passage(passages, lead_in=False)
        current.add(part)


def _next_passage(passages: list[_Passage], *, lead_in: bool) -> _Passage:
    """Start a passage; a lead-in that closed the last one moves along."""
    full, fresh = passages[-1], _Passage()
    if lead_in and len(full.pieces) > 1:
        fresh.add(full.pop())
    passages.append(fresh)
    return fresh
