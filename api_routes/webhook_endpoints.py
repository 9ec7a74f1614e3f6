"""Customers' webhooks: ``/api/webhook-endpoints``, what became of each event there, and secrets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from api_routes.bodies import Body, json_body, read_json
from api_routes.forms import Ok
from api_routes.identity import resources_of, staff_caller, staff_with
from api_routes.ids import parse_id
from api_routes.problems import documented
from helpninja_app.accounts.audit import Actor
from helpninja_app.accounts.callers import StaffCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.billing.plans import Feature, require_feature
from helpninja_app.integrations.webhooks.endpoints import (
    EndpointChange,
    EndpointView,
    change_endpoint,
    create_endpoint,
    delete_endpoint,
    get_endpoint,
    list_endpoints,
    rotate_secret,
)
from helpninja_app.integrations.webhooks.log import MAX_SHOWN, DeliveryView, list_deliveries, resend
from helpninja_app.integrations.webhooks.models import EventType
from helpninja_app.integrations.webhooks.trials import TRIALS, send_test

router = APIRouter(tags=["Webhooks"])

EventName = Literal[
    "conversation.started",
    "conversation.ended",
    "message.created",
    "escalation.created",
    "document.indexed",
    "feedback.created",
]
_ALL = len(EventType)
_EVENTS = (
    "What it hears of. `escalation.created` comes at once: a visitor who is asked then who they are has not"
    " answered yet, and its `visitor` is empty. It is filled where they were known before;"
    " `GET /api/conversations/{id}` has what they say later."
)
_PATH = "/api/webhook-endpoints"


class EndpointBody(Body):
    tenantId: str | None = None
    url: str = Field(min_length=1, max_length=2048, examples=["https://example.com/hooks/helpninja"])
    events: list[EventName] = Field(min_length=1, max_length=_ALL, description=_EVENTS)
    description: str = Field("", max_length=200)


class EndpointPatch(Body):
    """What is left out stays as it is. Switched on again, an endpoint counts as one that works."""

    model_config = ConfigDict(strict=True, extra="forbid")

    url: str | None = Field(None, min_length=1, max_length=2048)
    events: list[EventName] | None = Field(None, min_length=1, max_length=_ALL)
    description: str | None = Field(None, max_length=200)
    on: bool | None = None


class EndpointInfo(BaseModel):
    """``status`` is ``failing`` from the first attempt that fails until one goes well.

    It is ``paused`` while the plan has no outbound webhooks, and goes on by itself when it has.
    """

    id: str
    url: str
    description: str
    events: list[EventName]
    status: Literal["active", "failing", "paused", "disabled"]
    disabledBecause: str
    failingSince: str | None
    lastError: str
    oldSecretUntil: str | None = Field(description="Until when events are signed with the old secret too.")
    createdAt: str


class EndpointWithSecret(EndpointInfo):
    secret: str = Field(description="Signs every event (Standard Webhooks). It is not shown again.")


class EndpointList(BaseModel):
    endpoints: list[EndpointInfo]


class AttemptInfo(BaseModel):
    at: str
    error: str
    milliseconds: int


class DeliveryInfo(BaseModel):
    eventId: str = Field(description="Also its webhook-id, the same whenever it is sent again.")
    type: str = Field(description="What the endpoint asked for, or webhook.test.")
    status: Literal["waiting", "sent", "failed"]
    attempts: int
    lastError: str
    createdAt: str
    finishedAt: str | None
    nextAt: str | None
    log: list[AttemptInfo]


class TrialSent(BaseModel):
    eventId: str = Field(description="Its webhook-id; what becomes of it is in the deliveries.")


class DeliveryList(BaseModel):
    deliveries: list[DeliveryInfo]


@router.get(_PATH, response_model=EndpointList, responses=documented(401, 403, 404, 429))
async def endpoints(request: Request, tenantId: str | None = None) -> EndpointList:
    """All webhook endpoints of the workspace, the latest first; their secrets are not shown."""
    caller = await staff_caller(request, tenantId)
    require(caller, Permission.MANAGE_WORKSPACE)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        views = await list_endpoints(session, caller.workspace.id)
    return EndpointList(endpoints=[EndpointInfo(**_shown(view)) for view in views])


@router.post(
    _PATH,
    status_code=201,
    response_model=EndpointWithSecret,
    responses=documented(401, 403, 404, 409, 413, 415, 422, 429),
    openapi_extra=json_body(EndpointBody),
)
async def create(request: Request) -> EndpointWithSecret:
    """Have a public https address told of events, each at least once, in no certain order."""
    body = await read_json(request)
    caller = await staff_caller(request, body.text("tenantId"))
    require(caller, Permission.MANAGE_WORKSPACE)
    _need_feature(request, caller)
    wanted = body.parse(EndpointBody)
    resources = resources_of(request)
    url = await resources.http.check_post(wanted.url)
    async with resources.database.unit_of_work(caller.scope) as session:
        view, secret = await create_endpoint(
            session,
            Actor.of(caller),
            resources.settings.keys_for_encryption(),
            url=url,
            description=wanted.description.strip(),
            events=_types(wanted.events),
        )
    return EndpointWithSecret(**_shown(view), secret=secret)


@router.patch(
    _PATH + "/{endpoint_id}",
    response_model=EndpointInfo,
    responses=documented(400, 401, 403, 404, 413, 415, 422, 429),
    openapi_extra=json_body(EndpointPatch),
)
async def change(request: Request, endpoint_id: str, tenantId: str | None = None) -> EndpointInfo:
    """Change an endpoint, or switch it off and on."""
    body = await read_json(request)
    caller = await staff_caller(request, tenantId)
    require(caller, Permission.MANAGE_WORKSPACE)
    wanted_id, resources = parse_id(endpoint_id), resources_of(request)
    async with resources.database.unit_of_work(caller.scope) as session:
        await get_endpoint(session, caller.workspace.id, wanted_id)
    wanted = body.parse(EndpointPatch)
    if wanted.on:
        _need_feature(request, caller)
    change = EndpointChange(
        url=await resources.http.check_post(wanted.url) if wanted.url is not None else None,
        description=wanted.description.strip() if wanted.description is not None else None,
        events=_types(wanted.events) if wanted.events is not None else None,
        is_on=wanted.on,
    )
    async with resources.database.unit_of_work(caller.scope) as session:
        return EndpointInfo(**_shown(await change_endpoint(session, Actor.of(caller), wanted_id, change)))


@router.delete(_PATH + "/{endpoint_id}", response_model=Ok, responses=documented(400, 401, 403, 404, 429))
async def delete(request: Request, endpoint_id: str, tenantId: str | None = None) -> Ok:
    """Delete an endpoint with its log; what is on its way there is not sent."""
    caller = await staff_caller(request, tenantId)
    require(caller, Permission.MANAGE_WORKSPACE)
    wanted = parse_id(endpoint_id)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        await delete_endpoint(session, Actor.of(caller), wanted)
    return Ok()


@router.post(
    _PATH + "/{endpoint_id}/rotate-secret",
    response_model=EndpointWithSecret,
    responses=documented(400, 401, 403, 404, 429),
)
async def rotate(request: Request, endpoint_id: str, tenantId: str | None = None) -> EndpointWithSecret:
    """Make a new secret. For 24 hours every event is signed with the old one too."""
    caller = await staff_caller(request, tenantId)
    require(caller, Permission.MANAGE_WORKSPACE)
    wanted = parse_id(endpoint_id)
    resources = resources_of(request)
    keys = resources.settings.keys_for_encryption()
    async with resources.database.unit_of_work(caller.scope) as session:
        view, secret = await rotate_secret(session, Actor.of(caller), keys, wanted)
    return EndpointWithSecret(**_shown(view), secret=secret)


@router.post(
    _PATH + "/{endpoint_id}/test",
    status_code=202,
    response_model=TrialSent,
    responses=documented(400, 401, 403, 404, 409, 429),
)
async def try_out(request: Request, endpoint_id: str, tenantId: str | None = None) -> TrialSent:
    """Send a ``webhook.test`` event to this endpoint alone: signed, tried again and logged as all others.

    Its ``data`` is ``{"endpointId": …, "text": …}``, and no endpoint has to ask for it.
    """
    caller = await staff_caller(request, tenantId)
    require(caller, Permission.MANAGE_WORKSPACE)
    wanted, resources = parse_id(endpoint_id), resources_of(request)
    await resources.limiter.hit("webhook-trials", str(caller.workspace.id), TRIALS)
    async with resources.database.unit_of_work(caller.scope) as session:
        return TrialSent(eventId=str(await send_test(session, caller.workspace.id, wanted)))


@router.get(
    _PATH + "/{endpoint_id}/deliveries",
    response_model=DeliveryList,
    responses=documented(400, 401, 403, 404, 422, 429),
)
async def deliveries(
    request: Request,
    endpoint_id: str,
    caller: Annotated[StaffCaller, Depends(staff_with(Permission.MANAGE_WORKSPACE))],
    status: Literal["waiting", "sent", "failed"] | None = None,
    before: str | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_SHOWN)] = 50,
) -> DeliveryList:
    """The latest events for an endpoint with every attempt; those before the event ``before``."""
    wanted = parse_id(endpoint_id)
    earlier = parse_id(before) if before is not None else None
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        found = await list_deliveries(
            session, caller.workspace.id, wanted, status=status, before=earlier, limit=limit
        )
    return DeliveryList(deliveries=[_delivery(view) for view in found])


@router.post(
    _PATH + "/{endpoint_id}/deliveries/{event_id}/resend",
    response_model=Ok,
    responses=documented(400, 401, 403, 404, 409, 429),
)
async def send_again(request: Request, endpoint_id: str, event_id: str, tenantId: str | None = None) -> Ok:
    """Send an event again, with the webhook-id it had."""
    caller = await staff_caller(request, tenantId)
    require(caller, Permission.MANAGE_WORKSPACE)
    endpoint, event = parse_id(endpoint_id), parse_id(event_id)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        await resend(session, Actor.of(caller), endpoint, event)
    return Ok()


def _need_feature(request: Request, caller: StaffCaller) -> None:
    require_feature(resources_of(request).plan_of(caller.workspace), Feature.WEBHOOKS)


def _types(names: Sequence[str]) -> frozenset[EventType]:
    return frozenset(EventType(name) for name in names)


def _shown(view: EndpointView) -> dict[str, object]:
    return {
        "id": str(view.id),
        "url": view.url,
        "description": view.description,
        "events": list(view.events),
        "status": view.status,
        "disabledBecause": view.disabled_because,
        "failingSince": view.failing_since.isoformat() if view.failing_since else None,
        "lastError": view.last_error,
        "oldSecretUntil": view.old_secret_until.isoformat() if view.old_secret_until else None,
        "createdAt": view.created_at.isoformat(),
    }


def _delivery(view: DeliveryView) -> DeliveryInfo:
    return DeliveryInfo(
        eventId=str(view.event_id),
        type=view.type,
        status=view.status,
        attempts=view.attempts,
        lastError=view.last_error,
        createdAt=view.created_at.isoformat(),
        finishedAt=view.finished_at.isoformat() if view.finished_at else None,
        nextAt=view.next_at.isoformat() if view.next_at else None,
        log=[
            AttemptInfo(at=each.at.isoformat(), error=each.error, milliseconds=each.milliseconds)
            for each in view.log
        ],
    )
