"""Owns the offline answerer: an answer of whole sentences, list items and table rows from the passages,
cited.
"""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from helpninja_app.answers.excerpts import Excerpt, read_excerpts
from helpninja_app.answers.passages import Passage
from helpninja_app.answers.words import Vocabulary, content_words, words_of
from helpninja_app.knowledge.languages import detect_language
from helpninja_app.knowledge.ranking import DENSE_WEIGHT, trust_in_vectors

Vectors = npt.NDArray[np.float32]
EmbedSentences = Callable[[Sequence[str]], Awaitable[Vectors]]

MOST_WORDS = 120
MOST_SENTENCES = 4
MOST_EMBEDDED = 24
"""Sentences that are embedded for one answer: at 6 ms each, about 150 ms."""

_FALLING_PRIOR = 0.9
_WORTH_ADDING = 0.72
# Sentences read best in the company they were written for: beside one that was chosen less is asked of them.
_IN_COMPANY = 0.45
_SAME_AGAIN = 0.8
_LEAST_LIKENESS = 0.25
_FROM_CONTEXT = 0.5
_WHOLE_LIST = 8
# A message may be a letter of 4,000 characters; its first words say what it is about.
_MOST_COMPARED = 40
_FALLBACK_LANGUAGE = "en"

# A sentence torn out of its text must not begin by pointing back at one that is not there.
_CONNECTIVE = re.compile(
    r"^(?:however|therefore|also|additionally|moreover|furthermore|in addition|otherwise|instead|thus|hence|"
    r"besides|finally|then|still|jedoch|außerdem|daher|deshalb|zudem|allerdings|darüber hinaus|andernfalls|"
    r"cependant|toutefois|de plus|en outre|par conséquent|sinon|sin embargo|además|por lo tanto|"
    r"por otro lado|no entanto|além disso|portanto|tuttavia|inoltre|pertanto|echter|bovendien|daarom|"
    r"daarnaast|jednak|ponadto|dlatego),\s+",
    re.IGNORECASE,
)
_POINTS_BACK = re.compile(
    r"^(?:it|they|this|these|those|dies|diese|dieser|dieses|ils|elles|cela|ceux-ci|esto|eso|ello|isso|isto|"
    r"eles|elas|ciò|questo|questi|dit|deze)\b",
    re.IGNORECASE,
)
_ANNOUNCES = re.compile(r"[:：]$")
_ENDS = re.compile(r"[.!?…:;。！？؟।][\"'”’»)]*$")


@dataclass(frozen=True, slots=True)
class ExtractiveAnswer:
    """An answer with its markers ``[n]``, the numbers it cites, and how much of the question it takes up.

    ``cited`` counts from 1 in the order of the passages given, each number once, in order of appearance.
    ``support`` is the share (0..1) of the question's words, by rarity, that the answer contains or stands
    under.
    """

    text: str
    cited: tuple[int, ...]
    support: float


@dataclass(frozen=True, slots=True)
class _Rated:
    excerpt: Excerpt
    score: float
    held: frozenset[str]


async def compose_answer(
    question: str,
    passages: Sequence[Passage],
    *,
    embed: EmbedSentences | None = None,
    query_vector: npt.NDArray[np.float32] | None = None,
    familiarity: float = 0.0,
) -> ExtractiveAnswer | None:
    """An answer of at most four pieces and 120 words out of ``passages``, which are numbered from 1, best
    first.

    Pieces are rated as passages are in search: by the share of the question's words they hold, each by its
    rarity, and by the likeness of their vectors (``embed`` gives unit vectors of shape ``(n, dimension)``, at
    most 24 at a time; ``query_vector`` is the question's, ``familiarity`` the share of it that the embedder
    knows). They are given in the order of the documents and in their language. ``None`` where no piece has to
    do with the question.
    """
    excerpts = read_excerpts(passages)
    if not excerpts:
        return None
    language = detect_language(" ".join(excerpt.text for excerpt in excerpts[:20])).code
    wanted = list(dict.fromkeys(content_words(question, language)))
    if not wanted or language == "und":
        wanted = list(dict.fromkeys(content_words(question, _FALLBACK_LANGUAGE))) or words_of(question)
    wanted = wanted[:_MOST_COMPARED]
    rarity, held = _compare(wanted, excerpts)
    lexical = _lexical_scores(rarity, held, excerpts, wanted)
    dense = await _likeness(excerpts, lexical, embed, query_vector) if familiarity > 0 else {}
    rated = _rate(excerpts, lexical, dense, held, familiarity)
    chosen = _choose(rated, excerpts)
    if not chosen:
        return None
    text, cited = _render(chosen)
    covered = _covered(chosen, held, excerpts, wanted)
    total = sum(rarity.values())
    return ExtractiveAnswer(text, cited, sum(rarity[word] for word in covered) / total if total else 0.0)


