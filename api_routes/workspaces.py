"""Workspaces: making, choosing, changing, transferring, deleting and restoring them; and their audit log."""

from __future__ import annotations

import re
from datetime import datetime, time
from itertools import pairwise
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field, field_validator

from api_routes.auth import Ok
from api_routes.bodies import Body, json_body, read_json
from api_routes.identity import member_caller, resources_of, signed_in_user, staff_caller
from api_routes.ids import parse_id
from api_routes.problems import documented
from helpninja_app.accounts.audit import list_audit
from helpninja_app.accounts.callers import Voice, WorkspaceView, require
from helpninja_app.accounts.deletion import close_workspace, list_deleted, restore_workspace
from helpninja_app.accounts.identity import Credentials, identify_member
from helpninja_app.accounts.members import list_memberships, transfer_workspace
from helpninja_app.accounts.permissions import Permission
from helpninja_app.accounts.sessions import SESSION_COOKIE, choose_workspace
from helpninja_app.accounts.sign_up import open_workspace
from helpninja_app.accounts.workspaces import change_workspace, load_workspace

router = APIRouter(tags=["Workspaces"])

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_SLUG = r"^[a-z0-9][a-z0-9-]{0,62}$"
_DOMAIN = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:\d{1,5})?")
_LANGUAGE = re.compile(r"[a-z]{2}")
_RESERVED = frozenset({"app", "api", "demo", "docs", "new", "settings", "widget", "www"})


class WorkspaceInfo(BaseModel):
    id: str
    name: str
    slug: str
    publicKey: str
    voice: Voice
    threshold: float
    allowedDomains: list[str]
    timeZone: str
    businessHours: dict[str, list[list[str]]]
    languages: list[str]
    greeting: str
    suggestions: list[str]
    plan: str


class ListedWorkspace(BaseModel):
    id: str
    name: str
    slug: str
    role: str


class DeletedInfo(BaseModel):
    id: str
    name: str
    slug: str
    goneAt: str


class WorkspaceList(BaseModel):
    workspaces: list[ListedWorkspace]
    deleted: list[DeletedInfo] = Field(description="What the caller owned and can still bring back.")


class NewWorkspaceBody(Body):
    name: str = Field(min_length=1, max_length=100, pattern=r"\S")


class WorkspaceChanges(Body):
    """What is absent stays as it is.

    ``businessHours`` has, for each day with any, spans such as ``["09:00", "17:00"]`` in ``timeZone``, in
    order and without overlaps. ``allowedDomains`` are hosts such as ``example.com`` or ``*.example.com``.
    """

    name: str | None = Field(None, min_length=1, max_length=100, pattern=r"\S")
    slug: str | None = Field(None, pattern=_SLUG)
    voice: Voice | None = None
    threshold: float | None = Field(None, ge=0, le=1)
    allowedDomains: list[str] | None = Field(None, max_length=100)
    timeZone: str | None = Field(None, max_length=64)
    businessHours: dict[Day, list[list[str]]] | None = None
    languages: list[str] | None = Field(None, max_length=20)
    greeting: str | None = Field(None, max_length=500)
    suggestions: list[Annotated[str, Field(min_length=1, max_length=200)]] | None = Field(None, max_length=6)

    @field_validator("slug")
    @classmethod
    def _is_free_for_all(cls, slug: str | None) -> str | None:
        if slug in _RESERVED:
            raise ValueError("This name is reserved")
        return slug

    @field_validator("allowedDomains")
    @classmethod
    def _are_hosts(cls, domains: list[str] | None) -> list[str] | None:
        folded = None if domains is None else [domain.strip().lower() for domain in domains]
        for domain in folded or ():
            if len(domain) > 253 or not _DOMAIN.fullmatch(domain):
                raise ValueError("Each has to be a host such as example.com or *.example.com")
        return None if folded is None else list(dict.fromkeys(folded))

    @field_validator("timeZone")
    @classmethod
    def _is_known(cls, zone: str | None) -> str | None:
        if zone is not None and zone not in available_timezones():
            raise ValueError("This is not a time zone of the IANA database, such as Europe/Berlin")
        return zone

    @field_validator("businessHours")
    @classmethod
    def _are_spans(cls, hours: dict[Day, list[list[str]]] | None) -> dict[Day, list[list[str]]] | None:
        for spans in (hours or {}).values():
            if len(spans) > 6 or any(len(span) != 2 for span in spans):
                raise ValueError("Each day has at most six spans of a beginning and an end")
            moments = [_moment(text) for span in spans for text in span]
            if any(later <= earlier for earlier, later in pairwise(moments)):
                raise ValueError("Spans follow each other, and each ends after it begins")
        return {day: spans for day, spans in hours.items() if spans} if hours is not None else None

    @field_validator("languages")
    @classmethod
    def _are_codes(cls, languages: list[str] | None) -> list[str] | None:
        if any(not _LANGUAGE.fullmatch(code) for code in languages or ()):
            raise ValueError("Each has to be a code of ISO 639-1, such as en")
        return None if languages is None else list(dict.fromkeys(languages))


