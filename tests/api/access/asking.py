"""Requests to any route, made from its own description: with the ids of a workspace, named or not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import httpx

from tests.api.access.register import Route
from tests.canaries import Canaries

Naming = Literal["id", "slug", "public key"]
NAMINGS: tuple[Naming, ...] = ("id", "slug", "public key")

# Say which workspace is meant.
NAMING = frozenset({"workspace_id", "tenantId", "t"})
# Fields that hold an id, and where in the other workspace a real one stands.
IDS: dict[str, tuple[str, str]] = {
    "document_id": ("documents", "id"),
    "documentId": ("documents", "id"),
    "deleted_id": ("deleted_documents", "id"),
    "chat_id": ("chats", "id"),
    "conversation_id": ("conversations", "id"),
    "conversationId": ("conversations", "id"),
    "integration_id": ("integrations", "id"),
    "delivery_id": ("deliveries", "id"),
    "before": ("messages", "id"),
    "messageId": ("messages", "id"),
    "reply_id": ("canned_replies", "id"),
    "rule_id": ("rules", "id"),
    "share_id": ("conversation_shares", "id"),
    "after": ("messages", "id"),
    "note_id": ("documents", "id"),
    "answer_id": ("curated_answers", "id"),
    "source_id": ("sources", "id"),
    "exclusion_id": ("excluded_pages", "id"),
    "user_id": ("members", "user_id"),
    "userId": ("members", "user_id"),
    "invite_id": ("invites", "id"),
    "key_id": ("api_keys", "id"),
    "job_id": ("ingest_jobs", "id"),
    "endpoint_id": ("webhook_endpoints", "id"),
    "event_id": ("webhook_events", "id"),
    "session_id": ("sessions", "id"),
    "customerId": ("stripe_customers", "id"),
    "sessionId": ("conversations", "session_id"),
    # Nobody who is not of it has a token; the id is what they may have seen.
    "token": ("invites", "id"),
    "invite": ("invites", "id"),
    "email": ("users", "email"),
    "actor": ("users", "email"),
    "q": ("documents", "title"),
    "confirm": ("workspaces", "slug"),
    "slug": ("workspaces", "slug"),
}
# All others, with something that is sound.
PLAIN: dict[str, Any] = {
    "action": "member",
    "answer": "Within sixty days.",
    "all": True,
    "allowedDomains": ["shop.example"],
    "assignee": "none",
    "assistantAnswer": "Within sixty days.",
    "audience": "members",
    "away": "1",
    "businessHours": {"mon": [["09:00", "17:00"]]},
    "clientId": "01a2251a-c32f-7691-a6f3-3785c14c43f7",
    "code": "000000",
    "condition": {
        "match": "all",
        "conditions": [{"fact": "keyword", "operator": "any", "values": ["boots"]}],
    },
    "destinations": [],
    "isOn": False,
    "at": "2026-12-01T18:30:00+01:00",
    "messageCount": 2,
    "confidence": 0.4,
    "config": {},
    "credentials": {"to": "team@example.com"},
    "cursor": "2100-01-01T00:00:00+00:00~01a2251a-c32f-7691-a6f3-3785c14c43f7",
    "comment": "It took long.",
    "csat": None,
    "currentPassword": "not their password",
    "days": 7,
    "declined": False,
    "description": "Another description.",
    "error": "",
    "error_code": "",
    "events": ["message.created"],
    "expiresAt": "2030-01-31T12:00:00Z",
    "greeting": "Hello.",
    "holidays": ["2026-12-25"],
    "notes": False,
    "rating": "up",
    "unread": False,
    "ids": [],
    "input": "http://10.0.0.1/",
    "followLinks": True,
    "format": "md",
    "interval": "month",
    "kind": "page",
    "language": "en-GB",
    "languages": ["en"],
    "limit": 200,
    "mentions": [],
    "message": "Within how many days can unworn boots be returned?",
    # Also the name of a file, where it stands in a path.
    "name": "panel.js",
    "next": "/app",
    "offset": 0,
    "on": False,
    "pack": 1000,
    "pageUrl": "https://shop.example/",
    "password": "seven odd teapots dance",
    "permissions": ["knowledge:read"],
    "phrasings": ["May boots come back?"],
    "plan": "pro",
    "provider": "google",
    "query": "How long have I got for boots?",
    "question": "Can boots be returned?",
    "read": True,
    "reason": "visitor_request",
    "recovery": "",
    "refs": ["https://shop.example/boots"],
    "role": "viewer",
    "rule": {
        "name": "Boots",
        "action": "notify",
        "condition": {
            "match": "all",
            "conditions": [{"fact": "keyword", "operator": "any", "values": ["boots"]}],
        },
    },
    "schedule": "daily",
    "site": "shop.example",
    "since": "2020-01-01T00:00:00Z",
    "snoozed": False,
    "sort": "newest",
    "state": "unchanged",
    "status": "completed",
    "suggestions": ["Where are my boots?"],
    "suspended": True,
    "tag": "refund",
    "tags": ["refund"],
    "text": "Another text.",
    "threshold": 0.5,
    "timeZone": "UTC",
    "title": "Another title",
    "type": "grant",
    "url": "http://10.0.0.1/",
    "userMessage": "Can boots be returned?",
    "until": "2100-01-01T00:00:00Z",
    "voice": "formal",
    "workspace": "Another workspace",
}
# Where a name means something else.
OF_ROUTE: dict[tuple[str, str], Any] = {
    ("POST /api/rules", "action"): "route",
    ("PATCH /api/rules/{rule_id}", "action"): "route",
    ("POST /api/rules/test", "action"): "route",
    # Either this or a condition.
    ("POST /api/rules/test", "condition"): None,
    ("GET /api/conversations", "status"): "waiting",
    # Nobody snoozes for longer than a year.
    ("POST /api/conversations/{conversation_id}/snooze", "until"): (
        datetime.now(UTC) + timedelta(days=30)
    ).isoformat(),
    ("GET /api/inbox/export", "status"): "waiting",
    ("GET /api/inbox/export", "format"): "csv",
    ("GET /api/webhook-endpoints/{endpoint_id}/deliveries", "status"): "sent",
    ("GET /api/webhook-endpoints/{endpoint_id}/deliveries", "limit"): 100,
    ("GET /api/deliveries", "status"): "sent",
    ("POST /api/widget/contact", "email"): "ada@example.com",
    ("POST /api/integrations", "provider"): "email",
    ("PATCH /api/integrations/{integration_id}", "status"): "disabled",
    # Those that are there cannot be read, and are left alone.
    ("PATCH /api/integrations/{integration_id}", "credentials"): None,
}
# With a token these two ask for no session: it is what counts, and has tests of its own.
LEFT_OUT = frozenset({("POST /api/auth/update-password", "token"), ("POST /api/widget/session", "token")})
FILE = ("boots.md", b"# Boots\n\nUnworn boots can be returned.", "text/markdown")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and whose canaries are in it that were not in the question: ``workspaces-name``."""

    status: int
    text: str
    seen: frozenset[str]


