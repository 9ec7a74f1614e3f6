"""Secret API keys of a workspace: shown once, listed without their secret, revoked at once."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, field_validator

from api_routes.bodies import Body, json_body, read_json
from api_routes.forms import Ok
from api_routes.identity import member_caller, resources_of
from api_routes.ids import parse_id
from api_routes.problems import documented
from helpninja_app.accounts.api_keys import KeyView, issue_api_key, list_api_keys, revoke_api_key
from helpninja_app.accounts.callers import require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.billing.plans import Feature, require_feature

router = APIRouter(tags=["API keys"])


class KeyBody(Body):
    """``expiresAt`` is a moment in ISO 8601; without it the key counts until it is revoked."""

    name: str = Field(min_length=1, max_length=100, pattern=r"\S")
    permissions: list[str] = Field(min_length=1, max_length=len(Permission))
    expiresAt: str | None = Field(None, max_length=40)

    @field_validator("permissions")
    @classmethod
    def _are_known(cls, names: list[str]) -> list[str]:
        if unknown := [name for name in names if name not in set(Permission)]:
            raise ValueError(f"There is no permission {unknown[0][:40]!r}")
        return names

    @field_validator("expiresAt")
    @classmethod
    def _is_a_moment(cls, text: str | None) -> str | None:
        try:
            if text is not None:
                datetime.fromisoformat(text)
        except ValueError:
            raise ValueError("This is not a moment in ISO 8601, such as 2030-01-31T12:00:00Z") from None
        return text

    @property
    def expiry(self) -> datetime | None:
        if self.expiresAt is None:
            return None
        moment = datetime.fromisoformat(self.expiresAt)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class KeyInfo(BaseModel):
    id: str
    name: str
    prefix: str
    permissions: list[str]
    createdAt: str
    expiresAt: str | None
    lastUsedAt: str | None


class NewKey(KeyInfo):
    secret: str = Field(description="The key itself. It is not shown again.")


class KeyList(BaseModel):
    keys: list[KeyInfo]


@router.get(
    "/api/workspaces/{workspace_id}/keys", response_model=KeyList, responses=documented(401, 403, 404, 429)
)
async def keys(request: Request, workspace_id: str) -> KeyList:
    """Keys that were not revoked, the latest first."""
    caller = await member_caller(request, workspace_id)
    require(caller, Permission.MANAGE_KEYS)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        return KeyList(keys=[_key(item) for item in await list_api_keys(session, caller.workspace.id)])


@router.post(
    "/api/workspaces/{workspace_id}/keys",
    status_code=201,
    response_model=NewKey,
    responses=documented(401, 403, 404, 413, 415, 422, 429),
    openapi_extra=json_body(KeyBody),
)
async def create(request: Request, workspace_id: str) -> NewKey:
    """Make a key that may do at most what its maker may."""
    # Before the caller: they may be somebody else by the time that a slow body is there.
    body = await read_json(request)
    caller = await member_caller(request, workspace_id)
    require(caller, Permission.MANAGE_KEYS)
    resources = resources_of(request)
    require_feature(resources.plan_of(caller.workspace), Feature.API_KEYS)
    wanted = body.parse(KeyBody)
    async with resources.database.unit_of_work(caller.scope) as session:
        view, secret = await issue_api_key(
            session,
            caller,
            name=wanted.name.strip(),
            permissions=frozenset(Permission(name) for name in wanted.permissions),
            expires_at=wanted.expiry,
        )
    return NewKey(**_key(view).model_dump(), secret=secret)


@router.delete(
    "/api/workspaces/{workspace_id}/keys/{key_id}",
    response_model=Ok,
    responses=documented(400, 401, 403, 404, 429),
)
async def revoke(request: Request, workspace_id: str, key_id: str) -> Ok:
    """Make a key useless from the next call on."""
    caller = await member_caller(request, workspace_id)
    require(caller, Permission.MANAGE_KEYS)
    wanted = parse_id(key_id)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        await revoke_api_key(session, caller, wanted)
    return Ok()


def _key(view: KeyView) -> KeyInfo:
    return KeyInfo(
        id=str(view.id),
        name=view.name,
        prefix=view.prefix,
        permissions=list(view.permissions),
        createdAt=view.created_at.isoformat(),
        expiresAt=view.expires_at.isoformat() if view.expires_at else None,
        lastUsedAt=view.last_used_at.isoformat() if view.last_used_at else None,
    )
