"""``/api/search``: what the assistant would find for a question, and why."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from api_routes.bodies import Body, json_body, read_json
from api_routes.identity import resources_of, staff_caller
from api_routes.problems import documented
from helpninja_app.accounts.callers import require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.answers.explained import ExplainedSearch, Verdict, explain_search
from helpninja_app.answers.pipeline import Pipeline
from helpninja_app.kernel.scope import Audience

router = APIRouter(tags=["Knowledge"])


class SearchBody(Body):
    tenantId: str | None = None
    query: str = Field(min_length=1, max_length=1000, examples=["Can I return worn boots?"])
    audience: Literal["visitors", "members"] = "visitors"


class SearchHit(BaseModel):
    """``dense`` is the cosine, ``lexical`` the BM25 score, ``score`` both fused, relative to the best."""

    documentId: str
    title: str
    url: str | None
    headingPath: list[str]
    text: str
    score: float
    dense: float
    lexical: float
    coverage: float
    audience: Literal["visitors", "members"]


class CuratedHit(BaseModel):
    id: str
    question: str
    phrasing: str
    answer: str
    score: float
    dense: float
    lexical: float


class Explained(BaseModel):
    """``confidence`` is how likely the passages answer; ``degraded`` when only words could be compared."""

    confidence: float
    threshold: float
    verdict: Verdict
    degraded: bool
    passages: list[SearchHit]
    curated: CuratedHit | None


@router.post(
    "/api/search",
    response_model=Explained,
    responses=documented(401, 403, 404, 413, 415, 422, 429),
    openapi_extra=json_body(SearchBody),
)
async def search(request: Request) -> Explained:
    """What the assistant would answer from for visitors or members, with the scores of both legs.

    ``verdict`` is for members that of a chat which names no model.
    """
    body = await read_json(request)
    caller = await staff_caller(request, body.text("tenantId"))
    require(caller, Permission.READ_KNOWLEDGE)
    wished = body.parse(SearchBody)
    resources = resources_of(request)
    embedder = resources.knowledge.embedders.of(caller.workspace.embedding_model)
    pipeline = Pipeline(resources.knowledge.index, embedder, resources.answerers)
    return _result(
        await explain_search(
            pipeline,
            caller.workspace,
            caller.scope,
            wished.query,
            Audience(wished.audience),
            members_model=resources.default_model(),
        )
    )


def _result(explained: ExplainedSearch) -> Explained:
    retrieved = explained.retrieved
    match = retrieved.curated
    return Explained(
        confidence=retrieved.confidence.probability,
        threshold=explained.threshold,
        verdict=explained.verdict,
        degraded=retrieved.query.is_degraded,
        passages=[
            SearchHit(
                documentId=str(found.document_id),
                title=found.title,
                url=found.url,
                headingPath=list(found.heading_path),
                text=found.text,
                score=found.score,
                dense=found.dense,
                lexical=found.lexical,
                coverage=found.coverage,
                audience=found.audience.value,
            )
            for found in retrieved.result.passages
        ],
        curated=None
        if match is None
        else CuratedHit(
            id=str(match.answer_id),
            question=match.question,
            phrasing=match.phrasing,
            answer=match.answer,
            score=match.score,
            dense=match.dense,
            lexical=match.lexical,
        ),
    )
