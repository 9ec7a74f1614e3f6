"""The one door to what a workspace knows: chat, widget, dashboard and evaluation all search here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import numpy as np
import numpy.typing as npt

from helpninja_app.kernel.database import Database, Statement, run_for_rows
from helpninja_app.kernel.scope import Audience, Scope
from helpninja_app.kernel.telemetry import SEARCH_SECONDS
from helpninja_app.knowledge.chunk_rows import (
    ChunkRow,
    ChunkRows,
    all_of,
    all_statement,
    found_statement,
    numbers_of,
    numbers_statement,
    rows_of,
    states_statement,
)
from helpninja_app.knowledge.curated_matching import CuratedMatch, best_curated, curated_statement
from helpninja_app.knowledge.embedding.protocol import Embedder
from helpninja_app.knowledge.lexical_search import (
    LexicalReading,
    lexical_reading,
    lexical_statements,
)
from helpninja_app.knowledge.ranking import (
    Located,
    Passage,
    ScoredChunk,
    best_per_document,
    fuse,
    merge_neighbours,
)
from helpninja_app.knowledge.vector_search import (
    Nearest,
    Numbers,
    RememberedVectors,
    VectorMemory,
    nearest_of,
    nearest_statement,
)

Vector = npt.NDArray[np.float32]

# How many fused chunks are looked up: ten documents of five chunks each.
CANDIDATES = 50
# All chunks of chosen documents that have no more are read at once: so many would be looked up anyway.
_READ_WHOLE = CANDIDATES

_NOTHING_NEAR: Nearest = (np.zeros(0, dtype=np.int64), np.zeros(0))
Run = Callable[[Statement], Awaitable[Sequence[Any]]]
"""Runs a statement and gives its rows."""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """How the texts that are searched for are to be taken.

    ``vector`` is the unit vector of shape ``(dimension,)``, zero where only words count; ``weights`` says for
    each of the texts how much its words count; ``familiarity`` (0..1) is the share of the question that the
    embedder knows; ``is_degraded`` that the embedder could not be reached.
    ``question`` is the vector of the question alone, without its conversation.
    """

    vector: Vector
    weights: tuple[float, ...]
    familiarity: float
    is_degraded: bool = False
    question: Vector | None = None


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
    audience: Audience


@dataclass(frozen=True, slots=True)
class FoundDocument:
    """A document with its best chunk."""

    document_id: UUID
    best: ScoredChunk


@dataclass(frozen=True, slots=True)
class SearchResult:
    """``passages`` to answer from and ``documents`` to rank, both best first.

    ``states`` are those of the documents to look in, as far as there are such, by their ids.
    """

    passages: tuple[FoundPassage, ...]
    documents: tuple[FoundDocument, ...]
    states: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What was read while the question was still being embedded."""

    lexical: LexicalReading
    remembered: RememberedVectors | None
    only: Numbers | None = None
    rows: ChunkRows | None = None
    states: Mapping[str, str] = field(default_factory=dict)


