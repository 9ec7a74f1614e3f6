"""Several conversations of the inbox are chosen, and one thing is done with all of them."""

from __future__ import annotations

import asyncio
import uuid
from uuid import UUID

import pytest
from sqlalchemy import text, update
from sqlmodel import col

from helpninja_app.accounts.models import Role
from helpninja_app.conversations.bulk import MOST_AT_ONCE
from helpninja_app.conversations.models import Conversation
from helpninja_app.screens.inbox.choosing_state import AT_ONCE
from helpninja_app.screens.inbox.list_state import InboxListState
from tests.factories import Factory, Tenant
from tests.screens.events import fire
from tests.screens.test_inbox import agent, listed, opened, waiting


@pytest.fixture
async def tenant(factory: Factory) -> Tenant:
    return await factory.tenant()


async def chosen(factory: Factory, tenant: Tenant, number: int, role: Role = Role.AGENT) -> InboxListState:
    """The inbox of a member who has chosen all of so many that wait."""
    for place in range(number):
        await waiting(factory, tenant, f"Question {place}")
    inbox = await listed(await agent(factory, tenant, role))
    await fire(inbox, "choose_all")
    assert len(inbox.chosen) == number
    return inbox


async def stored(factory: Factory, tenant: Tenant, column: str) -> list[object]:
    """A column of all conversations of the workspace, the earliest first."""
    async with factory.resources.database.unit_of_work(tenant.scope) as session:
        found = await session.execute(text(f"select {column} from conversations order by created_at"))
        return list(found.scalars())


async def test_conversations_are_chosen_one_by_one_all_and_none(factory: Factory, tenant: Tenant) -> None:
    inbox = await chosen(factory, tenant, 3)
    first, *_, last = inbox.rows
    await fire(inbox, "choose", first.id)
    assert inbox.chosen == [row.id for row in inbox.rows[1:]]
    await fire(inbox, "choose_all")
    assert len(inbox.chosen) == 3
    await fire(inbox, "choose_all")
    assert inbox.chosen == []
    await fire(inbox, "choose", last.id)
    await fire(inbox, "choose", str(uuid.uuid4()))
    assert inbox.chosen == [last.id]
    await fire(inbox, "choose_none")
    assert inbox.chosen == []


async def test_what_the_list_shows_no_longer_is_chosen_no_longer(factory: Factory, tenant: Tenant) -> None:
    inbox = await chosen(factory, tenant, 2)
    await fire(inbox, "search_conversations", "0")
    assert inbox.chosen == [row.id for row in inbox.rows]
    await fire(inbox, "choose_view", "bot")
    assert inbox.chosen == []


async def test_they_are_assigned_tagged_and_snoozed(factory: Factory, tenant: Tenant) -> None:
    inbox = await chosen(factory, tenant, 2)
    ids, me = list(inbox.chosen), inbox.answerers[0].id
    await fire(inbox, "assign_chosen", ids, me)
    assert (inbox.done, inbox.chosen) == ("2 conversations are assigned to you.", [])
    assert await stored(factory, tenant, "assignee_id") == [UUID(me)] * 2
    await fire(inbox, "assign_chosen", ids[:1], "")
    assert inbox.done == "1 conversation is assigned to nobody."
    await fire(inbox, "tag_chosen", {"conversations": ",".join(ids), "tag": " Boots "})
    assert inbox.done == "2 conversations are tagged “Boots”."
    assert await stored(factory, tenant, "tags") == [["boots"]] * 2
    await fire(inbox, "snooze_chosen", ids, "tomorrow")
    assert (inbox.done, inbox.counts["snoozed"], inbox.rows) == ("2 conversations are snoozed.", 2, [])


async def test_they_are_marked_as_read_by_whoever_may_read(factory: Factory, tenant: Tenant) -> None:
    inbox = await chosen(factory, tenant, 2, Role.VIEWER)
    assert [row.is_unread for row in inbox.rows] == [True, True]
    await fire(inbox, "read_chosen", inbox.chosen)
    assert [row.is_unread for row in inbox.rows] == [False, False]
    assert inbox.done == "2 conversations are marked as read."


async def test_those_that_were_resolved_are_opened_again_and_no_others(
    factory: Factory, tenant: Tenant
) -> None:
    inbox = await chosen(factory, tenant, 3)
    ids = list(inbox.chosen)
    tab = await opened(await agent(factory, tenant), UUID(ids[1]))
    await fire(tab, "resolve", ids[1])
    await fire(inbox, "resolve_chosen", ids)
    assert inbox.done == "2 conversations are resolved. 1 was not: resolved already."
    assert await stored(factory, tenant, "status") == ["resolved"] * 3
    await fire(inbox, "undo_resolve_chosen", inbox.resolved_last)
    assert inbox.done == "2 conversations are open again."
    assert inbox.resolved_last == []
    assert sorted(row.id for row in inbox.rows) == sorted({*ids} - {ids[1]})
    assert await stored(factory, tenant, "waiting_since is null") == [False, True, False]


async def test_what_a_colleague_has_is_not_resolved_with_the_others(factory: Factory, tenant: Tenant) -> None:
    inbox = await chosen(factory, tenant, 2)
    ids = list(inbox.chosen)
    tab = await opened(await agent(factory, tenant), UUID(ids[0]))
    await fire(tab, "take_over", ids[0])
    await fire(inbox, "resolve_chosen", ids)
    assert inbox.done.startswith("1 conversation is resolved. 1 was not: ")
    assert sorted(str(each) for each in await stored(factory, tenant, "status")) == ["human", "resolved"]