def _compare(
    wanted: Sequence[str], excerpts: Sequence[Excerpt]
) -> tuple[dict[str, float], list[frozenset[str]]]:
    """The rarity (idf) of each wanted word among the pieces, and which of them each piece holds."""
    vocabulary = [frozenset(words_of(excerpt.text)) for excerpt in excerpts]
    known = Vocabulary(frozenset().union(*vocabulary))
    forms = {word: known.forms_of(word) for word in wanted}
    held = [frozenset(word for word in wanted if not forms[word].isdisjoint(words)) for words in vocabulary]
    count = len(excerpts)
    frequency = {word: sum(word in words for words in held) for word in wanted}
    return {word: math.log(1 + (count - n + 0.5) / (n + 0.5)) for word, n in frequency.items()}, held


def _context_words(excerpt: Excerpt, wanted: Iterable[str]) -> frozenset[str]:
    above = Vocabulary(words_of(excerpt.context))
    return frozenset(word for word in wanted if above.forms_of(word))


def _lexical_scores(
    rarity: dict[str, float],
    held: Sequence[frozenset[str]],
    excerpts: Sequence[Excerpt],
    wanted: Sequence[str],
) -> list[float]:
    """Share of the question that each piece holds; what only its heading says counts half."""
    total = sum(rarity.values())
    if not total:
        return [0.0] * len(excerpts)
    distinct = {excerpt.context: excerpt for excerpt in excerpts}
    contexts = {context: _context_words(excerpt, wanted) for context, excerpt in distinct.items()}
    return [
        sum(rarity[word] for word in words) / total
        + _FROM_CONTEXT * sum(rarity[word] for word in contexts[excerpt.context] - words) / total
        for excerpt, words in zip(excerpts, held, strict=True)
    ]


