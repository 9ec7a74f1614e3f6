"""Owns the arithmetic of search: BM25 over packed postings, fusion with vectors, merging of neighbours."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]

POSTING = np.dtype([("chunk", ">i8"), ("tf", ">u2"), ("length", ">u2")])
"""One posting, 12 bytes: the chunk's number, how often the term stands in it, the chunk's length in terms."""

K1 = 1.2
B = 0.75
"""The customary constants of BM25 (Robertson and Zaragoza, 2009, section 3.5; the defaults of Lucene)."""

DENSE_WEIGHT = 0.7
"""Share of the vector score where the embedder knows the words of the question.

A convex combination beats reciprocal ranks and needs only this one number (Bruch, Gai and Ingber, "An
Analysis of Fusion Functions for Hybrid Retrieval", 2023). Questions in the words of the text do best at one
half, questions in the visitor's own words at .8: visitors do both, and .7 loses a hundredth or two on either.
"""

_KNOWN_BY_CHANCE = 0.2
_UNDERSTOOD = 0.8

_CANDIDATES = 200
_MERGED_GAP = 1
_SPARSE = 64


@dataclass(frozen=True, slots=True)
class Collection:
    """The living chunks of one text-search configuration: how many, and their summed length in terms."""

    chunk_count: int
    total_length: int


@dataclass(frozen=True, slots=True)
class Term:
    """One term of a query, as one text-search configuration sees it, with its postings.

    ``segments`` are the packed postings (records of :data:`POSTING`) of this term, in any order and number,
    empty for a term that the collection does not know; a chunk stands in at most one of them. ``weight`` is
    how much the term counts in the query: 1 for the question's own words, less for those taken from earlier
    turns.
    """

    config: str
    segments: Sequence[bytes]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class LexicalScores:
    """Every chunk that holds at least one of the query's terms, by ascending number.

    ``scores`` are BM25. ``coverage`` is the share (0..1) of the query that the chunk contains, each term
    counted by its rarity (idf).
    """

    chunks: Numbers
    scores: Scores
    coverage: Scores

    def among(self, chunks: Numbers) -> LexicalScores:
        """Only those of ``chunks``."""
        kept = np.isin(self.chunks, chunks)
        return LexicalScores(self.chunks[kept], self.scores[kept], self.coverage[kept])


@dataclass(frozen=True, slots=True)
class ScoredChunk:
    """A chunk with its fused score (0..1) and what it is made of.

    ``dense`` is the cosine, ``lexical`` the BM25 score (0 without a common term), ``coverage`` the share of
    the query's rare words in the chunk (0..1).
    """

    chunk: int
    score: float
    dense: float
    lexical: float
    coverage: float


@dataclass(frozen=True, slots=True)
class Located:
    """Where a scored chunk stands: its document and its position (0, 1, 2 ...) in it."""

    hit: ScoredChunk
    document: str
    position: int


@dataclass(frozen=True, slots=True)
class Passage:
    """Neighbouring chunks of one document, in reading order, with the scores of the best of them."""

    document: str
    chunks: tuple[int, ...]
    positions: tuple[int, ...]
    score: float
    dense: float
    lexical: float
    coverage: float


def inverse_document_frequency(frequency: float, chunk_count: int) -> float:
    """BM25's weight of a term that ``frequency`` of ``chunk_count`` chunks hold, above 0 (Lucene's form)."""
    return math.log(1 + (chunk_count - frequency + 0.5) / (frequency + 0.5))


def score_postings(
    terms: Sequence[Term],
    *,
    collections: Mapping[str, Collection],
    tombstones: Numbers | None = None,
) -> LexicalScores:
    """BM25 of every chunk that holds one of ``terms``.

    ``collections`` holds the statistics of each configuration; a chunk belongs to one only, so that a few
    pages in another language do not get the rarities of a big collection. ``tombstones`` are numbers of dead
    chunks whose postings are still there: they are ignored exactly, in the document frequencies, too
    (``collections`` counts the living). Terms of a configuration that is not in ``collections`` are ignored.

    The method is Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009.
    """
    dead = np.sort(tombstones) if tombstones is not None and len(tombstones) else None
    totals: dict[str, float] = {}
    matches: list[tuple[str, Numbers, Scores, float]] = []
    for term in terms:
        collection = collections.get(term.config)
        if collection is None or collection.chunk_count <= 0:
            continue
        numbers, counts, lengths = _unpacked(term.segments, dead)
        # Statistics may lag behind postings for a moment; a negative count would turn the logarithm around.
        idf = inverse_document_frequency(len(numbers), max(collection.chunk_count, len(numbers)))
        rarity = term.weight * idf
        totals[term.config] = totals.get(term.config, 0.0) + rarity
        mean_length = max(collection.total_length / collection.chunk_count, 1.0)
        saturation = counts * (K1 + 1) / (counts + K1 * (1 - B + B * lengths / mean_length))
        matches.append((term.config, numbers, rarity * saturation, rarity))
    if not any(len(numbers) for _, numbers, _, _ in matches):
        return LexicalScores(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0))
    every = np.concatenate([numbers for _, numbers, _, _ in matches])
    scores = np.concatenate([parts for _, _, parts, _ in matches])
    shares = np.repeat(
        [rarity / totals[config] for config, _, _, rarity in matches],
        [len(numbers) for _, numbers, _, _ in matches],
    )
    return LexicalScores(*_summed(every, scores, shares))


def trust_in_vectors(familiarity: float) -> float:
    """How much a question's cosines are worth, 0..1, given the share of it that the embedder knows.

    ``familiarity`` is ``Embedder.coverage``: the share of the question's letters in words that are whole in
    the embedder's vocabulary. A fifth is known by chance: names, numbers, loans and short words that
    languages of one alphabet share. At four fifths the sentence is understood, and the rest are its rare
    words. In between trust grows evenly, as understanding does in languages close to the embedder's own.
    """
    return min(max((familiarity - _KNOWN_BY_CHANCE) / (_UNDERSTOOD - _KNOWN_BY_CHANCE), 0.0), 1.0)


def fuse(
    dense: tuple[Numbers, Scores],
    lexical: LexicalScores,
    *,
    familiarity: float,
    top: int,
) -> list[ScoredChunk]:
    """The ``top`` chunks of both legs: the convex combination of both scores, each divided by its maximum.

    ``dense`` are the chunk numbers nearest to the question with their cosines, in any order. The vector leg
    weighs ``DENSE_WEIGHT`` times :func:`trust_in_vectors`: cosines of words that the embedder can only spell
    say nothing, and then BM25 decides alone. A chunk that the vector leg did not return is not better than
    the worst that it did return, and is given that one's cosine. Equal scores are ordered by cosine, then by
    number, so that results are repeatable.
    """
    dense_chunks, cosines_found = np.asarray(dense[0], dtype=np.int64), np.asarray(dense[1], dtype=np.float64)
    if len(dense_chunks) != len(cosines_found):
        raise ValueError(f"{len(dense_chunks)} chunks but {len(cosines_found)} cosines")
    strongest = lexical.chunks[_best(lexical.scores, max(top, _CANDIDATES))]
    numbers = np.union1d(dense_chunks, strongest).astype(np.int64)
    if not len(numbers):
        return []
    cosines = np.full(len(numbers), max(float(cosines_found.min()), 0.0) if len(cosines_found) else 0.0)
    cosines[np.searchsorted(numbers, dense_chunks)] = cosines_found
    bm25, coverage = np.zeros(len(numbers)), np.zeros(len(numbers))
    if len(lexical.chunks):
        at = np.minimum(np.searchsorted(lexical.chunks, numbers), len(lexical.chunks) - 1)
        held = lexical.chunks[at] == numbers
        bm25[held], coverage[held] = lexical.scores[at[held]], lexical.coverage[at[held]]
    fused = _combined(cosines, bm25, familiarity)
    order = np.lexsort((numbers, -cosines, -fused))[:top]
    return [
        ScoredChunk(int(numbers[i]), float(fused[i]), float(cosines[i]), float(bm25[i]), float(coverage[i]))
        for i in order
    ]


def fuse_again(hits: Sequence[ScoredChunk], *, familiarity: float) -> list[ScoredChunk]:
    """The ranking these hits alone would have had: scores are relative to the best, which may be gone."""
    if not hits:
        return []
    fused = _combined(
        np.array([hit.dense for hit in hits]), np.array([hit.lexical for hit in hits]), familiarity
    )
    again = [replace(hit, score=float(score)) for hit, score in zip(hits, fused, strict=True)]
    return sorted(again, key=lambda hit: (-hit.score, -hit.dense, hit.chunk))


def best_per_document(hits: Iterable[Located], *, limit: int) -> list[Located]:
    """The ``limit`` best documents, each by its best chunk; ``hits`` are ordered best first."""
    best: dict[str, Located] = {}
    for hit in hits:
        best.setdefault(hit.document, hit)
        if len(best) == limit:
            break
    return list(best.values())


def merge_neighbours(hits: Sequence[Located], *, limit: int, per_document: int = 3) -> list[Passage]:
    """Passages to answer from: chunks of the same document that touch become one, best first.

    ``hits`` are ordered best first and deduplicated here by (document, position). At most ``per_document``
    chunks of a document are used, so that one long page does not crowd out the others; ``limit`` counts
    passages.
    """
    chosen: dict[str, dict[int, ScoredChunk]] = {}
    for located in hits:
        mine = chosen.setdefault(located.document, {})
        if located.position not in mine and len(mine) < per_document:
            mine[located.position] = located.hit
    passages = [
        _passage(document, run) for document, by_position in chosen.items() for run in _runs(by_position)
    ]
    passages.sort(key=lambda passage: (-passage.score, passage.chunks[0]))
    return passages[:limit]


def _runs(by_position: Mapping[int, ScoredChunk]) -> list[list[tuple[int, ScoredChunk]]]:
    runs: list[list[tuple[int, ScoredChunk]]] = []
    for position, hit in sorted(by_position.items()):
        if runs and position - runs[-1][-1][0] <= _MERGED_GAP:
            runs[-1].append((position, hit))
        else:
            runs.append([(position, hit)])
    return runs


def _passage(document: str, run: Sequence[tuple[int, ScoredChunk]]) -> Passage:
    best = max((hit for _, hit in run), key=lambda hit: hit.score)
    return Passage(
        document=document,
        chunks=tuple(hit.chunk for _, hit in run),
        positions=tuple(position for position, _ in run),
        score=best.score,
        dense=best.dense,
        lexical=best.lexical,
        coverage=best.coverage,
    )


def _unpacked(segments: Sequence[bytes], dead: Numbers | None) -> tuple[Numbers, Scores, Scores]:
    """Chunk numbers, term counts and chunk lengths of the living postings."""
    records = np.frombuffer(segments[0] if len(segments) == 1 else b"".join(segments), dtype=POSTING)
    if dead is not None and len(records):
        at = np.minimum(np.searchsorted(dead, records["chunk"]), len(dead) - 1)
        records = records[dead[at] != records["chunk"]]
    return (
        records["chunk"].astype(np.int64),
        records["tf"].astype(np.float64),
        records["length"].astype(np.float64),
    )


def _summed(numbers: Numbers, scores: Scores, shares: Scores) -> tuple[Numbers, Scores, Scores]:
    """Each different number once, ascending, with the sums of its scores and of its shares."""
    first = int(numbers.min())
    if int(numbers.max()) - first < _SPARSE * len(numbers):
        # A workspace's numbers lie close together as a rule: counting is several times faster than sorting.
        # Looking for what is set among booleans is several times faster than among numbers.
        held = np.flatnonzero(np.bincount(numbers - first) > 0)
        inverse, found = numbers - first, (held + first).astype(np.int64)
        return found, _sums(inverse, scores)[held], _sums(inverse, shares)[held]
    found, inverse = np.unique(numbers, return_inverse=True)
    inverse = inverse.astype(np.int64)
    return found, _sums(inverse, scores), _sums(inverse, shares)


def _sums(inverse: Numbers, values: Scores) -> Scores:
    return np.bincount(inverse, weights=values).astype(np.float64, copy=False)


def _combined(cosines: Scores, bm25: Scores, familiarity: float) -> Scores:
    share = DENSE_WEIGHT * trust_in_vectors(familiarity)
    return share * _by_maximum(cosines) + (1 - share) * _by_maximum(bm25)


def _by_maximum(scores: Scores) -> Scores:
    """Scores divided by the best one; what is below zero counts as nothing."""
    positive = np.maximum(scores, 0.0)
    best = float(positive.max(initial=0.0))
    return positive / best if best > 0 else positive


def _best(scores: Scores, top: int) -> npt.NDArray[np.intp]:
    """Positions of the ``top`` highest scores, in no order."""
    if top >= len(scores):
        return np.arange(len(scores))
    return np.argpartition(scores, len(scores) - top)[len(scores) - top :]
