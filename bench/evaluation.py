"""Search and confidence on labelled sets, beside BM25 alone and vectors alone on the same index."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import numpy as np

from bench.report import Figure, at_least, say, show
from bench.scratch import Scratch, opened, scratch_database, understood
from helpninja_app.answers.evaluation.dataset import LabelledQuestion, load_dataset
from helpninja_app.answers.evaluation.metrics import ndcg, recall
from helpninja_app.answers.evaluation.run import RANKED, Summary, ask_all, summarise, throw_away_workspace
from helpninja_app.answers.pipeline import Pipeline, Question
from helpninja_app.answers.standalone import standalone_query
from helpninja_app.kernel.scope import Scope
from helpninja_app.resources import Resources

FEWEST_A_SECOND = 10.0


async def run(folders: Sequence[Path]) -> None:
    """Evaluate each labelled set (``corpus.jsonl`` and ``queries.jsonl``) and print a table for it."""
    with scratch_database() as scratch:
        for folder in folders:
            await _evaluate(scratch, folder)


async def _evaluate(scratch: Scratch, folder: Path) -> None:
    labelled = load_dataset(folder)
    async with opened(scratch) as resources:
        embedder = resources.knowledge.embedders.current
        pipeline = Pipeline(resources.knowledge.index, embedder, resources.answerers)
        async with throw_away_workspace(resources.knowledge, labelled.documents, _report) as (
            scope,
            names,
        ):
            outcomes = await ask_all(pipeline, scope, labelled.questions, names, _report)
            peers = await _peers(resources, pipeline, scope, labelled.questions, names)
    show(
        f"Evaluation: {labelled.name}, {len(labelled.questions):,} questions over"
        f" {len(labelled.documents):,} documents",
        _figures(summarise(outcomes), peers),
    )


async def _peers(
    resources: Resources,
    pipeline: Pipeline,
    scope: Scope,
    questions: Sequence[LabelledQuestion],
    names: Mapping[UUID, str],
) -> Mapping[str, tuple[float, float]]:
    """nDCG@10 and recall@5 of each leg alone, for the same standalone questions."""
    rankings: dict[str, list[tuple[float, float]]] = {"BM25 alone": [], "vectors alone": []}
    asked = [question for question in questions if question.relevant]
    for done, question in enumerate(asked):
        _report("asking each leg alone", done, len(asked))
        query = (await pipeline.retrieve(scope, Question(question.text, history=question.history))).query
        texts = standalone_query(question.text, question.history).texts
        legs = {
            "BM25 alone": (texts, replace(query, vector=np.zeros_like(query.vector), familiarity=0.0)),
            "vectors alone": ((), replace(query, weights=(), familiarity=1.0)),
        }
        for name, (words, leg) in legs.items():
            found = await resources.knowledge.index.search(
                scope,
                words,
                understood(leg),
                resources.knowledge.embedders.current.name,
                documents=RANKED,
            )
            ranked = [names[document.document_id] for document in found.documents]
            rankings[name].append((ndcg(ranked, question.relevant), recall(ranked, question.relevant)))
    return {
        name: (statistics.fmean(pair[0] for pair in pairs), statistics.fmean(pair[1] for pair in pairs))
        for name, pairs in rankings.items()
        if pairs
    }


def _figures(summary: Summary, peers: Mapping[str, tuple[float, float]]) -> list[Figure]:
    def shown(value: float | None) -> str:
        return "–" if value is None else f"{value:.3f}"

    def beside(place: int) -> str:
        return ", ".join(f"{name} {figures[place]:.3f}" for name, figures in peers.items())

    bm25 = peers.get("BM25 alone")
    ranking = Figure("nDCG@10", shown(summary.ndcg_at_10), peer=beside(0))
    if bm25 is not None and summary.ndcg_at_10 is not None:
        ranking = replace(
            ranking,
            target=f">= BM25 alone ({bm25[0]:.3f})",
            # To the digits shown: chunks of equal BM25 come in another order, which decides nothing.
            is_met=round(summary.ndcg_at_10, 3) >= round(bm25[0], 3),
        )
    return [
        ranking,
        Figure("recall@5", shown(summary.recall_at_5), peer=beside(1)),
        Figure("MRR@10", shown(summary.mrr_at_10)),
        Figure("AUROC of confidence", shown(summary.auroc)),
        Figure("expected calibration error", shown(summary.calibration_error)),
        Figure("p50 / p99", f"{summary.p50_ms:.1f} / {summary.p99_ms:.1f} ms"),
        at_least("questions a second", summary.questions_per_second, FEWEST_A_SECOND, "a second"),
    ]


def _report(what: str, done: int, total: int) -> None:
    if done % 200 == 0:
        say(f"{what}: {done} of {total}")
