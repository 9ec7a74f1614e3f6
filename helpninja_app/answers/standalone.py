"""Owns the rule that turns a follow-up question into one that can be searched without its conversation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from helpninja_app.knowledge.languages import search_text

Vector = npt.NDArray[np.float32]

EARLIER_TURNS = 3
"""The visitor's turns among the last six messages, which are the context of an answer."""

FADING = 0.5
"""Each earlier turn counts half of the one after it: all of them together stay below the question itself."""

UNRELATED = 0.2
"""Cosine below which an earlier turn starts to lose weight, down to none at 0.

Nineteen of twenty pairs of questions that have nothing to do with each other lie below it in the sentence
embedders in use, so that a change of topic leaves the new question alone.
"""

SHORT = 3
"""Up to this many words ("and in Austria?", "why not?") a question does not show its topic, and is taken to
go on.
"""

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the conversation before the question."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class StandaloneQuery:
    """A question with the turns that it may go on from.

    ``texts`` are what has to be embedded, the question first, then the visitor's earlier turns, latest first.
    """

    texts: tuple[str, ...]

    @property
    def question(self) -> str:
        return self.texts[0]

    def weigh(self, vectors: Sequence[Vector]) -> WeighedQuery:
        """The query, given one unit vector of shape ``(dimension,)`` for each of ``texts``, in their order.

        Raises ValueError where their numbers differ.
        """
        if len(vectors) != len(self.texts):
            raise ValueError(f"{len(self.texts)} texts but {len(vectors)} vectors")
        own = np.asarray(vectors[0], dtype=np.float64)
        total = own.copy()
        weights = [1.0]
        goes_on = len(_WORD.findall(search_text(self.question))) <= SHORT
        for back, vector in enumerate(vectors[1:], start=1):
            relatedness = 1.0 if goes_on else min(max(float(own @ vector) / UNRELATED, 0.0), 1.0)
            weights.append(FADING**back * relatedness)
            total += weights[back] * np.asarray(vector, dtype=np.float64)
        length = float(np.linalg.norm(total))
        return WeighedQuery((total / length if length > 0 else own).astype(np.float32), tuple(weights))


@dataclass(frozen=True, slots=True)
class WeighedQuery:
    """What to search for: a unit vector of shape ``(dimension,)``, and how much the words of each text count.

    ``weights`` is 1 for the question itself and less for earlier turns, down to 0 for unrelated ones.
    """

    vector: Vector
    weights: tuple[float, ...]


def standalone_query(question: str, history: Sequence[Turn]) -> StandaloneQuery:
    """The question together with what it may refer to, in any language and without a model.

    ``history`` is the conversation before the question, oldest first. Words of earlier turns are added to the
    question's own at a falling weight: the visitor's only, since an answer brings in words nobody asked for.
    The idea is that of historical query expansion (Lin et al., "Multi-Stage Conversational Passage
    Retrieval", 2021).
    """
    earlier = [turn.text for turn in reversed(history) if turn.role == "user" and turn.text.strip()]
    return StandaloneQuery((question, *earlier[:EARLIER_TURNS]))
