"""A search explained: exactly what would be found for a question, and what would be done with it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

from helpninja_app.accounts.callers import WorkspaceView
from helpninja_app.answers.catalogue import Model
from helpninja_app.answers.pipeline import (
    MEMBERS_PASSAGES,
    NOTHING_RELEVANT,
    QUOTABLE,
    Pipeline,
    Question,
    Retrieved,
)
from helpninja_app.answers.small_talk import SmallTalk, SmallTalkKind, answer_small_talk
from helpninja_app.kernel.scope import Audience, Scope

Verdict = Literal[
    "small_talk", "person", "curated", "answer", "answer_and_hand_over", "hand_over", "nothing_found"
]


@dataclass(frozen=True, slots=True)
class ExplainedSearch:
    """``retrieved`` has passages with the scores of both legs, the confidence and the curated answer.

    ``verdict`` is what would come of it: of a visitor's question with the workspace's ``threshold``, of a
    member's in the chat about all documents, which calls nobody.
    """

    retrieved: Retrieved
    threshold: float
    verdict: Verdict


async def explain_search(
    pipeline: Pipeline,
    workspace: WorkspaceView,
    scope: Scope,
    question: str,
    audience: Audience,
    *,
    members_model: Model,
) -> ExplainedSearch:
    """Search as would be done for somebody of ``audience``; ``scope`` is the member's who looks.

    ``members_model`` is the model of a chat that names none; visitors are answered by the pipeline's.
    """
    asked, threshold = Question(question, languages=workspace.languages), workspace.confidence_threshold
    # Members have no person to ask for.
    language = asked.language if audience is Audience.VISITORS else None
    talk = await asyncio.to_thread(answer_small_talk, question, language=language)
    if audience is Audience.MEMBERS:
        retrieved = await pipeline.retrieve(scope, asked, passages=MEMBERS_PASSAGES)
        return ExplainedSearch(retrieved, threshold, _for_members(retrieved, talk, members_model))
    retrieved = await pipeline.retrieve(Scope.visitors(workspace.id), asked)
    return ExplainedSearch(retrieved, threshold, _for_visitors(retrieved, talk, pipeline, threshold))


def _for_visitors(
    retrieved: Retrieved, talk: SmallTalk | None, pipeline: Pipeline, threshold: float
) -> Verdict:
    if talk is not None:
        return "person" if talk.kind is SmallTalkKind.PERSON else "small_talk"
    if retrieved.curated is not None:
        return "curated"
    probability = retrieved.confidence.probability
    least = QUOTABLE if pipeline.is_offline or retrieved.query.is_degraded else NOTHING_RELEVANT
    if not retrieved.passages or probability < least:
        return "hand_over"
    return "answer" if probability >= threshold else "answer_and_hand_over"


def _for_members(retrieved: Retrieved, talk: SmallTalk | None, model: Model) -> Verdict:
    """A model is told of whatever was found; the offline model only quotes, and only what fits."""
    if retrieved.curated is not None:
        return "curated"
    if model.is_offline and talk is not None and talk.kind is not SmallTalkKind.PERSON:
        return "small_talk"
    is_quotable = not model.is_offline or retrieved.confidence.probability >= QUOTABLE
    return "answer" if retrieved.passages and is_quotable else "nothing_found"
