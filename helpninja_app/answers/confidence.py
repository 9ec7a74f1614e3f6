"""Owns how sure an answer is: the probability that the documents answer the question, measured and
calibrated.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from helpninja_app.knowledge.ranking import ScoredChunk, trust_in_vectors

THRESHOLD = 0.55
"""Default below which a person is asked to step in.

At one half a guess would be right as often as wrong; a visitor who is told nonsense loses more than one who
waits, so that it takes a little more than that to answer.
"""

MODEL_FILE = Path(__file__).with_name("confidence_model.json")

_RUNNERS_UP = 5
_EMPTY_PLACE = 0.5
_PARAPHRASE = 0.5


@dataclass(frozen=True, slots=True)
class Features:
    """What the confidence is computed from; each is a share or a cosine, whatever the size of the knowledge.

    ``likeness`` cosine of question and best passage, times ``trust``: a cosine says something only where the
    embedder knows the words. ``coverage`` share of the question's words that stand in the best passage, each
    counted by its rarity (idf). ``margin`` fused score of the best document less the mean of the five that
    follow. ``trust`` how much the question's cosines are worth (``trust_in_vectors``); without it the model
    would take a language that the embedder does not know for a question far from all passages.
    """

    likeness: float
    coverage: float
    margin: float
    trust: float

    @classmethod
    def names(cls) -> tuple[str, ...]:
        return tuple(field.name for field in fields(cls))

    def values(self) -> tuple[float, ...]:
        """In the order of :meth:`names`."""
        return tuple(getattr(self, name) for name in self.names())


@dataclass(frozen=True, slots=True)
class Confidence:
    """The calibrated probability (0..1) that the documents answer the question, and what it comes from.

    ``features`` is ``None`` where nothing was found at all; the probability is 0 then.
    """

    probability: float
    features: Features | None = None

    def is_answerable(self, threshold: float = THRESHOLD) -> bool:
        return self.probability >= threshold

    def given_support(self, support: float) -> Confidence:
        """The confidence after a model wrote its answer, of which ``support`` (0..1) stands in what it cites.

        A paraphrase keeps at least half of its content words (see ``answers.support``): from there on nothing
        changes; below, the answer is in part the model's own, and the confidence falls in proportion.
        """
        return Confidence(self.probability * min(max(support, 0.0) / _PARAPHRASE, 1.0), self.features)


@dataclass(frozen=True, slots=True)
class ConfidenceModel:
    """A logistic regression over :class:`Features`, with where it comes from.

    ``coefficients`` and ``intercept`` apply to the features as they are (not standardised). ``provenance`` is
    for people: when, by which script, on how many rows it was fitted, and its figures on questions held out.
    """

    intercept: float
    coefficients: Mapping[str, float]
    provenance: Mapping[str, Any]

    def probability(self, features: Features) -> float:
        logit = self.intercept + sum(
            self.coefficients[name] * value
            for name, value in zip(features.names(), features.values(), strict=True)
        )
        # Split by sign: exp() of a large positive number overflows.
        return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))

    @classmethod
    def load(cls, path: Path = MODEL_FILE) -> ConfidenceModel:
        """Raises ValueError where the file's features are not those of the code."""
        content = json.loads(path.read_text(encoding="utf-8"))
        coefficients = {str(name): float(value) for name, value in content["coefficients"].items()}
        if set(coefficients) != set(Features.names()):
            raise ValueError(f"{path.name} was fitted on other features: {', '.join(sorted(coefficients))}")
        return cls(float(content["intercept"]), coefficients, content["provenance"])

    def save(self, path: Path) -> None:
        content = {
            "provenance": dict(self.provenance),
            "intercept": self.intercept,
            "coefficients": dict(self.coefficients),
        }
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def extract_features(documents: Sequence[ScoredChunk], *, familiarity: float) -> Features | None:
    """The features of a search; ``None`` where it found nothing.

    ``documents`` are the best chunk of each document found, best first (six are used); ``familiarity`` is the
    embedder's coverage of the question.
    """
    if not documents:
        return None
    best = documents[0]
    following = [document.score for document in documents[1 : _RUNNERS_UP + 1]]
    # A place that a small knowledge leaves empty is neither a rival nor proof that there is none.
    following += [_EMPTY_PLACE * best.score] * (_RUNNERS_UP - len(following))
    trust = trust_in_vectors(familiarity)
    return Features(
        likeness=best.dense * trust,
        coverage=best.coverage,
        margin=best.score - sum(following) / _RUNNERS_UP,
        trust=trust,
    )


def measure_confidence(documents: Sequence[ScoredChunk], *, familiarity: float) -> Confidence:
    """How sure an answer from ``documents`` is, by the committed model.

    Arguments as in :func:`extract_features`.
    """
    features = extract_features(documents, familiarity=familiarity)
    return Confidence(_committed_model().probability(features), features) if features else Confidence(0.0)


@cache
def _committed_model() -> ConfidenceModel:
    return ConfidenceModel.load()
