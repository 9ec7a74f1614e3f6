"""The widget: its loader, its panel, and what the panel asks for. ``/api/widget*`` and ``/widget/*``."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from api_routes.bodies import Body, json_body, read_json
from api_routes.chat import CitationResult, NextResult, next_result
from api_routes.identity import resources_of, visited_workspace, visitor_caller, workspace_of_token
from api_routes.origins import refuse_unlisted_origin
from api_routes.problems import documented
from api_routes.widget_files import lean
from helpninja_app.accounts.callers import WorkspaceView
from helpninja_app.accounts.visitors import (
    check_session_id,
    new_session_id,
    sign_visitor,
    verify_visitor,
)
from helpninja_app.answers.rendering import render_markdown
from helpninja_app.billing.models import Unit
from helpninja_app.billing.plans import Feature
from helpninja_app.billing.usage import usage_of
from helpninja_app.conversations.contact import next_step
from helpninja_app.conversations.threads import MessageView, is_session_taken, read_thread
from helpninja_app.errors import NotFound, NotSignedIn
from helpninja_app.kernel.proxies import own_origin
from helpninja_app.kernel.scope import Scope

router = APIRouter(tags=["Widget"])

FOLDER = Path(__file__).parents[1] / "assets" / "widget"
ACCENT = "#0b7a64"
TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
}
_NAME = re.compile(r"[a-z0-9-]+\.(js|css)")
_CONFIG = re.compile(r"/\*CONFIG\*/.*?/\*END\*/", re.DOTALL)

Voice = Literal["friendly", "professional", "casual", "formal"]
# Any other text says nothing, so that none is found wrong before it is known who asks.
Away = Annotated[
    str | None, Query(description="`1`: nobody looks at the panel, it is closed or its tab is hidden.")
]


class WidgetConfig(BaseModel):
    name: str
    voice: Voice
    greeting: str
    accent: str
    position: Literal["right", "left"]
    languages: list[str]
    suggestions: list[str]
    offline: bool
    generated: bool = Field(description="False where answers are quotations and no model is configured.")
    mailsAnswers: bool = Field(
        description="Whether what members answer also reaches a visitor by mail; not where none is set up."
    )
    branded: bool = Field(description="Whether the panel names HelpNinja: not where the plan is white label.")


class SessionBody(Body):
    """``token`` is an earlier one, for renewal; a session id with conversations needs it."""

    tenantId: str = Field(min_length=1, max_length=100)
    sessionId: str | None = Field(None, max_length=128)
    token: str | None = Field(None, max_length=4000)


class SessionResult(BaseModel):
    token: str
    sessionId: str
    expiresAt: str


class MessageResult(BaseModel):
    id: str
    role: Literal["visitor", "bot", "member", "system"]
    text: str
    html: str
    createdAt: str
    confidence: float | None
    citations: list[CitationResult]
    author: str = Field(description="Who of the team wrote it; empty for all others.")
    rating: Literal["up", "down"] | None = Field(description="The visitor's own thumb on an answer.")


class ConversationResult(BaseModel):
    conversationId: str | None
    status: Literal["bot", "waiting", "human", "resolved"]
    contactRequested: bool = Field(description="Whether to ask the visitor who they are.")
    csatRequested: bool = Field(description="Whether to ask how good the conversation was.")
    next: NextResult | None = Field(description="What happens next while it waits for a person.")
    messages: list[MessageResult]


@router.get(
    "/api/widget",
    response_class=Response,
    responses=documented(
        422,
        429,
        also={
            200: {"content": {"application/javascript": {}}, "description": "The loader."},
            404: {"content": {"application/javascript": {}}, "description": "A script that logs a warning."},
        },
    ),
)
async def loader(
    request: Request, t: Annotated[str, Query(max_length=100)] = "", voice: Voice | None = None
) -> Response:
    """The script that a website includes: adds the bubble and opens the panel. Cached, no cookies."""
    try:
        workspace = await visited_workspace(request, t)
    except NotFound:
        warning = "HelpNinja: there is no workspace with this key. Check the ?t= of the widget's script."
        return Response(
            f"console.warn({json.dumps(warning)});\n",
            status_code=404,
            media_type="application/javascript",
            headers={"cache-control": "public, max-age=60"},
        )
    origin = own_origin(request.scope, resources_of(request).settings)
    config = {
        "tenant": workspace.public_key,
        "origin": origin,
        "voice": voice or workspace.voice,
        "accent": ACCENT,
        "position": "right",
        "name": workspace.name,
        "panelUrl": f"{origin}/widget/panel?t={workspace.public_key}&voice={voice or workspace.voice}",
    }
    return _cached(request, with_config(config), "application/javascript; charset=utf-8")


@router.get("/widget/panel", include_in_schema=False)
async def panel(request: Request, t: Annotated[str, Query(max_length=100)] = "") -> Response:
    """The page in the iframe; only the workspace's allowed domains may frame it."""
    workspace = await visited_workspace(request, t)
    return Response(
        (FOLDER / "panel.html").read_bytes(),
        media_type="text/html; charset=utf-8",
        headers={
            "content-security-policy": panel_policy(workspace),
            "cache-control": "no-cache",
            "referrer-policy": "strict-origin-when-cross-origin",
        },
    )


