"""Every public method of a state is open to anyone with a websocket, so each one is listed here."""

from __future__ import annotations

import pytest
import reflex as rx
from reflex.state import BaseState
from reflex_base.config import get_config

from helpninja_app.screens import registry

REACHABLE = {
    "SignInState": {"read_address"},
    "LandingState": set[str](),
    "SignedInState": {"forget"},
    "HomeState": {"open_page", "follow_ingests"},
    "SearchState": {"search", "choose_audience", "try_again"},
    "DocumentsState": {"open_documents", "filter_documents", "turn_page"},
}


def our_states() -> list[type[BaseState]]:
    found: list[type[BaseState]] = []
    waiting = list(rx.State.get_substates())
    while waiting:
        state = waiting.pop()
        waiting += state.get_substates()
        if state.__module__.startswith("helpninja_app."):
            found.append(state)
    return sorted(found, key=lambda state: state.__name__)


def test_there_are_states_to_look_at() -> None:
    assert registry.SCREENS
    assert our_states()


@pytest.mark.parametrize("state", our_states(), ids=lambda state: state.__name__)
def test_only_listed_methods_can_be_called_from_outside(state: type[BaseState]) -> None:
    own = {name for name in vars(state) if not name.startswith("_")}
    assert (set(state.event_handlers) & own) - {"setvar"} == REACHABLE.get(state.__name__, set())


@pytest.mark.parametrize("state", our_states(), ids=lambda state: state.__name__)
def test_setvar_finds_nothing_to_set(state: type[BaseState]) -> None:
    """Reflex' ``setvar``, open to everybody, calls any method whose name begins with ``set_``."""
    assert not [name for name in vars(state) if name.startswith("set_")]


def test_no_setters_are_made_by_themselves() -> None:
    assert get_config().state_auto_setters is False
