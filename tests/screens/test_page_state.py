"""What the states of the dashboard's pages share: vars of their own, and answers that overtake each other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from helpninja_app.accounts.models import Role
from helpninja_app.screens import page_state
from helpninja_app.screens.api_keys import state as keys_state
from helpninja_app.screens.api_keys.state import KeysState
from helpninja_app.screens.audit_log import state as audit_state
from helpninja_app.screens.audit_log.state import AuditState
from helpninja_app.screens.home import state as home_state
from helpninja_app.screens.home.state import HomeState
from helpninja_app.screens.knowledge.documents_state import DocumentsState
from helpninja_app.screens.session import SignedInState
from helpninja_app.screens.team.state import TeamState
from tests.factories import Factory
from tests.screens.test_home import RETURNS, call, signed_in_tab


async def test_pages_of_one_tab_share_no_vars(factory: Factory) -> None:
    team = await signed_in_tab(TeamState, factory, await factory.tenant(), Role.AGENT)
    keys = await team.get_state(KeysState)
    await call(keys, "open_keys")
    assert "does not allow" in keys.failure
    assert team.failure == ""
    await call(team, "send_invite", {"role": "viewer"})
    assert (team.is_loaded, keys.is_loaded) == (True, False)
    assert "does not allow" in team.problem
    assert keys.problem == ""


def test_the_mixins_are_no_states_of_their_own() -> None:
    names = {state.__name__ for state in SignedInState.get_substates()}
    assert {"TeamState", "DocumentsState"} <= names
    assert not {"PageState", "PagedState"} & names
    assert "turn_page" in DocumentsState.event_handlers


def hold(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, *, when: Callable[..., bool]
) -> tuple[asyncio.Event, asyncio.Event]:
    """Let calls of a function that ``when`` picks wait; returns what says they began, and lets them go."""
    original: Callable[..., Awaitable[Any]] = getattr(module, name)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def held(*arguments: Any, **named: Any) -> Any:
        found = await original(*arguments, **named)
        if when(*arguments, **named):
            begun.set()
            await go_on.wait()
        return found

    monkeypatch.setattr(module, name, held)
    return begun, go_on


async def test_a_late_answer_does_not_overwrite_a_newer_one(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await factory.tenant()
    audit = await signed_in_tab(AuditState, factory, tenant)
    keys = await audit.get_state(KeysState)
    await call(keys, "make_key", {"name": "CI", "knowledge:read": "yes"})
    begun, go_on = hold(monkeypatch, audit_state, "list_audit", when=lambda *_, actor, **__: actor is None)
    late = asyncio.create_task(call(audit, "choose_kind", "key"))
    await begun.wait()
    await call(audit, "choose_person", "nobody at all")
    go_on.set()
    await late
    # Both choices hold, and nothing was done by nobody.
    assert (audit.kind, audit.person, audit.rows) == ("key", "nobody at all", [])


async def test_what_became_of_a_work_is_told_also_when_its_page_is_overtaken(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = await signed_in_tab(KeysState, factory, await factory.tenant())
    begun, go_on = hold(monkeypatch, keys_state, "list_api_keys", when=lambda *_: not begun.is_set())
    made = asyncio.create_task(call(keys, "make_key", {"name": "CI", "knowledge:read": "yes"}))
    await begun.wait()
    await call(keys, "revoke", "nothing")
    go_on.set()
    await made
    assert keys.secret.startswith("hn_sk_")
    assert "CI" in {row.name for row in keys.keys}
    assert not keys.is_busy


async def test_a_page_is_busy_while_something_is_done_and_not_while_it_opens(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = await signed_in_tab(KeysState, factory, await factory.tenant())
    begun, go_on = hold(monkeypatch, page_state, "signed_in", when=lambda *_: True)
    for handler, arguments, is_busy in (("open_keys", (), False), ("revoke", ("nothing",), True)):
        begun.clear()
        go_on.clear()
        answer = asyncio.create_task(call(keys, handler, *arguments))
        await begun.wait()
        assert keys.is_busy is is_busy
        go_on.set()
        await answer
        assert not keys.is_busy
    assert keys.problem


@pytest.mark.parametrize("is_read_again", [False, True])
async def test_what_is_under_way_in_another_workspace_is_not_shown_on_this_one_s_page(
    factory: Factory, monkeypatch: pytest.MonkeyPatch, is_read_again: bool
) -> None:
    monkeypatch.setattr(home_state, "POLL_SECONDS", 0.01)
    mine, other = await factory.tenant(), await factory.tenant()
    await factory.document(other, RETURNS)
    home = await signed_in_tab(HomeState, factory, mine)
    theirs = await signed_in_tab(HomeState, factory, other)
    await call(home, "open_page")
    begun, go_on = hold(monkeypatch, home_state, "_read_knowledge", when=lambda *_: not begun.is_set())
    if not is_read_again:
        home.router = theirs.router
    following = asyncio.create_task(call(home, "follow_ingests"))
    await begun.wait()
    home.router = theirs.router
    if is_read_again:
        await call(home, "open_page")
    go_on.set()
    await following
    assert home.documents == ("1" if is_read_again else "0")


async def test_leaving_the_workspace_forgets_it_and_goes_elsewhere(factory: Factory) -> None:
    team = await signed_in_tab(TeamState, factory, await factory.tenant(), Role.VIEWER)
    await call(team, "open_team")
    forget, redirect = await call(team, "remove", next(row.id for row in team.members if row.is_me))
    assert forget is SignedInState.forget
    # A script in an event would need eval, which our pages' Content-Security-Policy refuses.
    assert (redirect.handler.fn.__qualname__, str(redirect.args[0][1]).strip('"')) == ("_redirect", "/app")
