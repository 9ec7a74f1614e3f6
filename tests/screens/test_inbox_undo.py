"""Undoing a resolve brings back who had the conversation, and until when it was put off."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from tests.factories import Factory, Tenant
from tests.screens.events import fire
from tests.screens.test_inbox import agent, listed, opened, waiting


@pytest.fixture
async def tenant(factory: Factory) -> Tenant:
    return await factory.tenant()


@pytest.mark.parametrize("is_suspended", [False, True], ids=["there", "suspended"])
async def test_who_had_it_has_it_again_as_long_as_they_may_answer(
    factory: Factory, tenant: Tenant, is_suspended: bool
) -> None:
    one = await waiting(factory, tenant)
    colleague = await opened(await agent(factory, tenant), one)
    await fire(colleague, "take_over", str(one))
    own = await opened(await agent(factory, tenant), one)
    held_by = own.assignee_id
    assert held_by
    await fire(own, "resolve", str(one))
    if is_suspended:
        async with factory.resources.database.unit_of_work(tenant.scope) as session:
            await session.execute(
                text("update members set suspended_at = now() where user_id = :user"),
                {"user": held_by},
            )
    await fire(own, "undo_resolve", own.resolved)
    assert own.status == "human"
    assert (own.assignee_id == held_by) is not is_suspended
    assert own.is_mine is is_suspended


async def test_what_was_put_off_still_is(factory: Factory, tenant: Tenant) -> None:
    one = await waiting(factory, tenant)
    tab = await opened(await agent(factory, tenant), one)
    await fire(tab, "snooze", str(one), "tomorrow")
    until = tab.snoozed
    await fire(tab, "resolve", str(one))
    assert tab.snoozed == ""
    await fire(tab, "undo_resolve", tab.resolved)
    assert (tab.status, tab.snoozed) == ("waiting", until)


async def test_what_was_resolved_with_others_is_put_off_as_before_too(
    factory: Factory, tenant: Tenant
) -> None:
    one, other = await waiting(factory, tenant), await waiting(factory, tenant)
    cookie = await agent(factory, tenant)
    await fire(await opened(cookie, one), "snooze", str(one), "tomorrow")
    inbox = await listed(cookie)
    await fire(inbox, "resolve_chosen", [str(one), str(other)])
    assert inbox.counts["snoozed"] == 0
    await fire(inbox, "undo_resolve_chosen", inbox.resolved_last)
    assert (inbox.counts["snoozed"], [row.id for row in inbox.rows]) == (1, [str(other)])


async def test_opened_again_by_a_later_wish_it_is_whose_wish_that_is(
    factory: Factory, tenant: Tenant
) -> None:
    one = await waiting(factory, tenant)
    colleague = await opened(await agent(factory, tenant), one)
    await fire(colleague, "take_over", str(one))
    await fire(colleague, "resolve", str(one))
    own = await opened(await agent(factory, tenant), one)
    await fire(own, "reopen", str(one))
    assert (own.status, own.is_mine) == ("human", True)