class DeletionBody(Body):
    confirm: str = Field(max_length=100, description="The workspace's slug, typed.")


class TransferBody(Body):
    userId: str = Field(max_length=64)


class Deletion(BaseModel):
    ok: bool = True
    goneAt: str


class AuditInfo(BaseModel):
    id: str
    createdAt: str
    actor: str
    actorName: str
    action: str
    subject: str
    detail: dict[str, Any]


class AuditList(BaseModel):
    events: list[AuditInfo]
    total: int


_COLUMNS = {
    "allowedDomains": "allowed_domains",
    "timeZone": "time_zone",
    "businessHours": "business_hours",
    "threshold": "confidence_threshold",
}


@router.get("/api/workspaces", response_model=WorkspaceList, responses=documented(401, 429))
async def list_all(request: Request) -> WorkspaceList:
    """The workspaces of the signed-in user, and those they deleted and can bring back."""
    user = await signed_in_user(request)
    async with resources_of(request).database.unit_of_work() as session:
        memberships = await list_memberships(session, user.id)
        deleted = await list_deleted(session, user)
    return WorkspaceList(
        workspaces=[
            ListedWorkspace(id=str(item.workspace_id), name=item.name, slug=item.slug, role=item.role)
            for item in memberships
        ],
        deleted=[
            DeletedInfo(id=str(item.id), name=item.name, slug=item.slug, goneAt=item.gone_at.isoformat())
            for item in deleted
        ],
    )


@router.post(
    "/api/workspaces",
    status_code=201,
    response_model=WorkspaceInfo,
    responses=documented(401, 403, 413, 415, 422, 429),
    openapi_extra=json_body(NewWorkspaceBody),
)
async def create(request: Request) -> WorkspaceInfo:
    """Make another workspace, whose owner the caller is, and go there."""
    user = await signed_in_user(request)
    wanted = (await read_json(request)).parse(NewWorkspaceBody)
    resources = resources_of(request)
    async with resources.database.unit_of_work() as session:
        workspace_id = await open_workspace(
            session,
            user_id=user.id,
            email=user.email,
            name=wanted.name.strip(),
            embedding_model=resources.knowledge.embedders.current.name,
        )
        await choose_workspace(session, user.session_id, workspace_id)
        return _info(await load_workspace(session, workspace_id))


@router.get(
    "/api/workspaces/{workspace_id}", response_model=WorkspaceInfo, responses=documented(401, 403, 404, 429)
)
async def read(request: Request, workspace_id: str) -> WorkspaceInfo:
    """A workspace's settings, by its id, slug or public key."""
    return _info((await staff_caller(request, workspace_id)).workspace)


@router.patch(
    "/api/workspaces/{workspace_id}",
    response_model=WorkspaceInfo,
    responses=documented(401, 403, 404, 409, 413, 415, 422, 429),
    openapi_extra=json_body(WorkspaceChanges),
)
async def change(request: Request, workspace_id: str) -> WorkspaceInfo:
    """Change settings."""
    caller = await staff_caller(request, workspace_id)
    require(caller, Permission.MANAGE_WORKSPACE)
    wanted = (await read_json(request)).parse(WorkspaceChanges)
    changes = {
        _COLUMNS.get(name, name): value
        for name, value in wanted.model_dump(exclude_unset=True).items()
        if value is not None
    }
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        return _info(await change_workspace(session, caller, changes))


