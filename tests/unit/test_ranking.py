"""BM25 over packed postings, fusion and merging."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpninja_app.knowledge.ranking import (
    DENSE_WEIGHT,
    K1,
    POSTING,
    B,
    Collection,
    LexicalScores,
    Located,
    ScoredChunk,
    Term,
    best_per_document,
    fuse,
    fuse_again,
    inverse_document_frequency,
    merge_neighbours,
    score_postings,
    trust_in_vectors,
)

WORDS = "abcdef"
texts = st.lists(st.text(alphabet=WORDS, min_size=1, max_size=12), min_size=1, max_size=12)


def pack(documents: dict[int, str], word: str) -> bytes:
    rows = [(number, Counter(text)[word], len(text)) for number, text in documents.items() if word in text]
    return np.array(rows, dtype=POSTING).tobytes()


def naive_bm25(documents: dict[int, str], query: str) -> dict[int, float]:
    """The formula as the paper has it, one document and one word after the other."""
    mean = max(sum(len(text) for text in documents.values()) / len(documents), 1.0)
    scores: dict[int, float] = {}
    for number, text in documents.items():
        for word in dict.fromkeys(query):
            frequency = sum(word in other for other in documents.values())
            count = text.count(word)
            if count:
                idf = math.log(1 + (len(documents) - frequency + 0.5) / (frequency + 0.5))
                part = idf * count * (K1 + 1) / (count + K1 * (1 - B + B * len(text) / mean))
                scores[number] = scores.get(number, 0.0) + part
    return scores


def collections_of(documents: dict[int, str]) -> dict[str, Collection]:
    return {"simple": Collection(len(documents), sum(len(text) for text in documents.values()))}


@given(texts, st.text(alphabet=WORDS, min_size=1, max_size=4), st.sampled_from([1, 10_000]))
def test_scores_are_those_of_the_formula_computed_one_by_one(
    contents: list[str], query: str, stride: int
) -> None:
    documents = {7 + stride * index: text for index, text in enumerate(contents)}
    terms = [Term("simple", [pack(documents, word)]) for word in dict.fromkeys(query)]

    found = score_postings(terms, collections=collections_of(documents))

    expected = naive_bm25(documents, query)
    assert found.chunks.tolist() == sorted(expected)
    assert found.scores.tolist() == pytest.approx([expected[number] for number in sorted(expected)])


@given(texts, st.data())
def test_dead_chunks_count_neither_in_results_nor_in_frequencies(
    contents: list[str], data: st.DataObject
) -> None:
    documents = dict(enumerate(contents))
    dead = data.draw(st.sets(st.sampled_from(sorted(documents)), max_size=len(documents) - 1))
    living = {number: text for number, text in documents.items() if number not in dead}
    terms = [Term("simple", [pack(documents, word)]) for word in WORDS]

    found = score_postings(
        terms,
        collections=collections_of(living),
        tombstones=np.array(sorted(dead, reverse=True), dtype=np.int64),
    )

    expected = naive_bm25(living, WORDS)
    assert found.chunks.tolist() == sorted(expected)
    assert found.scores.tolist() == pytest.approx([expected[number] for number in sorted(expected)])


def test_segments_of_a_term_are_read_as_one() -> None:
    documents = {1: "ab", 2: "ac", 3: "bc"}
    whole = score_postings([Term("simple", [pack(documents, "a")])], collections=collections_of(documents))
    parts = [pack({1: "ab"}, "a"), pack({2: "ac"}, "a")]
    split = score_postings([Term("simple", parts)], collections=collections_of(documents))
    assert split.chunks.tolist() == whole.chunks.tolist() == [1, 2]
    assert split.scores.tolist() == whole.scores.tolist()


def test_coverage_is_the_share_of_the_query_by_rarity() -> None:
    documents = {1: "ab", 2: "a", 3: "a", 4: "a"}
    terms = [Term("simple", [pack(documents, word)] if word != "z" else []) for word in "abz"]
    found = score_postings(terms, collections=collections_of(documents))
    common, rare, unknown = (inverse_document_frequency(n, 4) for n in (4, 1, 0))
    total = common + rare + unknown
    assert found.coverage.tolist() == pytest.approx([(common + rare) / total, *[common / total] * 3])


def test_a_term_of_an_earlier_turn_counts_by_its_weight() -> None:
    documents = {1: "a", 2: "b"}
    terms = [Term("simple", [pack(documents, "a")]), Term("simple", [pack(documents, "b")], weight=0.5)]
    found = score_postings(terms, collections=collections_of(documents))
    assert found.scores[1] == pytest.approx(found.scores[0] / 2)
    assert found.coverage.tolist() == pytest.approx([2 / 3, 1 / 3])


def test_each_configuration_has_its_own_rarities_and_coverage() -> None:
    english, german = {1: "ab", 2: "a"}, {10: "a"}
    terms = [Term("english", [pack(english, "a")]), Term("german", [pack(german, "a")])]
    found = score_postings(terms, collections={"english": Collection(2, 3), "german": Collection(1, 1)})
    assert found.chunks.tolist() == [1, 2, 10]
    assert found.coverage.tolist() == pytest.approx([1, 1, 1])
    assert found.scores[2] == pytest.approx(inverse_document_frequency(1, 1))


@pytest.mark.parametrize("terms", [[], [Term("simple", [])], [Term("unknown", [pack({1: "a"}, "a")])]])
def test_a_query_without_postings_finds_nothing(terms: list[Term]) -> None:
    assert not len(score_postings(terms, collections={"simple": Collection(3, 9)}).chunks)


def test_statistics_that_lag_behind_never_make_a_score_negative() -> None:
    documents = dict.fromkeys(range(9), "a")
    found = score_postings([Term("simple", [pack(documents, "a")])], collections={"simple": Collection(1, 1)})
    assert (found.scores > 0).all()


def lexical(scores: dict[int, float]) -> LexicalScores:
    numbers = np.array(sorted(scores), dtype=np.int64)
    values = np.array([scores[number] for number in sorted(scores)], dtype=np.float64)
    return LexicalScores(numbers, values, np.minimum(values, 1.0))


def dense(scores: dict[int, float]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(list(scores), dtype=np.int64), np.array(list(scores.values()), dtype=np.float64)


def test_fusion_is_the_convex_combination_of_scores_over_their_maximum() -> None:
    hits = fuse(dense({1: 0.8, 2: 0.4}), lexical({2: 10.0, 3: 5.0}), familiarity=1.0, top=10)
    by_chunk = {hit.chunk: hit for hit in hits}
    assert by_chunk[1].score == pytest.approx(DENSE_WEIGHT)
    assert by_chunk[2].score == pytest.approx(DENSE_WEIGHT / 2 + (1 - DENSE_WEIGHT))
    assert (by_chunk[2].dense, by_chunk[2].lexical) == (0.4, 10.0)


def test_a_chunk_outside_the_vector_leg_gets_its_worst_cosine() -> None:
    hits = {
        hit.chunk: hit for hit in fuse(dense({1: 0.8, 2: 0.4}), lexical({3: 5.0}), familiarity=1.0, top=9)
    }
    assert hits[3].dense == 0.4


def test_a_language_the_embedder_cannot_read_is_ranked_by_words_alone() -> None:
    hits = fuse(dense({1: 0.9, 2: 0.1}), lexical({1: 1.0, 2: 3.0}), familiarity=0.05, top=10)
    assert [hit.chunk for hit in hits] == [2, 1]
    assert [hit.score for hit in hits] == pytest.approx([1.0, 1 / 3])


def test_without_any_common_word_cosines_still_order_an_unknown_language() -> None:
    hits = fuse(dense({1: 0.2, 2: 0.7}), lexical({}), familiarity=0.0, top=10)
    assert [hit.chunk for hit in hits] == [2, 1]


def test_fusion_keeps_the_best_and_is_empty_without_hits() -> None:
    assert [hit.chunk for hit in fuse(dense({4: 0.1, 5: 0.9}), lexical({}), familiarity=1, top=1)] == [5]
    assert fuse(dense({}), lexical({}), familiarity=1.0, top=5) == []


def test_legs_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="1 chunks but 2 cosines"):
        fuse((np.array([1]), np.array([0.1, 0.2])), lexical({}), familiarity=1.0, top=5)


def test_what_is_left_of_a_ranking_is_scored_as_if_it_had_been_alone() -> None:
    all_dense, all_lexical = {1: 0.9, 2: 0.6, 3: 0.3}, {1: 9.0, 2: 2.0, 3: 4.0}
    hits = fuse(dense(all_dense), lexical(all_lexical), familiarity=1.0, top=10)
    rest = fuse_again([hit for hit in hits if hit.chunk != 1], familiarity=1.0)
    alone = fuse(dense({2: 0.6, 3: 0.3}), lexical({2: 2.0, 3: 4.0}), familiarity=1.0, top=10)
    assert [hit.chunk for hit in rest] == [hit.chunk for hit in alone]
    assert [hit.score for hit in rest] == pytest.approx([hit.score for hit in alone])
    assert fuse_again([], familiarity=1.0) == []


@pytest.mark.parametrize(("familiarity", "trust"), [(0, 0), (0.2, 0), (0.5, 0.5), (0.8, 1), (1, 1)])
def test_trust_in_vectors_grows_with_the_words_that_are_known(familiarity: float, trust: float) -> None:
    assert trust_in_vectors(familiarity) == pytest.approx(trust)


def located(chunk: int, score: float, document: str, position: int) -> Located:
    return Located(ScoredChunk(chunk, score, score, score, score), document, position)


HITS = [
    located(11, 0.9, "a", 1),
    located(21, 0.8, "b", 5),
    located(12, 0.7, "a", 2),
    located(15, 0.6, "a", 5),
    located(31, 0.5, "c", 0),
]


def test_documents_are_ranked_by_their_best_chunk() -> None:
    assert [hit.hit.chunk for hit in best_per_document(HITS, limit=2)] == [11, 21]


def test_neighbours_become_one_passage_in_reading_order() -> None:
    first, second, *_ = merge_neighbours([HITS[2], *HITS[:2], *HITS[3:]], limit=9)
    assert (first.document, first.positions, first.chunks, first.score) == ("a", (1, 2), (11, 12), 0.9)
    assert (second.document, second.positions) == ("b", (5,))


def test_a_document_gives_no_more_chunks_than_allowed_and_none_twice() -> None:
    passages = merge_neighbours([*HITS, HITS[0]], limit=9, per_document=2)
    assert sorted(chunk for passage in passages for chunk in passage.chunks) == [11, 12, 21, 31]


def test_passages_are_limited_after_merging() -> None:
    assert [passage.document for passage in merge_neighbours(HITS, limit=2)] == ["a", "b"]
