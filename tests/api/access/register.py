"""Who may call which route, and which routes the application really has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
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
    "POST /api/ingest": Permission.WRITE_KNOWLEDGE,
    "GET /api/ingest/{job_id}": Permission.READ_KNOWLEDGE,
    "DELETE /api/ingest/{job_id}": Permission.WRITE_KNOWLEDGE,
    "POST /api/upload": Permission.UPLOAD_DOCUMENTS,
    # Of what somebody else uploaded.
    "POST /api/rag": Permission.WRITE_KNOWLEDGE,
    "GET /api/documents": Permission.READ_KNOWLEDGE,
    "GET /api/documents/{document_id}": Permission.READ_KNOWLEDGE,
    "PATCH /api/documents/{document_id}": Permission.WRITE_KNOWLEDGE,
    "DELETE /api/documents/{document_id}": Permission.WRITE_KNOWLEDGE,
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
    dependant = getattr(route, "dependant", None)
    extra = getattr(route, "openapi_extra", None) or {}
    content = extra.get("requestBody", {}).get("content", {})
    for method in sorted(context.methods or {type(route).__name__}):
        yield Route(
            method,
            context.path or "",
            tuple(field.alias for field in dependant.path_params) if dependant else (),
            tuple(field.alias for field in dependant.query_params) if dependant else (),
            tuple({name: None for media in content.values() for name in media["schema"]["properties"]}),
            "multipart/form-data" in content,
        )


ROUTES = routes_of(create_api())
SUPABASE_ROUTES = routes_of(create_api(is_supabase=True))
