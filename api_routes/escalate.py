"""``POST /api/escalate``: a member, a program or a visitor asks for a person."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from api_routes.bodies import Body, JsonBody, json_body, read_json
from api_routes.identity import (
    bearer,
    resources_of,
    staff_caller,
    visited_workspace,
    visitor_caller,
    workspace_of_token,
)
from api_routes.origins import refuse_unlisted_origin
from api_routes.problems import documented
from helpninja_app.accounts.api_keys import KEY_PREFIX
from helpninja_app.accounts.callers import require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.conversations.delivery_models import DeliveryStatus
from helpninja_app.conversations.escalating import (
    NOWHERE,
    Told,
    escalate_for_staff,
    escalate_for_visitor,
    first_results,
)
from helpninja_app.conversations.models import Reason
from helpninja_app.errors import FieldError, Forbidden, Invalid
from helpninja_app.kernel.rate_limits import Burst

router = APIRouter(tags=["Integrations"])


class EscalateBody(Body):
    """``userMessage``, ``assistantAnswer``, ``confidence`` and ``refs`` count where nothing is stored."""

    tenantId: str | None = Field(None, max_length=100)
    conversationId: str
    sessionId: str | None = Field(None, max_length=128)
    reason: str = Field(
        examples=["low_confidence"], json_schema_extra={"enum": [each.value for each in Reason]}
    )
    userMessage: str | None = Field(None, max_length=4_000)
    assistantAnswer: str | None = Field(None, max_length=20_000)
    confidence: float | None = Field(None, ge=0, le=1)
    refs: list[str] | None = Field(None, max_length=50)


class DestinationResult(BaseModel):
    integrationId: str = Field(description="`env` for a fallback of the settings.")
    provider: str
    ok: bool
    error: str | None = Field(None, description="`queued` when the first attempt is still to come.")


class EscalateResult(BaseModel):
    """``ok`` when at least one destination took it. A visitor is not told which destinations there are."""

    ok: bool
    results: list[DestinationResult]
    error: str | None = None


@router.post(
    "/api/escalate",
    response_model=EscalateResult,
    response_model_exclude_none=True,
    responses=documented(401, 403, 404, 409, 413, 415, 422, 429),
    openapi_extra=json_body(EscalateBody),
)
async def escalate(request: Request) -> EscalateResult:
    """Ask for a person and tell all destinations, waiting at most 5 s for them.

    The same conversation and reason again gives what became of the first. A visitor's token asks in its own
    conversation, for the reason `visitor_request` alone.
    """
    body = await read_json(request)
    token = bearer(request)
    if token is not None and not token.startswith(KEY_PREFIX):
        return await _by_visitor(request, body)
    caller = await staff_caller(request, body.text("tenantId"))
    require(caller, Permission.ANSWER_CONVERSATIONS)
    wished = body.parse(EscalateBody)
    conversation_id, reason = _id(wished.conversationId), _reason(wished.reason)
    resources = resources_of(request)
    async with resources.database.unit_of_work(caller.scope) as session:
        escalation_id = await escalate_for_staff(
            session,
            caller,
            conversation_id,
            reason,
            resources.plan_of(caller.workspace),
            session_id=wished.sessionId,
            given=_given(wished),
        )
    results = await first_results(resources.courier, resources.background, caller.workspace.id, escalation_id)
    return EscalateResult(
        ok=any(each.is_ok for each in results),
        results=[_result(each) for each in results],
        error=None if results else NOWHERE,
    )


async def _by_visitor(request: Request, body: JsonBody) -> EscalateResult:
    of_token = workspace_of_token(request)
    workspace = await visited_workspace(request, body.text("tenantId") or of_token)
    resources = resources_of(request)
    caller = visitor_caller(request, workspace, body.text("sessionId"))
    refuse_unlisted_origin(request, resources.settings, workspace)
    if (reason := body.text("reason")) is not None and reason != Reason.VISITOR_REQUEST.value:
        raise Forbidden("A visitor can ask for a person as visitor_request only.")
    wished = body.parse(EscalateBody)
    conversation_id = _id(wished.conversationId)
    await resources.limiter.hit(
        "visitor-session",
        f"{workspace.id}:{caller.session_id}",
        Burst(resources.settings.visitor_limit_per_session, 60),
    )
    async with resources.database.unit_of_work(caller.scope) as session:
        plan = resources.plan_of(workspace)
        escalation_id = await escalate_for_visitor(session, caller, conversation_id, plan)
    results = await first_results(resources.courier, resources.background, workspace.id, escalation_id)
    # What waits is tried again by itself, and a visitor can do nothing about it.
    is_ok = any(each.status is not DeliveryStatus.FAILED for each in results)
    return EscalateResult(ok=is_ok, results=[], error=None if is_ok else "Only the inbox shows it.")


def _id(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise Invalid(errors=(FieldError("body.conversationId", "This is no id."),)) from None


def _reason(value: str) -> Reason:
    try:
        return Reason(value)
    except ValueError:
        known = ", ".join(each.value for each in Reason)
        raise Invalid(errors=(FieldError("body.reason", f"This has to be one of {known}."),)) from None


def _given(wished: EscalateBody) -> dict[str, Any]:
    given = {
        "question": wished.userMessage,
        "answer": wished.assistantAnswer,
        "confidence": wished.confidence,
        "refs": wished.refs,
    }
    return {name: value for name, value in given.items() if value is not None}


def _result(told: Told) -> DestinationResult:
    return DestinationResult(
        integrationId=told.integration_id,
        provider=told.provider,
        ok=told.is_ok,
        error=told.error or None,
    )
