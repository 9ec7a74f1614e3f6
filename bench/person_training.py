"""Fits the model that knows who asks for a person: ``python -m bench.person_training``.

Logistic regression with an L2 penalty, fitted by Adam (Kingma and Ba, ICLR 2015) on all rows at once, so that
the same sentences give the same weights. A near miss must not ask in any of its parts; of a request the part
counts that asks most by a first fit (multiple instances, as in Andrews et al., NIPS 2002).

The threshold is where at most ``FALSE_ALARMS`` of the near misses are taken for requests when they are held
out, each with its counterparts in all languages. How it does when whole families of wordings are held out is
said beside.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.report import say
from helpninja_app.answers.person_requests import MODEL_FILE, PersonModel, features, parts
from helpninja_app.answers.person_words import languages

SENTENCES = Path(__file__).with_name("data") / "person_training"
KNOWN = (
    "person_requests.json",
    "person_requests_fresh.json",
    "person_requests_blind.json",
    "person_requests_natural.json",
    "person_requests_more.json",
)
FALSE_ALARMS = 0.015
FOLDS = 5

_SEED = 1
_ROUNDS = 150
_STEP = 0.2
_SHARED_PENALTY = 1.0
_OWN_PENALTY = 3.0
_NEAR_MISS_WEIGHT = 1.5
_SEEN_AT_LEAST = 4
_SMALLEST = 0.02
_END_MARKS = ".!?。！？؟ "

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Row:
    """A sentence; ``family`` says what kind of wording it is, ``place`` which of them (those of the languages
    correspond), and ``is_written`` that nothing was put around it.
    """

    text: str
    language: str
    is_request: bool
    family: str
    place: int
    weight: float = 1.0
    is_written: bool = True


def written_rows() -> list[Row]:
    """The sentences written for the training, and around each what may stand there in a conversation."""
    chance = random.Random(_SEED)
    rows: list[Row] = []
    for language in languages():
        found = json.loads((SENTENCES / f"{language}.json").read_text(encoding="utf-8"))
        for kind in ("requests", "near_misses"):
            for family, texts in found[kind].items():
                for place, text in enumerate(texts):
                    row = Row(text, language, kind == "requests", f"{kind} {family}", place)
                    rows.append(row)
                    bare = text.rstrip(_END_MARKS)
                    after = chance.choice(found["topics"]) if row.is_request else ""
                    for around in (chance.choice(found["openers"]) + text, bare + after):
                        rows.append(replace(row, text=around, weight=0.5, is_written=False))
    return rows


def known_rows() -> list[Row]:
    """The labelled sets that were known before: each of its sentences is one."""
    rows: list[Row] = []
    for name in KNOWN:
        found = json.loads(SENTENCES.with_name(name).read_text(encoding="utf-8"))
        for language, both in found.items():
            for kind, texts in both.items():
                rows += [Row(text, language, kind == "requests", name, at) for at, text in enumerate(texts)]
    return rows


def fit(rows: list[Row]) -> dict[str, float]:
    """The weights by feature name."""
    misses = [row for row in rows if not row.is_request]
    misses += [
        replace(row, text=part, weight=row.weight / 2) for row in misses for part in parts(row.text)[1:]
    ]
    requests = [row for row in rows if row.is_request]
    first = PersonModel(_descend([*misses, *requests]), 0.0, {})
    asking = [
        replace(row, text=max(parts(row.text), key=lambda part: _score_of(first, part, row.language)))
        for row in requests
    ]
    return _descend([*misses, *asking])


def _descend(rows: list[Row]) -> dict[str, float]:
    counted = Counter(name for row in rows for name in _features(row.text, row.language))
    names = sorted(name for name, times in counted.items() if times >= _SEEN_AT_LEAST)
    place = {name: at for at, name in enumerate(names)}
    rows = [row for row in rows if _features(row.text, row.language)]
    present = [[place[name] for name in _features(row.text, row.language) if name in place] for row in rows]
    columns = np.array([at for one in present for at in one])
    of_row = np.repeat(np.arange(len(rows)), [len(one) for one in present])
    wanted = np.array([float(row.is_request) for row in rows])
    weight = np.array([row.weight * (1.0 if row.is_request else _NEAR_MISS_WEIGHT) for row in rows])
    own = tuple(f"{language} " for language in languages())
    penalty = np.array([_OWN_PENALTY if name.startswith(own) else _SHARED_PENALTY for name in names])
    theta, mean, square = (np.zeros(len(names)) for _ in range(3))
    for turn in range(1, _ROUNDS + 1):
        logits = np.bincount(of_row, weights=theta[columns], minlength=len(rows))
        miss = (1.0 / (1.0 + np.exp(-np.clip(logits, -30.0, 30.0))) - wanted) * weight
        slope = np.bincount(columns, weights=miss[of_row], minlength=len(names)) + penalty * theta
        mean = 0.9 * mean + 0.1 * slope
        square = 0.99 * square + 0.01 * slope**2
        rate = _STEP * (1.0 - turn / _ROUNDS)
        theta -= rate * (mean / (1.0 - 0.9**turn)) / (np.sqrt(square / (1.0 - 0.99**turn)) + 1e-8)
    return dict(zip(names, theta.tolist(), strict=True))


@cache
def _features(text: str, language: str) -> tuple[str, ...]:
    return tuple(sorted(features(text, language)))


def _score_of(model: PersonModel, part: str, language: str) -> float:
    return sum(model.weights.get(name, 0.0) for name in _features(part, language))


def held_out(rows: list[Row], group_of: Callable[[Row], str]) -> list[tuple[float, Row]]:
    """The score of each written sentence by a model that saw no sentence of its group in any language."""
    scored: list[tuple[float, Row]] = []
    groups = sorted({group_of(row) for row in rows})
    for fold in range(FOLDS):
        out = set(groups[fold::FOLDS])
        say(f"held out: fold {fold + 1} of {FOLDS}")
        model = PersonModel(fit([row for row in rows if group_of(row) not in out]), 0.0, {})
        scored += [
            (model.score(row.text, row.language), row)
            for row in rows
            if group_of(row) in out and row.is_written
        ]
    return scored


def threshold_of(scored: list[tuple[float, Row]]) -> float:
    misses = sorted((score for score, row in scored if not row.is_request), reverse=True)
    return misses[int(FALSE_ALARMS * len(misses))]


def shares(scored: list[tuple[float, Row]], threshold: float) -> tuple[float, float]:
    """What share of the requests, and of the near misses, is taken for requests."""
    by_label = [
        [score > threshold for score, row in scored if row.is_request is wanted] for wanted in (True, False)
    ]
    requests, misses = (round(sum(taken) / len(taken), 3) for taken in by_label)
    return requests, misses


def main() -> None:
    rows, known = written_rows(), known_rows()
    by_wording = held_out(rows, lambda row: f"{row.family} {row.place}")
    threshold = threshold_of(by_wording)
    by_family = held_out(rows, lambda row: row.family)
    weights = {
        name: round(weight, 2) for name, weight in fit(rows + known).items() if abs(weight) >= _SMALLEST
    }
    unseen = PersonModel(fit(rows), threshold, {})
    others = [(unseen.score(row.text, row.language), row) for row in known]
    provenance = {
        "script": "python -m bench.person_training",
        "requests": sum(row.is_request and row.is_written for row in rows),
        "near_misses": sum(not row.is_request and row.is_written for row in rows),
        "recall and false alarms": {
            "wordings held out": shares(by_wording, threshold),
            "families held out": shares(by_family, threshold),
            "known sets, not trained on": shares(others, threshold),
        },
    }
    found = {"provenance": provenance, "threshold": round(threshold, 2), "weights": weights}
    MODEL_FILE.write_text(json.dumps(found, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    say(f"{len(weights)} weights, threshold {threshold:.2f}: {provenance}")


if __name__ == "__main__":
    main()