class SearchIndex:
    """BM25 and exact vectors over what a scope may see of its workspace, fused."""

    def __init__(self, database: Database, *, vector_memory: int) -> None:
        """``vector_memory`` is how many bytes of vectors this process may keep at hand."""
        self._database = database
        self._memory = VectorMemory(vector_memory)

    async def search(
        self,
        scope: Scope,
        texts: Sequence[str],
        understanding: Awaitable[SearchQuery],
        model: str,
        *,
        passages: int = 5,
        documents: int = 10,
        only: Collection[UUID] | None = None,
    ) -> SearchResult:
        """Search for ``texts``, whose words are looked up while ``understanding`` finds vector and weights.

        ``model`` names the embedder that makes the vector; ``only`` are the documents to look in, all of
        them without it. All that is found was there at one moment: a
        document that is swapped meanwhile is found in its old or in its new form, never in neither.
        ``understanding`` is awaited outside of any transaction.
        """
        started = time.perf_counter()
        if scope.workspace_id is None:
            return SearchResult((), ())
        query, reading = await _both(understanding, self._read(scope, texts, model, only))

        async def run(statement: Statement) -> Sequence[Any]:
            return (await self._database.rows_at_once(scope, statement))[0]

        found, edition = await _find(run, scope, query, model, reading, passages, documents)
        if edition != reading.lexical.edition:
            # Something was stored in between. Once more, in one snapshot, which costs some milliseconds.
            async with self._database.unit_of_work(scope, consistent=True) as session:
                run = partial(run_for_rows, session)
                statistics, postings = lexical_statements(scope, texts)
                lexical = lexical_reading(await run(statistics), await run(postings))
                chunks = None if only is None else numbers_of(await run(numbers_statement(scope, only)))
                reading = replace(reading, lexical=lexical, remembered=None, only=chunks, rows=None)
                found, _ = await _find(run, scope, query, model, reading, passages, documents)
        SEARCH_SECONDS.observe(time.perf_counter() - started)
        return replace(found, states=reading.states)

    async def search_question(
        self, embedder: Embedder, scope: Scope, question: str, *, passages: int = 5
    ) -> SearchResult:
        """Search for a single question without a conversation before it."""

        understanding = asyncio.ensure_future(_understand_alone(embedder, question))
        try:
            return await self.search(
                scope,
                (question,),
                understanding,
                embedder.name,
                passages=passages,
            )
        finally:
            understanding.cancel()

    async def match_curated(
        self, scope: Scope, question: str, vector: Vector | None, model: str
    ) -> CuratedMatch | None:
        """The curated answer that a question is for, of those that the scope may see."""
        if scope.workspace_id is None:
            return None
        asking = curated_statement(scope, question, vector, model)
        return best_curated((await self._database.rows_at_once(scope, asking))[0])

    async def _read(
        self, scope: Scope, texts: Sequence[str], model: str, only: Collection[UUID] | None
    ) -> _Reading:
        asking = lexical_statements(scope, texts)
        if only is not None:
            counted, found, states, numbers, chunks = await self._database.rows_at_once(
                scope,
                *asking,
                states_statement(scope, only),
                numbers_statement(scope, only),
                all_statement(scope, only, model, most=_READ_WHOLE),
            )
            rows, remembered = all_of(chunks)
            lexical = lexical_reading(counted, found)
            return _Reading(lexical, remembered, numbers_of(numbers), rows, states[0].states)
        lexical = lexical_reading(*await self._database.rows_at_once(scope, *asking))
        remembered = self._memory.at_hand(scope, model, lexical.edition)
        if remembered is None and self._memory.is_worth_it(lexical.chunk_count):
            async with self._database.unit_of_work(scope) as session:
                remembered = await self._memory.read(
                    session, scope, model, lexical.edition, chunks=lexical.chunk_count
                )
        return _Reading(lexical, remembered)


async def _understand_alone(embedder: Embedder, question: str) -> SearchQuery:
    return SearchQuery(await embedder.embed_query(question), (1.0,), embedder.coverage(question))


async def _find(
    run: Run,
    scope: Scope,
    query: SearchQuery,
    model: str,
    reading: _Reading,
    passages: int,
    documents: int,
) -> tuple[SearchResult, str]:
    """What is found, and the edition that its texts were read from."""
    dense = _NOTHING_NEAR
    if np.any(query.vector):
        if reading.remembered is not None:
            dense = await reading.remembered.nearest(query.vector)
        else:
            dense = nearest_of(await run(nearest_statement(scope, model, query.vector, only=reading.only)))
    lexical = reading.lexical.score(query.weights)
    if reading.only is not None:
        lexical = lexical.among(reading.only)
    fused = fuse(dense, lexical, familiarity=query.familiarity, top=CANDIDATES)
    read = reading.rows or rows_of(await run(found_statement(scope, [hit.chunk for hit in fused])))
    rows = read.rows
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
    return found, read.edition


def _joined(rows: Sequence[ChunkRow], passage: Passage) -> FoundPassage:
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
        audience=first.audience,
    )


One = TypeVar("One")
Other = TypeVar("Other")


async def _both(one: Awaitable[One], other: Coroutine[Any, Any, Other]) -> tuple[One, Other]:
    """The results of both, run at the same time; when one fails the other is stopped."""
    task = asyncio.create_task(other)
    try:
        return await one, await task
    except BaseException:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise
