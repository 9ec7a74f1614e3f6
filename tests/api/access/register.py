"""Who may call which route, and which routes the application really has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts

from api_routes.app import create_api
from helpninja_app.accounts.permissions import Permission

# What a route asks for: nothing, a workspace that is named to visitors, a session of whoever, or membership
# in a workspace, with a permission or with none.
PUBLIC = "public"
VISITOR = "visitor"
PERSON = "person"
MEMBER = "any member"

Access = str | Permission

_EVERYWHERE: dict[str, Access] = {
    "GET /api/openapi.json": PUBLIC,
    "HEAD /api/openapi.json": PUBLIC,
    "GET /api/docs": PUBLIC,
    "GET /api/health/live": PUBLIC,
    "HEAD /api/health/live": PUBLIC,
    "GET /api/health/ready": PUBLIC,
    "HEAD /api/health/ready": PUBLIC,
    "GET /metrics": PUBLIC,
    "GET /demo": PUBLIC,
    "GET /demo/": PUBLIC,
    "GET /demo/help": PUBLIC,
    "GET /demo/help/": PUBLIC,
    "GET /demo/help/sitemap.xml": PUBLIC,
    "GET /demo/help/{name}": PUBLIC,
    "GET /api/chat": PUBLIC,
    "POST /api/chat": VISITOR,
    "GET /api/widget": VISITOR,
    "GET /api/widget/config": VISITOR,
    "POST /api/widget/session": VISITOR,
    "GET /api/widget/conversation": VISITOR,
    "GET /api/widget/events": VISITOR,
    "POST /api/widget/typing": VISITOR,
    "POST /api/widget/contact": VISITOR,
    "POST /api/widget/feedback": VISITOR,
    "GET /widget/panel": VISITOR,
    "GET /widget/{name}": PUBLIC,
    "POST /api/auth/sign-in": PUBLIC,
    "POST /api/auth/sign-out": PUBLIC,
    "POST /api/auth/sign-up": PUBLIC,
    "POST /api/auth/reset-password": PUBLIC,
    "POST /api/invites/look-up": PUBLIC,
    "POST /api/webhooks/stripe": PUBLIC,
    "POST /api/stripe/webhook": PUBLIC,
    "GET /api/cron/reset-credits": PUBLIC,
    "POST /api/inbound/email": PUBLIC,
    "POST /api/billing/checkout": Permission.MANAGE_BILLING,
    "POST /api/billing/top-up": Permission.MANAGE_BILLING,
    "POST /api/billing/portal": Permission.MANAGE_BILLING,
    "GET /api/billing/invoices": Permission.MANAGE_BILLING,
    "GET /api/billing/credit-history": Permission.MANAGE_BILLING,
    "GET /api/billing/credit-history.csv": Permission.MANAGE_BILLING,
    "GET /api/auth/me": PERSON,
    "PATCH /api/auth/me": PERSON,
    "GET /api/auth/sessions": PERSON,
    "DELETE /api/auth/sessions/{session_id}": PERSON,
    "POST /api/auth/update-password": PERSON,
    "POST /api/invites/accept": PERSON,
    "GET /api/workspaces": PERSON,
    "POST /api/workspaces": PERSON,
    "POST /api/workspaces/{workspace_id}/restore": PERSON,
    "POST /api/workspaces/{workspace_id}/switch": MEMBER,
    "GET /api/workspaces/{workspace_id}": MEMBER,
    "PATCH /api/workspaces/{workspace_id}": Permission.MANAGE_WORKSPACE,
    "DELETE /api/workspaces/{workspace_id}": Permission.DELETE_WORKSPACE,
    "POST /api/workspaces/{workspace_id}/transfer": Permission.DELETE_WORKSPACE,
    "GET /api/workspaces/{workspace_id}/audit": Permission.READ_AUDIT,
    "GET /api/workspaces/{workspace_id}/members": Permission.READ_MEMBERS,
    "PATCH /api/workspaces/{workspace_id}/members/{user_id}": Permission.MANAGE_MEMBERS,
    "DELETE /api/workspaces/{workspace_id}/members/{user_id}": Permission.MANAGE_MEMBERS,
    "GET /api/workspaces/{workspace_id}/invites": Permission.MANAGE_MEMBERS,
    "POST /api/workspaces/{workspace_id}/invites": Permission.MANAGE_MEMBERS,
    "POST /api/workspaces/{workspace_id}/invites/{invite_id}/resend": Permission.MANAGE_MEMBERS,
    "DELETE /api/workspaces/{workspace_id}/invites/{invite_id}": Permission.MANAGE_MEMBERS,
    "GET /api/workspaces/{workspace_id}/keys": Permission.MANAGE_KEYS,
    "POST /api/workspaces/{workspace_id}/keys": Permission.MANAGE_KEYS,
    "DELETE /api/workspaces/{workspace_id}/keys/{key_id}": Permission.MANAGE_KEYS,
    "GET /api/webhook-endpoints": Permission.MANAGE_WORKSPACE,
    "POST /api/webhook-endpoints": Permission.MANAGE_WORKSPACE,
    "PATCH /api/webhook-endpoints/{endpoint_id}": Permission.MANAGE_WORKSPACE,
    "DELETE /api/webhook-endpoints/{endpoint_id}": Permission.MANAGE_WORKSPACE,
    "POST /api/webhook-endpoints/{endpoint_id}/rotate-secret": Permission.MANAGE_WORKSPACE,
    "POST /api/webhook-endpoints/{endpoint_id}/test": Permission.MANAGE_WORKSPACE,
    "GET /api/webhook-endpoints/{endpoint_id}/deliveries": Permission.MANAGE_WORKSPACE,
    "POST /api/webhook-endpoints/{endpoint_id}/deliveries/{event_id}/resend": Permission.MANAGE_WORKSPACE,
    "GET /api/models": Permission.USE_CHAT,
    "GET /api/conversations": Permission.READ_CONVERSATIONS,
    "GET /api/conversations/{conversation_id}/export": Permission.READ_CONVERSATIONS,
    "GET /api/conversations/{conversation_id}/shares": Permission.READ_CONVERSATIONS,
    "POST /api/conversations/{conversation_id}/shares": Permission.ANSWER_CONVERSATIONS,
    "DELETE /api/conversations/{conversation_id}/shares/{share_id}": Permission.ANSWER_CONVERSATIONS,
    "POST /api/conversations/{conversation_id}/transcript": Permission.ANSWER_CONVERSATIONS,
    "GET /api/inbox/export": Permission.READ_CONVERSATIONS,
    "GET /api/mentions": Permission.READ_CONVERSATIONS,
    "POST /api/mentions/read": Permission.READ_CONVERSATIONS,
    "GET /api/shared-conversation": PUBLIC,
    "GET /api/rules": Permission.READ_CONVERSATIONS,
    "POST /api/rules": Permission.MANAGE_RULES,
    "PUT /api/rules/order": Permission.MANAGE_RULES,
    "POST /api/rules/test": Permission.READ_CONVERSATIONS,
    "PATCH /api/rules/{rule_id}": Permission.MANAGE_RULES,
    "DELETE /api/rules/{rule_id}": Permission.MANAGE_RULES,
    "POST /api/rules/{rule_id}/restore": Permission.MANAGE_RULES,
    "GET /api/canned-replies": Permission.READ_CONVERSATIONS,
    "GET /api/canned-replies/{reply_id}": Permission.READ_CONVERSATIONS,
    "POST /api/canned-replies": Permission.ANSWER_CONVERSATIONS,
    "PATCH /api/canned-replies/{reply_id}": Permission.ANSWER_CONVERSATIONS,
    "DELETE /api/canned-replies/{reply_id}": Permission.ANSWER_CONVERSATIONS,
    "POST /api/canned-replies/{reply_id}/render": Permission.ANSWER_CONVERSATIONS,
    "GET /api/conversations/{conversation_id}": Permission.READ_CONVERSATIONS,
    "POST /api/conversations/{conversation_id}/read": Permission.READ_CONVERSATIONS,
    **{
        f"POST /api/conversations/{{conversation_id}}/{action}": Permission.ANSWER_CONVERSATIONS
        for action in (
            *("take-over", "hand-back", "resolve", "reopen", "typing"),
            *("reply", "note", "assign", "snooze"),
        )
    },
    "PUT /api/conversations/{conversation_id}/tags": Permission.ANSWER_CONVERSATIONS,
    "POST /api/escalate": Permission.ANSWER_CONVERSATIONS,
    "GET /api/integrations": Permission.READ_CONVERSATIONS,
    "POST /api/integrations": Permission.MANAGE_WORKSPACE,
    "PATCH /api/integrations/{integration_id}": Permission.MANAGE_WORKSPACE,
    "DELETE /api/integrations/{integration_id}": Permission.MANAGE_WORKSPACE,
    "POST /api/integrations/{integration_id}/restore": Permission.MANAGE_WORKSPACE,
    "POST /api/integrations/{integration_id}/test": Permission.MANAGE_WORKSPACE,
    "GET /api/deliveries": Permission.READ_CONVERSATIONS,
    "POST /api/deliveries/{delivery_id}/resend": Permission.ANSWER_CONVERSATIONS,
    "GET /api/chats": Permission.USE_CHAT,
    "GET /api/chats/{chat_id}": Permission.USE_CHAT,
    "PATCH /api/chats/{chat_id}": Permission.USE_CHAT,
    "DELETE /api/chats/{chat_id}": Permission.USE_CHAT,
    "POST /api/chats/{chat_id}/restore": Permission.USE_CHAT,
    "POST /api/chats/{chat_id}/stop": Permission.USE_CHAT,
    "GET /api/chats/{chat_id}/export": Permission.USE_CHAT,
    "POST /api/ingest": Permission.WRITE_KNOWLEDGE,
    "GET /api/ingest/{job_id}": Permission.READ_KNOWLEDGE,
    "DELETE /api/ingest/{job_id}": Permission.WRITE_KNOWLEDGE,
    "GET /api/ingest/{job_id}/pages": Permission.READ_KNOWLEDGE,
    "POST /api/ingest/{job_id}/retry": Permission.WRITE_KNOWLEDGE,
    "POST /api/ingest/preview": Permission.WRITE_KNOWLEDGE,
    "POST /api/search": Permission.READ_KNOWLEDGE,
    "GET /api/curated-answers": Permission.READ_KNOWLEDGE,
    "POST /api/curated-answers": Permission.WRITE_KNOWLEDGE,
    "PUT /api/curated-answers/order": Permission.WRITE_KNOWLEDGE,
    "GET /api/curated-answers/{answer_id}": Permission.READ_KNOWLEDGE,
    "PATCH /api/curated-answers/{answer_id}": Permission.WRITE_KNOWLEDGE,
    "DELETE /api/curated-answers/{answer_id}": Permission.WRITE_KNOWLEDGE,
    "POST /api/curated-answers/{answer_id}/restore": Permission.WRITE_KNOWLEDGE,
    "POST /api/notes": Permission.WRITE_KNOWLEDGE,
    "GET /api/notes/{note_id}": Permission.READ_KNOWLEDGE,
    "PATCH /api/notes/{note_id}": Permission.WRITE_KNOWLEDGE,
    "GET /api/sources": Permission.READ_KNOWLEDGE,
    "GET /api/sources/{source_id}": Permission.READ_KNOWLEDGE,
    "PATCH /api/sources/{source_id}": Permission.WRITE_KNOWLEDGE,
    "DELETE /api/sources/{source_id}": Permission.WRITE_KNOWLEDGE,
    "POST /api/sources/{source_id}/restore": Permission.WRITE_KNOWLEDGE,
    "POST /api/sources/{source_id}/sync": Permission.WRITE_KNOWLEDGE,
    "GET /api/exclusions": Permission.READ_KNOWLEDGE,
    "DELETE /api/exclusions/{exclusion_id}": Permission.WRITE_KNOWLEDGE,
    "POST /api/upload": Permission.UPLOAD_DOCUMENTS,
    # Of what somebody else uploaded.
    "POST /api/rag": Permission.WRITE_KNOWLEDGE,
    "GET /api/documents": Permission.READ_KNOWLEDGE,
    "GET /api/documents/{document_id}": Permission.READ_KNOWLEDGE,
    "PATCH /api/documents/{document_id}": Permission.WRITE_KNOWLEDGE,
    "DELETE /api/documents/{document_id}": Permission.WRITE_KNOWLEDGE,
    # Of what somebody else uploaded.
    "POST /api/documents/{deleted_id}/restore": Permission.WRITE_KNOWLEDGE,
    "GET /api/documents/{document_id}/chunks": Permission.READ_KNOWLEDGE,
    "GET /api/documents/{document_id}/file": Permission.READ_KNOWLEDGE,
}
ACCESS: dict[str, Access] = _EVERYWHERE | {
    "POST /api/auth/sign-in-code": PUBLIC,
    "POST /api/auth/verify-email": PUBLIC,
    "POST /api/auth/resend-verification": PERSON,
    "GET /api/auth/two-factor": PERSON,
    "POST /api/auth/two-factor": PERSON,
    "POST /api/auth/two-factor/confirm": PERSON,
    "POST /api/auth/two-factor/recovery-codes": PERSON,
    "POST /api/auth/two-factor/remove": PERSON,
}
# Where people sign in with Supabase.
SUPABASE_ACCESS: dict[str, Access] = _EVERYWHERE | {
    "POST /api/auth/resend-verification": PUBLIC,
    "POST /api/auth/magic-link": PUBLIC,
    "GET /api/auth/oauth": PUBLIC,
    "GET /api/auth/callback": PUBLIC,
    "POST /api/auth/refresh": PERSON,
}


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path, with the names of all that it reads from a request."""

    method: str
    path: str
    in_path: tuple[str, ...] = ()
    in_query: tuple[str, ...] = ()
    in_body: tuple[str, ...] = ()
    is_upload: bool = False

    @property
    def label(self) -> str:
        return f"{self.method} {self.path}"


