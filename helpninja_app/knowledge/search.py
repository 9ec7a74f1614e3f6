"""The one door to what a workspace knows: chat, widget, dashboard and evaluation all search here."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import numpy.typing as npt
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.kernel.database import Database
from helpninja_app.kernel.scope import Audience, Scope
from helpninja_app.kernel.telemetry import SEARCH_SECONDS
from helpninja_app.knowledge.embedding.protocol import Embedder
from helpninja_app.knowledge.languages import search_text
from helpninja_app.knowledge.ranking import (
    Collection,
    LexicalScores,
    Located,
    Passage,
    ScoredChunk,
    Term,
    best_per_document,
    fuse,
    merge_neighbours,
    score_postings,
)

Vector = npt.NDArray[np.float32]

# How many nearest chunks the vector leg hands over: enough that the fused best are among them.
NEAREST = 200
# How many fused chunks are looked up: ten documents of five chunks each.
CANDIDATES = 50

_TERMS = text(
    """
    select word.config, word.lexeme, word.weight, postings.postings
    from (
      select used.config, term.lexeme, max(part.weight) as weight
      from (select distinct config from lexical_segments
            where workspace_id = :workspace and audience = any(:audiences)) as used
      cross join unnest(cast(:texts as text[]), cast(:weights as float8[])) as part (words, weight)
      cross join lateral unnest(to_tsvector(cast(used.config as regconfig), part.words)) as term
      group by used.config, term.lexeme
    ) as word
    left join lexical_postings postings
      on postings.workspace_id = :workspace and postings.lexeme = word.lexeme
     and postings.config = word.config and postings.audience = any(:audiences)
    """
)
_COLLECTIONS = text(
    """
    select config, sum(chunks)::bigint as chunks, sum(length)::bigint as length,
           coalesce(array_agg(dead) filter (where dead is not null), '{}') as dead
    from (
      select config, chunk_count as chunks, total_length as length, null::bigint as dead
      from lexical_segments where workspace_id = :workspace and audience = any(:audiences)
      union all
      select config, -1, -length, chunk_id from lexical_tombstones
      where workspace_id = :workspace and audience = any(:audiences)
    ) as counted group by config
    """
)
# The cosine is made of the few that are left: in one select the distance would be computed twice a row.
_NEAREST = text(
    """
    select chunk_id, 1 - distance as cosine from (
      select chunk_id, vector <=> cast(:vector as halfvec) as distance from embeddings
      where workspace_id = :workspace and model = :model and audience = any(:audiences)
      order by distance limit :nearest
    ) as nearest
    """
)
_LOOK_UP = text(
    """
    select c.id, c.document_id, c.position, c.text, c.heading_path, d.title, d.url, d.filename
    from chunks c join documents d on d.workspace_id = c.workspace_id and d.id = c.document_id
    where c.workspace_id = :workspace and c.id = any(:ids) and c.audience = any(:audiences)
    """
)


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What is searched for.

    ``vector`` is the unit vector of shape ``(dimension,)``; ``texts`` are the words that count, with their
    weights; ``familiarity`` (0..1) is the share of the question that the embedder knows.
    """

    vector: Vector
    texts: tuple[tuple[str, float], ...]
    familiarity: float


@dataclass(frozen=True, slots=True)
class FoundPassage:
    """Neighbouring chunks of a document, as one text, with the scores of the best of them.

    ``score``, ``dense``, ``lexical`` and ``coverage`` are those of ``ranking.ScoredChunk``.
    """

    document_id: UUID
    title: str
    url: str | None
    heading_path: tuple[str, ...]
    text: str
    score: float
    dense: float
    lexical: float
    coverage: float


@dataclass(frozen=True, slots=True)
class FoundDocument:
    """A document with its best chunk."""

    document_id: UUID
    best: ScoredChunk


@dataclass(frozen=True, slots=True)
class SearchResult:
    """``passages`` to answer from and ``documents`` to rank, both best first."""

    passages: tuple[FoundPassage, ...]
    documents: tuple[FoundDocument, ...]


async def search_question(
    database: Database, embedder: Embedder, scope: Scope, question: str, *, passages: int = 5
) -> SearchResult:
    """Search for a single question without a conversation before it."""
    query = SearchQuery(await embedder.embed_query(question), ((question, 1.0),), embedder.coverage(question))
    return await search(database, scope, query, embedder.name, passages=passages)


