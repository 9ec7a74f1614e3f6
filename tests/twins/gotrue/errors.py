"""GoTrue's errors, in the shape the caller's API version asks for."""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

VERSION_HEADER = "X-Supabase-Api-Version"
VERSION = "2024-01-01"
OAUTH_NAMES = {
    400: "invalid_request",
    401: "unauthorized_client",
    403: "access_denied",
    500: "server_error",
    503: "temporarily_unavailable",
}


class ApiError(Exception):
    """An answer that is no success; `reasons` only where a password was weak."""

    def __init__(self, status: int, code: str, message: str, reasons: list[str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.reasons = status, code, message, reasons


class OAuthError(Exception):
    """An answer in RFC 6749's shape, which some of GoTrue's endpoints still give."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error, self.description = error, description


def invalid(message: str) -> ApiError:
    return ApiError(400, "validation_failed", message)


async def show(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, OAuthError):
        return JSONResponse({"error": error.error, "error_description": error.description}, 400)
    assert isinstance(error, ApiError)
    asked = request.headers.get(VERSION_HEADER, "")
    is_new = re.fullmatch(r"\d{4}-\d\d-\d\d", asked) is not None and asked >= VERSION
    body: dict[str, Any]
    if is_new:
        body = {"code": error.code, "message": error.message}
    else:
        body = {"code": error.status, "error_code": error.code, "msg": error.message}
    if error.reasons is not None:
        body["weak_password"] = {"reasons": error.reasons}
    return JSONResponse(body, error.status, {VERSION_HEADER: VERSION} if is_new else None)
