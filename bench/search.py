"""Search in a workspace of 10,000 chunks inside a table of 200,000: how long, what takes it, how exact."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import psycopg
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.crowd import CHUNKS, CHUNKS_OF_A_DOCUMENT, WORKSPACES, Crowd, fill
from bench.report import Figure, at_least, at_most, median_of, say, show
from bench.scratch import Scratch, opened, scratch_database
from bench.texts import questions
from helpninja_app.answers.evaluation.metrics import percentile
from helpninja_app.knowledge.embedding.minilm import MiniLMEmbedder
from helpninja_app.knowledge.embedding.protocol import Vector
from helpninja_app.knowledge.search import SearchQuery, search, search_question
from helpninja_app.resources import Resources

QUESTIONS = 500
RUNS = 3
MOST_P50_MS = 20.0
MOST_P99_MS = 60.0
RECALL_AT = 50
_WARM_UP = 20
_PEER_QUESTIONS = 100
# What each statement of a search is for, by a word that only it has.
_PARTS = {
    "lexical_postings": "BM25: postings (SQL)",
    "lexical_segments": "BM25: statistics (SQL)",
    "lexical_tombstones": "BM25: statistics (SQL)",
    "from embeddings": "exact vectors (SQL)",
    "from chunks": "look-up of the best (SQL)",
}
_EMBEDDING = "embedding of the question"
_REST = "fusion, transaction, Python"
_OR_QUERY = """
with asked as (select replace(plainto_tsquery('english', %(question)s)::text, '&', '|')::tsquery as words)
select id from chunks, asked where workspace_id = %(workspace)s and lexemes @@ words
order by ts_rank(lexemes, words) desc limit 50
"""


async def run() -> None:
    """Search 500 questions three times over, and print what it took."""
    with scratch_database() as scratch:
        embedder = _TimedQueries()
        async with opened(scratch, embedder=embedder) as resources:
            crowd = await fill(resources, scratch)
            asked = questions(QUESTIONS, seed=5)
            for question in asked[:_WARM_UP]:
                await search_question(resources.database, embedder, crowd.scope, question)
            say(f"searching {QUESTIONS} questions, {RUNS} times")
            totals: list[list[float]] = []
            parts: list[Mapping[str, list[float]]] = []
            for _ in range(RUNS):
                taken, by_part = await _search_all(resources, embedder, crowd, asked)
                totals.append(taken)
                parts.append(by_part)
            recall = await _recall(resources, crowd, asked)
            peers = await _peers(scratch, embedder, crowd, asked[:_PEER_QUESTIONS])
    show(
        f"Search: {CHUNKS:,} chunks of {CHUNKS * WORKSPACES:,}, {QUESTIONS} questions, median of {RUNS} runs",
        _figures(totals, parts, recall, peers),
    )


class _TimedQueries(MiniLMEmbedder):
    """The product's embedder; ``seconds`` of each question."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    async def embed_query(self, text: str) -> Vector:
        started = time.perf_counter()
        try:
            return await super().embed_query(text)
        finally:
            self.seconds.append(time.perf_counter() - started)


async def _search_all(
    resources: Resources, embedder: _TimedQueries, crowd: Crowd, asked: Sequence[str]
) -> tuple[list[float], Mapping[str, list[float]]]:
    """Milliseconds of each search, and of each part of it."""
    totals: list[float] = []
    parts: defaultdict[str, list[float]] = defaultdict(list)
    with _statements_timed(resources.database.engine) as statements:
        for question in asked:
            statements.clear()
            embedder.seconds.clear()
            started = time.perf_counter()
            await search_question(resources.database, embedder, crowd.scope, question)
            total = time.perf_counter() - started
            of_this = dict(statements) | {_EMBEDDING: sum(embedder.seconds)}
            of_this[_REST] = total - sum(of_this.values())
            totals.append(total * 1000)
            for name, seconds in of_this.items():
                parts[name].append(seconds * 1000)
    return totals, parts


