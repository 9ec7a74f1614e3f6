"""Reads from the BM25 index what a question needs: its words' postings, the statistics, and their state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from helpninja_app.kernel.database import Statement
from helpninja_app.kernel.scope import Audience, Scope
from helpninja_app.knowledge.languages import search_text
from helpninja_app.knowledge.ranking import Collection, LexicalScores, Term, score_postings

_TERMS = """
select word.config, word.lexeme, word.parts, postings.postings
from (
  select used.config, term.lexeme, array_agg(part.number::int) as parts
  from (select distinct config from lexical_segments
        where workspace_id = %(workspace)s and audience = any(%(audiences)s)) as used
  cross join unnest(cast(%(texts)s as text[])) with ordinality as part (words, number)
  cross join lateral unnest(to_tsvector(cast(used.config as regconfig), part.words)) as term
  group by used.config, term.lexeme
) as word
left join lexical_postings postings
  on postings.workspace_id = %(workspace)s and postings.lexeme = word.lexeme
 and postings.config = word.config and postings.audience = any(%(audiences)s)
"""
# Which state of the knowledge is read: two equal editions hold the same chunks. Each write adds a segment
# with a new id and each chunk that goes leaves a tombstone, in the transaction of the change itself;
# tombstones only go together with all segments.
EDITION = """
coalesce((select md5(string_agg(id::text || audience, ',' order by id, audience)) from lexical_segments
          where workspace_id = %(workspace)s and audience = any(%(audiences)s)), '')
|| (select count(*) from lexical_tombstones
    where workspace_id = %(workspace)s and audience = any(%(audiences)s))
"""
_EMPTY_EDITION = "0"

_COLLECTIONS = f"""
select config, sum(chunks)::bigint as chunks, sum(length)::bigint as length, {EDITION} as edition,
       coalesce(array_agg(dead) filter (where dead is not null), '{{}}') as dead
from (
  select config, chunk_count as chunks, total_length as length, null::bigint as dead
  from lexical_segments where workspace_id = %(workspace)s and audience = any(%(audiences)s)
  union all
  select config, -1, -length, chunk_id from lexical_tombstones
  where workspace_id = %(workspace)s and audience = any(%(audiences)s)
) as counted group by config
"""  # noqa: S608 - made of constants


@dataclass(frozen=True, slots=True)
class LexicalReading:
    """What the index said about a question, before it is known how much each of its parts counts."""

    edition: str
    collections: dict[str, Collection]
    tombstones: npt.NDArray[np.int64]
    words: tuple[_Word, ...]

    @property
    def chunk_count(self) -> int:
        return sum(collection.chunk_count for collection in self.collections.values())

    def score(self, weights: Sequence[float]) -> LexicalScores:
        """BM25 of all chunks with a common word; ``weights`` has one number for each text that was read for.

        A word that stands in several texts counts by the weightiest; texts of weight 0 do not count.
        """
        terms = [
            Term(word.config, word.segments, weight)
            for word in self.words
            if (weight := max(weights[part] for part in word.parts)) > 0
        ]
        return score_postings(terms, collections=self.collections, tombstones=self.tombstones)


@dataclass(frozen=True, slots=True)
class _Word:
    config: str
    parts: tuple[int, ...]
    segments: list[bytes]


def lexical_statements(scope: Scope, texts: Sequence[str]) -> tuple[Statement, Statement]:
    """Read statistics and postings for the words of ``texts``; the statistics first, as ``edition`` says."""
    values = {"workspace": scope.workspace_id, "audiences": audiences_of(scope)}
    plain = [search_text(words).replace("\x00", "") for words in texts]
    return Statement(_COLLECTIONS, values), Statement(_TERMS, values | {"texts": plain})


def lexical_reading(counted: Sequence[Any], found: Sequence[Any]) -> LexicalReading:
    """What the rows of ``lexical_statements`` say."""
    words: dict[tuple[str, str], _Word] = {}
    for row in found:
        key = (row.config, row.lexeme)
        word = words.get(key)
        if word is None:
            word = words[key] = _Word(row.config, tuple(part - 1 for part in row.parts), [])
        if row.postings is not None:
            word.segments.append(row.postings)
    dead = np.array([chunk for row in counted for chunk in row.dead], dtype=np.int64)
    return LexicalReading(
        edition=counted[0].edition if counted else _EMPTY_EDITION,
        collections={row.config: Collection(row.chunks, row.length) for row in counted},
        tombstones=dead,
        words=tuple(words.values()),
    )


def audiences_of(scope: Scope) -> list[str]:
    """Whose documents ``scope`` may find. Row-level security holds the same; here a reader sees it."""
    if scope.audience is Audience.MEMBERS:
        return [Audience.VISITORS.value, Audience.MEMBERS.value]
    return [Audience.VISITORS.value]
