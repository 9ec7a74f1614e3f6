"""What has to hold after any number of killed workers, counted on the tables themselves, past the product."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import LiteralString
from uuid import UUID

import numpy as np
import psycopg

from bench.scratch import understood
from helpninja_app.kernel.scope import Scope
from helpninja_app.knowledge.languages import search_text
from helpninja_app.knowledge.ranking import K1, POSTING, B
from helpninja_app.knowledge.search import SearchIndex, SearchQuery

_COMPARED = 10
_SAME_SCORE = 1e-9
_BY_WORDS = SearchQuery(np.zeros(1, dtype=np.float32), (1.0,), familiarity=0.0)

# Each counts what must not be; the names are the rows of the table.
_FAULTS: dict[str, LiteralString] = {
    "addresses with more than one document": """
        select count(*) from (select url from documents where workspace_id = %(workspace)s
                              group by url having count(*) > 1) as twice""",
    "documents not completed": """
        select count(*) from documents where workspace_id = %(workspace)s and status <> 'completed'""",
    "documents without their present text, or with an old one": """
        select count(*) from documents d where workspace_id = %(workspace)s and not exists (
          select 1 from chunks c where c.workspace_id = d.workspace_id and c.document_id = d.id
          and c.text like %(present)s)
        or exists (
          select 1 from chunks c where c.workspace_id = d.workspace_id and c.document_id = d.id
          and c.text like '%%in edition%%' and c.text not like %(present)s)""",
    "documents whose chunks are not numbered 0, 1, 2 ...": """
        select count(*) from documents d where workspace_id = %(workspace)s and (
          select coalesce(array_agg(position order by position), '{}') from chunks c
          where c.workspace_id = d.workspace_id and c.document_id = d.id)
        <> (select coalesce(array_agg(n), '{}') from generate_series(0, d.chunk_count - 1) as n)""",
    "chunks without an embedding": """
        select count(*) from chunks c where workspace_id = %(workspace)s and not exists (
          select 1 from embeddings e where e.workspace_id = c.workspace_id and e.chunk_id = c.id)""",
    "index statistics that disagree with the chunks": """
        select count(*) from (
          select config, sum(chunks), sum(length) from (
            select config, chunk_count as chunks, total_length as length from lexical_segments
            where workspace_id = %(workspace)s
            union all
            select config, -1, -length from lexical_tombstones where workspace_id = %(workspace)s
            union all
            select config, -1, -length from chunks where workspace_id = %(workspace)s
          ) as counted group by config having sum(chunks) <> 0 or sum(length) <> 0) as wrong""",
    "jobs left waiting, running or failed": """
        select (select count(*) from procrastinate_jobs where status <> 'succeeded')
             + (select count(*) from ingest_jobs where workspace_id = %(workspace)s
                and state <> 'completed')""",
    "pages left to read": """
        select count(*) from ingest_pages where workspace_id = %(workspace)s
        and state not in ('changed', 'unchanged')""",
}
_EXPECTED_POSTINGS = """
select c.config, term.lexeme, c.id, cardinality(term.positions), c.length
from chunks c cross join lateral unnest(c.lexemes) as term where c.workspace_id = %(workspace)s
"""
_STORED_POSTINGS = "select config, lexeme, postings from lexical_postings where workspace_id = %(workspace)s"
_TOMBSTONES = "select chunk_id from lexical_tombstones where workspace_id = %(workspace)s"
_CHUNKS = "select id, document_id, config, length from chunks where workspace_id = %(workspace)s"
_WORDS = "select lexeme from unnest(to_tsvector(%(config)s::regconfig, %(words)s))"


def count_faults(
    connection: psycopg.Connection, workspace: UUID, *, pages: int, present: str
) -> dict[str, int]:
    """How often each thing that must not be is; ``present`` stands in every page's present text."""
    values = {"workspace": workspace, "present": f"%{present}%"}
    faults = {name: _number(connection, query, values) for name, query in _FAULTS.items()}
    documents = _number(
        connection, "select count(*) from documents where workspace_id = %(workspace)s", values
    )
    return {
        "pages missing or too many": abs(documents - pages),
        **faults,
        "postings missing or too many": _wrong_postings(connection, workspace),
    }


async def wrong_scores(
    index: SearchIndex, connection: psycopg.Connection, workspace: UUID, questions: Sequence[str]
) -> int:
    """How many BM25 scores of the ten best documents differ from those counted without any index."""
    wrong = 0
    for question in questions:
        found = await index.search(
            Scope.visitors(workspace), (question,), understood(_BY_WORDS), "none", documents=_COMPARED
        )
        naive = sorted(_naive_scores(connection, workspace, question).values(), reverse=True)[:_COMPARED]
        scores = [document.best.lexical for document in found.documents]
        wrong += abs(len(scores) - len(naive))
        wrong += sum(abs(one - other) > _SAME_SCORE for one, other in zip(scores, naive, strict=False))
    return wrong


def _wrong_postings(connection: psycopg.Connection, workspace: UUID) -> int:
    values = {"workspace": workspace}
    dead = {row[0] for row in connection.execute(_TOMBSTONES, values)}
    expected = set(connection.execute(_EXPECTED_POSTINGS, values))
    stored = [
        (config, lexeme, int(record["chunk"]), int(record["tf"]), int(record["length"]))
        for config, lexeme, packed in connection.execute(_STORED_POSTINGS, values)
        for record in np.frombuffer(packed, dtype=POSTING)
        if int(record["chunk"]) not in dead
    ]
    twice = len(stored) - len(set(stored))
    return twice + len(expected.symmetric_difference(stored))


def _naive_scores(connection: psycopg.Connection, workspace: UUID, question: str) -> Mapping[UUID, float]:
    """The best BM25 score of each document's chunks, counted without any index."""
    values = {"workspace": workspace}
    chunks = connection.execute(_CHUNKS, values).fetchall()
    counts: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for _, lexeme, chunk, count, _ in connection.execute(_EXPECTED_POSTINGS, values):
        counts[chunk][lexeme] = count
    scores: defaultdict[int, float] = defaultdict(float)
    for config in {row[2] for row in chunks}:
        lengths = {chunk: length for chunk, _, its_config, length in chunks if its_config == config}
        mean = sum(lengths.values()) / len(lengths)
        asked = connection.execute(_WORDS, {"config": config, "words": search_text(question)}).fetchall()
        for (word,) in asked:
            holders = [chunk for chunk in lengths if word in counts[chunk]]
            rarity = math.log(1 + (len(lengths) - len(holders) + 0.5) / (len(holders) + 0.5))
            for chunk in holders:
                count = counts[chunk][word]
                scores[chunk] += (
                    rarity * count * (K1 + 1) / (count + K1 * (1 - B + B * lengths[chunk] / mean))
                )
    best: defaultdict[UUID, float] = defaultdict(float)
    for chunk, document, _, _ in chunks:
        if chunk in scores:
            best[document] = max(best[document], scores[chunk])
    return best


def _number(connection: psycopg.Connection, query: LiteralString, values: Mapping[str, object]) -> int:
    row = connection.execute(query, values).fetchone()
    return int(row[0]) if row else 0