async def test_how_often_many_are_changed_is_limited(factory: Factory, tenant: Tenant) -> None:
    inbox = await chosen(factory, tenant, 1)
    ids = list(inbox.chosen)
    for _ in range(AT_ONCE.amount):
        await fire(inbox, "read_chosen", ids)
    assert not inbox.is_refused
    await fire(inbox, "read_chosen", ids)
    assert inbox.is_refused
    assert inbox.done.startswith("Too many requests")


async def test_a_second_click_resolves_nothing_and_keeps_the_way_back(
    factory: Factory, tenant: Tenant
) -> None:
    inbox = await chosen(factory, tenant, 2)
    ids = list(inbox.chosen)
    await asyncio.gather(*(fire(inbox, "resolve_chosen", ids) for _ in range(2)))
    late = await fire(inbox, "resolve_chosen", ids)
    assert late.refusal == ""
    assert (inbox.done, sorted(inbox.resolved_last)) == ("2 conversations are resolved.", sorted(ids))
    assert await stored(factory, tenant, "(select count(*) from conversation_transitions)") == [4, 4]


async def test_what_one_of_them_refuses_keeps_back_no_other(factory: Factory, tenant: Tenant) -> None:
    inbox = await chosen(factory, tenant, 2)
    full, other = inbox.chosen
    async with factory.resources.database.unit_of_work(tenant.scope) as session:
        await session.execute(
            update(Conversation)
            .where(col(Conversation.id) == UUID(full))
            .values(tags=[f"tag {number}" for number in range(20)])
        )
    await fire(inbox, "tag_chosen", {"conversations": f"{full},{other}", "tag": "boots"})
    sentence = "1 conversation is tagged “boots”. 1 was not: a conversation has at most 20 tags."
    assert (inbox.done, inbox.is_refused) == (sentence, False)
    assert inbox.chosen == [full]


async def test_those_of_another_workspace_are_left_out(factory: Factory, tenant: Tenant) -> None:
    foreign = await factory.tenant()
    theirs = await waiting(factory, foreign)
    inbox = await chosen(factory, tenant, 1)
    await fire(inbox, "resolve_chosen", [*inbox.chosen, str(theirs)])
    assert inbox.done == "1 conversation is resolved. 1 was not: there is no such conversation."
    answer = await fire(inbox, "assign_chosen", [str(theirs)], "")
    assert "there is no such conversation" in answer.refusal
    assert inbox.is_refused
    assert await stored(factory, foreign, "status") == ["waiting"]


async def test_who_may_only_read_does_nothing_with_them(factory: Factory, tenant: Tenant) -> None:
    inbox = await chosen(factory, tenant, 1, Role.VIEWER)
    assert not inbox.may_answer
    for name, more in (
        ("resolve_chosen", ()),
        ("undo_resolve_chosen", ()),
        ("assign_chosen", ("",)),
        ("snooze_chosen", ("hour",)),
    ):
        answer = await fire(inbox, name, inbox.chosen, *more)
        assert "does not allow this" in answer.refusal
    assert await stored(factory, tenant, "status") == ["waiting"]


@pytest.mark.parametrize(
    "ids",
    [[], None, "x", [None], ["x"], [str(UUID(int=number)) for number in range(MOST_AT_ONCE + 1)]],
    ids=["none", "nothing", "a text", "a list of nothing", "a list of texts", "too many"],
)
async def test_what_are_no_conversations_is_refused(factory: Factory, tenant: Tenant, ids: object) -> None:
    inbox = await chosen(factory, tenant, 1)
    answer = await fire(inbox, "resolve_chosen", ids)
    assert answer.refusal
    assert await stored(factory, tenant, "status") == ["waiting"]


@pytest.mark.parametrize("member", ["viewer", "stranger"])
async def test_nobody_who_may_not_answer_is_to_look_after_them(
    factory: Factory, tenant: Tenant, member: str
) -> None:
    inbox = await chosen(factory, tenant, 2)
    await factory.member(tenant, Role.VIEWER)
    await fire(inbox, "choose_view", "open")
    known = {each.id for each in inbox.answerers}
    viewer = next(each.id for each in inbox.members if each.id not in known)
    wanted = viewer if member == "viewer" else str(uuid.uuid4())
    answer = await fire(inbox, "assign_chosen", inbox.chosen, wanted)
    assert "may answer" in answer.refusal
    assert len(inbox.chosen) == 2
    assert await stored(factory, tenant, "assignee_id") == [None, None]


async def test_a_tag_is_asked_for_while_some_are_chosen(factory: Factory, tenant: Tenant) -> None:
    inbox = await chosen(factory, tenant, 1)
    await fire(inbox, "begin_tag")
    assert inbox.is_tagging
    await fire(inbox, "tag_chosen", {"conversations": ",".join(inbox.chosen), "tag": "  "})
    assert (inbox.is_tagging, inbox.problem) == (True, "Type a tag first.")
    await fire(inbox, "close_tag")
    assert not inbox.is_tagging
    await fire(inbox, "choose_none")
    await fire(inbox, "begin_tag")
    assert not inbox.is_tagging
