"""What Reflex itself opens to strangers: its routes, its messages and its own event handlers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import reflex as rx
import websockets
from reflex.state import BaseState

from helpninja_app.settings import Settings
from tests.architecture.test_state_surface import our_states
from tests.canaries import Canaries
from tests.e2e.demo_server import a_free_port
from tests.screens.events import tab_at
from tests.twins.served_app import NAMESPACE, Server, connected, serving

ROUTES = {"/ping": ["GET", "HEAD"], "/_health": ["GET", "HEAD"], "/_event": []}
POLLING = "/_event/?EIO=4&transport=polling"
# What each answers to somebody without a cookie and without Origin, as programs come.
ANSWERS = {
    ("GET", "/ping"): (200, '"pong"'),
    ("HEAD", "/ping"): (200, ""),
    ("POST", "/ping"): (405, "Method Not Allowed"),
    # With Redis it says as well whether that is there, and no more.
    ("GET", "/_health"): (200, '{"status":true}'),
    ("HEAD", "/_health"): (200, ""),
    ("POST", "/_health"): (405, "Method Not Allowed"),
    ("GET", "/_event"): (403, ""),
    ("GET", POLLING): (403, ""),
    ("POST", POLLING): (403, ""),
    # Reflex has these where uploads, its own hosting or a setting ask for them.
    ("GET", "/_upload"): (404, "Not Found"),
    ("POST", "/_upload"): (404, "Not Found"),
    ("GET", "/_all_routes"): (404, "Not Found"),
    ("GET", "/auth-codespace"): (404, "Not Found"),
}
SIGN_IN = "/sign-in?next=/app"
CHANGED = "changed from outside"
MESSAGES = {"on_connect", "on_disconnect", "on_event", "on_ping", "on_client_error"}

_ROOT = "reflex___state____state"
_STATES = (
    _ROOT,
    f"{_ROOT}.reflex___state____frontend_event_exception_state",
    f"{_ROOT}.reflex___state____update_vars_internal_state",
    f"{_ROOT}.reflex___state____on_load_internal_state",
    f"{_ROOT}.reflex___istate___shared____shared_state_base_internal",
)
SNAPSHOT, LOAD = f"{_ROOT}.hydrate", f"{_ROOT}.hydrate_and_load"
HYDRATED = f"{_ROOT}.set_is_hydrated"
FAILED = f"{_ROOT}.reflex___state____frontend_event_exception_state.handle_frontend_exception"
UPDATE = f"{_ROOT}.reflex___state____update_vars_internal_state.update_vars_internal"
ON_LOAD = f"{_ROOT}.reflex___state____on_load_internal_state.on_load_internal"
HYDRATED_LEAF = f"{_ROOT}.reflex___state____on_load_internal_state.set_is_hydrated"
# With what each is called by somebody who wants to see or change what is not theirs.
INTERNAL: dict[str, dict[str, Any]] = {
    SNAPSHOT: {},
    LOAD: {"vars": {}, "hashes": []},
    HYDRATED: {"value": True},
    FAILED: {"info": "TypeError: Cannot read properties of null", "component_stack": "x"},
    UPDATE: {"vars": {}},
    ON_LOAD: {},
    HYDRATED_LEAF: {"value": True},
    **{f"{state}.setvar": {"var_name": "is_hydrated", "value": True} for state in _STATES},
}


@pytest.fixture(scope="module")
def server(settings: Settings) -> Iterator[Server]:
    with serving(settings, a_free_port()) as running:
        yield running


def everything_stored() -> dict[str, str]:
    """The vars of all our states, by the names that a websocket has for them, and what guards them."""
    states: list[type[BaseState]] = [rx.State, *our_states()]
    names = [
        f"{state.get_full_name()}.{name}"
        for state in states
        for name in (*state.base_vars, "_shown_to", "_workspace_shown")
    ]
    return dict.fromkeys(names, CHANGED)


def stored_parts() -> list[dict[str, dict[str, str]]]:
    """The same in messages that are small enough to be taken."""
    names = list(everything_stored())
    return [{"vars": dict.fromkeys(names[start : start + 50], CHANGED)} for start in range(0, len(names), 50)]


def test_reflex_mounts_no_route_that_is_not_listed(server: Server) -> None:
    assert server.routes == ROUTES


@pytest.mark.parametrize(("method", "path"), ANSWERS)
def test_its_routes_tell_a_stranger_nothing(server: Server, method: str, path: str) -> None:
    answer = httpx.request(method, f"{server.url}{path}")
    assert (answer.status_code, answer.text) == ANSWERS[(method, path)]


def test_the_websocket_is_no_request_for_our_own_pages_either(server: Server) -> None:
    answer = httpx.get(f"{server.url}{POLLING}", headers={"origin": server.url})
    assert (answer.status_code, answer.text) == (400, '"Invalid transport"')


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example"])
async def test_the_websocket_opens_for_our_own_pages_alone(server: Server, origin: Any) -> None:
    address = f"{server.url.replace('http', 'ws', 1)}{NAMESPACE}/?EIO=4&transport=websocket&token=x"
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(address, origin=origin)
    assert refused.value.response.status_code == 403


def test_reflex_takes_no_message_that_is_not_listed(server: Server) -> None:
    assert server.messages == MESSAGES


def test_reflex_registers_no_handler_that_is_not_listed(server: Server) -> None:
    """Our own are in ``test_state_surface``, and ``setvar`` of theirs in ``test_event_matrix``."""
    assert {name for name in server.events if "helpninja_app___" not in name} == set(INTERNAL)


def test_every_other_handler_is_of_a_state_of_ours(server: Server) -> None:
    ours = {
        f"{state.get_full_name()}.{name}"
        for state in our_states()
        for name in state.event_handlers
        if name in vars(state) or name == "setvar"
    }
    assert {name for name in server.events if "helpninja_app___" in name} <= ours


@pytest.mark.parametrize("name", INTERNAL)
async def test_its_own_handlers_show_and_change_nothing_for_a_stranger(
    server: Server, canaries: Canaries, name: str
) -> None:
    payloads = (
        [INTERNAL[name] | part for part in stored_parts()] if "vars" in INTERNAL[name] else [INTERNAL[name]]
    )
    before = await canaries.digests()
    async with connected(server, "hn_session=made-up") as stranger:
        # Whatever the first did to the tab: a member's page is not what is shown next.
        said = [await stranger.fire(name, **payload) for payload in payloads]
        said.append(await stranger.fire(LOAD, until=SIGN_IN))
    assert SIGN_IN in said[-1]
    assert canaries.seen_in(said) == set()
    assert CHANGED not in str(said)
    assert await canaries.digests() == before


@pytest.mark.parametrize("name", [LOAD, ON_LOAD])
async def test_who_is_signed_in_sees_their_workspace_by_the_same_events(
    server: Server, canaries: Canaries, name: str
) -> None:
    async with connected(server, canaries.owner_headers["cookie"]) as owner:
        assert canaries.seen_in(await owner.fire(name, until=canaries.mark))


async def test_other_messages_are_answered_with_nothing_private(server: Server, canaries: Canaries) -> None:
    async with connected(server) as stranger:
        assert await stranger.send("ping") == f'42{NAMESPACE},["ping","pong"]'
        assert await stranger.send("client_error", {"error_type": "x", "message": "x"}) == ""
        assert await stranger.send("nothing_of_that_name", {}) == ""


async def test_no_var_of_a_state_is_taken_from_a_browser() -> None:
    """Vars kept in cookies or in a browser's storage would be: Reflex sets them to what a websocket says."""
    states: list[type[BaseState]] = [rx.State, *our_states()]
    taken = [
        f"{state.__name__}.{name}"
        for state in states
        for name in state.base_vars
        if state._is_client_storage(name)
    ]
    assert taken == []
    tab = await tab_at(rx.State)
    before = str(tab.dict())
    handler = next(
        state for state in rx.State.get_substates() if "update_vars_internal" in state.event_handlers
    )
    updating = await tab.get_state(handler)
    await handler.event_handlers["update_vars_internal"].fn(updating, everything_stored())
    assert str(tab.dict()) == before