def routes_of(api: FastAPI) -> dict[str, Route]:
    """Every route by its label, those that the description hides included; what is mounted by its path."""
    return {
        route.label: route for context in iter_route_contexts(api.routes) for route in _routes_in(context)
    }


def in_workspaces(register: dict[str, Access]) -> dict[str, Access]:
    """What takes a member or a key of the workspace that it is about."""
    return {
        label: access
        for label, access in register.items()
        if access == MEMBER or isinstance(access, Permission)
    }


def labels_of(register: dict[str, Access], access: Access) -> list[str]:
    return [label for label, wanted in register.items() if wanted == access]


def _routes_in(context: RouteContext) -> Iterator[Route]:
    route: Any = context.original_route
    reading = list(_dependants(route.dependant)) if hasattr(route, "dependant") else []
    extra = getattr(route, "openapi_extra", None) or {}
    content = extra.get("requestBody", {}).get("content", {})
    for method in sorted(context.methods or {type(route).__name__}):
        yield Route(
            method,
            context.path or "",
            tuple({field.alias: None for each in reading for field in each.path_params}),
            tuple({field.alias: None for each in reading for field in each.query_params}),
            tuple({name: None for media in content.values() for name in _properties(media["schema"])}),
            "multipart/form-data" in content,
        )


def _dependants(dependant: Dependant) -> Iterator[Dependant]:
    """It, and what it depends on: who calls is found before the route is."""
    yield dependant
    for each in dependant.dependencies:
        yield from _dependants(each)


def _properties(schema: dict[str, Any]) -> dict[str, Any]:
    """Of several forms those of the first: the visitors' of the chat, whose other has its own tests."""
    properties: dict[str, Any] = schema.get("anyOf", [schema])[0]["properties"]
    return properties


ROUTES = routes_of(create_api())
SUPABASE_ROUTES = routes_of(create_api(is_supabase=True))
