"""Puts the HTTP API together; it also runs alone, without the pages, for scaling out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import Lifespan

from api_routes import (
    account,
    api_keys,
    billing,
    canned_replies,
    chat,
    chats,
    conversation_actions,
    conversations,
    cron,
    curated_answers,
    deliveries,
    demo,
    docs,
    documents,
    escalate,
    health,
    inbound_email,
    inbox_export,
    ingest,
    integrations,
    members,
    mentions,
    models,
    notes,
    passwords,
    rules,
    search,
    second_step,
    shared_conversation,
    sign_in,
    sign_up,
    sources,
    stripe_webhook,
    supabase_accounts,
    supabase_sign_in,
    transcripts,
    two_factor,
    visitor_feedback,
    webhook_endpoints,
    widget,
    widget_events,
    workspaces,
)
from api_routes.middleware import Cors, RequestTelemetry
from api_routes.problems import Problem, add_problem_handlers
from api_routes.session_cookies import SessionCookies
from helpninja_app.runtime import running
from helpninja_app.settings import get_settings
from helpninja_app.version import VERSION

# The same addresses, by where accounts are kept.
LOCAL_ACCOUNTS = (sign_in, second_step, sign_up, passwords, two_factor)
SUPABASE_ACCOUNTS = (supabase_sign_in, supabase_accounts)

DESCRIPTION = (
    "Errors are RFC 9457 problem+json. Members use the session cookie, programs a secret key as"
    " `Authorization: Bearer hn_sk_…`, the widget its visitor token. Times are ISO 8601 in UTC."
)


def create_api(*, is_supabase: bool = False) -> FastAPI:
    """The API as an ASGI application; whoever mounts it runs ``runtime.running`` around it.

    ``is_supabase`` where people sign in with Supabase instead of accounts that are kept here.
    """
    return _make(None, is_supabase=is_supabase)


def create_standalone_api() -> FastAPI:
    """The API that opens and closes its own resources: ``uvicorn``-style servers can run it as it is."""

    @asynccontextmanager
    async def lifespan(_api: FastAPI) -> AsyncIterator[None]:
        async with running():
            yield

    return _make(lifespan, is_supabase=get_settings().is_supabase_sign_in)


def _make(lifespan: Lifespan[FastAPI] | None, *, is_supabase: bool) -> FastAPI:
    api = FastAPI(
        title="HelpNinja",
        version=VERSION,
        description=DESCRIPTION,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    add_problem_handlers(api)
    keeping = SUPABASE_ACCOUNTS if is_supabase else LOCAL_ACCOUNTS
    for module in (
        health,
        account,
        *keeping,
        workspaces,
        members,
        api_keys,
        chat,
        chats,
        models,
        widget,
        widget_events,
        visitor_feedback,
        conversations,
        conversation_actions,
        escalate,
        integrations,
        deliveries,
        canned_replies,
        rules,
        transcripts,
        inbox_export,
        mentions,
        shared_conversation,
        ingest,
        sources,
        documents,
        notes,
        curated_answers,
        search,
        billing,
        stripe_webhook,
        cron,
        inbound_email,
        webhook_endpoints,
        docs,
        demo,
    ):
        api.include_router(module.router)
    api.openapi_schema = docs.complete_schema(api.openapi(), Problem)
    api.add_middleware(Cors)
    if is_supabase:
        api.add_middleware(SessionCookies)
    api.add_middleware(RequestTelemetry)
    return api
