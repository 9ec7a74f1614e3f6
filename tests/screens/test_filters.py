"""A list is narrowed to what its fields show, also when one comes back to its page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from helpninja_app.accounts.models import Role
from helpninja_app.screens.audit_log.state import AuditState
from helpninja_app.screens.inbox.list_state import InboxListState
from helpninja_app.screens.operations.state import OperationsState
from helpninja_app.screens.registry import SCREENS, Screen
from tests.factories import Factory
from tests.screens.events import fire, tab_at
from tests.screens.test_home import signed_in_tab
from tests.screens.test_rows import below

OF_THE_DASHBOARD = [screen for screen in SCREENS if screen.route.startswith("/app")]


def typed_into(screen: Screen) -> Iterator[Any]:
    """The fields of a page by whose text or day a list is narrowed at once."""
    for component in below(screen.page()):
        kind = str(getattr(component, "type", "")).strip('"')
        if kind in {"search", "date"} and "on_change" in component.event_triggers:
            yield component


def test_fields_are_found() -> None:
    found = [component for screen in OF_THE_DASHBOARD for component in typed_into(screen)]
    assert len(found) >= 9


@pytest.mark.parametrize("screen", OF_THE_DASHBOARD, ids=lambda screen: screen.route)
def test_a_field_shows_what_the_list_is_narrowed_to_and_loses_no_key(screen: Screen) -> None:
    for field in typed_into(screen):
        assert "_state" in str(field.default_value), field
        # What the server says of a text would come in the middle of the next word.
        assert getattr(field, "value", None) is None, field


async def test_the_filters_of_the_audit_log_stay_when_the_connection_is_back(factory: Factory) -> None:
    tab = await signed_in_tab(AuditState, factory, await factory.tenant(), Role.OWNER)
    await fire(tab, "choose_kind", "member")
    await fire(tab, "choose_person", "grace")
    await fire(tab, "choose_since", "2020-01-01")
    await fire(tab, "open_audit")
    assert (tab.kind, tab.person, tab.since, tab.is_filtered) == ("member", "grace", "2020-01-01", True)


async def test_the_state_that_is_chosen_among_stripes_events_stays_when_the_connection_is_back(
    factory: Factory,
) -> None:
    tab = await signed_in_tab(OperationsState, factory, await factory.tenant(), Role.OWNER)
    await fire(tab, "choose_state", "parked")
    await fire(tab, "open_events")
    assert tab.state_shown == "parked"


async def test_the_fields_of_the_inbox_are_drawn_anew_when_its_filters_are_cleared_alone(
    factory: Factory,
) -> None:
    _, headers = await factory.member(await factory.tenant(), Role.AGENT)
    tab = await tab_at(InboxListState, headers["cookie"])
    await fire(tab, "choose_since", "2020-01-01")
    await fire(tab, "choose_site", "shop.example")
    assert (tab.narrowing, tab.cleared) == (2, 0)
    await fire(tab, "clear_filters")
    assert (tab.since, tab.site, tab.narrowing, tab.cleared) == ("", "", 0, 1)
