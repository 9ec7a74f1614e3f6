"""A member's question that is sent twice with the same Idempotency-Key is asked, stored and paid for once."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from helpninja_app.answers.providers.base import TextDelta
from helpninja_app.answers.providers.fake import FakeProvider, spoken
from helpninja_app.chats import answering as answering_module
from helpninja_app.errors import ProviderFailed
from tests.api.chatting import answering, events_in
from tests.api.member_chatting import ask, credits_left, saved
from tests.conftest import OpenResources
from tests.factories import Factory, Tenant

FULL = 10_000


def keyed(tenant: Tenant, key: str = "click-1") -> dict[str, str]:
    return tenant.headers | {"idempotency-key": key}


async def chats(client: httpx.AsyncClient, tenant: Tenant) -> int:
    total: int = (await client.get("/api/chats", headers=tenant.headers)).json()["total"]
    return total


@pytest.mark.parametrize("is_sse", [False, True])
async def test_a_question_that_is_sent_again_gets_the_stored_answer_and_costs_nothing(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources, is_sse: bool
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([spoken("A ", "falcon.")])
    async with with_resources(answerers=answering(fake), unlimited=False) as resources:
        first = await ask(client, keyed(tenant), is_sse=is_sse)
        again = await ask(client, keyed(tenant), is_sse=is_sse)
        left = await credits_left(resources, tenant)
        chat = await saved(client, tenant.headers, again)
    for header in ("x-chat-id", "x-message-id", "content-type"):
        assert again.headers[header] == first.headers[header]
    assert left == FULL - 1
    assert len(chat["messages"]) == 2
    assert await chats(client, tenant) == 1
    assert len(fake.requests) == 1
    if is_sse:
        assert events_in(again.text)[-2:] == events_in(first.text)[-2:]
        assert events_in(again.text)[0].data == {"text": "A falcon."}
    else:
        assert again.text == first.text


async def test_while_it_is_answered_the_second_is_told_so_and_in_which_chat(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    go_on = asyncio.Event()
    fake = FakeProvider([[TextDelta("A "), go_on, *spoken("falcon.")]])
    async with with_resources(answerers=answering(fake), unlimited=False) as resources:
        asking = asyncio.create_task(ask(client, keyed(tenant)))
        async with asyncio.timeout(60):
            while not fake.open_streams:
                await asyncio.sleep(0.01)
        second = await ask(client, keyed(tenant))
        go_on.set()
        first = await asking
        assert await credits_left(resources, tenant) == FULL - 1
    assert first.text == "A falcon."
    assert second.status_code == 409
    assert "being answered already" in second.json()["detail"]
    assert second.headers["x-chat-id"] == first.headers["x-chat-id"]
    assert await chats(client, tenant) == 1


@pytest.mark.parametrize("has_account", [False, True])
async def test_of_two_at_the_same_moment_one_is_asked(
    client: httpx.AsyncClient,
    factory: Factory,
    with_resources: OpenResources,
    monkeypatch: pytest.MonkeyPatch,
    has_account: bool,
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([spoken("A falcon."), spoken("A falcon."), spoken("A falcon.")])

    async def not_found(*_args: Any) -> None:
        """As if neither saw the other."""

    async with with_resources(answerers=answering(fake), unlimited=False) as resources:
        if has_account:
            await ask(client, tenant.headers)
        monkeypatch.setattr(answering_module, "_find_asked", not_found)
        both = await asyncio.gather(*(ask(client, keyed(tenant)) for _ in range(2)))
        left = await credits_left(resources, tenant)
    assert sorted(each.status_code for each in both) == [200, 409]
    assert left == FULL - 1 - has_account
    assert await chats(client, tenant) == 1 + has_account


async def test_a_failed_answer_is_asked_anew_in_its_place(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([[ProviderFailed()], [ProviderFailed()], spoken("A falcon.")])
    async with with_resources(answerers=answering(fake), unlimited=False) as resources:
        sent = [await ask(client, keyed(tenant)) for _ in range(4)]
        left = await credits_left(resources, tenant)
        chat = await saved(client, tenant.headers, sent[-1])
    assert [each.status_code for each in sent] == [502, 502, 200, 200]
    assert len({each.headers["x-chat-id"] for each in sent}) == 1
    assert [each["content"] for each in chat["messages"]] == ["What is a kestrel?", "A falcon."]
    assert left == FULL - 1
    assert len(fake.requests) == 3


async def test_a_failed_question_is_not_asked_anew_once_the_chat_went_on(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([[ProviderFailed()], spoken("A falcon.")])
    async with with_resources(answerers=answering(fake)):
        failed = await ask(client, keyed(tenant))
        chat_id = failed.headers["x-chat-id"]
        went_on = await ask(client, tenant.headers, "And a merlin?", chatId=chat_id)
        late = await ask(client, keyed(tenant))
        chat = await saved(client, tenant.headers, went_on)
    assert [failed.status_code, went_on.status_code, late.status_code] == [502, 200, 409]
    assert [each["content"] for each in chat["messages"]][-2:] == ["And a merlin?", "A falcon."]


async def test_a_key_is_of_one_caller_and_one_question(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    origin = {"origin": "http://helpninja.test"}
    _, member = await factory.member(tenant)
    fake = FakeProvider([spoken("First."), spoken("Of another."), spoken("Of a member.")])
    async with with_resources(answerers=answering(fake)):
        first = await ask(client, keyed(tenant))
        mistaken = await ask(client, keyed(tenant), "What is a merlin?")
        foreign = await ask(client, keyed(other))
        colleague = await ask(client, member | origin | {"idempotency-key": "click-1"})
    assert mistaken.status_code == 422
    assert mistaken.json()["errors"][0]["field"] == "header.Idempotency-Key"
    assert [first.text, foreign.text, colleague.text] == ["First.", "Of another.", "Of a member."]


async def test_a_question_in_whose_place_another_was_asked_or_whose_chat_is_deleted_is_not_asked_again(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([spoken("First."), spoken("Second.")])
    async with with_resources(answerers=answering(fake)):
        first = await ask(client, keyed(tenant))
        chat = await saved(client, tenant.headers, first)
        edited = await ask(
            client, tenant.headers, "Edited.", chatId=chat["id"], replaces=chat["messages"][0]["id"]
        )
        replaced = await ask(client, keyed(tenant))
        await client.delete(f"/api/chats/{chat['id']}", headers=tenant.headers)
        deleted = await ask(client, keyed(tenant))
    assert [edited.status_code, replaced.status_code, deleted.status_code] == [200, 409, 404]


@pytest.mark.parametrize("key", ["", "two words", "x" * 256])
async def test_a_key_that_is_none_is_refused(client: httpx.AsyncClient, factory: Factory, key: str) -> None:
    response = await ask(client, keyed(await factory.tenant(), key))
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "header.Idempotency-Key"
