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

# The question may be 200,000 characters long: its words are told once, and compared with those of the nearest
# only. ``alike`` is how like the words can be at most, by how many there are.
_NEAREST = """
with used as (
  select distinct config from curated_phrasings
  where workspace_id = %(workspace)s and audience = any(%(audiences)s)
), asked as materialized (
  select config, words, length(words) as asked
  from used, strip(to_tsvector(cast(config as regconfig), %(words)s)) as words
), compared as (
  select a.id, a.question, a.answer, a.position, p.text as phrasing, config, asked, p.lexemes,
         2.0 * least(asked, length(p.lexemes)) / nullif(asked + length(p.lexemes), 0) as alike,
         case when p.model = %(model)s then 1 - (p.vector <=> cast(%(vector)s as halfvec)) end as dense
  from curated_phrasings p
  join curated_answers a on a.workspace_id = p.workspace_id and a.id = p.answer_id
  join asked using (config)
  where p.workspace_id = %(workspace)s and p.audience = any(%(audiences)s)
    and a.audience = any(%(audiences)s) and a.is_on and a.deleted_at is null
), nearest as (
  (select * from compared where dense is not null order by dense desc, position limit %(most)s)
  union all
  (select * from compared where dense is null and alike >= %(words_alone)s)
)
select nearest.*, length(lexemes) as own,
       length(words) - length(ts_delete(words, tsvector_to_array(lexemes))) as common
from nearest join asked using (config)
order by dense desc nulls last, common desc, position limit %(most)s
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
            "words_alone": WORDS_ALONE,
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


def _dice(asked: int, own: int, common: int) -> float:
    return 2 * common / (asked + own) if asked and own else 0.0
