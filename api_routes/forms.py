"""Posts of our own pages' forms and of programs alike: how they are read, and answered each in its way."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from fastapi import Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel

from api_routes.bodies import Body, JsonBody, is_storable_text, read_json, read_limited
from helpninja_app.accounts.sessions import SESSION_COOKIE, SESSION_LIFETIME, Device
from helpninja_app.errors import (
    FieldError,
    Forbidden,
    HelpNinjaError,
    Invalid,
    NotFound,
    NotSignedIn,
    RateLimited,
    UnsupportedMediaType,
    WorkspaceFull,
)
from helpninja_app.kernel.proxies import client_address, own_origin
from helpninja_app.settings import Settings

HOME = "/app"
FORM = "application/x-www-form-urlencoded"
_MOST_BYTES = 10_000
SEE_OTHER = {303: {"description": "A form post: on to the page asked for, or back with a code."}}


class Ok(BaseModel):
    ok: bool = True


def is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith(FORM)


async def read_posted(request: Request) -> JsonBody:
    """A JSON body, or a form's fields, which are texts."""
    if not is_form(request):
        return await read_json(request)
    raw = await read_limited(request, _MOST_BYTES)
    try:
        pairs = dict(
            parse_qsl(raw.decode("utf-8"), keep_blank_values=True, max_num_fields=20, errors="strict")
        )
    except (UnicodeDecodeError, ValueError) as error:
        raise UnsupportedMediaType("The form could not be read.") from error
    if not all(is_storable_text(value) for value in pairs.values()):
        return JsonBody(None, Invalid(errors=(FieldError("body", "Texts cannot hold U+0000."),)))
    return JsonBody(pairs, None)


def answered(request: Request, body: dict[str, object], target: str, *, status: int = 200) -> Response:
    """``body`` for a program, and for a form the way on to ``target``."""
    response: Response = (
        RedirectResponse(target, status_code=303) if is_form(request) else JSONResponse(body, status)
    )
    response.headers["cache-control"] = "no-store"
    return response


def back_to(page: str, code: str, **kept: str) -> Response:
    """Back to the form, with a code and not a sentence: anybody can write a text into an address."""
    query = urlencode({"error": code} | {name: value for name, value in kept.items() if value})
    return RedirectResponse(f"{page}?{query}", status_code=303)


def posted_body(model: type[Body]) -> dict[str, object]:
    """``openapi_extra`` for a route that reads its body by ``read_posted``."""
    return {
        "requestBody": {
            "required": True,
            "content": {kind: {"schema": model.model_json_schema()} for kind in ("application/json", FORM)},
        }
    }


def safe_path(target: str) -> str:
    """A path on this origin to go on to; anything else, such as ``//elsewhere``, becomes the dashboard."""
    # Browsers read a backslash as a slash, and leave out line breaks and tabs before they look at the rest.
    is_path = target.startswith("/") and not target.startswith("//")
    return target if is_path and not any(character in target for character in "\\\r\n\t") else HOME


def device_of(request: Request, settings: Settings) -> Device:
    return Device(request.headers.get("user-agent", ""), client_address(request.scope, settings))


def give_session(response: Response, request: Request, settings: Settings, token: str) -> None:
    """Put a session's token into the cookie, which scripts cannot read."""
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=int(SESSION_LIFETIME.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=own_origin(request.scope, settings).startswith("https://"),
        path="/",
    )


def take_session(response: Response) -> None:
    response.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="lax")


def code_of(error: HelpNinjaError) -> str:
    """What a form's page knows a sentence for."""
    if isinstance(error, RateLimited):
        return "limited"
    if isinstance(error, NotSignedIn):
        return "wrong"
    if isinstance(error, NotFound):
        return "invite"
    if isinstance(error, WorkspaceFull):
        return "full"
    if isinstance(error, Forbidden):
        return "closed"
    fields = {item.field for item in error.errors} if isinstance(error, Invalid) else set()
    if "body.password" in fields:
        return "weak"
    return "email" if "body.email" in fields else "over"
