"""Workspaces: making, choosing, changing, transferring, deleting and restoring them; and their audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from api_routes.bodies import Body, json_body, read_json
from api_routes.forms import Ok
from api_routes.identity import credentials_of, member_caller, resources_of, signed_in_user, staff_caller
from api_routes.ids import parse_id
from api_routes.problems import documented
from helpninja_app.accounts.audit import list_audit
from helpninja_app.accounts.callers import StaffCaller, Voice, WorkspaceView, require
from helpninja_app.accounts.deletion import close_workspace, list_deleted, restore_workspace
from helpninja_app.accounts.identity import identify_member
from helpninja_app.accounts.members import list_memberships, transfer_workspace
from helpninja_app.accounts.permissions import Permission
from helpninja_app.accounts.sessions import choose_workspace
from helpninja_app.accounts.sign_up import open_workspace
from helpninja_app.accounts.workspace_settings import WorkspaceChanges
from helpninja_app.accounts.workspaces import change_workspace, load_workspace

router = APIRouter(tags=["Workspaces"])


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
    holidays: list[str]
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


class SettingsBody(Body, WorkspaceChanges):
    __doc__ = WorkspaceChanges.__doc__


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
    detail: dict[str, Any] = Field(
        description="Values by name. What was changed has both: an object of ``before`` and ``after``.",
        examples=[{"voice": {"before": "friendly", "after": "formal"}}],
    )


class AuditList(BaseModel):
    events: list[AuditInfo]
    total: int


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
    responses=documented(401, 402, 403, 413, 415, 422, 429),
    openapi_extra=json_body(NewWorkspaceBody),
)
async def create(request: Request) -> WorkspaceInfo:
    """Make another workspace, whose owner the caller is, and go there."""
    body = await read_json(request)
    user = await signed_in_user(request)
    wanted = body.parse(NewWorkspaceBody)
    resources = resources_of(request)
    async with resources.database.unit_of_work() as session:
        workspace_id = await open_workspace(
            session,
            user_id=user.id,
            email=user.email,
            name=wanted.name.strip(),
            embedding_model=resources.knowledge.embedders.current.name,
        )
        await choose_workspace(session, user.id, user.session_id, workspace_id)
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
    openapi_extra=json_body(SettingsBody),
)
async def change(request: Request, workspace_id: str) -> WorkspaceInfo:
    """Change settings."""
    body = await read_json(request)
    caller = await staff_caller(request, workspace_id)
    require(caller, Permission.MANAGE_WORKSPACE)
    wanted = body.parse(SettingsBody)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        return _info(await change_workspace(session, caller, wanted.columns()))


@router.delete(
    "/api/workspaces/{workspace_id}",
    response_model=Deletion,
    responses=documented(401, 403, 404, 413, 415, 422, 429),
    openapi_extra=json_body(DeletionBody),
)
async def remove(request: Request, workspace_id: str) -> Deletion:
    """Delete a workspace: out of reach at once, gone for good after seven days."""
    body = await read_json(request)
    caller = await member_caller(request, workspace_id)
    require(caller, Permission.DELETE_WORKSPACE)
    wanted = body.parse(DeletionBody)
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
    credentials = await credentials_of(request)
    async with resources_of(request).database.unit_of_work() as session:
        caller = await identify_member(session, credentials, workspace_id)
        await choose_workspace(session, user.id, user.session_id, caller.workspace.id)
    return Ok()


@router.post(
    "/api/workspaces/{workspace_id}/transfer",
    response_model=Ok,
    responses=documented(400, 401, 403, 404, 409, 413, 415, 422, 429),
    openapi_extra=json_body(TransferBody),
)
async def transfer(request: Request, workspace_id: str) -> Ok:
    """Make another member the owner; the caller becomes an admin."""
    body = await read_json(request)
    caller = await member_caller(request, workspace_id)
    require(caller, Permission.DELETE_WORKSPACE)
    wanted = body.parse(TransferBody)
    user_id = parse_id(wanted.userId)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        await transfer_workspace(session, caller, user_id)
    return Ok()


async def _auditor(request: Request, workspace_id: str) -> StaffCaller:
    """Who may read it; parameters are judged afterwards."""
    caller = await staff_caller(request, workspace_id)
    require(caller, Permission.READ_AUDIT)
    return caller


@router.get(
    "/api/workspaces/{workspace_id}/audit",
    response_model=AuditList,
    responses=documented(401, 403, 404, 422, 429),
)
async def audit(
    request: Request,
    caller: Annotated[StaffCaller, Depends(_auditor)],
    action: Annotated[str | None, Query(max_length=60, pattern=r"^[a-z_.]+$")] = None,
    actor: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")] = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> AuditList:
    """Who changed what, the latest first. ``action`` may be one, or a kind of them such as ``member``."""
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
        holidays=list(workspace.holidays),
        languages=list(workspace.languages),
        greeting=workspace.greeting,
        suggestions=list(workspace.suggestions),
        plan=workspace.plan,
    )
