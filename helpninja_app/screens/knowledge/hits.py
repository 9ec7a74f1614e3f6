"""What the test search shows of a result: each passage with its matched words, and the verdict on all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import assert_never

from helpninja_app.accounts.callers import WorkspaceView
from helpninja_app.answers.excerpts import read_excerpts
from helpninja_app.answers.explained import ExplainedSearch
from helpninja_app.answers.passages import Passage
from helpninja_app.answers.pipeline import Retrieved
from helpninja_app.answers.words import content_words, same_word, words_of
from helpninja_app.kernel.scope import Audience
from helpninja_app.knowledge.languages import detect_language
from helpninja_app.knowledge.search import FoundPassage
from helpninja_app.screens.knowledge.rows import audience_name, percent

SNIPPET_LENGTH = 220
_ENDS_OF_SENTENCES = (".", "!", "?", ":", "…", "。", "؟")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(frozen=True)
class Piece:
    """A stretch of a snippet, all of it matched or none."""

    text: str
    is_match: bool


@dataclass(frozen=True)
class Hit:
    """A found passage: ``score`` is made of its cosine (``meaning``) and its BM25 score (``lexical``).

    ``words`` is the share of the question's words in it.
    """

    place: str
    url: str
    score: str
    meaning: str
    words: str
    lexical: str
    audience: str
    is_public: bool
    pieces: list[Piece]


@dataclass(frozen=True)
class Verdict:
    """What the assistant would do with the question."""

    tone: str
    label: str
    sentence: str


def hits_of(question: str, retrieved: Retrieved, workspace: WorkspaceView) -> list[Hit]:
    """The passages, best first. Takes some milliseconds of computing: call it in a thread."""
    language = detect_language(question, expected=workspace.languages).code
    asked = sorted(set(content_words(question, language)))
    return [_hit(found, asked) for found in retrieved.result.passages]


def verdict_of(explained: ExplainedSearch, audience: Audience) -> Verdict:
    """What would be done with the question, and by which number."""
    if audience is Audience.MEMBERS:
        return _for_members(explained)
    retrieved, threshold = explained.retrieved, explained.threshold
    limit = f"Your threshold is {percent(threshold)}."
    sure = percent(retrieved.confidence.probability)
    match explained.verdict:
        case "small_talk":
            return Verdict("neutral", "small talk", "The assistant would reply in kind, without any passage.")
        case "curated":
            return _curated(explained)
        case "answer":
            sentence = f"The assistant would answer by itself. {limit}"
            return Verdict("success", f"{sure} · would answer", sentence)
        case "answer_and_hand_over":
            sentence = f"The assistant would answer and call a person too. {limit}"
            return Verdict("warning", f"{sure} · would hand over", sentence)
        case "person":
            return Verdict("warning", "would hand over", "A person was asked for: one would be called.")
        case "hand_over" if not retrieved.passages:
            return Verdict("warning", "0 % · would hand over", "There is nothing to answer from.")
        case "hand_over" | "nothing_found":
            sentence = "Nothing here is close enough: the assistant would say so and call a person."
            return Verdict("warning", f"{sure} · would hand over", sentence)
        case _:
            assert_never(explained.verdict)


def _curated(explained: ExplainedSearch) -> Verdict:
    won = explained.retrieved.curated
    legs = f" Meaning {max(won.dense, 0.0):.2f}, words {won.lexical:.2f}." if won else ""
    sentence = f"The curated answer to “{won.question}” would be given.{legs}" if won else ""
    return Verdict("success", f"{percent(won.score) if won else ''} · curated answer", sentence)


def _for_members(explained: ExplainedSearch) -> Verdict:
    """The chat of the dashboard calls nobody, and a model reads whatever was found."""
    sure = percent(explained.retrieved.confidence.probability)
    match explained.verdict:
        case "small_talk":
            return Verdict("neutral", "small talk", "The chat would reply in kind, without any passage.")
        case "curated":
            return _curated(explained)
        case "answer":
            return Verdict("success", f"{sure} · would answer", "The chat would answer from these passages.")
        case _:
            is_far = bool(explained.retrieved.passages)
            sentence = (
                "Nothing here is close enough to be quoted." if is_far else "There is nothing to answer from."
            )
            return Verdict("warning", f"{sure} · nothing found", sentence)


def snippet(text: str, asked: list[str]) -> list[Piece]:
    """The part of a passage's Markdown with the most of the words ``asked``, without its marks."""
    parts = [excerpt.text for excerpt in read_excerpts([Passage("", text, None)])]
    if not parts:
        return []
    # Of two places that hold as much, the earlier one: what comes before explains what follows.
    begin = max(range(len(parts)), key=lambda index: (_matches(_shortened(parts[index:]), asked), -index))
    return _marked(("… " if begin else "") + _shortened(parts[begin:]), asked)


def _hit(found: FoundPassage, asked: list[str]) -> Hit:
    place = (found.title, *(part for part in found.heading_path if part != found.title))
    return Hit(
        place=" › ".join(place),
        url=found.url or "",
        score=f"{found.score:.2f}",
        meaning=f"{max(found.dense, 0.0):.2f}",
        words=f"{found.coverage:.2f}",
        lexical=f"{found.lexical:.1f}",
        audience=audience_name(found.audience),
        is_public=found.audience is Audience.VISITORS,
        pieces=snippet(found.text, asked),
    )


def _shortened(parts: list[str]) -> str:
    """``parts`` as one text of at most ``SNIPPET_LENGTH`` characters and the dots that say there is more."""
    joined = "".join(part + (" " if part.endswith(_ENDS_OF_SENTENCES) else " · ") for part in parts)
    joined = joined.removesuffix(" · ").rstrip()
    if len(joined) <= SNIPPET_LENGTH:
        return joined
    return joined[:SNIPPET_LENGTH].rsplit(" ", 1)[0].rstrip(" ,;:·") + "…"


def _matches(text: str, asked: list[str]) -> int:
    words = set(words_of(text))
    return sum(any(same_word(one, word) for word in words) for one in asked)


def _marked(text: str, asked: list[str]) -> list[Piece]:
    pieces: list[Piece] = []
    end = 0
    for word in _WORD.finditer(text):
        if any(same_word(one, word.group().casefold()) for one in asked):
            if word.start() > end:
                pieces.append(Piece(text[end : word.start()], is_match=False))
            pieces.append(Piece(word.group(), is_match=True))
            end = word.end()
    if end < len(text):
        pieces.append(Piece(text[end:], is_match=False))
    return pieces