@router.get("/widget/{name}", include_in_schema=False)
async def panel_file(request: Request, name: str) -> Response:
    path = FOLDER / name
    if not _NAME.fullmatch(name) or name == "loader.js" or not path.is_file():
        raise NotFound()
    return _cached(request, lean(path.read_text(encoding="utf-8")), TYPES[path.suffix])


@router.get("/api/widget/config", response_model=WidgetConfig, responses=documented(403, 404, 422, 429))
async def config(request: Request, t: Annotated[str, Query(max_length=100)]) -> WidgetConfig:
    """How the panel looks and greets; ``offline`` when the month's messages are used."""
    workspace = await allowed_workspace(request, t)
    resources = resources_of(request)
    plan = resources.plan_of(workspace)
    async with resources.database.unit_of_work(Scope.visitors(workspace.id)) as session:
        messages = await usage_of(session, workspace.id, Unit.MESSAGE, plan)
    return WidgetConfig(
        name=workspace.name,
        voice=workspace.voice,
        greeting=workspace.greeting,
        accent=ACCENT,
        position="right",
        languages=list(workspace.languages),
        suggestions=list(workspace.suggestions),
        offline=messages.is_used_up,
        generated=resources.answerers.provider is not None,
        mailsAnswers=resources.mailer.is_real,
        branded=Feature.WHITE_LABEL not in plan.features,
    )


@router.post(
    "/api/widget/session",
    response_model=SessionResult,
    responses=documented(401, 403, 404, 413, 415, 422, 429),
    openapi_extra=json_body(SessionBody),
)
async def session_token(request: Request) -> SessionResult:
    """A token for a new session, or a fresh one for a session whose earlier token comes with it."""
    body = await read_json(request)
    tenant = body.text("tenantId")
    if tenant is None:
        body.parse(SessionBody)
    workspace = await allowed_workspace(request, tenant or "")
    wanted = body.parse(SessionBody)
    resources = resources_of(request)
    signing_key = resources.settings.signing_key()
    session_id = check_session_id(wanted.sessionId) if wanted.sessionId else new_session_id()
    if wanted.token is not None:
        proven = verify_visitor(signing_key, wanted.token, workspace.id, for_renewal=True)
        if wanted.sessionId is not None and proven != session_id:
            raise NotSignedIn("This visitor token belongs to another session.")
        session_id = proven
    else:
        scope = Scope.visitors(workspace.id, session_id, is_proven=True)
        async with resources.database.unit_of_work(scope) as session:
            if await is_session_taken(session, workspace.id, session_id):
                raise NotSignedIn("This session is in use: send its earlier token, or start a new one.")
    signed = sign_visitor(signing_key, workspace.id, session_id)
    return SessionResult(token=signed.token, sessionId=session_id, expiresAt=signed.expires_at.isoformat())


