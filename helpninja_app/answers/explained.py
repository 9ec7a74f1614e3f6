"""A search explained: exactly what the assistant would find for a question, and what it would do with it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

from helpninja_app.accounts.callers import WorkspaceView
from helpninja_app.answers.pipeline import NOTHING_RELEVANT, Pipeline, Question, Retrieved
from helpninja_app.answers.small_talk import answer_small_talk
from helpninja_app.kernel.scope import Audience, Scope

Verdict = Literal["small_talk", "curated", "answer", "answer_and_hand_over", "hand_over"]


@dataclass(frozen=True, slots=True)
class ExplainedSearch:
    """``retrieved`` has passages with the scores of both legs, the confidence and the curated answer.

    ``verdict`` is what would come of it with the workspace's ``threshold``.
    """

    retrieved: Retrieved
    threshold: float
    verdict: Verdict


async def explain_search(
    pipeline: Pipeline, workspace: WorkspaceView, scope: Scope, question: str, audience: Audience
) -> ExplainedSearch:
    """Search as the assistant would for somebody of ``audience``; ``scope`` is the member's who looks."""
    seen_by = scope if audience is Audience.MEMBERS else Scope.visitors(workspace.id)
    language = workspace.languages[0] if workspace.languages else None
    talk = await asyncio.to_thread(answer_small_talk, question, language=language)
    retrieved = await pipeline.retrieve(seen_by, Question(question, languages=workspace.languages))
    verdict = "small_talk" if talk is not None else _verdict(retrieved, workspace.confidence_threshold)
    return ExplainedSearch(retrieved, workspace.confidence_threshold, verdict)


def _verdict(retrieved: Retrieved, threshold: float) -> Verdict:
    probability = retrieved.confidence.probability
    if retrieved.curated is not None:
        return "curated"
    if not retrieved.passages or probability < NOTHING_RELEVANT:
        return "hand_over"
    return "answer" if probability >= threshold else "answer_and_hand_over"
