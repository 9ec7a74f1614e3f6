"""Runs labelled questions through the product's own search and answerability and measures the result."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from helpninja_app.accounts.workspaces import create_workspace, delete_workspace
from helpninja_app.answers.confidence import extract_features
from helpninja_app.answers.evaluation.dataset import LabelledDocument, LabelledQuestion
from helpninja_app.answers.evaluation.fit_confidence import FeatureRow
from helpninja_app.answers.evaluation.metrics import (
    auroc,
    expected_calibration_error,
    ndcg,
    percentile,
    recall,
    reciprocal_rank,
)
from helpninja_app.answers.pipeline import Pipeline, Question, Retrieved
from helpninja_app.kernel.database import Database, new_id
from helpninja_app.kernel.scope import Audience, Scope
from helpninja_app.knowledge.indexing import prepare_document, swap_document
from helpninja_app.knowledge.models import Document, DocumentStatus, Source, SourceKind
from helpninja_app.knowledge.ranking import fuse_again
from helpninja_app.knowledge.tools import KnowledgeTools

Report = Callable[[str, int, int], None]
"""Told what is being done, how many are done and how many there are."""

# What an interrupted evaluation leaves behind is removed after this.
LIFETIME = timedelta(days=1)
RANKED = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question as the product saw it; ``ranked`` are the ids of the best documents with their scores."""

    question: LabelledQuestion
    ranked: tuple[tuple[str, float], ...]
    confidence: float
    is_answerable: bool
    milliseconds: float
    rows: tuple[FeatureRow, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """Figures over all questions; ``None`` where the set cannot show them, as AUROC without both kinds."""

    questions: int
    ndcg_at_10: float | None
    recall_at_5: float | None
    mrr_at_10: float | None
    auroc: float | None
    calibration_error: float | None
    p50_ms: float
    p99_ms: float
    questions_per_second: float


@asynccontextmanager
async def throw_away_workspace(
    tools: KnowledgeTools, documents: Sequence[LabelledDocument], report: Report
) -> AsyncIterator[tuple[Scope, dict[UUID, str]]]:
    """A workspace that holds ``documents`` while the block runs; gives the names of its documents by id."""
    database, embedder = tools.database, tools.embedders.current
    async with database.unit_of_work() as session:
        workspace = await create_workspace(
            session,
            slug=f"evaluation-{new_id().hex}",
            name="Evaluation",
            embedding_model=embedder.name,
            lifetime=LIFETIME,
        )
        source = Source(
            workspace_id=workspace.id,
            kind=SourceKind.FILE.value,
            location="evaluation",
            audience=Audience.VISITORS.value,
        )
        session.add(source)
    scope = Scope.members(workspace.id)
    try:
        names: dict[UUID, str] = {}
        for done, document in enumerate(documents):
            report("reading documents", done, len(documents))
            document_id = new_id()
            names[document_id] = document.id
            prepared = await prepare_document(
                tools, embedder, workspace.id, title=document.title, markdown=document.text
            )
            async with database.unit_of_work(scope) as session:
                session.add(
                    Document(
                        workspace_id=workspace.id,
                        id=document_id,
                        source_id=source.id,
                        filename=document.id[:255],
                        audience=Audience.VISITORS.value,
                        status=DocumentStatus.PROCESSING.value,
                    )
                )
                await session.flush()
                await swap_document(session, workspace.id, document_id, prepared)
        yield Scope.visitors(workspace.id), names
    finally:
        async with database.unit_of_work() as session:
            await delete_workspace(session, workspace.id)


async def names_by_url(database: Database, scope: Scope) -> dict[UUID, str]:
    """The addresses of a workspace's documents by id: what users' own questions name."""
    async with database.unit_of_work(scope) as session:
        found = await session.execute(
            select(col(Document.id), col(Document.url)).where(
                col(Document.workspace_id) == scope.workspace_id, col(Document.url).is_not(None)
            )
        )
        return {document_id: url for document_id, url in found.tuples() if url is not None}


async def ask_all(
    pipeline: Pipeline,
    scope: Scope,
    questions: Sequence[LabelledQuestion],
    names: dict[UUID, str],
    report: Report,
    *,
    source: str = "",
    languages: tuple[str, ...] = (),
) -> list[Outcome]:
    """Ask every question, one after the other, as a visitor would be answered."""
    outcomes: list[Outcome] = []
    for done, question in enumerate(questions):
        report("asking questions", done, len(questions))
        started = time.perf_counter()
        retrieved = await pipeline.retrieve(
            scope, Question(question.text, history=question.history, languages=languages)
        )
        elapsed = (time.perf_counter() - started) * 1000
        outcomes.append(
            Outcome(
                question=question,
                ranked=tuple(
                    (names[item.document_id], item.best.score)
                    for item in retrieved.result.documents[:RANKED]
                    if item.document_id in names
                ),
                confidence=retrieved.confidence.probability,
                is_answerable=retrieved.confidence.is_answerable(),
                milliseconds=elapsed,
                rows=_rows(question, retrieved, names, source),
            )
        )
    return outcomes


def summarise(outcomes: Sequence[Outcome]) -> Summary:
    """The figures of an evaluation; rankings count only questions that name what is relevant."""
    ranked = [
        ([name for name, _ in outcome.ranked], outcome.question.relevant)
        for outcome in outcomes
        if outcome.question.relevant
    ]
    labels = [outcome.question.answerable for outcome in outcomes]
    confidences = [outcome.confidence for outcome in outcomes]
    times = [outcome.milliseconds for outcome in outcomes]
    is_judgeable = len(set(labels)) == 2
    return Summary(
        questions=len(outcomes),
        ndcg_at_10=_mean([ndcg(names, relevant) for names, relevant in ranked]),
        recall_at_5=_mean([recall(names, relevant) for names, relevant in ranked]),
        mrr_at_10=_mean([reciprocal_rank(names, relevant) for names, relevant in ranked]),
        auroc=auroc(confidences, labels) if is_judgeable else None,
        calibration_error=expected_calibration_error(confidences, labels) if outcomes else None,
        p50_ms=percentile(times, 0.5) if times else 0.0,
        p99_ms=percentile(times, 0.99) if times else 0.0,
        questions_per_second=1000 * len(times) / sum(times) if times else 0.0,
    )


def write_outcomes(path: Path, outcomes: Sequence[Outcome]) -> None:
    """One JSON line for each question: id, ranked, confidence, answerable, ms."""
    with path.open("w", encoding="utf-8") as file:
        for outcome in outcomes:
            row = {
                "id": outcome.question.id,
                "ranked": [{"id": name, "score": round(score, 6)} for name, score in outcome.ranked],
                "confidence": round(outcome.confidence, 6),
                "answerable": outcome.is_answerable,
                "ms": round(outcome.milliseconds, 2),
            }
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _rows(
    question: LabelledQuestion, retrieved: Retrieved, names: dict[UUID, str], source: str
) -> tuple[FeatureRow, ...]:
    """What the confidence is fitted on: the question as labelled, and as it would be without its documents.

    Taking the right documents away makes an unanswerable question of an answerable one, so that a set without
    any can teach what it looks like when the knowledge has a gap.
    """
    found = retrieved.result.documents
    kinds = [(question.answerable, [item.best for item in found], False)]
    if question.answerable and question.relevant:
        rest = [item.best for item in found if names.get(item.document_id) not in question.relevant]
        kinds.append((False, rest, True))
    rows: list[FeatureRow] = []
    for is_answerable, documents, is_made in kinds:
        familiarity = retrieved.query.familiarity
        features = extract_features(fuse_again(documents, familiarity=familiarity), familiarity=familiarity)
        if features is not None:
            rows.append(FeatureRow(features, is_answerable, question.group or source, source, is_made))
    return tuple(rows)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
