"""Owns the measures of retrieval and confidence, each as its source defines it."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np


def ndcg(ranked: Sequence[str], relevant: Collection[str], *, k: int = 10) -> float:
    """Normalised discounted cumulative gain of the first ``k``, 0..1, with gains of 0 and 1.

    Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", 2002, with the discount
    ``1 / log2(rank + 1)``. Raises ValueError where nothing is relevant: the measure is undefined there.
    """
    _require_relevant(relevant)
    wanted = set(relevant)
    gained = sum(1 / math.log2(rank + 2) for rank, item in enumerate(_once(ranked, k)) if item in wanted)
    ideal = sum(1 / math.log2(rank + 2) for rank in range(min(k, len(wanted))))
    return gained / ideal


def recall(ranked: Sequence[str], relevant: Collection[str], *, k: int = 5) -> float:
    """Share of the relevant items among the first ``k``, 0..1 (Manning et al., 2008, chapter 8)."""
    _require_relevant(relevant)
    wanted = set(relevant)
    return len(wanted.intersection(_once(ranked, k))) / len(wanted)


def reciprocal_rank(ranked: Sequence[str], relevant: Collection[str], *, k: int = 10) -> float:
    """One over the rank of the first relevant item among the first ``k``, else 0 (Voorhees, TREC-8, 1999).

    Its mean over questions is MRR@k.
    """
    _require_relevant(relevant)
    for rank, item in enumerate(_once(ranked, k), start=1):
        if item in relevant:
            return 1 / rank
    return 0.0


def auroc(scores: Sequence[float], labels: Sequence[bool]) -> float:
    """Chance that a random positive scores above a random negative, ties counting half.

    The Mann-Whitney form of the area under the ROC curve (Hanley and McNeil, 1982). NaN where one class is
    missing.
    """
    values, positive = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=np.bool_)
    _require_equal_length(values, positive)
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return math.nan
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle_ranks = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = float(middle_ranks[inverse][positive].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def expected_calibration_error(
    probabilities: Sequence[float], labels: Sequence[bool], *, bins: int = 10
) -> float:
    """Mean distance between what was promised and what came true, over bins of equal size, 0..1.

    Naeini, Cooper and Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning", 2015,
    with bins of equal mass, which do not depend on where the probabilities happen to lie (Nixon et al.,
    2019). NaN without rows.
    """
    values, positive = np.asarray(probabilities, dtype=np.float64), np.asarray(labels, dtype=np.bool_)
    _require_equal_length(values, positive)
    if not len(values):
        return math.nan
    order = np.argsort(values, kind="stable")
    parts = np.array_split(order, min(bins, len(values)))
    return float(
        sum(len(part) * abs(values[part].mean() - positive[part].mean()) for part in parts) / len(values)
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that ``share`` (0..1] of them do not exceed (nearest rank); NaN without values."""
    if not 0 < share <= 1:
        raise ValueError("share must lie in (0, 1]")
    if not len(values):
        return math.nan
    return sorted(values)[math.ceil(share * len(values)) - 1]


def _once(ranked: Sequence[str], k: int) -> list[str]:
    """The first ``k`` items; one that comes twice is a fault of the ranking and must not count twice."""
    return list(dict.fromkeys(ranked))[:k]


def _require_relevant(relevant: Collection[str]) -> None:
    if not relevant:
        raise ValueError("the measure is undefined where nothing is relevant")


def _require_equal_length(values: np.ndarray, labels: np.ndarray) -> None:
    if len(values) != len(labels):
        raise ValueError(f"{len(values)} values but {len(labels)} labels")
