"""The models that a caller may chat with: ``/api/models``."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from api_routes.identity import resources_of, staff_with
from api_routes.problems import documented
from helpninja_app.accounts.callers import StaffCaller
from helpninja_app.accounts.permissions import Permission
from helpninja_app.answers.catalogue import Choice
from helpninja_app.billing.plans import PlanName

router = APIRouter(tags=["Models"])


class ModelInfo(BaseModel):
    id: str
    label: str
    provider: str = Field(description="`openai`, `anthropic`, `offline`, or the name of a configured server.")
    context: int = Field(description="Tokens of question and answer together.")
    plan: PlanName = Field(description="The first plan that has it.")
    creditsPer1000: int = Field(description="Credits for each 1,000 tokens begun, read and written.")
    capabilities: list[Literal["images", "reasoning"]]
    endOfLife: str | None = Field(description="The day the provider shuts it down.")
    isDefault: bool = Field(description="Whether a chat that names no model gets it.")
    locked: Literal["plan", "setting"] | None = Field(
        description="`plan`: asking for it is 403. `setting`: its provider has no key here, and it is 503."
    )
    reason: str | None = Field(description="Why it is locked, in a sentence.")


class ModelList(BaseModel):
    models: list[ModelInfo]


@router.get(
    "/api/models",
    response_model=ModelList,
    summary="Models to chat with",
    responses=documented(401, 403, 404, 422, 429),
)
async def models(
    request: Request,
    caller: Annotated[StaffCaller, Depends(staff_with(Permission.USE_CHAT))],
    all: bool = False,
) -> ModelList:
    """The models that can run here, those beyond the workspace's plan with a lock.

    `all=true` lists every model that `POST /api/chat` takes: also those whose provider has no key here, and
    those past their end of life, which are sent to the provider as asked.
    """
    resources = resources_of(request)
    choices = resources.catalogue.choices(
        resources.plan_of(caller.workspace), resources.answerers.configured, include_all=all
    )
    return ModelList(models=[_info(choice) for choice in choices])


def _info(choice: Choice) -> ModelInfo:
    model = choice.model
    return ModelInfo(
        id=model.id,
        label=model.label,
        provider=model.provider,
        context=model.context,
        plan=model.plan,
        creditsPer1000=model.credits_per_1000,
        capabilities=sorted(model.capabilities),
        endOfLife=model.end_of_life.isoformat() if model.end_of_life else None,
        isDefault=choice.is_default,
        locked=choice.locked,
        reason=choice.reason,
    )
