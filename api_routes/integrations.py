"""Integrations: ``/api/integrations``, where escalations are sent. Credentials never come back whole."""

from __future__ import annotations

import json
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from api_routes.bodies import Body, has_visible_text, json_body, read_json
from api_routes.identity import resources_of, staff_caller
from api_routes.ids import parse_id
from api_routes.problems import documented
from helpninja_app.accounts.callers import StaffCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.conversations.trials import TRIALS, try_integration
from helpninja_app.errors import FieldError, Invalid
from helpninja_app.integrations import service
from helpninja_app.integrations.credentials import Secrets, check_credentials, merged, still_known
from helpninja_app.integrations.deleting import delete_integration, restore_integration
from helpninja_app.integrations.models import IntegrationStatus, Provider
from helpninja_app.kernel.database import new_id

router = APIRouter(tags=["Integrations"])

MAX_CONFIG = 4_000

ProviderName = Literal["slack", "email", "teams", "discord", "webhook"]


class IntegrationBody(Body):
    """``credentials``: of slack ``webhook_url``, and ``channel`` and ``username`` if you like; of email
    ``to`` and ``subject_prefix``; of teams and discord ``webhook_url``; of webhook ``url`` and ``secret``.
    """

    tenantId: str | None = None
    provider: ProviderName
    name: str = Field(min_length=1, max_length=200, examples=["Support Slack"])
    credentials: dict[str, str] = Field(max_length=10)
    config: dict[str, Any] = Field(default_factory=dict)


class IntegrationChange(Body):
    """Of ``credentials`` those that are given are changed; ``null`` takes one away."""

    name: str | None = Field(None, min_length=1, max_length=200)
    status: Literal["active", "disabled"] | None = None
    credentials: dict[str, str | None] | None = Field(None, max_length=10)
    config: dict[str, Any] | None = None


class IntegrationResult(BaseModel):
    id: str
    provider: ProviderName
    name: str
    status: Literal["active", "disabled", "failing"]
    credentials: dict[str, str] = Field(
        description="Redacted, as in `https://hooks.slack.com/…abcd`; empty when this server lacks the key."
    )
    config: dict[str, Any]
    lastError: str = Field(description="Why the last message did not arrive; empty when it did.")
    createdAt: str


class Created(BaseModel):
    id: str


class Done(BaseModel):
    ok: bool = True


class TrialResult(BaseModel):
    ok: bool
    error: str | None = None


@router.get(
    "/api/integrations", response_model=list[IntegrationResult], responses=documented(401, 403, 404, 429)
)
async def integrations(request: Request, tenantId: str | None = None) -> list[IntegrationResult]:
    """All integrations of the workspace, oldest first."""
    caller = await staff_caller(request, tenantId)
    resources = resources_of(request)
    async with resources.database.unit_of_work(caller.scope) as session:
        found = await service.list_integrations(session, caller, resources.courier.keys)
    return [_result(each) for each in found]


@router.post(
    "/api/integrations",
    response_model=Created,
    status_code=201,
    responses=documented(401, 402, 403, 404, 413, 415, 422, 429),
    openapi_extra=json_body(IntegrationBody),
)
async def create(request: Request) -> Created:
    """Have escalations sent somewhere; the credentials are checked and kept encrypted."""
    body = await read_json(request)
    caller = await staff_caller(request, body.text("tenantId"))
    require(caller, Permission.MANAGE_WORKSPACE)
    wished = body.parse(IntegrationBody)
    name, config = _name(wished.name), _config(wished.config)
    resources = resources_of(request)
    provider = Provider(wished.provider)
    credentials = await check_credentials(resources.courier.http, provider, wished.credentials)
    async with resources.database.unit_of_work(caller.scope) as session:
        made = await service.create_integration(
            session,
            caller,
            resources.courier.keys,
            resources.plan_of(caller.workspace),
            integration_id=new_id(),
            provider=provider,
            name=name,
            credentials=credentials,
            config=config,
        )
    return Created(id=str(made.id))


