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
from bench.report import Figure, at_most, median_of, say, show
from bench.scratch import Scratch, opened, scratch_database, understood
from bench.texts import questions
from helpninja_app.answers.evaluation.metrics import percentile
from helpninja_app.knowledge.embedding.minilm import MiniLMEmbedder
from helpninja_app.knowledge.embedding.protocol import Vector
from helpninja_app.knowledge.search import SearchIndex, SearchQuery
from helpninja_app.resources import Resources

QUESTIONS = 500
RUNS = 3
MOST_P50_MS = 20.0
MOST_P99_MS = 60.0
RECALL_AT = 50
_TIE = 1e-6
_WARM_UP = 20
_PEER_QUESTIONS = 100
_VECTORS = "exact vectors (SQL)"
# What each statement of a search is for, by a word that only it has.
_PARTS = {
    "join documents": "look-up of the best (SQL)",
    "lexical_postings": "BM25: postings (SQL)",
    "lexical_segments": "BM25: statistics (SQL)",
    "lexical_tombstones": "BM25: statistics (SQL)",
    "from embeddings": _VECTORS,
}
_EMBEDDING = "embedding of the question"
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
            remembering = resources.knowledge.index
            scanning = SearchIndex(resources.database, vector_memory=0)
            await embedder.load()
            first, _ = await _search_all(resources, remembering, embedder, crowd, asked[:1])
            for index in (remembering, scanning):
                await _search_all(resources, index, embedder, crowd, asked[:_WARM_UP])
            say(f"searching {QUESTIONS} questions, {RUNS} times")
            timed, scanned = _Timings(), _Timings()
            for _ in range(RUNS):
                timed.add(*await _search_all(resources, remembering, embedder, crowd, asked))
                scanned.add(*await _search_all(resources, scanning, embedder, crowd, asked))
            recall = await _recall(resources, crowd, asked)
            peers = await _peers(scratch, embedder, crowd, asked[:_PEER_QUESTIONS])
    show(
        f"Search: {CHUNKS:,} chunks of {CHUNKS * WORKSPACES:,}, {QUESTIONS} questions, median of {RUNS} runs",
        _figures(first[0], timed, scanned, recall, peers),
    )


class _Timings:
    """Milliseconds of each search, and of each part of it, run by run."""

    def __init__(self) -> None:
        self.totals: list[Sequence[float]] = []
        self.parts: list[Mapping[str, Sequence[float]]] = []

    def add(self, totals: Sequence[float], parts: Mapping[str, Sequence[float]]) -> None:
        self.totals.append(totals)
        self.parts.append(parts)

    def part(self, name: str) -> tuple[float, float]:
        runs = [run[name] for run in self.parts if name in run]
        return median_of(runs, 0.5), median_of(runs, 0.99)


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
    resources: Resources,
    index: SearchIndex,
    embedder: _TimedQueries,
    crowd: Crowd,
    asked: Sequence[str],
) -> tuple[list[float], Mapping[str, list[float]]]:
    """Milliseconds of each search, and of each part of it."""
    totals: list[float] = []
    parts: defaultdict[str, list[float]] = defaultdict(list)
    with _statements_timed(resources.database.engine) as statements:
        for question in asked:
            statements.clear()
            embedder.seconds.clear()
            started = time.perf_counter()
            await index.search_question(embedder, crowd.scope, question)
            total = time.perf_counter() - started
            of_this = dict(statements) | {_EMBEDDING: sum(embedder.seconds)}
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
    """The share of the truly nearest chunks that the vector leg alone finds, each document by its best.

    A chunk as near as the last of them, to six digits, is as good as it.
    """
    found_of_all, all_of_them = 0, 0
    embedder = resources.knowledge.embedders.current
    for question in asked:
        vector = await embedder.embed_query(question)
        cosines = _cosines(crowd, vector)
        nearest = np.argsort(-cosines, kind="stable")[:RECALL_AT]
        best: dict[int, int] = {}
        for row in nearest:
            best.setdefault(int(row) // CHUNKS_OF_A_DOCUMENT, int(row))
        query = SearchQuery(vector, weights=(), familiarity=1.0)
        found = await resources.knowledge.index.search(
            crowd.scope, (), understood(query), embedder.name, documents=RECALL_AT
        )
        held = {document.best.chunk for document in found.documents}
        last = cosines[nearest[-1]] + _TIE
        found_of_all += sum(int(crowd.numbers[row]) in held or cosines[row] <= last for row in best.values())
        all_of_them += len(best)
    return found_of_all / all_of_them


def _cosines(crowd: Crowd, vector: Vector) -> Vector:
    rounded = vector.astype(np.float16).astype(np.float32)
    cosines: Vector = crowd.vectors @ (rounded / np.linalg.norm(rounded))
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
    first: float, timed: _Timings, scanned: _Timings, recall: float, peers: Mapping[str, Sequence[float]]
) -> list[Figure]:
    lexical = sum(timed.part(name)[0] for name in timed.parts[0] if name.startswith("BM25"))
    vectors = scanned.part(_VECTORS)[0]
    ts_rank, numpy_ms = percentile(peers["ts_rank"], 0.5), percentile(peers["numpy"], 0.5)
    beside = {
        "BM25: postings (SQL)": f"ts_rank over OR {ts_rank:.1f} ms: whole leg / it {lexical / ts_rank:.2f}",
        _VECTORS: f"numpy in memory {numpy_ms:.1f} ms: ratio {vectors / numpy_ms:.1f}",
    }
    figures = [
        at_most("p50", median_of(timed.totals, 0.5), MOST_P50_MS, "ms"),
        at_most("p99", median_of(timed.totals, 0.99), MOST_P99_MS, "ms"),
        Figure("p50 of each run", ", ".join(f"{statistics.median(run):.1f}" for run in timed.totals) + " ms"),
        Figure("the first of all, which copies the vectors", f"{first:.1f} ms"),
        Figure(
            "p50 / p99 without vectors at hand",
            f"{median_of(scanned.totals, 0.5):.1f} / {median_of(scanned.totals, 0.99):.1f} ms",
        ),
        Figure(f"recall@{RECALL_AT} of the vector leg", f"{recall:.5f}", "1.0", recall == 1.0),
    ]
    # They overlap: words are looked up while the question is embedded.
    for name in (_EMBEDDING, *dict.fromkeys(_PARTS.values())):
        p50, p99 = (scanned if name == _VECTORS else timed).part(name)
        figures.append(Figure(f"p50 / p99: {name}", f"{p50:.1f} / {p99:.1f} ms", peer=beside.get(name, "")))
    return figures
