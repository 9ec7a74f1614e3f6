"""The inbox's states, called as anybody with a websocket can call them."""

from __future__ import annotations

import asyncio
import re
import uuid
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from helpninja_app.accounts.models import Role
from helpninja_app.conversations.handoff import escalate
from helpninja_app.conversations.models import Conversation, Message, Reason
from helpninja_app.conversations.notices import Change, announce
from helpninja_app.conversations.threads import add_message
from helpninja_app.kernel.columns import now
from helpninja_app.resources import Resources
from helpninja_app.screens.inbox.list_state import InboxListState
from helpninja_app.screens.inbox.state import InboxState
from tests.factories import Factory, Tenant
from tests.screens.events import Answer, fire, tab_at

SOME_ID = "0190b5c0-0000-7000-8000-000000000001"


@pytest.fixture
async def tenant(factory: Factory) -> Tenant:
    return await factory.tenant()


async def waiting(
    factory: Factory, tenant: Tenant, text: str = "Can I exchange boots?", answer: str = "", **more: Any
) -> UUID:
    """A conversation in which a visitor asked, perhaps was answered, and a person is asked for."""
    async with factory.resources.database.unit_of_work(tenant.scope) as session:
        made = Conversation(
            workspace_id=tenant.id,
            session_id=f"visitor-{uuid.uuid4()}",
            is_signed=True,
            created_at=now(),
            last_message_at=now(),
            page_url="https://shop.example/boots?x=1",
            **more,
        )
        session.add(made)
        await session.flush()
        await _say(session, made, "visitor", text)
        if answer:
            cited = {
                "n": 1,
                "title": "Returns",
                "url": "javascript:hit()",
                "snippet": "Sixty days",
                "score": 0.71,
            }
            await _say(session, made, "bot", answer, kind="answer", confidence=0.41, citations=[cited])
        await escalate(session, made, Reason.LOW_CONFIDENCE, topic=text)
        return made.id


async def _say(session: Any, made: Conversation, role: str, text: str, **more: Any) -> None:
    message = Message(
        workspace_id=made.workspace_id,
        conversation_id=made.id,
        role=role,
        text=text,
        created_at=now(),
        **more,
    )
    await add_message(session, message)


async def agent(factory: Factory, tenant: Tenant, role: Role = Role.AGENT) -> str:
    _, headers = await factory.member(tenant, role)
    return headers["cookie"]


async def opened(cookie: str, conversation: UUID) -> InboxState:
    tab = await tab_at(InboxState, cookie, {"conversation": str(conversation)})
    await fire(tab, "open_conversation")
    return tab


async def listed(cookie: str) -> InboxListState:
    tab = await tab_at(InboxListState, cookie)
    await fire(tab, "open_inbox")
    return tab


async def reply(tab: InboxState, text: str, client_id: UUID | str) -> Answer:
    form = {"conversation": tab.conversation_id, "text": text, "client_id": str(client_id)}
    return await fire(tab, "send_reply", form)


def said(tab: InboxState, kind: str) -> list[str]:
    return [row.text for row in tab.entries if row.kind == kind]


async def test_the_parts_of_the_inbox_are_counted_and_listed(factory: Factory, tenant: Tenant) -> None:
    mine, other = await waiting(factory, tenant), await waiting(factory, tenant, "Where is my tent?")
    cookie = await agent(factory, tenant)
    tab = await opened(cookie, mine)
    await fire(tab, "take_over", tab.conversation_id)
    inbox = await listed(cookie)
    assert inbox.counts == {"open": 2, "mine": 1, "unassigned": 1, "bot": 0, "resolved": 0, "snoozed": 0}
    assert inbox.waiting == 1
    await fire(inbox, "choose_view", "unassigned")
    assert [row.id for row in inbox.rows] == [str(other)]
    await fire(inbox, "choose_view", "mine")
    assert [row.id for row in inbox.rows] == [str(mine)]


