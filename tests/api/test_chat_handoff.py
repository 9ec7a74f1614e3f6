"""When the chat asks for a person, and how it behaves while one is there."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from helpninja_app.answers.providers.base import Finished, TextDelta, TokenUsage
from helpninja_app.answers.providers.fake import FakeProvider, ScriptStep, spoken
from helpninja_app.conversations.contact import ask_for_contact
from helpninja_app.conversations.models import Conversation, Status
from helpninja_app.conversations.threads import lock_conversation
from helpninja_app.errors import ProviderFailed, ProviderTimedOut, ProviderUnavailable
from helpninja_app.resources import Resources
from tests.api.chatting import (
    PAGE_URL,
    QUESTION,
    UNRELATED,
    answering,
    ask,
    ask_streaming,
    conversations_of,
    messages_of,
    move,
    new_session,
    reasons_of,
    shop,
    transitions_of,
)
from tests.conftest import OpenResources
from tests.factories import Factory, Tenant


async def test_a_low_confidence_asks_for_a_person_once(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant, session_id = await shop(factory, confidence_threshold=1.0), new_session()
    replies = [(await ask(client, tenant, session_id=session_id)).json() for _ in range(3)]
    first = replies[0]
    assert first["escalated"] is True
    assert "sixty days" in first["answer"]
    assert first["confidence"] < 1
    assert {reply["conversationId"] for reply in replies} == {first["conversationId"]}
    assert await reasons_of(resources, tenant, first["conversationId"]) == ["low_confidence"]
    assert await transitions_of(resources, tenant, first["conversationId"]) == [
        ("bot", "waiting", "low_confidence")
    ]
    [conversation] = await conversations_of(resources, tenant)
    assert (conversation.status, conversation.reason) == ("waiting", "low_confidence")


async def test_another_reason_is_kept_beside_the_first(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant, session_id = await shop(factory, confidence_threshold=1.0), new_session()
    await ask(client, tenant, session_id=session_id)
    second = (await ask(client, tenant, UNRELATED, session_id=session_id)).json()
    reasons = await reasons_of(resources, tenant, second["conversationId"])
    assert reasons == ["low_confidence", "no_answer"]
    assert len(await transitions_of(resources, tenant, second["conversationId"])) == 1


async def test_the_bot_keeps_answering_while_a_person_is_awaited(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant, session_id = await shop(factory), new_session()
    first = (await ask(client, tenant, session_id=session_id)).json()
    await move(resources, tenant, first["conversationId"], Status.WAITING)
    second = (await ask(client, tenant, session_id=session_id)).json()
    assert (second["handledBy"], second["conversationId"]) == ("bot", first["conversationId"])
    assert "sixty days" in second["answer"]


@pytest.mark.parametrize("threshold", [0.0, 1.0])
async def test_the_workspace_s_own_threshold_decides(
    client: httpx.AsyncClient, factory: Factory, threshold: float
) -> None:
    reply = (await ask(client, await shop(factory, confidence_threshold=threshold))).json()
    assert reply["escalated"] is (threshold == 1.0)


@pytest.mark.parametrize(
    "message", ["Hi", "hello!", "Thanks a lot", "bye", "Are you a bot?", "Hallo", "Merci", "¡Hola!"]
)
async def test_small_talk_is_answered_and_never_asks_for_a_person(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, message: str
) -> None:
    tenant = await factory.tenant(confidence_threshold=1.0)
    reply = (await ask(client, tenant, message)).json()
    assert reply["answer"]
    assert (reply["escalated"], reply["refs"]) == (False, [])
    assert await reasons_of(resources, tenant, reply["conversationId"]) == []


async def test_whoever_asks_for_a_person_is_passed_on(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await shop(factory)
    reply = (await ask(client, tenant, "Can I talk to a human please?")).json()
    assert (reply["escalated"], reply["reason"], reply["refs"]) == (True, "visitor_request", [])
    assert await reasons_of(resources, tenant, reply["conversationId"]) == ["visitor_request"]


@pytest.mark.parametrize(
    "script",
    [
        [ProviderFailed()],
        [ProviderUnavailable()],
        [ProviderTimedOut()],
        [TextDelta("Sixty "), ProviderFailed()],
        [TextDelta("Sixty ")],
    ],
    ids=["failed", "unavailable", "timed out", "broken off", "truncated"],
)
async def test_a_failing_provider_is_replaced_by_the_offline_answerer(
    client: httpx.AsyncClient,
    factory: Factory,
    resources: Resources,
    with_resources: OpenResources,
    script: list[ScriptStep],
) -> None:
    tenant = await shop(factory)
    async with with_resources(answerers=answering(FakeProvider([script]))):
        response = await ask(client, tenant)
    assert response.status_code == 200
    reply = response.json()
    assert "sixty days" in reply["answer"]
    assert (reply["refs"], reply["escalated"]) == ([PAGE_URL], True)
    assert (reply["reason"], reply["model"]) == ("provider_error", "offline")
    assert await reasons_of(resources, tenant, reply["conversationId"]) == ["provider_error"]
    assert [item.model for item in await messages_of(resources, tenant, reply["conversationId"])] == [
        None,
        "offline",
    ]


async def test_a_provider_that_breaks_off_is_replaced_in_the_stream_s_last_event(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await shop(factory)
    fake = FakeProvider([[TextDelta("Ninety days, perhaps "), ProviderFailed()]])
    async with with_resources(answerers=answering(fake)):
        events = await ask_streaming(client, tenant)
    assert events[-1].name == "done"
    assert "sixty days" in events[-1].data["answer"]
    assert "Ninety" not in events[-1].data["answer"]


@pytest.mark.parametrize(
    "script",
    [
        spoken("NO_ANSWER_IN_PASSAGES"),
        spoken("NO_ANS", "WER_IN_", "PASSAGES."),
        spoken("I would rather not.", reason="refusal"),
        spoken("  \n"),
    ],
    ids=["sentinel", "sentinel in pieces", "refusal", "nothing"],
)
async def test_a_model_that_does_not_know_is_a_declined_answer(
    client: httpx.AsyncClient,
    factory: Factory,
    resources: Resources,
    with_resources: OpenResources,
    script: list[ScriptStep],
) -> None:
    tenant = await shop(factory)
    async with with_resources(answerers=answering(FakeProvider([script]))):
        reply = (await ask(client, tenant)).json()
    assert "could not find an answer" in reply["answer"]
    assert "NO_ANS" not in reply["answer"]
    assert (reply["refs"], reply["citations"], reply["escalated"]) == ([], [], True)
    assert await reasons_of(resources, tenant, reply["conversationId"]) == ["no_answer"]


async def test_the_bot_is_silent_while_a_person_handles_the_conversation(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, with_resources: OpenResources
) -> None:
    tenant, session_id = await shop(factory), new_session()
    first = (await ask(client, tenant, session_id=session_id)).json()
    await move(resources, tenant, first["conversationId"], Status.HUMAN)
    fake = FakeProvider()
    async with with_resources(answerers=answering(fake)):
        reply = (await ask(client, tenant, "Are you still there?", session_id=session_id)).json()
        events = await ask_streaming(client, tenant, "Hello?", session_id=session_id)
    assert (reply["answer"], reply["handledBy"], reply["escalated"]) == ("", "human", False)
    assert (reply["refs"], reply["citations"]) == ([], [])
    assert [event.name for event in events] == ["citations", "done"]
    assert events[-1].data["handledBy"] == "human"
    assert fake.requests == []
    stored = await messages_of(resources, tenant, first["conversationId"])
    assert [item.role for item in stored] == ["visitor", "bot", "visitor", "visitor"]
    assert str(stored[2].id) == reply["messageId"]


@pytest.mark.parametrize("then", [Status.HUMAN, Status.BOT, Status.RESOLVED])
async def test_a_person_who_takes_over_meanwhile_silences_the_answer_under_way(
    client: httpx.AsyncClient,
    factory: Factory,
    resources: Resources,
    with_resources: OpenResources,
    then: Status,
) -> None:
    tenant = await shop(factory, confidence_threshold=1.0)
    visitor, token = factory.visitor(tenant)
    go_on = asyncio.Event()
    usage = TokenUsage(100, 5)
    fake = FakeProvider([[TextDelta("Sixty "), go_on, TextDelta("days [1]."), Finished("stop", usage)]])
    async with with_resources(answerers=answering(fake)):
        asking = asyncio.create_task(ask(client, tenant, session_id=visitor.session_id, headers=token))
        while not fake.requests:
            await asyncio.sleep(0.01)
        [conversation] = await conversations_of(resources, tenant)
        await ask_for_contact_in(resources, tenant, conversation)
        for status in dict.fromkeys((Status.HUMAN, then)):
            await move(resources, tenant, str(conversation.id), status)
        go_on.set()
        reply = (await asking).json()
    assert (reply["answer"], reply["handledBy"], reply["citations"]) == ("", "human", [])
    assert (reply["status"], reply["contactRequested"]) == (then.value, then is not Status.RESOLVED)
    stored = await messages_of(resources, tenant, str(conversation.id))
    assert [item.role for item in stored] == ["visitor"]
    assert await reasons_of(resources, tenant, str(conversation.id)) == []


async def ask_for_contact_in(resources: Resources, tenant: Tenant, conversation: Conversation) -> None:
    async with resources.database.unit_of_work(tenant.scope) as session:
        ask_for_contact(await lock_conversation(session, tenant.id, conversation.id))


async def test_a_resolved_conversation_opens_again_for_the_bot(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant, session_id = await shop(factory), new_session()
    first = (await ask(client, tenant, session_id=session_id)).json()
    await move(resources, tenant, first["conversationId"], Status.RESOLVED)
    second = (await ask(client, tenant, QUESTION, session_id=session_id)).json()
    assert (second["conversationId"], second["handledBy"]) == (first["conversationId"], "bot")
    [conversation] = await conversations_of(resources, tenant)
    assert conversation.status == "bot"
