"""A question asked anew whose answer fails or has no text: what it was to replace is there again."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from helpninja_app.answers.providers.base import TextDelta
from helpninja_app.answers.providers.fake import FakeProvider, ScriptStep, spoken
from helpninja_app.errors import ProviderFailed
from tests.api.chatting import answering
from tests.api.member_chatting import ask, saved
from tests.conftest import OpenResources
from tests.factories import Factory, Tenant
from tests.services.test_chat_words import found

WORDS = ("oak", "elm", "begin", "further")


async def two_turns(client: httpx.AsyncClient, tenant: Tenant) -> tuple[httpx.Response, list[Any]]:
    """The first answer, and the messages of its chat."""
    first = await ask(client, tenant.headers, "Begin.")
    await ask(client, tenant.headers, "Go further.", chatId=first.headers["x-chat-id"])
    return first, (await saved(client, tenant.headers, first))["messages"]


async def ask_anew(
    client: httpx.AsyncClient, tenant: Tenant, before: list[Any], first: httpx.Response, place: int, key: str
) -> httpx.Response:
    headers = tenant.headers | {"idempotency-key": key}
    chat_id = first.headers["x-chat-id"]
    return await ask(client, headers, "Anew.", chatId=chat_id, replaces=before[place]["id"], is_sse=True)


@pytest.mark.parametrize("place", [0, 2])
@pytest.mark.parametrize("script", [[ProviderFailed()], [TextDelta("A yew "), ProviderFailed()]])
async def test_what_a_failed_answer_was_to_replace_counts_again_with_its_words(
    client: httpx.AsyncClient,
    factory: Factory,
    with_resources: OpenResources,
    place: int,
    script: list[ScriptStep],
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([spoken("Oak."), spoken("Elm."), script, spoken("Fir."), spoken("Ash.")])
    async with with_resources(answerers=answering(fake)):
        first, before = await two_turns(client, tenant)
        await ask_anew(client, tenant, before, first, place, "the-same")
        assert (await saved(client, tenant.headers, first))["messages"] == before
        assert await found(client, tenant, *WORDS, "yew") == list(WORDS)
        # Under its key it is asked again, in the same place.
        again = await ask_anew(client, tenant, before, first, place, "the-same")
        after = (await saved(client, tenant.headers, first))["messages"]
        assert "Fir." in again.text
        assert [message["content"] for message in after[place:]] == ["Anew.", "Fir."]
        assert len(fake.requests[-1].messages) == place + 1
        assert await found(client, tenant, "oak", "elm", "fir") == (["oak"] if place else []) + ["fir"]


async def test_what_is_stopped_before_its_first_word_leaves_what_was_there(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([spoken("Oak."), spoken("Elm."), [asyncio.Event()], spoken("Ash.")])
    async with with_resources(answerers=answering(fake)):
        first, before = await two_turns(client, tenant)
        asking = asyncio.ensure_future(ask_anew(client, tenant, before, first, 0, "one"))
        async with asyncio.timeout(60):
            while not fake.open_streams:
                await asyncio.sleep(0.01)
        path = f"/api/chats/{first.headers['x-chat-id']}/stop"
        assert (await client.post(path, headers=tenant.headers)).status_code < 300
        await asyncio.wait_for(asking, 60)
        assert (await saved(client, tenant.headers, first))["messages"] == before
        # The chat goes on from what is there.
        await ask(client, tenant.headers, "And then?", chatId=first.headers["x-chat-id"])
        told = [turn.text for turn in fake.requests[-1].messages]
        assert told == ["Begin.", "Oak.", "Go further.", "Elm.", "And then?"]


async def test_a_question_that_nobody_answered_is_replaced_by_the_one_that_failed_after_it(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([[ProviderFailed()], [ProviderFailed()]])
    async with with_resources(answerers=answering(fake)):
        first = await ask(client, tenant.headers, "Begin.")
        before = (await saved(client, tenant.headers, first))["messages"]
        await ask_anew(client, tenant, before, first, 0, "one")
        question, answer = (await saved(client, tenant.headers, first))["messages"]
    assert (question["content"], answer["state"]) == ("Anew.", "failed")


async def test_a_key_goes_back_to_the_question_that_had_it(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([spoken("Oak."), [TextDelta("An elm"), asyncio.Event()], [ProviderFailed()]])
    keyed = tenant.headers | {"idempotency-key": "one"}
    async with with_resources(answerers=answering(fake)):
        first = await ask(client, tenant.headers, "Begin.")
        chat_id = first.headers["x-chat-id"]
        asking = asyncio.ensure_future(ask(client, keyed, "Go further.", chatId=chat_id, is_sse=True))
        async with asyncio.timeout(60):
            while len(fake.requests) < 2 or not fake.open_streams:
                await asyncio.sleep(0.01)
        await client.post(f"/api/chats/{chat_id}/stop", headers=tenant.headers)
        await asyncio.wait_for(asking, 60)
        before = (await saved(client, tenant.headers, first))["messages"]
        assert before[-1]["content"] == "An elm"
        for _ in range(2):
            # Each time it is asked anew in the place of what was broken off.
            fake.add([ProviderFailed()])
            await ask(client, keyed, "Go further.", chatId=chat_id)
            assert (await saved(client, tenant.headers, first))["messages"] == before
