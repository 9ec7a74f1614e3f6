"""Owns the fitting of the confidence model to labelled questions: rows of features in, coefficients out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from helpninja_app.answers.confidence import ConfidenceModel, Features
from helpninja_app.answers.evaluation.metrics import auroc, expected_calibration_error
from helpninja_app.errors import Invalid

Matrix = npt.NDArray[np.float64]

UNANSWERABLE_SHARE = 0.25
"""How many questions in four are taken to be unanswerable.

The share in conversations that people labelled; a set that holds more or less, such as one without any whose
unanswerable questions are made by taking the right document away, would else shift every probability.
"""

RIDGE = 1.0
"""Weight of the penalty on squared standardised coefficients: worth one observation, enough to stay finite.
"""

_ITERATIONS = 50
_CONVERGED = 1e-9


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """One labelled question after its search.

    ``group`` is what is held out together when the model is judged (a domain, a language, a site); ``source``
    is what counts as much as any other source in the fit, however many rows it has; ``is_made`` marks an
    unanswerable question that was made of an answerable one by taking its documents away.
    """

    features: Features
    answerable: bool
    group: str
    source: str
    is_made: bool = False


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Figures for the rows of one group, by a model that was fitted without them; NaN where undefined."""

    group: str
    rows: int
    auroc: float
    calibration_error: float


def fit(rows: Sequence[FeatureRow], *, fitted_on: date) -> ConfidenceModel:
    """The model of all ``rows``, with its figures on each group held out in its provenance.

    Raises ``Invalid`` where there is only one group or only one answer: nothing could be learned or judged.
    """
    rows = _realistic(rows)
    groups = sorted({row.group for row in rows})
    if len(groups) < 2 or len({row.answerable for row in rows}) < 2:
        raise Invalid("Fitting needs answerable and unanswerable questions of at least two groups.")
    held_out, pooled = _judge(rows, groups)
    intercept, coefficients = _fit(rows)
    return ConfidenceModel(
        intercept=round(intercept, 4),
        coefficients={
            name: round(value, 4) for name, value in zip(Features.names(), coefficients, strict=True)
        },
        provenance={
            "fitted_on": fitted_on.isoformat(),
            "script": "helpninja fit-confidence (helpninja_app/answers/evaluation/fit_confidence.py)",
            "method": "logistic regression, ridge, one group held out at a time for the figures",
            "unanswerable_share": UNANSWERABLE_SHARE,
            "rows": len(rows),
            "answerable_rows": sum(row.answerable for row in rows),
            "held_out": {
                "all": _figures(pooled),
                "groups": [_figures(one) for one in held_out],
            },
        },
    )


def _realistic(rows: Sequence[FeatureRow]) -> list[FeatureRow]:
    """All rows but made ones of sources with unanswerable questions of their own, which are truer."""
    own = {row.source for row in rows if not row.answerable and not row.is_made}
    return [row for row in rows if not (row.is_made and row.source in own)]


def _figures(held_out: HeldOut) -> dict[str, str | int | float | None]:
    return {
        "group": held_out.group,
        "rows": held_out.rows,
        "auroc": _rounded(held_out.auroc),
        "calibration_error": _rounded(held_out.calibration_error),
    }


def _rounded(figure: float) -> float | None:
    return None if math.isnan(figure) else round(figure, 3)


def _judge(rows: Sequence[FeatureRow], groups: Sequence[str]) -> tuple[list[HeldOut], HeldOut]:
    """Figures by group and over all rows, each row rated by the model of the other groups."""
    probabilities = np.zeros(len(rows))
    figures = []
    for group in groups:
        mine = np.array([row.group == group for row in rows])
        model = _fit([row for row in rows if row.group != group])
        probabilities[mine] = _probabilities(model, _matrix([row for row in rows if row.group == group]))
        figures.append(_held_out(group, probabilities[mine], [row for row in rows if row.group == group]))
    return figures, _held_out("all", probabilities, rows)


def _held_out(group: str, probabilities: Matrix, rows: Sequence[FeatureRow]) -> HeldOut:
    labels = [row.answerable for row in rows]
    # Calibration needs the share of unanswerable questions as it is in life: not made, not of one kind only.
    made = {row.group for row in rows if row.is_made}
    answers: dict[str, set[bool]] = {}
    for row in rows:
        answers.setdefault(row.group, set()).add(row.answerable)
    natural = [row.group not in made and len(answers[row.group]) == 2 for row in rows]
    return HeldOut(
        group,
        len(rows),
        auroc(probabilities.tolist(), labels),
        expected_calibration_error(
            probabilities[natural].tolist(),
            [label for label, is_natural in zip(labels, natural, strict=True) if is_natural],
        ),
    )


def _fit(rows: Sequence[FeatureRow]) -> tuple[float, Matrix]:
    """Intercept and coefficients for unscaled features: weighted ridge regression by Newton's method (IRLS).

    Bishop, "Pattern Recognition and Machine Learning", 2006, section 4.3.3.
    """
    features, labels, weights = (
        _matrix(rows),
        np.array([float(row.answerable) for row in rows]),
        _weights(rows),
    )
    mean = np.average(features, axis=0, weights=weights)
    deviation = np.sqrt(np.average((features - mean) ** 2, axis=0, weights=weights))
    # A feature that never varies says nothing; what rounding makes of its deviation must not be divided by.
    scale = np.where(deviation > _CONVERGED, deviation, 1.0)
    design = np.column_stack([(features - mean) / scale, np.ones(len(rows))])
    penalty = np.diag([RIDGE] * features.shape[1] + [0.0])
    solution = np.zeros(design.shape[1])
    for _ in range(_ITERATIONS):
        expected = _logistic(design @ solution)
        gradient = design.T @ (weights * (expected - labels)) + penalty @ solution
        curvature = (design * (weights * expected * (1 - expected))[:, None]).T @ design + penalty
        step = np.linalg.solve(curvature, gradient)
        solution -= step
        if float(np.abs(step).max()) < _CONVERGED:
            break
    coefficients = solution[:-1] / scale
    return float(solution[-1] - coefficients @ mean), coefficients


def _weights(rows: Sequence[FeatureRow]) -> Matrix:
    """Sources of one kind count the same, the two kinds half each, one in four questions of a kind
    unanswerable.

    The kinds are sources whose unanswerable questions people asked, and those where they were made: the first
    are rarer and truer, the second show languages and subjects that the first do not have.
    """
    made = {row.source for row in rows if row.is_made}
    sizes = Counter((row.source, row.answerable) for row in rows)
    sources = Counter((source in made, answerable) for source, answerable in sizes)
    share = {True: 1 - UNANSWERABLE_SHARE, False: UNANSWERABLE_SHARE}
    weights = np.array(
        [
            share[row.answerable]
            / sources[row.source in made, row.answerable]
            / sizes[row.source, row.answerable]
            for row in rows
        ]
    )
    return np.asarray(weights * len(rows) / weights.sum(), dtype=np.float64)


def _matrix(rows: Sequence[FeatureRow]) -> Matrix:
    return np.array([row.features.values() for row in rows], dtype=np.float64)


def _probabilities(model: tuple[float, Matrix], features: Matrix) -> Matrix:
    return _logistic(model[0] + features @ model[1])


def _logistic(logits: Matrix) -> Matrix:
    # The hyperbolic form cannot overflow.
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits)), dtype=np.float64)
