"""Who tries the pages' events, and on whom."""

from __future__ import annotations

import pytest

from helpninja_app.resources import Resources
from helpninja_app.screens.billing import state as billing_state
from helpninja_app.screens.chat import following as chat_following
from helpninja_app.screens.home import state as home_state
from helpninja_app.screens.knowledge import following as knowledge_following
from helpninja_app.screens.shell import state as shell_state
from tests.canaries import Canaries, plant_canaries
from tests.factories import Factory
from tests.screens.event_callers import Callers, gather_callers


@pytest.fixture(scope="session")
async def callers(resources: Resources, canaries: Canaries) -> Callers:
    """Everybody but the members of the workspace with the canaries; theirs has canaries of its own."""
    factory = Factory(resources)
    return await gather_callers(factory, canaries, await plant_canaries(factory))


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Handlers that go on for a while do so in no time."""
    monkeypatch.setattr(home_state, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(knowledge_following, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(billing_state, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(billing_state, "LATE_SECONDS", 0.01)
    monkeypatch.setattr(chat_following, "FOLLOW_SECONDS", 0.0)
    monkeypatch.setattr(shell_state, "SAID_FOR_SECONDS", 0.01)
