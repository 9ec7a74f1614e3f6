"""What the inbox tells a member: how visitors rated, and which notes mention them."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from helpninja_app.accounts.callers import VisitorCaller
from helpninja_app.accounts.models import Role
from helpninja_app.billing.plans import UNLIMITED
from helpninja_app.conversations.feedback import Rating, rate_answer, rate_conversation
from helpninja_app.conversations.handoff import wake_up
from helpninja_app.conversations.models import Conversation
from helpninja_app.conversations.seen import mark_seen
from helpninja_app.conversations.threads import lock_conversation
from helpninja_app.resources import Resources
from helpninja_app.screens.inbox import thread_state
from helpninja_app.screens.inbox.list_state import InboxListState
from helpninja_app.screens.inbox.state import InboxState
from helpninja_app.screens.inbox.words import rating_in_words
from tests.factories import Factory, Tenant
from tests.screens.events import fire
from tests.screens.test_inbox import agent, listed, opened, said, waiting


@pytest.fixture
async def tenant(factory: Factory) -> Tenant:
    return await factory.tenant()


async def visitor_of(factory: Factory, tenant: Tenant, conversation: UUID) -> VisitorCaller:
    async with factory.resources.database.unit_of_work(tenant.scope) as session:
        found = await session.get(Conversation, (tenant.id, conversation))
        assert found is not None
        return VisitorCaller(tenant.workspace, found.session_id, is_signed=True)


def thumbs(tab: InboxState) -> list[str]:
    return [row.rating for row in tab.entries if row.kind == "bot"]


async def test_a_thumb_on_an_answer_is_shown_changed_and_taken_back(
    factory: Factory, tenant: Tenant, resources: Resources
) -> None:
    one = await waiting(factory, tenant, answer="Within sixty days [1].")
    tab = await opened(await agent(factory, tenant), one)
    assert thumbs(tab) == [""]
    answer = next(UUID(row.id) for row in tab.entries if row.kind == "bot")
    visitor = await visitor_of(factory, tenant, one)
    for rating in (Rating.UP, Rating.DOWN, None):
        async with resources.database.unit_of_work(visitor.scope) as session:
            await rate_answer(session, visitor, answer, rating, UNLIMITED)
        await fire(tab, "open_conversation")
        assert thumbs(tab) == [rating.value if rating else ""]


async def test_the_rating_of_a_conversation_is_shown_with_its_comment_as_it_comes(
    factory: Factory, tenant: Tenant, resources: Resources
) -> None:
    one = await waiting(factory, tenant)
    tab = await opened(await agent(factory, tenant), one)
    await fire(tab, "resolve", tab.conversation_id)
    assert (tab.csat, tab.csat_comment) == ("", "")
    visitor = await visitor_of(factory, tenant, one)
    following = asyncio.create_task(fire(tab, "follow"))
    try:
        async with asyncio.timeout(60):
            while not resources.live.count(f"inbox:{tenant.id}"):
                await asyncio.sleep(0.01)
            async with resources.database.unit_of_work(visitor.scope) as session:
                await rate_conversation(session, visitor, 4, "Quick.")
            while not tab.csat:
                await asyncio.sleep(0.01)
    finally:
        following.cancel()
    assert (tab.csat, tab.csat_tone, tab.csat_comment) == ("4 of 5", "success", "Quick.")


@pytest.mark.parametrize(
    ("csat", "tone"), [(1, "danger"), (2, "danger"), (3, "neutral"), (4, "success"), (5, "success")]
)
def test_a_rating_never_is_its_colour_alone(csat: int, tone: str) -> None:
    assert rating_in_words(csat) == (f"{csat} of 5", tone)


async def test_who_may_only_read_sees_the_rating(
    factory: Factory, tenant: Tenant, resources: Resources
) -> None:
    one = await waiting(factory, tenant)
    await fire(await opened(await agent(factory, tenant), one), "resolve", str(one))
    visitor = await visitor_of(factory, tenant, one)
    async with resources.database.unit_of_work(visitor.scope) as session:
        await rate_conversation(session, visitor, 2, "")
    tab = await opened(await agent(factory, tenant, Role.VIEWER), one)
    assert (tab.csat, tab.csat_tone) == ("2 of 5", "danger")


@pytest.mark.parametrize("rating", [4, None])
async def test_a_rating_stays_in_the_timeline_when_the_visitor_goes_on(
    factory: Factory, tenant: Tenant, resources: Resources, rating: int | None
) -> None:
    one = await waiting(factory, tenant)
    tab = await opened(await agent(factory, tenant), one)
    await fire(tab, "resolve", str(one))
    visitor = await visitor_of(factory, tenant, one)
    async with resources.database.unit_of_work(visitor.scope) as session:
        if rating is not None:
            await rate_conversation(session, visitor, rating, "Quick; kind.")
        await wake_up(session, await lock_conversation(session, tenant.id, one))
    await fire(tab, "open_conversation")
    before = " The rating before was 4 of 5: “Quick; kind.”" if rating else ""
    assert said(tab, "change")[-1] == f"The visitor wrote again, and the assistant answers.{before}"
    assert (tab.csat, tab.csat_comment) == ("", "")


async def mention(cookie: str, conversation: UUID, *emails: str) -> None:
    tab = await opened(cookie, conversation)
    text = f"{' '.join(f'@{email}' for email in emails)} look at this."
    form = {"conversation": str(conversation), "text": text, "client_id": str(uuid4())}
    assert (await fire(tab, "send_note", form)).refusal == ""


def unread(inbox: InboxListState) -> tuple[str, list[bool]]:
    return inbox.unread_mentions, [row.is_unread for row in inbox.mentions]


async def test_a_mention_is_counted_listed_and_read_by_opening_its_conversation(
    factory: Factory, tenant: Tenant
) -> None:
    one, other = await waiting(factory, tenant), await waiting(factory, tenant)
    email, headers = await factory.member(tenant, Role.VIEWER)
    author = await agent(factory, tenant)
    await mention(author, one, email)
    await mention(author, other, email)
    inbox = await listed(headers["cookie"])
    assert unread(inbox) == ("2", [True, True])
    assert [row.conversation_id for row in inbox.mentions] == [str(other), str(one)]
    assert inbox.mentions[0].text.endswith("look at this.")
    assert unread(await listed(author)) == ("", [])
    await fire(await opened(headers["cookie"], one), "see")
    await fire(inbox, "open_inbox")
    assert unread(inbox) == ("1", [True, False])


async def test_all_are_read_at_once_and_those_of_others_stay(factory: Factory, tenant: Tenant) -> None:
    one = await waiting(factory, tenant)
    mine, others = [await factory.member(tenant, Role.AGENT) for _ in range(2)]
    await mention(await agent(factory, tenant), one, mine[0], others[0])
    inbox = await listed(mine[1]["cookie"])
    await fire(inbox, "read_mentions")
    assert unread(inbox) == ("", [False])
    assert unread(await listed(others[1]["cookie"])) == ("1", [True])


async def test_a_mention_in_another_workspace_is_not_told_here(factory: Factory, tenant: Tenant) -> None:
    other = await factory.tenant()
    email, _ = await factory.member(other, Role.AGENT)
    await mention(await agent(factory, other), await waiting(factory, other), email)
    assert unread(await listed(await agent(factory, tenant))) == ("", [])


async def test_the_list_hears_that_a_mention_was_read_in_another_tab(
    factory: Factory, tenant: Tenant, resources: Resources
) -> None:
    one = await waiting(factory, tenant)
    email, headers = await factory.member(tenant, Role.AGENT)
    await mention(await agent(factory, tenant), one, email)
    inbox = await listed(headers["cookie"])
    following = asyncio.create_task(fire(inbox, "follow"))
    try:
        async with asyncio.timeout(60):
            while not resources.live.count(f"inbox:{tenant.id}"):
                await asyncio.sleep(0.01)
            await fire(await opened(headers["cookie"], one), "see")
            while inbox.unread_mentions:
                await asyncio.sleep(0.01)
    finally:
        following.cancel()
    assert unread(inbox) == ("", [False])


async def test_what_comes_into_a_tab_that_nobody_looks_at_stays_unread_until_it_is_seen(
    factory: Factory, tenant: Tenant, resources: Resources
) -> None:
    one = await waiting(factory, tenant)
    email, headers = await factory.member(tenant, Role.AGENT)
    author = await agent(factory, tenant)
    tab = await opened(headers["cookie"], one)
    await fire(tab, "see")
    assert tab.unseen == ""
    following = asyncio.create_task(fire(tab, "follow"))
    try:
        async with asyncio.timeout(60):
            while not resources.live.count(f"inbox:{tenant.id}"):
                await asyncio.sleep(0.01)
            await mention(author, one, email)
            while not tab.unseen:
                await asyncio.sleep(0.01)
    finally:
        following.cancel()
    assert said(tab, "note") == [f"@{email} look at this."]
    assert unread(await listed(headers["cookie"])) == ("1", [True])
    await fire(tab, "see")
    assert tab.unseen == ""
    assert unread(await listed(headers["cookie"])) == ("", [False])


async def test_what_comes_while_a_member_looks_is_marked_with_their_next_look(
    factory: Factory, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await waiting(factory, tenant)
    cookie = await agent(factory, tenant)
    tab = await opened(cookie, one)
    assert tab.unseen.startswith(f"{one} ")

    async def and_then_more_comes(*given: Any) -> None:
        await mark_seen(*given)
        tab.unseen = "what came"

    monkeypatch.setattr(thread_state, "mark_seen", and_then_more_comes)
    await fire(tab, "see")
    assert tab.unseen == "what came"
    assert not (await listed(cookie)).rows[0].is_unread


async def test_nobody_sees_a_conversation_of_another_workspace(factory: Factory, tenant: Tenant) -> None:
    other = await factory.tenant()
    theirs = await waiting(factory, other)
    tab = await opened(await agent(factory, tenant), theirs)
    await fire(tab, "see")
    assert (await listed(await agent(factory, other))).rows[0].is_unread
