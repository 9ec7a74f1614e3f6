"""Fires events as anybody with a websocket can, and keeps all that is sent back."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeVar

import pytest
import reflex as rx
from reflex.state import BaseState
from reflex.utils.format import json_dumps

from helpninja_app.kernel.websockets import BEGAN_AT
from tests.screens.test_home import leads_to_sign_in

AnyState = TypeVar("AnyState", bound=BaseState)

# The vars that say why something was not done or not shown.
REFUSALS = ("failure", "problem", "offer_failure")
# The vars that count what the tab itself did: how often something was drawn or opened, and its filters.
COUNTERS = ("drawn", "said_number", "narrowing", "cleared", "connections", "opening")


@dataclass(frozen=True, slots=True)
class Answer:
    """``deltas`` are what the browser is sent meanwhile, ``events`` what it is told to do next."""

    deltas: list[dict[str, dict[str, Any]]]
    events: list[Any]

    @property
    def said(self) -> str:
        """Everything, as one text."""
        return json_dumps(self.deltas) + str(self.events)

    @property
    def shown(self) -> dict[str, Any]:
        """The vars that were sent, as they are at the end."""
        return {
            name.removesuffix("_rx_state_"): value
            for delta in self.deltas
            for values in delta.values()
            for name, value in values.items()
        }

    @property
    def leads_to_sign_in(self) -> bool:
        return leads_to_sign_in(self.events)

    @property
    def refusal(self) -> str:
        """Why not, as the page or its corner tells it; empty when it was done."""
        sentences = [str(self.shown[name]) for name in REFUSALS if self.shown.get(name)]
        return " ".join(sentences + [str(event.args) for event in self.events if _is_warning(event)])

    def told_beside(self, *known: Any) -> set[str]:
        """The values that were shown but for refusals, counters and what is ``known`` to whoever asked."""
        shown = {name: value for name, value in self.shown.items() if name not in REFUSALS + COUNTERS}
        return set(leaves(shown)) - set(leaves(known))


async def tab_at(
    state: type[AnyState],
    cookie: str = "",
    query: dict[str, str] | None = None,
    began_at: float | None = None,
) -> AnyState:
    """The state of a browser tab whose websocket came with this cookie, on a page with this query.

    ``began_at`` is when it was opened, in Unix time; without it, now.
    """
    root = rx.State(_reflex_internal_init=True)  # type: ignore[call-arg]
    go(root, cookie, query, began_at)
    return await root.get_state(state)


def go(
    state: BaseState, cookie: str, query: dict[str, str] | None = None, began_at: float | None = None
) -> None:
    """Have a tab go to a page with this query."""
    asked = "&".join(f"{name}={value}" for name, value in (query or {}).items())
    data = {
        "headers": {
            "cookie": cookie,
            "origin": "https://help.example",
            BEGAN_AT.decode(): str(time.time() if began_at is None else began_at),
        },
        "asPath": f"/app?{asked}",
        "pathname": "/app",
        "query": query or {},
    }
    state._get_root_state()._update_router_vars(data, {})


def drawn_first(state: type[BaseState]) -> list[Any]:
    """What a tab shows that was sent nothing yet."""
    fresh = state(_reflex_internal_init=True)
    return [getattr(fresh, name) for name in fresh.base_vars]


async def fire(state: BaseState, handler: str, *arguments: Any) -> Answer:
    """Run a handler to its end."""
    root = state._get_root_state()
    root._clean()  # type: ignore[no-untyped-call]
    deltas: list[dict[str, dict[str, Any]]] = []

    async def send(*_: object) -> None:
        delta = await root._get_resolved_delta()
        root._clean()  # type: ignore[no-untyped-call]
        if delta:
            deltas.append(delta)

    with pytest.MonkeyPatch.context() as patch:
        # Where a handler lets go of its state, Reflex sends what changed.
        patch.setattr(BaseState, "__aexit__", send)
        events = type(state).event_handlers[handler].fn(state, *arguments)
        if inspect.isawaitable(events):
            events = await events
    await send()
    if events is None:
        return Answer(deltas, [])
    return Answer(deltas, list(events) if isinstance(events, list | tuple) else [events])


def leaves(value: Any) -> Iterator[str]:
    """The texts and numbers in a value, without those that say nothing: truths, zeros, empty ones."""
    if isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from leaves(item)
    elif is_dataclass(value) and not isinstance(value, type):
        yield from leaves([getattr(value, item.name) for item in fields(value)])
    elif value and not isinstance(value, bool):
        yield str(value)


def _is_warning(event: Any) -> bool:
    handler = getattr(getattr(event, "handler", None), "fn", None)
    return getattr(handler, "__qualname__", "") == "ShellState.tell" and '"danger"' in str(event.args)