@contextmanager
def _statements_timed(engine: AsyncEngine) -> Iterator[defaultdict[str, float]]:
    """Seconds by part of a search, added up from the statements that the product itself sends."""
    seconds: defaultdict[str, float] = defaultdict(float)

    def before(
        _connection: Any, _cursor: Any, _statement: str, _values: Any, context: Any, _many: Any
    ) -> None:
        context.bench_started = time.perf_counter()

    def after(_connection: Any, _cursor: Any, statement: str, _values: Any, context: Any, _many: Any) -> None:
        part = next((name for word, name in _PARTS.items() if word in statement), None)
        if part is not None:
            seconds[part] += time.perf_counter() - context.bench_started

    target = engine.sync_engine
    event.listen(target, "before_cursor_execute", before)
    event.listen(target, "after_cursor_execute", after)
    try:
        yield seconds
    finally:
        event.remove(target, "before_cursor_execute", before)
        event.remove(target, "after_cursor_execute", after)


async def _recall(resources: Resources, crowd: Crowd, asked: Sequence[str]) -> float:
    """The share of the truly nearest chunks that the vector leg alone finds, each document by its best."""
    found_of_all, all_of_them = 0, 0
    embedder = resources.knowledge.embedders.current
    for question in asked:
        vector = await embedder.embed_query(question)
        nearest = np.argsort(-_cosines(crowd, vector), kind="stable")[:RECALL_AT]
        best: dict[int, int] = {}
        for row in nearest:
            best.setdefault(int(row) // CHUNKS_OF_A_DOCUMENT, int(crowd.numbers[row]))
        found = await search(
            resources.database,
            crowd.scope,
            SearchQuery(vector, texts=(), familiarity=1.0),
            embedder.name,
            documents=RECALL_AT,
        )
        expected = set(best.values())
        found_of_all += len(expected & {document.best.chunk for document in found.documents})
        all_of_them += len(expected)
    return found_of_all / all_of_them


def _cosines(crowd: Crowd, vector: Vector) -> Vector:
    rounded = vector.astype(np.float16).astype(np.float32)
    cosines: Vector = crowd.vectors @ rounded
    return cosines


async def _peers(
    scratch: Scratch, embedder: MiniLMEmbedder, crowd: Crowd, asked: Sequence[str]
) -> Mapping[str, list[float]]:
    """Milliseconds of two other ways: ranking by PostgreSQL's ts_rank, and vectors held in memory."""
    peers: dict[str, list[float]] = {"ts_rank": [], "numpy": []}
    with psycopg.connect(scratch.urls.superuser, autocommit=True) as connection:
        for question in asked:
            started = time.perf_counter()
            values = {"question": question, "workspace": crowd.scope.workspace_id}
            connection.execute(_OR_QUERY, values).fetchall()
            peers["ts_rank"].append((time.perf_counter() - started) * 1000)
    for question in asked:
        vector = await embedder.embed_query(question)
        started = time.perf_counter()
        np.argpartition(-_cosines(crowd, vector), RECALL_AT)[:RECALL_AT].sort()
        peers["numpy"].append((time.perf_counter() - started) * 1000)
    return peers


def _figures(
    totals: Sequence[Sequence[float]],
    parts: Sequence[Mapping[str, Sequence[float]]],
    recall: float,
    peers: Mapping[str, Sequence[float]],
) -> list[Figure]:
    def part(name: str) -> tuple[float, float]:
        runs = [run[name] for run in parts if name in run]
        return median_of(runs, 0.5), median_of(runs, 0.99)

    lexical = sum(part(name)[0] for name in parts[0] if name.startswith("BM25"))
    vectors = part("exact vectors (SQL)")[0]
    ts_rank, numpy_ms = percentile(peers["ts_rank"], 0.5), percentile(peers["numpy"], 0.5)
    beside = {
        "BM25: postings (SQL)": f"ts_rank over OR {ts_rank:.1f} ms: whole leg / it {lexical / ts_rank:.2f}",
        "exact vectors (SQL)": f"numpy in memory {numpy_ms:.1f} ms: ratio {vectors / numpy_ms:.1f}",
    }
    figures = [
        at_most("p50", median_of(totals, 0.5), MOST_P50_MS, "ms"),
        at_most("p99", median_of(totals, 0.99), MOST_P99_MS, "ms"),
        Figure("p50 of each run", ", ".join(f"{statistics.median(run):.1f}" for run in totals) + " ms"),
        at_least(f"recall@{RECALL_AT} of the vector leg", recall, 1.0, ""),
    ]
    for name in (_EMBEDDING, *dict.fromkeys(_PARTS.values()), _REST):
        p50, p99 = part(name)
        figures.append(Figure(f"p50 / p99: {name}", f"{p50:.1f} / {p99:.1f} ms", peer=beside.get(name, "")))
    return figures
