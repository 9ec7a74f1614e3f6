"""A visitor who comes back after days: what goes on, what begins anew, and that the panel shows the same."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import update
from sqlmodel import col

from helpninja_app.conversations.models import Conversation
from helpninja_app.kernel.columns import now
from helpninja_app.resources import Resources
from tests.api.chatting import QUESTION, messages_of
from tests.api.inboxing import Desk, Talk, begin
from tests.api.test_contact import shown
from tests.factories import Factory

AFTER = timedelta(days=2)


async def pass_days(resources: Resources, talk: Talk) -> None:
    """As if nothing had happened in the talk's conversation for two days."""
    async with resources.database.unit_of_work(talk.tenant.scope) as session:
        await session.execute(
            update(Conversation)
            .where(col(Conversation.id) == talk.conversation_id)
            .values(created_at=now() - AFTER, last_message_at=now() - AFTER, last_visitor_at=now() - AFTER)
        )


async def said_in_panel(talk: Talk) -> list[str]:
    return [each["text"] for each in (await shown(talk))["messages"] if each["role"] != "bot"]


async def ask_for_a_person(talk: Talk) -> None:
    body = {"conversationId": talk.conversation_id, "reason": "visitor_request"}
    response = await talk.client.post("/api/escalate", headers=talk.token, json=body)
    assert response.status_code == 200, response.text


async def latest_in_inbox(desk: Desk) -> str:
    params = {"tenantId": str(desk.tenant.id)}
    listed = await desk.client.get("/api/conversations", headers=desk.headers, params=params)
    first: str = listed.json()["conversations"][0]["id"]
    return first


async def test_after_days_a_person_still_has_the_conversation_and_the_bot_is_silent(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    await desk.done("take-over")
    await pass_days(resources, talk)
    again = await talk.ask(QUESTION)
    assert again["conversationId"] == talk.conversation_id
    assert (again["handledBy"], again["answer"]) == ("human", "")
    await desk.done("reply", text="Sixty days, says Anna.")
    assert (await said_in_panel(talk))[-2:] == [QUESTION, "Sixty days, says Anna."]


async def test_after_days_a_conversation_that_waits_for_a_person_goes_on(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory)
    await pass_days(resources, talk)
    again = await talk.ask(QUESTION)
    assert (again["conversationId"], again["status"]) == (talk.conversation_id, "waiting")
    desk = await talk.desk()
    await desk.done("take-over")
    await desk.done("reply", text="On Monday.")
    assert (await said_in_panel(talk))[-1] == "On Monday."


@pytest.mark.parametrize("is_resolved", [False, True])
async def test_what_is_written_after_a_person_was_asked_for_in_an_old_conversation_goes_into_it(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, is_resolved: bool
) -> None:
    talk = await begin(client, factory, QUESTION)
    desk = await talk.desk()
    if is_resolved:
        await desk.done("resolve")
    await pass_days(resources, talk)
    assert (await shown(talk))["conversationId"] == talk.conversation_id
    await ask_for_a_person(talk)
    again = await talk.ask("It is about order 77.")
    assert (again["conversationId"], again["status"]) == (talk.conversation_id, "waiting")
    assert (await desk.read())["status"] == "waiting"


async def test_an_old_conversation_in_which_a_person_is_asked_for_comes_to_the_top_of_the_inbox(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory, QUESTION)
    desk = await talk.desk()
    await pass_days(resources, talk)
    newer = await begin(client, factory, QUESTION, tenant=talk.tenant)
    assert await latest_in_inbox(desk) == newer.conversation_id
    await ask_for_a_person(talk)
    assert await latest_in_inbox(desk) == talk.conversation_id


@pytest.mark.parametrize("is_resolved", [False, True])
async def test_after_days_what_nobody_has_to_answer_begins_anew_and_the_panel_shows_the_new_one(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, is_resolved: bool
) -> None:
    talk = await begin(client, factory, QUESTION)
    if is_resolved:
        await (await talk.desk()).done("resolve")
    await pass_days(resources, talk)
    before = await shown(talk)
    assert (before["conversationId"], len(before["messages"])) == (talk.conversation_id, 2)
    again = await talk.ask(QUESTION)
    assert (again["handledBy"], again["conversationId"] != talk.conversation_id) == ("bot", True)
    assert (await shown(talk))["conversationId"] == again["conversationId"]
    assert len(await messages_of(resources, talk.tenant, talk.conversation_id)) == 2


async def test_a_person_who_takes_an_older_conversation_is_heard_in_the_panel_and_answered(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory, QUESTION)
    desk = await talk.desk()
    await pass_days(resources, talk)
    newer = await talk.ask(QUESTION)
    await desk.done("take-over")
    await desk.done("reply", text="This is Anna.")
    assert newer["conversationId"] != talk.conversation_id
    assert (await said_in_panel(talk))[-1] == "This is Anna."
    again = await talk.ask("Hello Anna.")
    assert (again["handledBy"], again["conversationId"]) == ("human", talk.conversation_id)


async def test_an_unproven_session_goes_on_with_what_a_person_has_as_well(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory)
    unproven = Talk(client, factory, talk.tenant, talk.visitor, {}, "")
    first = (await unproven.ask(QUESTION))["conversationId"]
    talk = Talk(client, factory, talk.tenant, talk.visitor, {}, first)
    desk = await talk.desk()
    await desk.done("take-over")
    await pass_days(resources, talk)
    assert (await talk.ask(QUESTION))["conversationId"] == first
    # What only waits is answered by the bot, who tells nobody without a token what was said long ago.
    await desk.done("hand-back")
    escalating = {"conversationId": first, "reason": "visitor_request"}
    params = {"tenantId": str(talk.tenant.id)}
    asked = await client.post("/api/escalate", headers=desk.headers, params=params, json=escalating)
    assert asked.status_code == 200, asked.text
    await pass_days(resources, talk)
    assert (await talk.ask(QUESTION))["conversationId"] != first