async def test_the_list_is_searched_and_filtered(factory: Factory, tenant: Tenant) -> None:
    await waiting(factory, tenant)
    tent = await waiting(factory, tenant, "Where is my tent?", visitor_name="Noor")
    inbox = await listed(await agent(factory, tenant))
    await fire(inbox, "search_conversations", "tent")
    assert [row.id for row in inbox.rows] == [str(tent)]
    await fire(inbox, "search_conversations", "")
    await fire(inbox, "choose_reason", "visitor_request")
    assert inbox.rows == []
    await fire(inbox, "choose_site", "shop.example")
    await fire(inbox, "choose_reason", "low_confidence")
    assert (len(inbox.rows), inbox.narrowing) == (2, 2)
    # The field of the site is drawn anew where the filters are cleared alone.
    assert inbox.cleared == 0
    await fire(inbox, "choose_until", "2020-01-01")
    assert inbox.rows == []
    await fire(inbox, "clear_filters")
    assert (len(inbox.rows), inbox.narrowing) == (2, 0)
    assert inbox.cleared == 1


async def test_who_waits_longest_is_listed_first_where_that_is_chosen(
    factory: Factory, tenant: Tenant
) -> None:
    longest = await waiting(factory, tenant, waiting_since=now() - timedelta(hours=3, minutes=5))
    other = await waiting(factory, tenant, waiting_since=now() - timedelta(minutes=12, seconds=5))
    cookie = await agent(factory, tenant)
    inbox = await listed(cookie)
    assert [row.id for row in inbox.rows] == [str(other), str(longest)]
    await fire(inbox, "choose_order", "waiting")
    assert [(row.id, row.status) for row in inbox.rows] == [
        (str(longest), "Waiting 3 h"),
        (str(other), "Waiting 12 min"),
    ]
    # Whoever has it is shown beside how long they let the visitor wait.
    tab = await opened(cookie, other)
    await fire(tab, "take_over", tab.conversation_id)
    await fire(inbox, "search_conversations", "")
    assert inbox.order == "waiting"
    assert inbox.rows[1].reason == "waiting 12 min"
    await reply(tab, "Yes, you can.", uuid.uuid4())
    await fire(inbox, "choose_order", "newest")
    assert (inbox.rows[0].id, inbox.rows[0].reason) == (str(other), "")


@pytest.mark.parametrize("value", [None, 7, ["x"], {"a": 1}, "x" * 5000, "\x00'; drop table"])
async def test_a_filter_that_is_none_breaks_nothing(factory: Factory, tenant: Tenant, value: Any) -> None:
    inbox = await listed(await agent(factory, tenant))
    for name in (
        "choose_view",
        "choose_order",
        "search_conversations",
        "choose_reason",
        "choose_site",
        "choose_since",
    ):
        answer = await fire(inbox, name, value)
        assert answer.refusal == ""


async def test_fifty_are_listed_and_then_fifty_more(factory: Factory, tenant: Tenant) -> None:
    for number in range(52):
        await waiting(factory, tenant, f"Question {number}")
    inbox = await listed(await agent(factory, tenant))
    assert (len(inbox.rows), inbox.has_more, inbox.counts["open"]) == (50, True, 52)
    await fire(inbox, "show_more")
    assert (len(inbox.rows), inbox.has_more) == (52, False)


async def test_what_was_read_is_unread_no_more_until_it_is_put_back(factory: Factory, tenant: Tenant) -> None:
    one = await waiting(factory, tenant)
    cookie = await agent(factory, tenant)
    assert (await listed(cookie)).rows[0].is_unread
    tab = await opened(cookie, one)
    await fire(tab, "see")
    assert not (await listed(cookie)).rows[0].is_unread
    await fire(tab, "mark_unread", tab.conversation_id)
    assert tab.conversation_id == ""
    assert (await listed(cookie)).rows[0].is_unread


async def test_an_answer_shows_its_confidence_passages_and_why_it_was_handed_over(
    factory: Factory, tenant: Tenant
) -> None:
    one = await waiting(factory, tenant, answer="Within <script>hit()</script> sixty days [1].")
    tab = await opened(await agent(factory, tenant), one)
    answer = next(row for row in tab.entries if row.kind == "bot")
    assert "<script" not in answer.html
    assert answer.confidence == "41 %"
    assert [(each.title, each.url, each.score) for each in tab.passages] == [("Returns", "", "0.71")]
    assert (tab.doubt, tab.threshold) == (41, "55 %")
    assert tab.reasons == "Confidence 41 % is under your 55 %."
    assert said(tab, "change") == ["Handed over to people: confidence 41 % is under your 55 %."]


