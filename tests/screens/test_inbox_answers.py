"""What an inbox shows behind each answer, and what of it can be kept."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from helpninja_app.accounts.models import Role
from helpninja_app.conversations.models import Conversation
from helpninja_app.screens.inbox.page import inbox_page
from helpninja_app.screens.inbox.rows import EntryRow
from helpninja_app.screens.inbox.state import InboxState
from tests.factories import Factory, Tenant
from tests.screens.events import fire, go
from tests.screens.test_inbox import _say as say
from tests.screens.test_inbox import agent, opened, reply, waiting
from tests.screens.test_rows import below


@pytest.fixture
async def tenant(factory: Factory) -> Tenant:
    return await factory.tenant()


async def add(
    factory: Factory, tenant: Tenant, conversation: UUID, role: str, text: str, **more: Any
) -> None:
    async with factory.resources.database.unit_of_work(tenant.scope) as session:
        made = await session.get(Conversation, (tenant.id, conversation))
        assert made is not None
        await say(session, made, role, text, **more)


def cited(*titles: str) -> dict[str, Any]:
    """What a message of the bot has that rests on passages with these titles."""
    passages = [
        {"n": n, "title": title, "url": "https://shop.example/help", "snippet": f"Of {title}", "score": n / 4}
        for n, title in enumerate(titles, 1)
    ]
    return {"kind": "answer", "confidence": 0.8, "citations": passages}


async def with_two_answers(factory: Factory, tenant: Tenant, cookie: str) -> InboxState:
    """The first was handed over; the visitor asked something else after it."""
    one = await waiting(factory, tenant, answer="Within sixty days [1].")
    await add(factory, tenant, one, "visitor", "And how do I pay?")
    await add(factory, tenant, one, "bot", "By card [1] or bill [2].", **cited("Cards", "Bills"))
    return await opened(cookie, one)


def of_kind(tab: InboxState, kind: str) -> list[EntryRow]:
    return [row for row in tab.entries if row.kind == kind]


def shown(tab: InboxState) -> list[str]:
    return [passage.title for passage in tab.passages]


async def test_the_passages_of_any_answer_are_shown_with_their_scores(
    factory: Factory, tenant: Tenant
) -> None:
    tab = await with_two_answers(factory, tenant, await agent(factory, tenant))
    first, second = of_kind(tab, "bot")
    assert (shown(tab), tab.explained, tab.passage) == (["Returns"], first.id, "")
    pressed = second.passages[1]
    await fire(tab, "show_passage", tab.conversation_id, second.id, pressed.button)
    assert [(each.title, each.score, each.snippet) for each in tab.passages] == [
        ("Cards", "0.25", "Of Cards"),
        ("Bills", "0.50", "Of Bills"),
    ]
    assert (tab.explained, tab.explained_at, tab.passage) == (second.id, second.time, pressed.button)


async def test_the_answer_that_was_chosen_is_still_shown_after_news(factory: Factory, tenant: Tenant) -> None:
    tab = await with_two_answers(factory, tenant, await agent(factory, tenant))
    second = of_kind(tab, "bot")[1]
    await fire(tab, "show_passage", tab.conversation_id, second.id, second.passages[0].button)
    await reply(tab, "By invoice as well.", uuid4())
    assert (shown(tab), tab.passage) == (["Cards", "Bills"], second.passages[0].button)


async def test_another_conversation_begins_with_its_own_answer(factory: Factory, tenant: Tenant) -> None:
    cookie = await agent(factory, tenant)
    tab = await with_two_answers(factory, tenant, cookie)
    second = of_kind(tab, "bot")[1]
    await fire(tab, "show_passage", tab.conversation_id, second.id, second.passages[0].button)
    other = await waiting(factory, tenant, answer="Within sixty days [1].")
    go(tab, cookie, {"conversation": str(other)})
    await fire(tab, "open_conversation")
    assert (shown(tab), tab.passage) == (["Returns"], "")


@pytest.mark.parametrize("value", [None, 7, ["x"], {"a": 1}, "x" * 5000, ""])
async def test_what_is_no_passage_of_the_open_conversation_changes_nothing(
    factory: Factory, tenant: Tenant, value: Any
) -> None:
    tab = await with_two_answers(factory, tenant, await agent(factory, tenant))
    first, second = of_kind(tab, "bot")
    # As it comes late from a conversation that was left.
    for conversation, message in (
        (value, second.id),
        (str(uuid4()), second.id),
        (tab.conversation_id, value),
    ):
        await fire(tab, "show_passage", conversation, message, second.passages[0].button)
        assert (shown(tab), tab.explained) == (["Returns"], first.id)
    await fire(tab, "show_passage", tab.conversation_id, second.id, value)
    assert (shown(tab), tab.passage) == (["Returns"], "")


async def test_what_a_person_replied_can_be_saved_with_what_was_asked(
    factory: Factory, tenant: Tenant
) -> None:
    one = await waiting(factory, tenant)
    tab = await opened(await agent(factory, tenant, Role.ADMIN), one)
    await reply(tab, "Yes, within sixty days.", uuid4())
    assert [(row.asked, row.text) for row in of_kind(tab, "member")] == [
        ("Can I exchange boots?", "Yes, within sixty days.")
    ]
    assert tab.may_write_answers


def test_answers_of_people_are_saved_as_those_of_the_assistant_are() -> None:
    saves = [
        each
        for each in below(inbox_page())
        if "begin_answered" in str(each.event_triggers.get("on_click", ""))
    ]
    assert len(saves) == 2
