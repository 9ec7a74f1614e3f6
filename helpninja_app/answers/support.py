"""Owns the measure of how much of an answer stands in the texts that it cites."""

from __future__ import annotations

import re
from collections.abc import Sequence

from helpninja_app.answers.words import Vocabulary, content_words, words_of
from helpninja_app.knowledge.languages import detect_language

_MARKERS = re.compile(r"\[\d{1,3}\]")


def support_of(answer: str, passages: Sequence[str]) -> float:
    """Share (0..1) of the answer's different content words that stand in ``passages``; 0 for an answer
    without any.

    A plain, model-free form of the precision of attribution (Rashkin et al., "Measuring Attribution in
    Natural Language Generation Models", 2023): invented names, numbers and conditions are words that no
    passage has.
    """
    language = detect_language(answer).code
    said = set(content_words(_MARKERS.sub(" ", answer), language))
    if not said:
        return 0.0
    known = Vocabulary(word for passage in passages for word in words_of(passage))
    return sum(bool(known.forms_of(word)) for word in said) / len(said)
