"""Reading a request's body after its caller is known, so that 401, 404 and 403 come before 422."""

from __future__ import annotations

import asyncio
import json
import math
import re
import time
import unicodedata
from collections.abc import AsyncGenerator
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ConfigDict, ValidationError

from api_routes.problems import from_validation
from helpninja_app.errors import FieldError, HelpNinjaError, Invalid, TooLarge, TooSlow, UnsupportedMediaType

# The longest message, written in escapes only, takes a third of this.
MAX_JSON_BYTES = 100_000
# Seconds of waiting for a body that any client gets, and bytes a second that earn it more.
PATIENCE = 30.0
SLOWEST = 4_000

_UNSTORABLE_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


class Body(BaseModel):
    """A request's JSON. Strict: a number is no text; unknown fields are ignored, as clients may be newer."""

    model_config = ConfigDict(strict=True, extra="ignore")


AnyBody = TypeVar("AnyBody", bound=Body)


class JsonBody:
    """A JSON body that was read but not judged yet."""

    def __init__(self, value: Any, problem: HelpNinjaError | None) -> None:
        self._value = value
        self._problem = problem

    def text(self, name: str) -> str | None:
        """A field that is a text, without complaint if it is not there."""
        found = self._value.get(name) if isinstance(self._value, dict) else None
        return found if isinstance(found, str) else None

    def has(self, name: str) -> bool:
        """Whether it is an object with that field, of whatever kind."""
        return isinstance(self._value, dict) and name in self._value

    def parse(self, model: type[AnyBody]) -> AnyBody:
        """The body as ``model``; raises what made it unreadable, or ``Invalid`` with each wrong field."""
        if self._problem is not None:
            raise self._problem
        try:
            return model.model_validate(self._value)
        except ValidationError as error:
            raise from_validation(
                [item | {"loc": ("body", *item["loc"])} for item in error.errors()]
            ) from error


async def read_json(
    request: Request, max_bytes: int = MAX_JSON_BYTES, *, is_optional: bool = False
) -> JsonBody:
    """Read the body; whatever is wrong with it is only raised when it is parsed.

    Where it ``is_optional`` none at all is an empty object.
    """
    content_type = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if content_type != "application/json" and not content_type.endswith("+json"):
        return JsonBody(None, UnsupportedMediaType("Send the body as application/json."))
    try:
        raw = await read_limited(request, max_bytes)
        if is_optional and not raw:
            return JsonBody({}, None)
        value = json.loads(raw.decode("utf-8"), parse_constant=_refuse_number, parse_float=_finite)
    except TooLarge as error:
        return JsonBody(None, error)
    # ValueError: also for bytes that are no UTF-8, and for numbers of more digits than Python converts.
    except (ValueError, RecursionError):
        return JsonBody(None, Invalid(errors=(FieldError("body", "This is not valid JSON in UTF-8."),)))
    # NUL and halves of surrogates can only have come as escapes: without one there is nothing to look for.
    if _UNSTORABLE_ESCAPE.search(raw) and not _is_storable(value):
        message = "Texts cannot hold U+0000 or half of a surrogate pair."
        return JsonBody(None, Invalid(errors=(FieldError("body", message),)))
    return JsonBody(value, None)


def _refuse_number(name: str) -> float:
    raise ValueError(f"JSON has no {name}.")


def _finite(digits: str) -> float:
    """What neither JSON nor the database can hold comes of 1e999."""
    number = float(digits)
    return number if math.isfinite(number) else _refuse_number(digits)


async def body_chunks(request: Request) -> AsyncGenerator[bytes]:
    """The body as it arrives; ``TooSlow`` once it comes slower than ``SLOWEST`` after ``PATIENCE``.

    The rule of Apache's mod_reqtimeout: a connection cannot be held by a byte now and then. Only the time
    spent waiting for the client counts.
    """
    stream = request.stream()
    waited, size = 0.0, 0
    while True:
        started = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE + size / SLOWEST - waited):
                chunk = await anext(stream, None)
        except TimeoutError as error:
            raise TooSlow() from error
        if chunk is None:
            return
        waited += time.monotonic() - started
        size += len(chunk)
        yield chunk


async def read_limited(request: Request, max_bytes: int) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > max_bytes:
        raise TooLarge(f"The body may have at most {max_bytes:,} bytes.")
    chunks: list[bytes] = []
    size = 0
    async for chunk in body_chunks(request):
        size += len(chunk)
        if size > max_bytes:
            raise TooLarge(f"The body may have at most {max_bytes:,} bytes.")
        chunks.append(chunk)
    return b"".join(chunks)


def json_body(*models: type[Body], is_optional: bool = False) -> dict[str, Any]:
    """``openapi_extra`` for a route that reads its body, one of ``models``, by ``read_json``."""
    schemas = [_inlined(model.model_json_schema()) for model in models]
    return {
        "requestBody": {
            "required": not is_optional,
            "content": {
                "application/json": {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}
            },
        }
    }


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """``schema`` without references to definitions of its own, which OpenAPI would look for elsewhere."""
    definitions = schema.pop("$defs", {})

    def resolved(part: Any) -> Any:
        if isinstance(part, list):
            return [resolved(each) for each in part]
        if not isinstance(part, dict):
            return part
        if isinstance(name := part.get("$ref"), str):
            return resolved(definitions[name.rpartition("/")[2]])
        return {key: resolved(each) for key, each in part.items()}

    found: dict[str, Any] = resolved(schema)
    return found


def _is_storable(value: Any) -> bool:
    # PostgreSQL holds neither NUL nor halves of surrogate pairs; both can arrive as escapes in valid JSON.
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            waiting += item
        elif isinstance(item, str) and not is_storable_text(item):
            return False
    return True


def is_storable_text(text: str) -> bool:
    if "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def has_visible_text(text: str) -> bool:
    """Whether there is more in ``text`` than blanks, control and other invisible characters."""
    return any(unicodedata.category(character)[0] not in "CZ" for character in text)
