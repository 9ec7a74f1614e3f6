"""Errors as RFC 9457 problem+json: every error that leaves the API is made here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from helpninja_app.errors import FieldError, HelpNinjaError, Invalid, LimitUsedUp, MessagesUsedUp

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
# Who asks these expects to be told "not yet"; a log line for each would bury what matters.
HEALTH = "/api/health/"
# The reference documents answer with `ok` here, so their errors carry it too.
# Relative to this server, as RFC 9457 allows: whoever asked it knows where it is.
BILLING = "/app/billing#plans"
OK_PATHS = re.compile(r"^/api/(ingest|escalate)(/|$)")


class FieldProblem(BaseModel):
    field: str = Field(examples=["body.message"])
    message: str


class Problem(BaseModel):
    """RFC 9457, with ``error`` repeating ``detail`` for clients of the older API."""

    type: str = Field(examples=["urn:helpninja:problem:not-found"])
    title: str
    status: int
    detail: str
    error: str
    ok: bool | None = None
    errors: list[FieldProblem] | None = None
    limit: int | None = None
    used: int | None = None
    billing: str | None = Field(
        None,
        description="Where on this server an owner changes the plan or buys credits, when that would help.",
        examples=[BILLING],
    )


def problem_body(error: HelpNinjaError, path: str) -> dict[str, Any]:
    """The JSON of an error; ``path`` decides whether it carries ``ok``."""
    body: dict[str, Any] = {
        "type": f"urn:helpninja:problem:{slug(error.title)}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "error": error.detail,
    }
    if OK_PATHS.match(path):
        body["ok"] = False
    if isinstance(error, Invalid):
        body["errors"] = [{"field": item.field, "message": item.message} for item in error.errors]
    if isinstance(error, LimitUsedUp):
        body |= {"limit": error.limit, "used": error.used}
    if error.is_by_plan:
        body["billing"] = BILLING
    if isinstance(error, MessagesUsedUp):
        opens_at = error.opens_at.isoformat() if error.opens_at else None
        closes_at = error.closes_at.isoformat() if error.closes_at else None
        following = {"kind": error.next_kind, "opensAt": opens_at, "closesAt": closes_at}
        body |= {
            "conversationId": str(error.conversation_id),
            "messageId": str(error.message_id),
            "conversationStatus": error.status_of_conversation,
            "escalated": error.status_of_conversation == "waiting",
            "contactRequested": error.is_contact_requested,
            "next": following if error.next_kind else None,
        }
    return body


def slug(title: str) -> str:
    return title.lower().replace(" ", "-")


def problem_response(error: HelpNinjaError, path: str) -> JSONResponse:
    return JSONResponse(
        problem_body(error, path), status_code=error.status, headers=error.headers, media_type=MEDIA_TYPE
    )


def documented(
    *statuses: int, also: Mapping[int, dict[str, Any]] | None = None
) -> dict[int | str, dict[str, Any]]:
    """The problem responses of a route for OpenAPI, and its other ones."""
    always = {500, 503}
    # Whoever reads a body may refuse one that does not arrive.
    if 415 in statuses:
        always.add(408)
    described: dict[int | str, dict[str, Any]] = dict((also or {}).items())
    return described | {status: problem_of(status) for status in sorted({*statuses, *always})}


def problem_of(status: int, model: type[Problem] = Problem) -> dict[str, Any]:
    """A problem response for OpenAPI, of a ``model`` of its own where it says more than others."""
    return {
        "model": model,
        "description": HTTPStatus(status).phrase,
        "content": {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}},
    }


def add_problem_handlers(api: FastAPI) -> None:
    @api.exception_handler(HelpNinjaError)
    async def known(request: Request, error: HelpNinjaError) -> JSONResponse:
        if error.status >= 500 and not request.url.path.startswith(HEALTH):
            log.warning("request_failed", error=type(error).__name__, detail=error.detail)
        return problem_response(error, request.url.path)

    @api.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return problem_response(from_validation(error.errors()), request.url.path)

    @api.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse(
            http_problem(error.status_code, request),
            status_code=error.status_code,
            headers=error.headers,
            media_type=MEDIA_TYPE,
        )

    @api.exception_handler(ClientDisconnect)
    async def left(request: Request, error: ClientDisconnect) -> Response:
        # Nobody reads this; it keeps a client that left half way out of our errors (499, as nginx has it).
        return Response(status_code=499)

    @api.exception_handler(SQLAlchemyError)
    async def database(request: Request, error: SQLAlchemyError) -> JSONResponse:
        log.exception("database_error", exc_info=error)
        return problem_response(HelpNinjaError(), request.url.path)


def from_validation(errors: Any) -> Invalid:
    """Pydantic's findings as ours: dotted paths, and sentences without the input they complain about."""
    return Invalid(
        errors=tuple(
            FieldError(".".join(str(part) for part in item["loc"]) or "body", _sentence(item))
            for item in errors
        )
    )


_SENTENCES = {
    "missing": "This is missing.",
    "string_type": "This has to be a text.",
    "string_too_long": "At most {max_length} characters fit here.",
    "string_too_short": "At least {min_length} characters are needed here.",
    "model_type": "This has to be a JSON object.",
    "model_attributes_type": "This has to be a JSON object.",
    "bool_type": "This has to be true or false.",
    "int_type": "This has to be a whole number.",
    "uuid_parsing": "This is not a valid id.",
}


def _sentence(item: Mapping[str, Any]) -> str:
    known = _SENTENCES.get(item["type"])
    return known.format(**item.get("ctx", {})) if known else f"{item['msg']}."


def http_problem(status: int, request: Request) -> dict[str, Any]:
    """Starlette's own 404 and 405 in our form."""
    phrase = HTTPStatus(status).phrase
    detail = {
        404: f"There is no {request.url.path} here. The routes are listed at /api/docs.",
        405: f"{request.method} is not allowed here.",
    }.get(status, phrase)
    body: dict[str, Any] = {
        "type": f"urn:helpninja:problem:{slug(phrase)}",
        "title": phrase,
        "status": status,
        "detail": detail,
        "error": detail,
    }
    return body | {"ok": False} if OK_PATHS.match(request.url.path) else body
