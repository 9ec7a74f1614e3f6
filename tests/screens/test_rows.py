"""A row that can be acted on stays the row of its item when others come before it: it has a key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import reflex as rx
from reflex_components_core.core.foreach import Foreach

from helpninja_app.screens.registry import SCREENS, Screen

# What React would tell apart by its place in the list alone.
_PLACE = "index"
# What is added to these comes behind the others: the messages of a chat, and the sources of one of them.
_GROW_AT_THEIR_END = ("chat_state.messages_rx_state_", '["sources"]')


def below(component: Any) -> Iterator[Any]:
    """A component and all that can stand in it, whatever its conditions say."""
    yield component
    for child in component.children:
        yield from below(child)


def acts(component: Any) -> bool:
    """Whether something happens when this is pressed or chosen, or it is open or closed."""
    given = getattr(component, "custom_attrs", {})
    return bool(component.event_triggers) or "popover" in given or getattr(component, "tag", "") == "dialog"


def lists_of(screen: Screen) -> Iterator[tuple[str, rx.Component]]:
    """The lists of a page whose rows can be acted on, each with its row."""
    for component in below(screen.page()):
        if not isinstance(component, Foreach):
            continue
        (drawn,) = component.children
        if any(acts(each) for each in below(drawn)):
            yield str(component.iterable), drawn


def test_lists_are_found() -> None:
    found = {name for screen in SCREENS for name, _ in lists_of(screen)}
    assert any("documents_state" in name for name in found)
    assert len(found) > 15


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.route)
def test_a_row_that_can_be_acted_on_has_a_key(screen: Screen) -> None:
    placed = [
        name
        for name, drawn in lists_of(screen)
        if str(drawn.key).startswith(_PLACE) and not name.endswith(_GROW_AT_THEIR_END)
    ]
    assert placed == []
