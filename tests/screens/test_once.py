"""The guard against second clicks: whom it holds up, and that it opens again however the first one ends."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from helpninja_app.errors import NotSignedIn, Unavailable
from helpninja_app.screens import page_state
from helpninja_app.screens.api_keys import state as keys_state
from helpninja_app.screens.api_keys.state import KeysState
from helpninja_app.screens.escalation import integration_editor_state
from helpninja_app.screens.escalation.integration_editor_state import IntegrationEditorState
from helpninja_app.screens.once import LONGEST
from tests.factories import Factory, Tenant
from tests.screens.events import fire, tab_at
from tests.screens.test_escalation import MAIL, cookie_of, listed
from tests.screens.test_page_state import hold

WISH = {"name": "CI", "knowledge:read": "yes"}


@pytest.fixture
async def tenant(factory: Factory) -> Tenant:
    return await factory.tenant()


@pytest.fixture
async def cookie(factory: Factory, tenant: Tenant) -> str:
    return await cookie_of(factory, tenant)


@pytest.fixture
async def keys(cookie: str) -> KeysState:
    tab = await tab_at(KeysState, cookie)
    await fire(tab, "open_keys")
    return tab


def made(tab: KeysState) -> int:
    return sum(row.name == "CI" for row in tab.keys)


async def test_what_was_refused_can_be_sent_again_from_the_same_form(keys: KeysState) -> None:
    form = WISH | {"drawn": str(keys.drawn)}
    await fire(keys, "make_key", form | {"name": ""})
    assert keys.problem.startswith("Give the key a name")
    assert not keys.is_busy
    await fire(keys, "make_key", form)
    assert (made(keys), keys.problem) == (1, "")


async def test_a_form_that_the_server_forgot_does_nothing_and_says_so(cookie: str) -> None:
    tab = await tab_at(KeysState, cookie)
    said = await fire(tab, "make_key", WISH | {"drawn": "3"})
    assert "nothing was done" in str(said.events)
    assert made(tab) == 0
    await fire(tab, "open_keys")
    again = await fire(tab, "make_key", WISH | {"drawn": str(tab.drawn)})
    assert "nothing was done" not in str(again.events)
    assert made(tab) == 1


async def test_of_a_second_click_nothing_is_said(keys: KeysState) -> None:
    form = WISH | {"drawn": str(keys.drawn)}
    await fire(keys, "make_key", form)
    second = await fire(keys, "make_key", form)
    assert (made(keys), second.events) == (1, [])


async def test_another_form_than_the_one_under_way_is_said_not_to_be_stored_and_stays_to_be_sent_again(
    keys: KeysState, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = hold(monkeypatch, keys_state, "issue_api_key", when=lambda *_, **__: not begun.is_set())
    form = WISH | {"drawn": str(keys.drawn)}
    first = asyncio.create_task(fire(keys, "make_key", form))
    await begun.wait()
    other = form | {"name": "Nightly"}
    assert "still being stored" in (await fire(keys, "make_key", other)).refusal
    assert (await fire(keys, "make_key", form)).refusal == ""
    drawn = keys.drawn
    go_on.set()
    await first
    assert made(keys) == 1
    # The fields are drawn anew, with what was not stored.
    assert (keys.drawn, keys.kept) == (drawn + 1, {"name": "Nightly", "knowledge:read": "yes"})
    await fire(keys, "make_key", keys.kept | {"drawn": str(keys.drawn)})
    assert {row.name for row in keys.keys} >= {"CI", "Nightly"}
    assert keys.kept == {}


async def test_another_form_that_comes_when_the_first_is_done_is_said_not_to_be_stored_and_shown_again(
    keys: KeysState,
) -> None:
    form = WISH | {"drawn": str(keys.drawn)}
    await fire(keys, "make_key", form)
    drawn = keys.drawn
    said = await fire(keys, "make_key", form | {"name": "Nightly"})
    assert "not stored" in said.refusal
    assert (keys.drawn, keys.kept["name"], made(keys)) == (drawn + 1, "Nightly", 1)


async def test_what_was_typed_in_a_form_that_the_server_forgot_is_shown_again(cookie: str) -> None:
    tab = await tab_at(KeysState, cookie)
    await fire(tab, "make_key", WISH | {"drawn": "3"})
    assert (tab.drawn, tab.kept) == (1, WISH)


async def test_a_form_in_a_sheet_that_is_not_stored_leaves_what_is_shown_as_it_is(
    cookie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab: Any = await tab_at(IntegrationEditorState, cookie)
    await fire(tab, "begin", "email")
    form = MAIL | {"drawn": str(tab.drawn)}
    await fire(tab, "save", form)
    await fire(tab, "begin", "email")
    drawn = tab.drawn
    said = await fire(tab, "save", form | {"name": "Another"})
    assert "not stored" in said.refusal
    assert (tab.is_open, tab.drawn) == (True, drawn)


@pytest.mark.parametrize("form", [{"name": ["x"], "drawn": "9"}, {1: "x", "drawn": "9"}, "text", None, ["x"]])
async def test_what_is_no_form_is_kept_as_nothing_more(keys: KeysState, form: Any) -> None:
    await fire(keys, "make_key", form)
    assert all(isinstance(value, str) for value in keys.kept.values())
    assert made(keys) == 0


async def test_it_opens_when_the_page_cannot_be_read_after_the_work(
    keys: KeysState, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> Any:
        raise Unavailable("The database is away.")

    with monkeypatch.context() as patch:
        patch.setattr(keys_state, "list_api_keys", away)
        await fire(keys, "make_key", WISH)
    assert (keys.failure, keys.is_busy) == ("The database is away.", False)
    assert keys.secret.startswith("hn_sk_")
    await fire(keys, "make_key", WISH | {"drawn": str(keys.drawn)})
    assert made(keys) == 2


async def test_a_key_whose_list_could_not_be_read_stays_shown_when_that_is_tried_again(
    keys: KeysState, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> Any:
        raise Unavailable("The database is away.")

    with monkeypatch.context() as patch:
        patch.setattr(keys_state, "list_api_keys", away)
        await fire(keys, "make_key", WISH)
    await fire(keys, "open_keys")
    assert keys.secret.startswith("hn_sk_")
    assert keys.failure == ""


async def test_it_opens_when_the_work_is_cancelled(keys: KeysState, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, _ = hold(monkeypatch, keys_state, "issue_api_key", when=lambda *_, **__: not begun.is_set())
    first = asyncio.create_task(fire(keys, "make_key", WISH))
    await begun.wait()
    assert keys.is_busy
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert not keys.is_busy
    await fire(keys, "make_key", WISH)
    assert made(keys) == 1


@pytest.mark.parametrize(("module", "name"), [(page_state, "signed_in"), (keys_state, "issue_api_key")])
async def test_it_opens_when_one_is_not_signed_in_any_more(
    keys: KeysState, monkeypatch: pytest.MonkeyPatch, module: Any, name: str
) -> None:
    async def ended(*_: Any, **__: Any) -> Any:
        raise NotSignedIn

    with monkeypatch.context() as patch:
        patch.setattr(module, name, ended)
        assert (await fire(keys, "make_key", WISH)).leads_to_sign_in
    assert not keys.is_busy
    await fire(keys, "make_key", WISH)
    assert made(keys) == 1


@pytest.mark.parametrize(("since", "expected"), [(1.0, 0), (LONGEST + 1, 1)])
async def test_what_a_process_left_when_it_died_holds_up_nobody_for_long(
    keys: KeysState, since: float, expected: int
) -> None:
    """With Redis the state of a tab outlives its process."""
    keys._under_way, keys.is_busy = ("gone", keys.drawn, time.time() - since), True
    await fire(keys, "open_keys")
    assert keys.is_busy == (expected == 0)
    await fire(keys, "make_key", WISH)
    assert made(keys) == expected


async def test_two_tabs_make_one_each(keys: KeysState, cookie: str) -> None:
    other = await tab_at(KeysState, cookie)
    await asyncio.gather(*(fire(tab, "make_key", WISH) for tab in (keys, other)))
    await fire(keys, "open_keys")
    assert made(keys) == 2


async def test_a_page_that_is_read_meanwhile_stays_busy(
    keys: KeysState, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = hold(monkeypatch, keys_state, "issue_api_key", when=lambda *_, **__: True)
    first = asyncio.create_task(fire(keys, "make_key", WISH))
    await begun.wait()
    await fire(keys, "open_keys")
    assert keys.is_busy
    go_on.set()
    await first
    assert not keys.is_busy


async def test_a_sheet_that_was_opened_meanwhile_waits_for_nobody(
    cookie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab: Any = await tab_at(IntegrationEditorState, cookie)
    begun, go_on = hold(
        monkeypatch, integration_editor_state, "check_credentials", when=lambda *_: not begun.is_set()
    )
    await fire(tab, "begin", "email")
    first = asyncio.create_task(fire(tab, "save", MAIL | {"name": "First"}))
    await begun.wait()
    await fire(tab, "close")
    await fire(tab, "begin", "email")
    assert (tab.is_open, tab.is_busy) == (True, False)
    await fire(tab, "save", MAIL | {"name": "Second"})
    await fire(tab, "begin", "email")
    go_on.set()
    said = await first
    assert tab.is_open
    assert "It is saved." in str(said.events)
    assert {row.name for row in (await listed(cookie)).rows} == {"First", "Second"}


async def test_what_was_refused_for_a_sheet_that_was_closed_is_said_at_the_corner(
    cookie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab: Any = await tab_at(IntegrationEditorState, cookie)
    # Whoever calls is known, and nothing was looked at yet.
    begun, go_on = hold(monkeypatch, page_state, "signed_in", when=lambda *_: tab.is_busy)
    await fire(tab, "begin", "email")
    first = asyncio.create_task(fire(tab, "save", {"name": "x", "to": "nobody"}))
    await begun.wait()
    await fire(tab, "close")
    await fire(tab, "begin", "email")
    go_on.set()
    said = await first
    assert (tab.problem, tab.errors, tab.is_open) == ("", {}, True)
    assert said.refusal != ""
