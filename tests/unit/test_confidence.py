"""The calibrated confidence and the fitting of its model."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from helpninja_app.answers.confidence import (
    MODEL_FILE,
    Confidence,
    ConfidenceModel,
    Features,
    extract_features,
    measure_confidence,
)
from helpninja_app.answers.evaluation.fit_confidence import FeatureRow, fit
from helpninja_app.errors import Invalid
from helpninja_app.knowledge.ranking import ScoredChunk

TODAY = date(2026, 1, 2)


def hit(score: float, *, cosine: float = 0.7, coverage: float = 0.9) -> ScoredChunk:
    return ScoredChunk(1, score, cosine, 8.0, coverage)


def test_features_are_shares_and_cosines_of_the_best_document() -> None:
    features = extract_features([hit(0.9), *[hit(0.4)] * 7], familiarity=1.0)
    assert features is not None
    assert features.values() == pytest.approx((0.7, 0.9, 0.5, 1.0))


def test_places_that_a_small_knowledge_leaves_empty_count_as_half_of_the_best() -> None:
    alone, crowded = (
        extract_features([hit(0.8)], familiarity=1),
        extract_features([hit(0.8)] * 6, familiarity=1),
    )
    assert alone is not None
    assert crowded is not None
    assert [alone.margin, crowded.margin] == pytest.approx([0.4, 0.0])


def test_cosines_say_nothing_in_a_language_the_embedder_does_not_know() -> None:
    features = extract_features([hit(0.9)], familiarity=0.0)
    assert features is not None
    assert (features.likeness, features.trust) == (0.0, 0.0)


def test_nothing_found_means_no_confidence() -> None:
    assert extract_features([], familiarity=1.0) is None
    assert measure_confidence([], familiarity=1.0) == Confidence(0.0)
    assert not measure_confidence([], familiarity=1.0).is_answerable()


def test_the_committed_model_tells_a_hit_from_a_miss() -> None:
    sure = measure_confidence([hit(1.0), hit(0.3)], familiarity=1.0)
    unsure = measure_confidence([hit(0.8, cosine=0.2, coverage=0.2), *[hit(0.75)] * 5], familiarity=1.0)
    assert sure.probability > 0.9 > 0.2 > unsure.probability
    assert sure.is_answerable()
    assert not unsure.is_answerable()


@pytest.mark.parametrize("familiarity", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("better", [hit(0.9, cosine=0.9, coverage=0.3), hit(0.9, cosine=0.3, coverage=1.0)])
def test_better_evidence_never_lowers_the_confidence(familiarity: float, better: ScoredChunk) -> None:
    before, rest = hit(0.9, cosine=0.3, coverage=0.3), [hit(0.5)] * 5
    assert (
        measure_confidence([better, *rest], familiarity=familiarity).probability
        >= measure_confidence([before, *rest], familiarity=familiarity).probability
    )


def test_a_threshold_is_met_from_its_value_on() -> None:
    assert Confidence(0.55).is_answerable()
    assert not Confidence(0.549).is_answerable()
    assert Confidence(0.3).is_answerable(0.3)


@pytest.mark.parametrize(
    ("support", "expected"), [(1.0, 0.8), (0.5, 0.8), (0.25, 0.4), (0.0, 0.0), (-1.0, 0.0)]
)
def test_an_answer_that_its_sources_do_not_support_lowers_the_confidence(
    support: float, expected: float
) -> None:
    assert Confidence(0.8).given_support(support).probability == pytest.approx(expected)


def test_extreme_evidence_does_not_overflow() -> None:
    model = ConfidenceModel(0.0, dict.fromkeys(Features.names(), 1e6), {})
    assert model.probability(Features(1, 1, 1, 1)) == 1.0
    assert model.probability(Features(-1, -1, -1, -1)) == 0.0


def test_the_committed_model_says_where_it_comes_from_and_was_good_on_held_out_questions() -> None:
    model = ConfidenceModel.load()
    assert {"fitted_on", "script", "rows", "held_out"} <= set(model.provenance)
    assert model.provenance["held_out"]["all"]["auroc"] > 0.85
    assert json.loads(MODEL_FILE.read_text())["coefficients"].keys() == set(Features.names())


def test_a_model_of_other_features_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    ConfidenceModel(0.0, {"length": 1.0}, {}).save(path)
    with pytest.raises(ValueError, match="other features: length"):
        ConfidenceModel.load(path)


def make_rows(count: int, *, group: str, seed: int) -> list[FeatureRow]:
    """Questions whose chance of being answerable is logistic in two features, one of them misleading."""
    random = np.random.default_rng(seed)
    rows = []
    for likeness, coverage in random.random((count, 2)):
        chance = 1 / (1 + np.exp(-(8 * likeness - 2 * coverage - 2)))
        features = Features(float(likeness), float(coverage), 0.5, 1.0)
        rows.append(FeatureRow(features, bool(random.random() < chance), group, group))
    return rows


def test_fitting_finds_the_direction_of_each_feature_and_is_calibrated_on_held_out_groups() -> None:
    rows = [row for seed, group in enumerate("abc") for row in make_rows(600, group=group, seed=seed)]
    model = fit(rows, fitted_on=TODAY)
    assert model.coefficients["likeness"] == pytest.approx(8, abs=1.5)
    assert model.coefficients["coverage"] == pytest.approx(-2, abs=1)
    assert model.coefficients["margin"] == model.coefficients["trust"] == 0
    held_out = model.provenance["held_out"]
    assert held_out["all"]["auroc"] > 0.8
    assert [one["group"] for one in held_out["groups"]] == ["a", "b", "c"]
    assert model.provenance["fitted_on"] == "2026-01-02"


def test_made_questions_only_count_where_a_source_has_no_real_ones() -> None:
    rows = [row for seed, group in enumerate("ab") for row in make_rows(200, group=group, seed=seed)]
    made = [replace(row, answerable=False, is_made=True) for row in rows if row.answerable]
    assert fit([*rows, *made], fitted_on=TODAY) == fit(rows, fitted_on=TODAY)


def test_fitting_needs_two_groups_and_both_answers() -> None:
    rows = make_rows(50, group="a", seed=1)
    with pytest.raises(Invalid, match="two groups"):
        fit(rows, fitted_on=TODAY)
    with pytest.raises(Invalid, match="two groups"):
        fit([replace(row, answerable=True, group=str(n % 2)) for n, row in enumerate(rows)], fitted_on=TODAY)


def test_models_survive_being_written(tmp_path: Path) -> None:
    rows = [*make_rows(40, group="a", seed=1), *make_rows(40, group="ü", seed=2)]
    model = fit(rows, fitted_on=TODAY)
    model.save(tmp_path / "model.json")
    assert ConfidenceModel.load(tmp_path / "model.json") == model
