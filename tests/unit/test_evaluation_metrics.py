"""Measures of retrieval and confidence against values computed by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpninja_app.answers.evaluation.metrics import (
    auroc,
    expected_calibration_error,
    ndcg,
    percentile,
    recall,
    reciprocal_rank,
)


def test_ndcg_of_two_relevant_at_ranks_one_and_three() -> None:
    assert ndcg(["a", "x", "b"], {"a", "b"}) == pytest.approx((1 + 1 / 2) / (1 + 1 / math.log2(3)))


def test_ndcg_of_a_perfect_ranking_is_one_also_when_more_is_relevant_than_is_ranked() -> None:
    relevant = {str(number) for number in range(20)}
    assert ndcg([str(number) for number in range(10)], relevant) == pytest.approx(1.0)


def test_what_stands_below_the_cut_does_not_count() -> None:
    ranked = [*"abcdefghij", "k"]
    assert ndcg(ranked, {"k"}) == 0
    assert recall(ranked, {"f"}) == 0
    assert reciprocal_rank(ranked, {"k"}) == 0


def test_an_item_that_is_ranked_twice_counts_once() -> None:
    assert ndcg(["a", "a"], {"a", "b"}) < 1
    assert recall(["a", "a", "b"], {"a", "b"}, k=2) == 1


def test_recall_is_the_share_found() -> None:
    assert recall(["x", "a", "y", "b"], {"a", "b", "c"}) == pytest.approx(2 / 3)


def test_reciprocal_rank_is_that_of_the_first_relevant() -> None:
    assert reciprocal_rank(["x", "y", "a", "b"], {"a", "b"}) == pytest.approx(1 / 3)


@pytest.mark.parametrize("measure", [ndcg, recall, reciprocal_rank])
def test_a_measure_without_anything_relevant_is_refused(measure: object) -> None:
    assert callable(measure)
    with pytest.raises(ValueError, match="nothing is relevant"):
        measure(["a"], set())


def test_auroc_counts_pairs_in_order_and_half_for_ties() -> None:
    # Pairs (positive, negative): .9>.5, .9>.1, .5=.5 (half), .5>.1: 3.5 of 4.
    assert auroc([0.9, 0.5, 0.5, 0.1], [True, True, False, False]) == pytest.approx(3.5 / 4)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30))
def test_auroc_is_the_share_of_ordered_pairs(rows: list[tuple[int, bool]]) -> None:
    positives = [score for score, label in rows if label]
    negatives = [score for score, label in rows if not label]
    found = auroc([score for score, _ in rows], [label for _, label in rows])
    if not positives or not negatives:
        assert math.isnan(found)
        return
    pairs = [(p > n) + (p == n) / 2 for p in positives for n in negatives]
    assert found == pytest.approx(sum(pairs) / len(pairs))


def test_calibration_error_is_the_weighted_gap_of_equal_bins() -> None:
    # Two bins of two: mean .2 with 0 of 2, mean .9 with 1 of 2.
    found = expected_calibration_error([0.1, 0.3, 0.8, 1.0], [False, False, True, False], bins=2)
    assert found == pytest.approx((0.2 + 0.4) / 2)


def test_calibration_of_certain_and_right_is_perfect() -> None:
    assert expected_calibration_error([0.0, 1.0] * 20, [False, True] * 20) == 0
    assert math.isnan(expected_calibration_error([], []))


@pytest.mark.parametrize(("share", "value"), [(0.5, 2), (0.51, 3), (0.99, 4), (1.0, 4), (0.01, 1)])
def test_percentile_is_the_nearest_rank(share: float, value: float) -> None:
    assert percentile([4, 2, 1, 3], share) == value


def test_percentile_of_nothing_is_not_a_number_and_shares_are_checked() -> None:
    assert math.isnan(percentile([], 0.5))
    with pytest.raises(ValueError, match="share"):
        percentile([1], 0)


@pytest.mark.parametrize("measure", [auroc, expected_calibration_error])
def test_labels_must_match_scores(measure: object) -> None:
    assert callable(measure)
    with pytest.raises(ValueError, match="2 values but 1 labels"):
        measure([0.1, 0.2], [True])
