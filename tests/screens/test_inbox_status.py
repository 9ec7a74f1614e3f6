"""A part of the inbox is narrowed to those that wait, or to those that somebody has."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from tests.factories import Factory, Tenant
from tests.screens.events import fire
from tests.screens.test_inbox import agent, listed, opened, tenant, waiting

__all__ = ["tenant"]


async def two(factory: Factory, tenant: Tenant) -> tuple[str, UUID, UUID]:
    """A member, a conversation that waits and one that they have."""
    free, taken = await waiting(factory, tenant), await waiting(factory, tenant, "Where is my tent?")
    cookie = await agent(factory, tenant)
    tab = await opened(cookie, taken)
    await fire(tab, "take_over", tab.conversation_id)
    return cookie, free, taken


async def test_those_that_wait_are_listed_counted_and_exported_alone(
    factory: Factory, tenant: Tenant
) -> None:
    cookie, free, taken = await two(factory, tenant)
    inbox = await listed(cookie)
    await fire(inbox, "choose_status", "waiting")
    assert [row.id for row in inbox.rows] == [str(free)]
    assert (inbox.counts["open"], inbox.counts["mine"], inbox.narrowing) == (1, 0, 1)
    assert "status=waiting" in inbox.export
    assert "status=human" not in inbox.export
    await fire(inbox, "choose_status", "human")
    assert [row.id for row in inbox.rows] == [str(taken)]
    await fire(inbox, "clear_filters")
    assert (len(inbox.rows), inbox.status, inbox.narrowing) == (2, "", 0)


async def test_a_status_stays_where_the_next_part_has_it_and_is_taken_away_where_not(
    factory: Factory, tenant: Tenant
) -> None:
    cookie, _, taken = await two(factory, tenant)
    inbox = await listed(cookie)
    await fire(inbox, "choose_status", "human")
    await fire(inbox, "choose_view", "mine")
    assert ([row.id for row in inbox.rows], inbox.status) == ([str(taken)], "human")
    await fire(inbox, "choose_view", "resolved")
    assert (inbox.rows, inbox.status, inbox.narrowing) == ([], "", 0)


async def test_a_part_without_the_status_is_counted_as_it_will_be_listed(
    factory: Factory, tenant: Tenant
) -> None:
    cookie, _, taken = await two(factory, tenant)
    tab = await opened(cookie, taken)
    await fire(tab, "resolve", tab.conversation_id)
    inbox = await listed(cookie)
    await fire(inbox, "choose_status", "waiting")
    assert inbox.counts["resolved"] == 1


@pytest.mark.parametrize("value", [None, 7, ["waiting"], "resolved", "x" * 5000])
async def test_a_status_that_the_part_has_not_narrows_nothing(
    factory: Factory, tenant: Tenant, value: Any
) -> None:
    cookie, _, _ = await two(factory, tenant)
    inbox = await listed(cookie)
    answer = await fire(inbox, "choose_status", value)
    assert answer.refusal == ""
    assert (len(inbox.rows), inbox.status) == (2, "")