@router.get(
    "/api/widget/conversation",
    response_model=ConversationResult,
    responses=documented(401, 403, 404, 422, 429),
)
async def conversation(
    request: Request,
    response: Response,
    t: Annotated[str | None, Query(max_length=100)] = None,
    away: Away = None,
) -> ConversationResult:
    """This visitor's conversation, for a reload or the next page; the visitor's token says whose.

    What it shows is taken for seen, and not mailed any more, unless `away` is `1`.
    """
    workspace = await allowed_workspace(request, t or workspace_of_token(request))
    caller = visitor_caller(request, workspace, None)
    async with resources_of(request).database.unit_of_work(caller.scope) as session:
        thread = await read_thread(session, caller, is_away=away == "1")
    response.headers["cache-control"] = "no-store"
    return ConversationResult(
        conversationId=str(thread.conversation_id) if thread.conversation_id else None,
        status=thread.status,
        contactRequested=thread.contact_requested,
        csatRequested=thread.csat_requested,
        next=next_result(next_step(workspace, thread.status)),
        # Two hundred of them take longer than others should wait.
        messages=await asyncio.to_thread(lambda: [message_result(message) for message in thread.messages]),
    )


def message_result(message: MessageView) -> MessageResult:
    return MessageResult(
        id=str(message.id),
        role=message.role,
        text=message.text,
        html=render_markdown(message.text) if message.role != "visitor" else "",
        createdAt=message.created_at.isoformat(),
        confidence=message.confidence,
        citations=[CitationResult.model_validate(item) for item in message.citations],
        author=message.author_name,
        rating=message.rating,
    )


def panel_policy(workspace: WorkspaceView) -> str:
    """The panel's Content-Security-Policy; its ``frame-ancestors`` are the workspace's allowed domains."""
    if not workspace.allowed_domains:
        ancestors = "*"
    else:
        ancestors = " ".join(
            ["'self'", *(source for domain in workspace.allowed_domains for source in _sources(domain))]
        )
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
        f" connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
    )


def with_config(values: dict[str, str]) -> str:
    """The loader with its configuration in place; ``<`` is escaped for those who inline the script."""
    filled = json.dumps(values).replace("<", "\\u003c")
    return _CONFIG.sub(lambda _: filled, _loader_source())


@lru_cache(maxsize=1)
def _loader_source() -> str:
    return (FOLDER / "loader.js").read_text(encoding="utf-8")


def _sources(domain: str) -> list[str]:
    host = re.sub(r"[^A-Za-z0-9.*:-]", "", domain)
    names = [host] if host.startswith("*.") else [host, f"www.{host}"]
    return [f"{scheme}://{name}" for name in names for scheme in ("https", "http")]


def _cached(request: Request, content: str, media_type: str) -> Response:
    """A response with an ETag (RFC 9110), or 304 when the browser has it already."""
    etag = f'"{hashlib.sha256(content.encode()).hexdigest()[:20]}"'
    headers = {
        "etag": etag,
        "cache-control": "public, max-age=300, stale-while-revalidate=86400",
        "access-control-allow-origin": "*",
        "cross-origin-resource-policy": "cross-origin",
    }
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if etag in known:
        return Response(status_code=304, headers=headers)
    headers["vary"] = "accept-encoding"
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        return Response(_gzipped(content), media_type=media_type, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


@lru_cache(maxsize=256)
def _gzipped(content: str) -> bytes:
    # These files are the same for everybody and hold no secret: compressing them tells nobody anything.
    return gzip.compress(content.encode(), mtime=0)


async def allowed_workspace(request: Request, tenant: str) -> WorkspaceView:
    workspace = await visited_workspace(request, tenant)
    refuse_unlisted_origin(request, resources_of(request).settings, workspace)
    return workspace