async def search(
    database: Database,
    scope: Scope,
    query: SearchQuery,
    model: str,
    *,
    passages: int = 5,
    documents: int = 10,
) -> SearchResult:
    """BM25 and exact vector search over what ``scope`` may see of its workspace, fused.

    ``model`` names the embedder that made the query's vector. Both legs read one snapshot, so that a document
    that is swapped meanwhile is found in its old or in its new form, never in neither.
    """
    started = time.perf_counter()
    if scope.workspace_id is None:
        return SearchResult((), ())
    async with database.unit_of_work(scope, consistent=True) as session:
        lexical = await _lexical_leg(session, scope, query)
        dense = await _vector_leg(session, scope, query, model)
        fused = fuse(dense, lexical, familiarity=query.familiarity, top=CANDIDATES)
        rows = await _look_up(session, scope, [hit.chunk for hit in fused])
    located = [
        Located(hit, str(rows[hit.chunk].document_id), rows[hit.chunk].position)
        for hit in fused
        if hit.chunk in rows
    ]
    found = SearchResult(
        passages=tuple(
            _joined([rows[chunk] for chunk in passage.chunks], passage)
            for passage in merge_neighbours(located, limit=passages)
        ),
        documents=tuple(
            FoundDocument(UUID(hit.document), hit.hit) for hit in best_per_document(located, limit=documents)
        ),
    )
    SEARCH_SECONDS.observe(time.perf_counter() - started)
    return found


@dataclass(frozen=True, slots=True)
class _Row:
    document_id: UUID
    position: int
    text: str
    heading_path: tuple[str, ...]
    title: str
    url: str | None


async def _lexical_leg(session: AsyncSession, scope: Scope, query: SearchQuery) -> LexicalScores:
    values = {"workspace": scope.workspace_id, "audiences": _audiences(scope)}
    texts = [search_text(words).replace("\x00", "") for words, _ in query.texts]
    found = await session.execute(
        _TERMS, values | {"texts": texts, "weights": [weight for _, weight in query.texts]}
    )
    segments: dict[tuple[str, str, float], list[bytes]] = {}
    for row in found:
        postings = segments.setdefault((row.config, row.lexeme, row.weight), [])
        if row.postings is not None:
            postings.append(row.postings)
    counted = (await session.execute(_COLLECTIONS, values)).all()
    return score_postings(
        [Term(config, postings, weight) for (config, _, weight), postings in segments.items()],
        collections={row.config: Collection(row.chunks, row.length) for row in counted},
        tombstones=np.array([chunk for row in counted for chunk in row.dead], dtype=np.int64),
    )


async def _vector_leg(
    session: AsyncSession, scope: Scope, query: SearchQuery, model: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    if not np.any(query.vector):
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    found = await session.execute(
        _NEAREST,
        {
            "workspace": scope.workspace_id,
            "audiences": _audiences(scope),
            "model": model,
            "vector": f"[{','.join(map(str, query.vector.tolist()))}]",
            "nearest": NEAREST,
        },
    )
    rows = found.all()
    return (
        np.array([row.chunk_id for row in rows], dtype=np.int64),
        np.array([row.cosine for row in rows], dtype=np.float64),
    )


async def _look_up(session: AsyncSession, scope: Scope, ids: Sequence[int]) -> dict[int, _Row]:
    if not ids:
        return {}
    found = await session.execute(
        _LOOK_UP,
        {"workspace": scope.workspace_id, "ids": list(ids), "audiences": _audiences(scope)},
    )
    return {
        row.id: _Row(
            document_id=row.document_id,
            position=row.position,
            text=row.text,
            heading_path=tuple(row.heading_path),
            title=row.title or row.filename or row.url or "",
            url=row.url,
        )
        for row in found
    }


def _joined(rows: Sequence[_Row], passage: Passage) -> FoundPassage:
    first = rows[0]
    return FoundPassage(
        document_id=first.document_id,
        title=first.title,
        url=first.url,
        heading_path=first.heading_path,
        text="\n\n".join(row.text for row in rows),
        score=passage.score,
        dense=passage.dense,
        lexical=passage.lexical,
        coverage=passage.coverage,
    )


def _audiences(scope: Scope) -> list[str]:
    # Row-level security holds the same; here it is said where a reader looks for it.
    if scope.audience is Audience.MEMBERS:
        return [Audience.VISITORS.value, Audience.MEMBERS.value]
    return [Audience.VISITORS.value]
