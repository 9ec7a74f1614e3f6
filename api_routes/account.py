"""One's own account: who is signed in, their name, and where they are signed in."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from api_routes.bodies import Body, json_body, read_json
from api_routes.forms import Ok
from api_routes.identity import resources_of, signed_in_user
from api_routes.ids import parse_id
from api_routes.problems import documented
from helpninja_app.accounts.members import list_memberships
from helpninja_app.accounts.sessions import (
    end_session_of,
    list_sessions,
)
from helpninja_app.accounts.users import change_name

router = APIRouter(tags=["Accounts"])


class NameBody(Body):
    name: str = Field(max_length=100)


class SignedInPerson(BaseModel):
    id: str
    email: str
    name: str
    verified: bool


class SignedInWorkspace(BaseModel):
    id: str
    name: str
    slug: str
    role: str


class Me(BaseModel):
    user: SignedInPerson
    workspaces: list[SignedInWorkspace]


class SessionInfo(BaseModel):
    id: str
    userAgent: str
    address: str
    createdAt: str
    lastSeenAt: str
    current: bool


class SessionList(BaseModel):
    sessions: list[SessionInfo]


@router.get("/api/auth/me", response_model=Me, responses=documented(401, 429))
async def me(request: Request) -> Me:
    """The signed-in user and the workspaces they belong to."""
    resources = resources_of(request)
    user = await signed_in_user(request)
    async with resources.database.unit_of_work() as session:
        memberships = await list_memberships(session, user.id)
    return Me(
        user=SignedInPerson(id=str(user.id), email=user.email, name=user.name, verified=user.is_verified),
        workspaces=[
            SignedInWorkspace(id=str(item.workspace_id), name=item.name, slug=item.slug, role=item.role)
            for item in memberships
        ],
    )


@router.patch(
    "/api/auth/me",
    response_model=Ok,
    responses=documented(401, 403, 413, 415, 422, 429),
    openapi_extra=json_body(NameBody),
)
async def rename(request: Request) -> Ok:
    """Change the name that colleagues see."""
    body = await read_json(request)
    user = await signed_in_user(request)
    wanted = body.parse(NameBody)
    async with resources_of(request).database.unit_of_work(user.scope) as session:
        await change_name(session, user.id, wanted.name.strip())
    return Ok()


@router.get("/api/auth/sessions", response_model=SessionList, responses=documented(401, 429))
async def sessions(request: Request) -> SessionList:
    """Where the user is signed in, the latest used first."""
    user = await signed_in_user(request)
    async with resources_of(request).database.unit_of_work(user.scope) as session:
        found = await list_sessions(session, user.id)
    return SessionList(
        sessions=[
            SessionInfo(
                id=str(item.id),
                userAgent=item.user_agent,
                address=item.address,
                createdAt=item.created_at.isoformat(),
                lastSeenAt=item.last_seen_at.isoformat(),
                current=item.id == user.session_id,
            )
            for item in found
        ]
    )


@router.delete(
    "/api/auth/sessions/{session_id}", response_model=Ok, responses=documented(400, 401, 403, 404, 429)
)
async def end_one(request: Request, session_id: str) -> Ok:
    """Sign one device out."""
    user = await signed_in_user(request)
    wanted: UUID = parse_id(session_id)
    async with resources_of(request).database.unit_of_work(user.scope) as session:
        await end_session_of(session, user.id, wanted)
    return Ok()