async def test_the_visitor_s_language_and_clock_are_shown_where_they_are_known(
    factory: Factory, tenant: Tenant
) -> None:
    known = await waiting(factory, tenant, visitor_language="pt-BR", visitor_time_zone="America/Sao_Paulo")
    odd = await waiting(factory, tenant, visitor_time_zone="Mars/Olympus")
    cookie = await agent(factory, tenant)
    tab = await opened(cookie, known)
    assert tab.language == "Portuguese (pt-BR)"
    assert re.fullmatch(r"[0-2]\d:[0-5]\d there \(America/Sao_Paulo\)", tab.local_time)
    other = await opened(cookie, odd)
    assert (other.language, other.local_time) == ("", "")


async def test_words_that_rest_on_no_passage_have_no_confidence_and_explain_no_doubt(
    factory: Factory, tenant: Tenant
) -> None:
    one = await waiting(factory, tenant)
    async with factory.resources.database.unit_of_work(tenant.scope) as session:
        made = await session.get(Conversation, (tenant.id, one))
        assert made is not None
        await _say(session, made, "bot", "I have passed this on.", kind="person_asked", confidence=1.0)
    tab = await opened(await agent(factory, tenant), one)
    assert [row.confidence for row in tab.entries if row.kind == "bot"] == [""]
    assert (tab.doubted, tab.reasons) == ("", "Its confidence is under your 55 %.")


async def test_that_it_hands_over_is_no_answer_to_save_and_nothing_that_the_list_shows(
    factory: Factory, tenant: Tenant
) -> None:
    one = await waiting(factory, tenant, answer="Within sixty days [1].")
    async with factory.resources.database.unit_of_work(tenant.scope) as session:
        made = await session.get(Conversation, (tenant.id, one))
        assert made is not None
        await _say(session, made, "bot", "I have passed this on.", kind="person_asked")
    cookie = await agent(factory, tenant)
    tab = await opened(cookie, one)
    assert [row.asked for row in tab.entries if row.kind == "bot"] == ["Can I exchange boots?", ""]
    assert (await listed(cookie)).rows[0].preview == "Can I exchange boots?"
    await fire(tab, "take_over", tab.conversation_id)
    await reply(tab, "Yes, you can.", uuid.uuid4())
    assert (await listed(cookie)).rows[0].preview.endswith(": Yes, you can.")


async def test_what_waits_goes_on_waiting_when_its_resolve_is_undone(
    factory: Factory, tenant: Tenant
) -> None:
    one = await waiting(factory, tenant, answer="Within sixty days [1].")
    cookie = await agent(factory, tenant)
    tab = await opened(cookie, one)
    await fire(tab, "resolve", tab.conversation_id)
    await fire(tab, "undo_resolve", tab.resolved)
    assert tab.status == "waiting"
    assert said(tab, "change")[-1].endswith("opened it again.")
    assert (await listed(cookie)).rows[0].reason == "low confidence"
    assert tab.doubted == "41 %"


async def test_a_reply_takes_over_and_is_stored_once(factory: Factory, tenant: Tenant) -> None:
    tab = await opened(await agent(factory, tenant), await waiting(factory, tenant))
    id = uuid.uuid4()
    await reply(tab, "Yes, you can.", id)
    assert (tab.status, tab.is_mine, tab.accepted) == ("human", True, str(id))
    await fire(tab, "hand_back", tab.conversation_id)
    await reply(tab, "Yes, you can.", id)
    assert said(tab, "member") == ["Yes, you can."]
    assert tab.status == "bot"


async def test_a_reply_that_failed_is_not_accepted_and_says_why(factory: Factory, tenant: Tenant) -> None:
    one = await waiting(factory, tenant)
    first, second = [await opened(await agent(factory, tenant), one) for _ in range(2)]
    await fire(first, "take_over", first.conversation_id)
    answer = await reply(second, "Me too.", uuid.uuid4())
    assert "has this conversation" in answer.refusal
    assert (second.accepted, said(second, "member")) == ("", [])


@pytest.mark.parametrize(
    ("text", "client_id", "sentence"),
    [
        ("", SOME_ID, "Type something"),
        ("x" * 20_001, SOME_ID, "longer than"),
        ("x", "no", ""),
    ],
)
async def test_what_is_no_reply_is_refused(
    factory: Factory, tenant: Tenant, text: str, client_id: str, sentence: str
) -> None:
    tab = await opened(await agent(factory, tenant), await waiting(factory, tenant))
    answer = await reply(tab, text, client_id)
    assert answer.refusal
    assert sentence in answer.refusal
    assert said(tab, "member") == []


