"""Owns how a message is known to ask for a person, whatever else it says: a small model over kinds of words
(``person_words.json``), fitted by ``bench/person_training.py``.

A logistic regression over the kinds of words of a message and their order: "let me talk to someone" and "can
someone tell me" have some kinds in common, and not their order. Each feature has a weight that all languages
share and one of its own, as in Daumé III, "Frustratingly Easy Domain Adaptation" (ACL 2007): what one
language has too few examples for is learnt from the others.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from helpninja_app.answers.person_words import NUMBER, OTHER, fold, lexicon

MODEL_FILE = Path(__file__).with_name("person_model.json")

PEOPLE = frozenset({"human", "staff", "team", "someone"})
# Who asks for a person names people or a call, or what they do not want to talk to.
_NAMED = PEOPLE | {"callme", "bot"}
_SENTENCE = re.compile(r"[^.!?。！？؟;:\n]+[.!?。！？؟;:\n]*")
_CLAUSE = re.compile(r"[,、،]|\s[-–—]\s")
_GLUE = frozenset({"a", "to", ",", "now"})
_WINDOW = 5
_MANY = 3


@dataclass(frozen=True, slots=True)
class PersonModel:
    """Weights by feature name; a message asks for a person from ``threshold`` (a logit) on.

    ``provenance`` is for people: by which script, from how many sentences, with which figures held out.
    """

    weights: Mapping[str, float]
    threshold: float
    provenance: Mapping[str, Any]

    def score(self, message: str, language: str) -> float:
        """The logit of the message or of its sentence that asks most."""
        found = [features(part, language) for part in parts(message)]
        scores = (sum(self.weights.get(name, 0.0) for name in names) for names in found if names)
        return max(scores, default=-math.inf)


def parts(message: str) -> list[str]:
    """The message as a whole, its sentences, and their clauses, each once."""
    sentences = [part.strip() for part in _SENTENCE.findall(message)]
    clauses = [clause.strip() for sentence in sentences for clause in _CLAUSE.split(sentence)]
    return list(dict.fromkeys(part for part in (message, *sentences, *clauses) if part))


def features(text: str, language: str) -> set[str]:
    """The names of what is present in a text, each for all languages and for its own; none where nobody is
    named."""
    kinds = lexicon(language).kinds_of(fold(text, language))
    if _NAMED.isdisjoint(kinds):
        return set()
    names = set(_names(kinds))
    return names | {f"{language} {name}" for name in names}


def _names(kinds: list[str]) -> Iterator[str]:
    yield "always"
    said = [kind for kind in kinds if kind not in {",", "?"}]
    yield from said
    if "?" in kinds:
        yield "?"
    others = sum(kind in {OTHER, NUMBER} for kind in said)
    for count in range(1, min(others, 8) + 1):
        yield f"{count} others"
    for count in range(1, min(len(said), 12) + 1):
        yield f"{count} words"
    yield from _in_order(["^", *(kind for kind in _shortened(kinds) if kind not in _GLUE), "$"])


def _in_order(kinds: list[str]) -> Iterator[str]:
    blurred = ["people" if kind in PEOPLE else kind for kind in kinds]
    for row in (kinds, blurred):
        for at, kind in enumerate(row):
            yield from (f"{kind} {after}" for after in row[at + 1 : at + 2])
            if at + 2 < len(row):
                yield f"{kind} {row[at + 1]} {row[at + 2]}"
            if kind not in {OTHER, NUMBER}:
                for after in row[at + 1 : at + 1 + _WINDOW]:
                    if after not in {OTHER, NUMBER, "$"}:
                        yield f"{kind} .. {after}"


def _shortened(kinds: list[str]) -> Iterator[str]:
    """Words of no kind in a row are one."""
    before = ""
    for kind in kinds:
        if not (kind == before == OTHER):
            yield kind
        before = kind


@cache
def model() -> PersonModel:
    found = json.loads(MODEL_FILE.read_text(encoding="utf-8"))
    return PersonModel(found["weights"], found["threshold"], found["provenance"])


def asks_for_a_person(message: str, language: str) -> bool:
    """Whether a message in ``language`` (ISO 639-1, one of the widget's) asks for a person."""
    return model().score(message, language) >= model().threshold