def handle_of(theirs: Canaries, naming: Naming) -> str:
    workspace = theirs.tenant.workspace
    return {"id": str(workspace.id), "slug": workspace.slug, "public key": workspace.public_key}[naming]


def holds_an_id(route: Route) -> bool:
    """Whether it is about something in a workspace, and not the workspace alone."""
    named = {*route.in_path, *route.in_body} & set(IDS)
    return any(name.lower().endswith("id") for name in named)


def is_named(route: Route) -> bool:
    """Whether a request says which workspace it is about."""
    return bool({*route.in_path, *route.in_query, *route.in_body} & NAMING)


def namings_of(route: Route) -> tuple[Naming, ...]:
    """The ways to say which workspace is meant; one where it makes no difference."""
    return NAMINGS if is_named(route) else NAMINGS[:1]


def has_filters(route: Route) -> bool:
    return bool(set(route.in_query) - NAMING)


async def ask(
    client: httpx.AsyncClient,
    route: Route,
    theirs: Canaries,
    headers: dict[str, str],
    handle: str | None,
    *,
    body_handle: str | None = None,
    is_filtered: bool = True,
) -> Answer:
    """Call a route with the ids of ``theirs``, the workspace named as ``handle``, or nowhere but in paths.

    ``body_handle`` where the body names another one than the address. Not ``is_filtered`` without what a list
    is narrowed by.
    """
    body_handle = body_handle or handle
    path = route.path.format(**_fields(route, route.in_path, theirs, handle or str(theirs.tenant.id)))
    asked_for = tuple(name for name in route.in_query if is_filtered or name in NAMING)
    query = _fields(route, asked_for, theirs, handle)
    body = _fields(route, route.in_body, theirs, body_handle)
    sent: dict[str, Any] = {}
    if route.is_upload:
        # It reads the address as well, before there is a body.
        query |= {"tenantId": handle} if handle else {}
        sent = {"files": {"file": FILE}, "data": body}
    elif route.in_body:
        sent = {"json": body}
    # What one caller was given is not the next one's.
    client.cookies.clear()
    request = client.build_request(route.method, path, params=query, headers=headers, **sent)
    asked = f"{request.url} {(await request.aread()).decode()} {request.headers}"
    response = await client.send(request)
    client.cookies.clear()
    said = f"{response.headers.multi_items()} {response.text}"
    seen = theirs.seen_in(said) - theirs.seen_in(asked)
    prefix = f"canary-{theirs.mark}-"
    return Answer(response.status_code, response.text, frozenset(name.removeprefix(prefix) for name in seen))


def _fields(route: Route, names: tuple[str, ...], theirs: Canaries, handle: str | None) -> dict[str, Any]:
    """A value for each; ``KeyError`` for a name that is new, whose value is to be thought about."""
    values: dict[str, Any] = {}
    for name in names:
        if name in NAMING:
            values |= {name: handle} if handle else {}
        elif name != "file" and (route.label, name) not in LEFT_OUT:
            if (route.label, name) in OF_ROUTE:
                values[name] = OF_ROUTE[route.label, name]
            else:
                values[name] = theirs.id_in(*IDS[name]) if name in IDS else PLAIN[name]
    return values
