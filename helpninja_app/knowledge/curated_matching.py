"""Which curated answer a question is for, if one: by meaning and words, above a measured threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from helpninja_app.kernel.database import Statement
from helpninja_app.kernel.scope import Scope
from helpninja_app.knowledge.embedding.protocol import Vector, as_halfvec
from helpninja_app.knowledge.languages import search_text
from helpninja_app.knowledge.lexical_search import audiences_of

# On held-out requests of clinc150 the best match above it was the right one in 97 of 100; of 829 questions
# about other things none was matched. See docs/adr/0017-curated-answers.md.
THRESHOLD = 0.75
PRECISION = 0.97
WORDS = 0.2
# Without a vector only the same words will do.
WORDS_ALONE = 0.99

_CANDIDATES = 30

_NEAREST = """
with asked as (
  select used.config, tsvector_to_array(to_tsvector(cast(used.config as regconfig), %(words)s)) as terms
  from (select distinct config from curated_phrasings
        where workspace_id = %(workspace)s and audience = any(%(audiences)s)) as used
), compared as (
  select a.id, a.question, a.answer, a.position, p.text as phrasing, asked.terms as asked,
         tsvector_to_array(p.lexemes) as own,
         case when p.model = %(model)s then 1 - (p.vector <=> cast(%(vector)s as halfvec)) end as dense
  from curated_phrasings p
  join curated_answers a on a.workspace_id = p.workspace_id and a.id = p.answer_id
  join asked on asked.config = p.config
  where p.workspace_id = %(workspace)s and p.audience = any(%(audiences)s)
    and a.audience = any(%(audiences)s) and a.is_on and a.deleted_at is null
)
select *, (select count(*) from unnest(asked) as term where term = any(own)) as common
from compared order by dense desc nulls last, common desc, position limit %(most)s
"""


@dataclass(frozen=True, slots=True)
class CuratedMatch:
    """The curated answer that wins; ``phrasing`` is the one that was met.

    ``score`` (0..1) is made of ``dense``, the cosine (0 without a vector), and ``lexical``, the share of
    common words (Dice, 1945).
    """

    answer_id: UUID
    question: str
    answer: str
    phrasing: str
    score: float
    dense: float
    lexical: float


def curated_statement(scope: Scope, question: str, vector: Vector | None, model: str) -> Statement:
    """What may match ``question``, of what the scope may see.

    ``vector`` is the question's own by ``model``, or ``None`` where it could not be embedded.
    """
    return Statement(
        _NEAREST,
        {
            "workspace": scope.workspace_id,
            "audiences": audiences_of(scope),
            "words": search_text(question).replace("\x00", ""),
            "model": model if vector is not None else None,
            "vector": as_halfvec(vector) if vector is not None else None,
            "most": _CANDIDATES,
        },
    )


def best_curated(rows: Sequence[Any]) -> CuratedMatch | None:
    """The best match of the rows of ``curated_statement``, if it is good enough."""
    best: tuple[float, int] = (0.0, 0)
    match: CuratedMatch | None = None
    for row in rows:
        lexical = _dice(row.asked, row.own, row.common)
        dense = max(row.dense or 0.0, 0.0)
        has_vector = row.dense is not None
        score = (1 - WORDS) * dense + WORDS * lexical if has_vector else lexical
        rank = (score, -row.position)
        if score >= (THRESHOLD if has_vector else WORDS_ALONE) and (match is None or rank > best):
            best = rank
            match = CuratedMatch(row.id, row.question, row.answer, row.phrasing, score, dense, lexical)
    return match


def _dice(asked: Sequence[str], own: Sequence[str], common: int) -> float:
    return 2 * common / (len(asked) + len(own)) if asked and own else 0.0
