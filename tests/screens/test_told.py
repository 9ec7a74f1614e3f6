"""What is said at the corner of a page: for how long it stays, and what may take its place."""

from __future__ import annotations

import pytest

from helpninja_app.screens.shell import state as shell_state
from helpninja_app.screens.shell.state import ShellState
from tests.factories import Factory
from tests.screens.events import fire, tab_at
from tests.screens.test_escalation import cookie_of


@pytest.fixture
async def shell(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> ShellState:
    monkeypatch.setattr(shell_state, "SAID_FOR_SECONDS", 0.0)
    return await tab_at(ShellState, await cookie_of(factory, await factory.tenant()))


@pytest.mark.parametrize("tone", ["success", "neutral"])
async def test_what_went_wrong_stays_until_it_is_closed_whatever_went_well_since(
    shell: ShellState, tone: str
) -> None:
    await fire(shell, "tell", "It could not be sent.", "danger")
    await fire(shell, "tell", "Saved.", tone)
    assert (shell.said, shell.said_tone) == ("It could not be sent.", "danger")
    await fire(shell, "tell", "Nor could this.", "danger")
    assert shell.said == "Nor could this."
    await fire(shell, "tell", "", "neutral")
    assert shell.said == ""
    said = await fire(shell, "tell", "Saved.", tone)
    assert "Saved." in said.said
    assert shell.said == ""


async def test_what_was_said_as_its_page_was_left_fades_on_the_next_one(shell: ShellState) -> None:
    # As it is when the page goes before the time is up.
    shell.said, shell.said_tone, shell.said_number = "Thank you.", "success", 1
    opened = await fire(shell, "open_shell")
    assert opened.events == [ShellState.fade]
    await fire(shell, "fade")
    assert shell.said == ""


@pytest.mark.parametrize(("said", "tone"), [("", "neutral"), ("It failed.", "danger")])
async def test_nothing_fades_where_nothing_is_said_or_something_went_wrong(
    shell: ShellState, said: str, tone: str
) -> None:
    shell.said, shell.said_tone, shell.said_number = said, tone, 1
    opened = await fire(shell, "open_shell")
    assert opened.events == []
    await fire(shell, "fade")
    assert shell.said == said
