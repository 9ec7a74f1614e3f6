"""Deliveries of escalations: ``/api/deliveries``, what was sent where and what failed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from api_routes.identity import resources_of, staff_caller, staff_with
from api_routes.ids import parse_id
from api_routes.problems import documented
from helpninja_app.accounts.callers import StaffCaller
from helpninja_app.accounts.permissions import Permission
from helpninja_app.conversations.deliveries import DeliveryView, list_deliveries, resend_delivery
from helpninja_app.conversations.delivery_models import DeliveryStatus

router = APIRouter(tags=["Integrations"])

StatusName = Literal["sent", "waiting", "failed"]


class DeliveryResult(BaseModel):
    id: str
    conversationId: str
    reason: str
    integrationId: str | None = Field(description="Null for a fallback, or when it was deleted.")
    provider: str
    name: str
    status: StatusName
    attempts: int
    error: str = Field(description="Why the last attempt failed; empty when it did not.")
    createdAt: str
    attemptedAt: str | None
    nextAt: str | None = Field(description="When it is tried again, or for the first time.")


class DeliveryList(BaseModel):
    deliveries: list[DeliveryResult]
    total: int


@router.get(
    "/api/deliveries", response_model=DeliveryList, responses=documented(400, 401, 403, 404, 422, 429)
)
async def deliveries(
    request: Request,
    caller: Annotated[StaffCaller, Depends(staff_with(Permission.READ_CONVERSATIONS))],
    status: StatusName | None = None,
    conversationId: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> DeliveryList:
    """The latest first."""
    conversation_id = parse_id(conversationId) if conversationId else None
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        found, total = await list_deliveries(
            session,
            caller,
            status=DeliveryStatus(status) if status else None,
            conversation_id=conversation_id,
            limit=limit,
            offset=offset,
        )
    return DeliveryList(deliveries=[_result(each) for each in found], total=total)


@router.post(
    "/api/deliveries/{delivery_id}/resend",
    response_model=DeliveryResult,
    responses=documented(400, 401, 403, 404, 409, 429),
)
async def resend(request: Request, delivery_id: str, tenantId: str | None = None) -> DeliveryResult:
    """Try a delivery that failed again, from the first attempt on."""
    caller = await staff_caller(request, tenantId)
    wanted = parse_id(delivery_id)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        return _result(await resend_delivery(session, caller, wanted))


def _result(view: DeliveryView) -> DeliveryResult:
    return DeliveryResult(
        id=str(view.id),
        conversationId=str(view.conversation_id),
        reason=view.reason,
        integrationId=str(view.integration_id) if view.integration_id else None,
        provider=view.provider,
        name=view.name,
        status=view.status.value,
        attempts=view.attempts,
        error=view.last_error,
        createdAt=view.created_at.isoformat(),
        attemptedAt=_iso(view.attempted_at),
        nextAt=_iso(view.next_at),
    )


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
