"""A connection that is lost and found runs what a page does as it loads, with the page still there."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from helpninja_app.errors import Unavailable
from helpninja_app.screens.api_keys.state import KeysState
from helpninja_app.screens.registry import SCREENS
from helpninja_app.screens.team.state import TeamState
from helpninja_app.screens.webhooks.editor_state import WebhookEditorState
from helpninja_app.screens.workspace_settings import state as settings_state
from helpninja_app.screens.workspace_settings.state import SettingsState
from tests.factories import Factory
from tests.screens.events import fire, tab_at
from tests.screens.settings_form import settings_tab
from tests.screens.test_escalation import cookie_of
from tests.screens.test_page_state import hold

KEY = {"name": "CI", "lifetime": "30", "knowledge:read": "yes"}


@pytest.fixture
async def changed(factory: Factory) -> tuple[SettingsState, dict[str, Any]]:
    """Settings with something typed."""
    settings, form = await settings_tab(factory, await factory.tenant())
    await fire(settings, "note_change")
    return settings, form | {"greeting": "Good day."}


async def test_settings_that_are_being_changed_are_not_drawn_anew(
    changed: tuple[SettingsState, dict[str, Any]],
) -> None:
    settings, _ = changed
    drawn = settings.drawn
    await fire(settings, "open_day", "mon", True)
    await fire(settings, "open_settings")
    assert settings.is_changed
    assert settings.drawn == drawn
    assert settings.hours["mon"].is_open


async def test_settings_whose_page_is_come_to_anew_are_as_they_are_stored(
    changed: tuple[SettingsState, dict[str, Any]],
) -> None:
    settings, _ = changed
    await fire(settings, "open_day", "mon", True)
    await fire(settings, "open_settings")
    again = await fire(settings, "begin_anew")
    assert again.events == [SettingsState.open_settings]
    await fire(settings, "open_settings")
    assert not settings.hours["mon"].is_open
    assert not settings.is_changed
    assert (await fire(settings, "begin_anew")).events == []


async def test_settings_of_another_workspace_take_the_place_of_what_was_typed(
    changed: tuple[SettingsState, dict[str, Any]], factory: Factory
) -> None:
    settings, _ = changed
    other, _ = await settings_tab(factory, await factory.tenant())
    settings.router = other.router
    await fire(settings, "open_settings")
    assert settings.name == other.name
    assert not settings.is_changed


@pytest.mark.parametrize("reconnects", [False, True])
async def test_what_is_typed_while_settings_are_saved_stays(
    changed: tuple[SettingsState, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, reconnects: bool
) -> None:
    settings, form = changed
    drawn = settings.drawn
    begun, go_on = hold(monkeypatch, settings_state, "change_workspace", when=lambda *_, **__: True)
    saving = asyncio.create_task(fire(settings, "save", form))
    await begun.wait()
    assert not settings.is_changed
    await fire(settings, "open_settings" if reconnects else "note_change")
    assert settings.drawn == drawn
    await fire(settings, "note_change")
    go_on.set()
    said = await saving
    assert settings.is_saved
    assert settings.is_changed
    assert settings.drawn == drawn
    assert "focus" not in str(said.events)


@pytest.mark.parametrize("wrong", ["name", "database"])
async def test_settings_that_were_not_saved_are_still_changed(
    changed: tuple[SettingsState, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    async def away(*_: Any) -> Any:
        raise Unavailable("The database is away.")

    settings, form = changed
    with monkeypatch.context() as patch:
        if wrong == "database":
            patch.setattr("helpninja_app.screens.page_state.signed_in", away)
        await fire(settings, "save", form | ({"name": ""} if wrong == "name" else {}))
    assert settings.is_changed
    drawn = settings.drawn
    await fire(settings, "open_settings")
    assert settings.drawn == drawn


async def key_made(cookie: str) -> tuple[Any, str]:
    tab = await tab_at(KeysState, cookie)
    await fire(tab, "open_keys")
    await fire(tab, "make_key", KEY)
    return tab, "secret"


async def link_made(cookie: str) -> tuple[Any, str]:
    tab = await tab_at(TeamState, cookie)
    await fire(tab, "open_team")
    await fire(tab, "send_invite", {"role": "viewer"})
    return tab, "link"


ONCE = (
    (key_made, "open_keys", "put_key_away"),
    (link_made, "open_team", "put_link_away"),
)


@pytest.mark.parametrize(("make", "opens", "puts_away"), ONCE)
async def test_what_is_shown_once_stays_until_its_page_is_come_to_anew(
    factory: Factory, make: Any, opens: str, puts_away: str
) -> None:
    tab, name = await make(await cookie_of(factory, await factory.tenant()))
    shown = getattr(tab, name)
    assert shown
    await fire(tab, opens)
    assert getattr(tab, name) == shown
    await fire(tab, puts_away)
    assert getattr(tab, name) == ""


@pytest.mark.parametrize(("make", "opens", "puts_away"), ONCE)
async def test_another_person_who_signs_in_here_never_sees_it(
    factory: Factory, make: Any, opens: str, puts_away: str
) -> None:
    tenant = await factory.tenant()
    tab, name = await make(await cookie_of(factory, tenant))
    shown = getattr(tab, name)
    other = await tab_at(type(tab), await cookie_of(factory, tenant))
    tab._get_root_state().router = other.router
    # What Reflex calls as a browser connects, before it sends the state.
    tab._reset_client_storage()
    assert getattr(tab, name) == ""
    opened = await fire(tab, opens)
    assert shown not in opened.said


def test_nothing_is_closed_as_a_connection_comes_back() -> None:
    loading = [event for screen in SCREENS for event in _events(screen.on_load)]
    assert not [event for event in loading if event in (WebhookEditorState.close, WebhookEditorState.begin)]


def _events(on_load: Any) -> list[Any]:
    return on_load if isinstance(on_load, list) else [on_load]
