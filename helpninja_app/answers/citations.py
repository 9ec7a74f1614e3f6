"""Owns the way from a model's text to a safe answer with numbered citations, whole or while it streams."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from helpninja_app.answers.known_urls import KnownUrls
from helpninja_app.answers.passages import Passage
from helpninja_app.answers.safe_markdown import SafeMarkdown

_SNIPPET = 200
_WEB_PAGE = re.compile(r"https?://", re.IGNORECASE)
_MARKUP = re.compile(r"[#*`>|]+")
_LINKS = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")


@dataclass(frozen=True, slots=True)
class Citation:
    """One source under an answer; ``url`` is ``None`` for uploaded files, ``snippet`` is plain text.

    ``score`` says how well its passage matched the question, from 0 to 1; members see it.
    """

    n: int
    title: str
    url: str | None
    snippet: str
    score: float | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Resolved:
    """A safe answer; ``cited`` are indexes into the passages, from 0, in order of first citation."""

    text: str
    citations: tuple[Citation, ...]
    cited: tuple[int, ...]

    @property
    def refs(self) -> tuple[str, ...]:
        """The addresses cited, each once, in order of first citation."""
        return refs_of(self.citations)


class CitationStream:
    """Makes a streamed answer safe piece by piece; see ``SafeMarkdown`` for what is removed.

    ``[n]`` counts the passages from 1; markers are renumbered in order of first citation. Joined together,
    the pieces are exactly what ``resolve_citations`` gives for the whole text.
    """

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = passages
        self._numbers: dict[int, int] = {}
        self._markdown = SafeMarkdown(KnownUrls(passages), self._cite)
        self._shown: list[str] = []

    def feed(self, text: str) -> str:
        """What can be shown now that ``text`` has come, perhaps nothing."""
        return self._show(self._markdown.feed(text))

    def finish(self) -> str:
        """The rest."""
        return self._show(self._markdown.finish())

    @property
    def held(self) -> int:
        """How many characters are held back at the moment."""
        return self._markdown.held

    @property
    def text(self) -> str:
        """Everything shown so far."""
        return "".join(self._shown)

    @property
    def cited(self) -> tuple[int, ...]:
        """Indexes into the passages, from 0, in order of first citation."""
        return tuple(index - 1 for index in self._numbers)

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The sources cited so far, numbered as in the text."""
        return tuple(cite(self._passages[index], n) for n, index in enumerate(self.cited, 1))

    @property
    def refs(self) -> tuple[str, ...]:
        """See ``Resolved.refs``."""
        return refs_of(self.citations)

    def _cite(self, number: int) -> int | None:
        if not 1 <= number <= len(self._passages):
            return None
        return self._numbers.setdefault(number, len(self._numbers) + 1)

    def _show(self, text: str) -> str:
        if text:
            self._shown.append(text)
        return text


def resolve_citations(text: str, passages: Sequence[Passage]) -> Resolved:
    """The safe form of a whole answer and what it cites."""
    stream = CitationStream(passages)
    stream.feed(text)
    stream.finish()
    return Resolved(stream.text, stream.citations, stream.cited)


def cite(passage: Passage, n: int) -> Citation:
    """The citation of ``passage`` as number ``n``; its address only if it is a web page's."""
    url = passage.url if passage.url is not None and _WEB_PAGE.match(passage.url) else None
    return Citation(n, passage.title, url, _snippet(passage.text), passage.score)


def refs_of(citations: Sequence[Citation]) -> tuple[str, ...]:
    """The addresses of ``citations``, each once, in their order."""
    return tuple(dict.fromkeys(citation.url for citation in citations if citation.url is not None))


def _snippet(text: str) -> str:
    """The beginning of ``text`` without Markdown, at most 200 characters, cut between words."""
    plain = " ".join(_MARKUP.sub(" ", _LINKS.sub(r"\1", text)).split())
    if len(plain) <= _SNIPPET:
        return plain
    cut = plain[: _SNIPPET - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut[_SNIPPET // 2 :] else cut).rstrip(" ,;:") + "…"
