"""Stripe's objects: the keys that each has in API version 2026-10-28, and ids that look like Stripe's."""

from __future__ import annotations

import copy
import json
import secrets
import string
from pathlib import Path
from typing import Any

Obj = dict[str, Any]

# The SDK calls the same version "2026-10-28.endive" in `Stripe-Version`.
API_VERSION = "2026-10-28"
LETTERS = string.ascii_letters + string.digits
SHAPES: dict[str, Obj] = json.loads(Path(__file__).with_name("shapes.json").read_text("utf-8"))


def make_id(prefix: str) -> str:
    """An id as Stripe makes them: long for sessions, short for customers and products."""
    length = {"cs_test": 58, "cus": 14, "prod": 14, "si": 14}.get(prefix, 23)
    head = {"cs_test": "a1", "cus": "", "prod": "", "si": ""}.get(prefix, "1")
    return f"{prefix}_{head}{''.join(secrets.choice(LETTERS) for _ in range(length))}"


def new(kind: str, **values: Any) -> Obj:
    """An object of that kind in its full shape, which holds for `values`, too."""
    made = copy.deepcopy(SHAPES[kind])
    unknown = values.keys() - made.keys()
    if unknown:
        raise KeyError(f"{kind} has no {sorted(unknown)}")
    return made | values


def listing(url: str, data: list[Obj]) -> Obj:
    """A list inside of an object, complete."""
    return {"object": "list", "data": data, "has_more": False, "url": url}


def changes(before: Any, after: Any) -> Any:
    """What `previous_attributes` says: old values of what changed, key by key; lists as a whole."""
    old: Obj = {}
    for key in before.keys() | after.keys():
        was, now = before.get(key), after.get(key)
        if was != now:
            both = isinstance(was, dict) and isinstance(now, dict)
            old[key] = changes(was, now) if both else copy.deepcopy(was)
    return old