async def test_what_was_written_for_one_conversation_goes_to_no_other(
    factory: Factory, tenant: Tenant
) -> None:
    one, other = await waiting(factory, tenant), await waiting(factory, tenant)
    cookie = await agent(factory, tenant)
    tab = await opened(cookie, other)
    form = {"conversation": str(one), "text": "For the first.", "client_id": str(uuid.uuid4())}
    await fire(tab, "send_reply", form)
    assert said(tab, "member") == []
    assert said(await opened(cookie, one), "member") == ["For the first."]


async def test_a_note_mentions_members_and_is_no_message(factory: Factory, tenant: Tenant) -> None:
    tab = await opened(await agent(factory, tenant), await waiting(factory, tenant))
    form = {"conversation": tab.conversation_id, "text": "Look at this.", "client_id": str(uuid.uuid4())}
    await fire(tab, "send_note", form)
    assert said(tab, "note") == ["Look at this."]
    assert said(tab, "member") == []


async def test_it_is_resolved_undone_assigned_snoozed_and_tagged(factory: Factory, tenant: Tenant) -> None:
    tab = await opened(await agent(factory, tenant), await waiting(factory, tenant))
    await fire(tab, "take_over", tab.conversation_id)
    await fire(tab, "resolve", tab.conversation_id)
    assert (tab.status, tab.resolved) == ("resolved", tab.conversation_id)
    await fire(tab, "undo_resolve", tab.resolved)
    assert (tab.status, tab.resolved) == ("human", "")
    await fire(tab, "assign", tab.conversation_id, "")
    assert tab.assignee == ""
    await fire(tab, "snooze", tab.conversation_id, "tomorrow")
    assert "09:00" in tab.snoozed
    await fire(tab, "snooze", tab.conversation_id, "wake")
    assert tab.snoozed == ""
    for tag in ("Boots", "boots ", "Returns"):
        await fire(tab, "add_tag", {"conversation": tab.conversation_id, "tag": tag})
    await fire(tab, "remove_tag", tab.conversation_id, "returns")
    assert tab.tags == ["boots"]


async def test_who_may_only_read_sees_all_and_changes_nothing(factory: Factory, tenant: Tenant) -> None:
    tab = await opened(await agent(factory, tenant, Role.VIEWER), await waiting(factory, tenant))
    assert (tab.may_answer, said(tab, "visitor")) == (False, ["Can I exchange boots?"])
    answer = await reply(tab, "Hello.", uuid.uuid4())
    assert "does not allow this" in answer.refusal
    assert tab.status == "waiting"


async def test_a_conversation_of_another_workspace_is_not_found(factory: Factory, tenant: Tenant) -> None:
    theirs = await waiting(factory, await factory.tenant())
    tab = await opened(await agent(factory, tenant), theirs)
    assert (tab.failure, tab.entries) == ("There is no such conversation.", [])


async def test_both_panes_hear_of_what_a_visitor_writes_and_types(
    factory: Factory, tenant: Tenant, resources: Resources
) -> None:
    one = await waiting(factory, tenant)
    cookie = await agent(factory, tenant)
    tab, inbox = await opened(cookie, one), await listed(cookie)
    following = [asyncio.create_task(fire(each, "follow")) for each in (tab, inbox)]
    try:
        async with asyncio.timeout(60):
            while resources.live.count(f"inbox:{tenant.id}") < 2:
                await asyncio.sleep(0.01)
            async with resources.database.unit_of_work(tenant.scope) as session:
                await announce(session, tenant.id, one, Change.VISITOR_TYPES)
            while not tab.is_visitor_typing:
                await asyncio.sleep(0.01)
            async with resources.database.unit_of_work(tenant.scope) as session:
                made = await session.get(Conversation, (tenant.id, one))
                assert made is not None
                await _say(session, made, "visitor", "Size 44 by the way.")
            while "Size 44 by the way." not in said(tab, "visitor"):
                await asyncio.sleep(0.01)
            while inbox.rows[0].preview != "Size 44 by the way.":
                await asyncio.sleep(0.01)
    finally:
        for each in following:
            each.cancel()
    assert not tab.is_visitor_typing