@router.delete(
    "/api/workspaces/{workspace_id}",
    response_model=Deletion,
    responses=documented(401, 403, 404, 413, 415, 422, 429),
    openapi_extra=json_body(DeletionBody),
)
async def remove(request: Request, workspace_id: str) -> Deletion:
    """Delete a workspace: out of reach at once, gone for good after seven days."""
    caller = await member_caller(request, workspace_id)
    require(caller, Permission.DELETE_WORKSPACE)
    wanted = (await read_json(request)).parse(DeletionBody)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        gone_at = await close_workspace(session, caller, typed=wanted.confirm)
    return Deletion(goneAt=gone_at.isoformat())


@router.post(
    "/api/workspaces/{workspace_id}/restore",
    response_model=Ok,
    responses=documented(400, 401, 403, 404, 429),
)
async def restore(request: Request, workspace_id: str) -> Ok:
    """Bring a deleted workspace back, with everything in it."""
    user = await signed_in_user(request)
    wanted = parse_id(workspace_id)
    async with resources_of(request).database.unit_of_work() as session:
        await restore_workspace(session, user, wanted)
    return Ok()


@router.post(
    "/api/workspaces/{workspace_id}/switch", response_model=Ok, responses=documented(401, 403, 404, 429)
)
async def switch(request: Request, workspace_id: str) -> Ok:
    """Make a workspace the one that this session means where none is named."""
    user = await signed_in_user(request)
    async with resources_of(request).database.unit_of_work() as session:
        credentials = Credentials(session=request.cookies.get(SESSION_COOKIE))
        caller = await identify_member(session, credentials, workspace_id)
        await choose_workspace(session, user.session_id, caller.workspace.id)
    return Ok()


@router.post(
    "/api/workspaces/{workspace_id}/transfer",
    response_model=Ok,
    responses=documented(400, 401, 403, 404, 409, 413, 415, 422, 429),
    openapi_extra=json_body(TransferBody),
)
async def transfer(request: Request, workspace_id: str) -> Ok:
    """Make another member the owner; the caller becomes an admin."""
    caller = await member_caller(request, workspace_id)
    require(caller, Permission.DELETE_WORKSPACE)
    wanted = (await read_json(request)).parse(TransferBody)
    user_id = parse_id(wanted.userId)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        await transfer_workspace(session, caller, user_id)
    return Ok()


@router.get(
    "/api/workspaces/{workspace_id}/audit",
    response_model=AuditList,
    responses=documented(401, 403, 404, 422, 429),
)
async def audit(
    request: Request,
    workspace_id: str,
    action: Annotated[str | None, Query(max_length=60, pattern=r"^[a-z_.]+$")] = None,
    actor: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")] = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> AuditList:
    """Who changed what, the latest first. ``action`` may be one, or a kind of them such as ``member``."""
    caller = await staff_caller(request, workspace_id)
    require(caller, Permission.READ_AUDIT)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        entries, total = await list_audit(
            session,
            caller.workspace.id,
            action=action,
            actor=actor,
            since=since,
            until=until,
            limit=limit,
            offset=offset,
        )
    return AuditList(
        events=[
            AuditInfo(
                id=str(item.id),
                createdAt=item.created_at.isoformat(),
                actor=item.actor,
                actorName=item.actor_name,
                action=item.action,
                subject=item.subject,
                detail=item.detail,
            )
            for item in entries
        ],
        total=total,
    )


def _moment(text: str) -> time:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text) and text != "24:00":
        raise ValueError("Times are written as 09:00, from 00:00 to 24:00")
    return time.max if text == "24:00" else time.fromisoformat(text)


def _info(workspace: WorkspaceView) -> WorkspaceInfo:
    return WorkspaceInfo(
        id=str(workspace.id),
        name=workspace.name,
        slug=workspace.slug,
        publicKey=workspace.public_key,
        voice=workspace.voice,
        threshold=round(workspace.confidence_threshold, 4),
        allowedDomains=list(workspace.allowed_domains),
        timeZone=workspace.time_zone,
        businessHours=dict(workspace.business_hours),
        languages=list(workspace.languages),
        greeting=workspace.greeting,
        suggestions=list(workspace.suggestions),
        plan=workspace.plan,
    )