async def _likeness(
    excerpts: Sequence[Excerpt],
    lexical: Sequence[float],
    embed: EmbedSentences | None,
    query_vector: npt.NDArray[np.float32] | None,
) -> dict[int, float]:
    """Cosines of the most promising pieces with the question, by their index."""
    if embed is None or query_vector is None:
        return {}
    order = sorted(range(len(excerpts)), key=lambda index: (excerpts[index].passage > 0, -lexical[index]))
    # Half of the places for the words' favourites, half for the best passage, which may word it otherwise.
    favourites = sorted(range(len(excerpts)), key=lambda index: -lexical[index])[: MOST_EMBEDDED // 2]
    picked = list(dict.fromkeys([*favourites, *order]))[:MOST_EMBEDDED]
    vectors = await embed([_in_context(excerpts[index]) for index in picked])
    cosines = vectors @ query_vector
    return {index: float(cosine) for index, cosine in zip(picked, cosines, strict=True)}


def _in_context(excerpt: Excerpt) -> str:
    """A row or an item says little without what it stands under."""
    return excerpt.text if excerpt.kind == "sentence" else f"{excerpt.context}: {excerpt.text}"


def _rate(
    excerpts: Sequence[Excerpt],
    lexical: Sequence[float],
    dense: dict[int, float],
    held: Sequence[frozenset[str]],
    familiarity: float,
) -> list[_Rated]:
    """Pieces with a score, best first; those without a common word and without likeness are left out."""
    best_lexical = max(lexical, default=0.0) or 1.0
    best_dense = max(dense.values(), default=0.0) or 1.0
    share = DENSE_WEIGHT * trust_in_vectors(familiarity) if dense else 0.0
    rated = []
    for index, excerpt in enumerate(excerpts):
        cosine = max(dense.get(index, 0.0), 0.0)
        if not held[index] and cosine < _LEAST_LIKENESS:
            continue
        score = (1 - share) * lexical[index] / best_lexical + share * cosine / best_dense
        rated.append(_Rated(excerpt, score * _FALLING_PRIOR**excerpt.passage, held[index]))
    return sorted(rated, key=lambda one: (-one.score, one.excerpt.passage, one.excerpt.order))


def _choose(rated: Sequence[_Rated], excerpts: Sequence[Excerpt]) -> list[Excerpt]:
    """The pieces of the answer in reading order."""
    chosen: list[Excerpt] = []
    words = 0
    for place, one in enumerate(rated):
        if _is_another_case(one, rated[:place]):
            continue
        is_in_company = any(_stand_together(one.excerpt, piece) for piece in chosen)
        worth = _IN_COMPANY if is_in_company else _WORTH_ADDING
        if len(chosen) >= MOST_SENTENCES or one.score < _IN_COMPANY * rated[0].score:
            break
        if one.score < worth * rated[0].score:
            continue
        group = [piece for piece in _with_company(one.excerpt, excerpts) if not _is_repeated(piece, chosen)]
        length = sum(_length(piece) for piece in group)
        if words + length > MOST_WORDS:
            group = [one.excerpt] if one.excerpt in group else []
            length = sum(_length(piece) for piece in group)
        if group and words + length <= MOST_WORDS:
            chosen += group
            words += length
    return sorted(chosen, key=lambda piece: (piece.passage, piece.order))


def _with_company(piece: Excerpt, excerpts: Sequence[Excerpt]) -> list[Excerpt]:
    """A piece with those without which it is not understood: all steps of a list, what a pronoun means."""
    mine = [other for other in excerpts if other.passage == piece.passage]
    if piece.kind == "item" or _ANNOUNCES.search(piece.text):
        lead_in = piece.lead_in or piece.text
        announced = [other for other in mine if other.kind == "item" and other.lead_in == lead_in]
        return announced if 0 < len(announced) <= _WHOLE_LIST else [piece]
    if piece.kind == "sentence" and _POINTS_BACK.match(piece.text):
        before = [other for other in mine if other.order == piece.order - 1 and other.kind == "sentence"]
        return [*before, piece]
    return [piece]


def _stand_together(one: Excerpt, other: Excerpt) -> bool:
    return one.kind == other.kind == "sentence" and (one.passage, one.block) == (other.passage, other.block)


def _is_another_case(one: _Rated, better: Sequence[_Rated]) -> bool:
    """Whether a row lacks a word of the question by which another row of its table is the one asked for."""
    return one.excerpt.kind == "row" and any(
        other.excerpt.kind == "row" and other.excerpt.block == one.excerpt.block and other.held > one.held
        for other in better
    )


def _is_repeated(piece: Excerpt, chosen: Sequence[Excerpt]) -> bool:
    words = set(words_of(piece.text))
    for other in chosen:
        others = set(words_of(other.text))
        if other == piece or len(words & others) >= _SAME_AGAIN * max(len(words | others), 1):
            return True
    return False


def _length(piece: Excerpt) -> int:
    """Words of a piece; writing without spaces by two letters a word."""
    return max(len(piece.text.split()), len(words_of(piece.text)) // 2)


def _render(chosen: Sequence[Excerpt]) -> tuple[str, tuple[int, ...]]:
    """Sentences run on; items and rows have lines of their own, below the sentence that announces them."""
    lines: list[str] = []
    running = False
    announced = {piece.text for piece in chosen}
    for piece in chosen:
        marker = f"[{piece.passage + 1}]"
        if piece.kind == "sentence":
            sentence = f"{_opening(piece.text)} {marker}"
            lines = [*lines[:-1], f"{lines[-1]} {sentence}"] if running else [*lines, sentence]
        else:
            if piece.lead_in and piece.lead_in not in announced:
                announced.add(piece.lead_in)
                lines.append(piece.lead_in)
            lines.append(f"- {piece.text} {marker}")
        running = piece.kind == "sentence"
    return "\n".join(lines), tuple(dict.fromkeys(piece.passage + 1 for piece in chosen))


def _opening(sentence: str) -> str:
    """A sentence that can stand first, with a full stop where it has no end (a heading taken for one)."""
    text = _CONNECTIVE.sub("", sentence)
    if text != sentence:
        text = text[:1].upper() + text[1:]
    return text if _ENDS.search(text) else f"{text}."


def _covered(
    chosen: Sequence[Excerpt],
    held: Sequence[frozenset[str]],
    excerpts: Sequence[Excerpt],
    wanted: Sequence[str],
) -> frozenset[str]:
    """The question's words that stand in the chosen pieces or above them."""
    covered = {
        word for excerpt, words in zip(excerpts, held, strict=True) if excerpt in chosen for word in words
    }
    return frozenset(covered).union(*(_context_words(piece, wanted) for piece in chosen))
