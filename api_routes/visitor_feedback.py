"""What a visitor tells besides messages: who they are, and how good an answer or the conversation was."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from api_routes.bodies import Body, json_body, read_json
from api_routes.identity import resources_of, visitor_caller, workspace_of_token
from api_routes.problems import documented
from api_routes.widget import allowed_workspace
from helpninja_app.accounts.callers import VisitorCaller
from helpninja_app.conversations.contact import give_contact
from helpninja_app.conversations.feedback import Rating, rate_answer, rate_conversation
from helpninja_app.errors import FieldError, Invalid
from helpninja_app.kernel.rate_limits import Burst

router = APIRouter(tags=["Widget"])

_RESPONSES = documented(401, 403, 404, 409, 413, 415, 422, 429)


class ContactBody(Body):
    """An address, with a name if they like, or that they do not say."""

    name: str = Field("", max_length=120)
    email: str = Field("", max_length=320)
    declined: bool = False


class ContactResult(BaseModel):
    ok: bool = True
    contact: Literal["given", "declined"]


class FeedbackBody(Body):
    """Either ``messageId`` with ``rating``, or ``csat`` with a comment."""

    messageId: str | None = Field(None, max_length=100)
    rating: Literal["up", "down"] | None = None
    csat: int | None = Field(None, ge=1, le=5)
    comment: str = Field("", max_length=1000)


class FeedbackResult(BaseModel):
    ok: bool = True
    escalated: bool = Field(description="Whether a person is asked because of it.")


@router.post(
    "/api/widget/contact",
    response_model=ContactResult,
    responses=_RESPONSES,
    openapi_extra=json_body(ContactBody),
)
async def contact(request: Request, t: Annotated[str | None, Query(max_length=100)] = None) -> ContactResult:
    """Say who the visitor of this conversation is, or that they do not want to."""
    body = await read_json(request)
    caller = await _caller(request, t)
    told = body.parse(ContactBody)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        known = await give_contact(
            session,
            caller,
            name=" ".join(told.name.split()),
            email=told.email.strip(),
            is_declined=told.declined,
        )
    return ContactResult(contact="given" if known.value == "given" else "declined")


@router.post(
    "/api/widget/feedback",
    response_model=FeedbackResult,
    responses=_RESPONSES,
    openapi_extra=json_body(FeedbackBody),
)
async def feedback(
    request: Request, t: Annotated[str | None, Query(max_length=100)] = None
) -> FeedbackResult:
    """Rate an answer, changeable and with null taken back, or the conversation once it is resolved."""
    body = await read_json(request)
    caller = await _caller(request, t)
    told = body.parse(FeedbackBody)
    if (told.messageId is None) == (told.csat is None):
        message = "Give either a messageId with its rating, or csat."
        raise Invalid(message, errors=(FieldError("body", message),))
    resources = resources_of(request)
    async with resources.database.unit_of_work(caller.scope) as session:
        if told.messageId is not None:
            rating = Rating(told.rating) if told.rating else None
            plan = resources.plan_of(caller.workspace)
            is_escalated = await rate_answer(session, caller, _id(told.messageId), rating, plan)
            return FeedbackResult(escalated=is_escalated)
        await rate_conversation(session, caller, told.csat or 1, told.comment.strip())
    return FeedbackResult(escalated=False)


def _id(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise Invalid(errors=(FieldError("body.messageId", "This is no id."),)) from None


async def _caller(request: Request, t: str | None) -> VisitorCaller:
    workspace = await allowed_workspace(request, t or workspace_of_token(request))
    caller = visitor_caller(request, workspace, None)
    resources = resources_of(request)
    await resources.limiter.hit(
        "visitor-session",
        f"{workspace.id}:{caller.session_id}",
        Burst(resources.settings.visitor_limit_per_session, 60),
    )
    return caller