@router.patch(
    "/api/integrations/{integration_id}",
    response_model=IntegrationResult,
    responses=documented(400, 401, 403, 404, 413, 415, 422, 429),
    openapi_extra=json_body(IntegrationChange),
)
async def change(request: Request, integration_id: str, tenantId: str | None = None) -> IntegrationResult:
    """Rename an integration, switch it on or off, or give it other credentials."""
    body = await read_json(request)
    caller = await staff_caller(request, tenantId)
    require(caller, Permission.MANAGE_WORKSPACE)
    wanted = parse_id(integration_id)
    resources = resources_of(request)
    async with resources.database.unit_of_work(caller.scope) as session:
        await service.load_integration(session, caller.workspace.id, wanted)
    wished = body.parse(IntegrationChange)
    name = None if wished.name is None else _name(wished.name)
    config = None if wished.config is None else _config(wished.config)
    credentials = await _changed(request, caller, wanted, wished.credentials)
    async with resources.database.unit_of_work(caller.scope) as session:
        changed = await service.change_integration(
            session,
            caller,
            wanted,
            resources.courier.keys,
            name=name,
            status=None if wished.status is None else IntegrationStatus(wished.status),
            credentials=credentials,
            config=config,
        )
    return _result(changed)


@router.delete(
    "/api/integrations/{integration_id}", response_model=Done, responses=documented(400, 401, 403, 404, 429)
)
async def delete(request: Request, integration_id: str, tenantId: str | None = None) -> Done:
    """Delete an integration; what still waits to be sent to it is shown as failed.

    It can be restored for an hour; then its credentials are gone.
    """
    caller = await staff_caller(request, tenantId)
    wanted, resources = parse_id(integration_id), resources_of(request)
    async with resources.database.unit_of_work(caller.scope) as session:
        await delete_integration(session, resources.queue, caller, wanted)
    return Done()


@router.post(
    "/api/integrations/{integration_id}/restore",
    response_model=IntegrationResult,
    responses=documented(400, 401, 402, 403, 404, 429),
)
async def restore(request: Request, integration_id: str, tenantId: str | None = None) -> IntegrationResult:
    """Bring back a deleted integration as it was; its credentials are not shown."""
    caller = await staff_caller(request, tenantId)
    wanted, resources = parse_id(integration_id), resources_of(request)
    plan, keys = resources.plan_of(caller.workspace), resources.courier.keys
    async with resources.database.unit_of_work(caller.scope) as session:
        return _result(await restore_integration(session, caller, plan, wanted, keys))


@router.post(
    "/api/integrations/{integration_id}/test",
    response_model=TrialResult,
    response_model_exclude_none=True,
    responses=documented(400, 401, 403, 404, 429),
)
async def send_test(request: Request, integration_id: str, tenantId: str | None = None) -> TrialResult:
    """Send a test message now, and say what became of it."""
    caller = await staff_caller(request, tenantId)
    require(caller, Permission.MANAGE_WORKSPACE)
    wanted = parse_id(integration_id)
    resources = resources_of(request)
    await resources.limiter.hit("integration-trials", str(caller.workspace.id), TRIALS)
    failure = await try_integration(resources.courier, caller, wanted)
    return TrialResult(ok=failure is None, error=failure.detail if failure else None)


async def _changed(
    request: Request, caller: StaffCaller, integration_id: UUID, given: dict[str, str | None] | None
) -> Secrets | None:
    if given is None:
        return None
    resources = resources_of(request)
    async with resources.database.unit_of_work(caller.scope) as session:
        stored = await service.load_integration(session, caller.workspace.id, integration_id)
        before = still_known(resources.courier.keys, stored)
    return await check_credentials(resources.courier.http, Provider(stored.provider), merged(before, given))


def _name(name: str) -> str:
    if not has_visible_text(name):
        raise Invalid(errors=(FieldError("body.name", "The name is empty."),))
    return name.strip()


def _config(config: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(config)) > MAX_CONFIG:
        raise Invalid(errors=(FieldError("body.config", f"This is longer than {MAX_CONFIG:,} characters."),))
    return config


def _result(view: service.IntegrationView) -> IntegrationResult:
    return IntegrationResult(
        id=str(view.id),
        provider=view.provider.value,
        name=view.name,
        status=view.status.value,
        credentials=view.credentials,
        config=view.config,
        lastError=view.last_error,
        createdAt=view.created_at.isoformat(),
    )
