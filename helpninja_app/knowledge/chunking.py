"""Owns the cut of a document's markdown into passages that can be found, embedded and cited on their own.

A passage never crosses a heading, carries the path of the headings above it, and holds whole sentences, whole
table rows and whole lists as far as they fit. Sizes are in estimated tokens (see ``estimate_tokens``).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from functools import cached_property

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


@dataclass(frozen=True)
class Chunk:
    """One passage of a document.

    ``position`` counts from 0 within the document; ``heading_path`` is outermost first and without the
    document's title; ``tokens`` is the estimate for ``text`` alone.
    """

    position: int
    heading_path: tuple[str, ...]
    text: str
    tokens: int
    title: str

    @cached_property
    def embed_text(self) -> str:
        """What is embedded and indexed: a line of title and headings, then the text without link targets."""
        names: list[str] = []
        for name in (self.title.strip()[:_TITLE_MOST], *self.heading_path):
            if name and (not names or name.casefold() != names[-1].casefold()):
                names.append(name)
        return "\n".join(part for part in (" > ".join(names), _LINK.sub(r"\1", self.text)) if part)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 (hex) of ``embed_text``: equal hashes need no second embedding."""
        return hashlib.sha256(self.embed_text.encode("utf-8", "surrogatepass")).hexdigest()


def chunk_markdown(markdown: str, *, title: str) -> list[Chunk]:
    """Cut ``markdown`` into passages of about 200 to 300 tokens, in linear time.

    Tables, code and lists up to 500 tokens stay whole; a longer table is cut between rows and repeats its
    header. A sentence is cut only when it alone is longer than a passage. Nothing of the text is left out.
    """
    chunks: list[Chunk] = []
    for section in read_sections(markdown):
        for text in _pack(section.blocks):
            chunks.append(Chunk(len(chunks), section.path, text, estimate_tokens(text), title))
    return chunks


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
