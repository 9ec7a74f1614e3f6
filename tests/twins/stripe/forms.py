"""Reads the form encoding that Stripe's API speaks: `items[0][price]=...`, `expand[]=...`."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl

from tests.twins.stripe.errors import StripeError, required
from tests.twins.stripe.shapes import Obj

PART = re.compile(r"\[([^\]]*)\]")


def parse(encoded: str) -> Obj:
    """Nested parameters. Keys that are all digits make a list, `[]` appends to one."""
    root: Obj = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        head, bracket, rest = name.partition("[")
        path = [head, *PART.findall(bracket + rest)]
        place = root
        for part, following in pairwise(path):
            key = part or str(len(place))
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                raise StripeError(f"Invalid object: {following}", param=name)
        place[path[-1] or str(len(place))] = value
    return {key: _listed(value) for key, value in root.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    read = {key: _listed(inner) for key, inner in value.items()}
    if read and all(key.isdigit() for key in read):
        return [read[key] for key in sorted(read, key=int)]
    return read


def only(params: Obj, known: frozenset[str], where: str) -> None:
    """Refuses what Stripe knows and the twin does not: no test shall pass by what has no effect."""
    for name in sorted(params.keys() - known - {"expand"}):
        said = f"The twin does not do `{name}` of {where} yet."
        raise StripeError(said, status=501, type="api_error", param=name)


def text(params: Obj, name: str) -> str:
    """A parameter that has to be there, as a string."""
    value = params.get(name)
    if not isinstance(value, str) or not value:
        raise required(name)
    return value


def number(params: Obj, name: str, default: int) -> int:
    """A whole number; Stripe refuses anything else."""
    value = params.get(name, default)
    try:
        return int(value)
    except (TypeError, ValueError):
        raise StripeError(f"Invalid integer: {value}", code="parameter_invalid_integer", param=name) from None


def flag(value: Any) -> bool:
    if value not in ("true", "false", True, False):
        raise StripeError(f"Invalid boolean: {value}")
    return value in ("true", True)


def metadata(old: Obj, params: Obj) -> Obj:
    """Metadata after an update: merged key by key, an empty value removes a key, empty metadata all."""
    given = params.get("metadata")
    if given is None:
        return dict(old)
    if given == "":
        return {}
    if not isinstance(given, dict):
        raise StripeError("Invalid object", param="metadata")
    read = {key: value for key, value in {**old, **given}.items() if value != ""}
    if len(read) > 50 or any(len(key) > 40 or len(str(value)) > 500 for key, value in read.items()):
        said = "Metadata holds up to 50 keys of up to 40 characters, with values of up to 500 characters."
        raise StripeError(said, param="metadata")
    return read


def url(params: Obj, name: str) -> str | None:
    """An address that a browser can be sent to."""
    value: str | None = params.get(name)
    if value is not None and not re.match(r"https?://[^/\s]", value):
        raise StripeError("Not a valid URL", code="url_invalid", param=name)
    return value
