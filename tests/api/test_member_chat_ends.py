"""How a member's answer ends: whole, cut off, failed, stopped, left, or not paid for."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from sqlalchemy import text

from api_routes.chat_streams import AnswerCutOff
from helpninja_app.answers.providers.base import TextDelta, Thinking, TokenUsage
from helpninja_app.answers.providers.fake import FakeProvider, ScriptStep, spoken
from helpninja_app.chats import writing
from helpninja_app.errors import ProviderFailed, ProviderTimedOut, ProviderUnavailable
from helpninja_app.kernel import draining
from helpninja_app.resources import Resources
from tests.api.chatting import MistakenProvider, answering, events_in
from tests.api.member_chatting import Leaver, ask, credits_left, saved
from tests.conftest import OpenResources
from tests.factories import Factory, Tenant

FULL = 10_000


async def _messages(client: httpx.AsyncClient, tenant: Tenant) -> list[dict[str, object]]:
    """Of the workspace's only chat."""
    chats = (await client.get("/api/chats", headers=tenant.headers)).json()["chats"]
    assert len(chats) == 1
    chat = await client.get(f"/api/chats/{chats[0]['id']}", headers=tenant.headers)
    messages: list[dict[str, object]] = chat.json()["messages"]
    return messages


async def _at_rest(client: httpx.AsyncClient, tenant: Tenant) -> dict[str, object]:
    """The answer of the workspace's only chat, once nobody writes it any more."""
    async with asyncio.timeout(30):
        while (answer := (await _messages(client, tenant))[-1])["state"] == "writing":
            await asyncio.sleep(0.02)
    return answer


async def _asking(
    client: httpx.AsyncClient, tenant: Tenant, fake: FakeProvider
) -> asyncio.Future[httpx.Response]:
    """A question whose answer has begun."""
    asking = asyncio.ensure_future(ask(client, tenant.headers, is_sse=True))
    async with asyncio.timeout(30):
        while not fake.open_streams:
            await asyncio.sleep(0.01)
    return asking


@pytest.mark.parametrize(
    ("error", "status"), [(ProviderFailed, 502), (ProviderUnavailable, 503), (ProviderTimedOut, 504)]
)
async def test_a_provider_that_fails_before_the_first_word_is_a_problem_and_free(
    client: httpx.AsyncClient,
    factory: Factory,
    with_resources: OpenResources,
    error: type[ProviderFailed],
    status: int,
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([[error()], spoken("A falcon.")])
    async with with_resources(answerers=answering(fake), unlimited=False) as resources:
        failed = await ask(client, tenant.headers)
        left = await credits_left(resources, tenant)
        [question, answer] = await _messages(client, tenant)
        again = await ask(client, tenant.headers, chatId=failed.headers["x-chat-id"])
    assert failed.status_code == status
    assert failed.headers["content-type"] == "application/problem+json"
    assert left == FULL
    assert question["content"] == "What is a kestrel?"
    assert (answer["state"], answer["reason"], answer["credits"]) == ("failed", error().detail, 0)
    assert again.text == "A falcon."
    assert [turn.text for turn in fake.requests[1].messages] == ["What is a kestrel?"]


async def test_how_long_a_provider_wants_to_be_left_alone_is_told(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([[ProviderUnavailable(retry_after=60)]])
    async with with_resources(answerers=answering(fake)):
        failed = await ask(client, tenant.headers)
    assert failed.status_code == 503
    assert failed.headers["retry-after"] == "60"


async def test_plain_text_is_broken_off_when_the_provider_fails_on_the_way(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([[TextDelta("A small "), ProviderFailed()]])
    async with with_resources(answerers=answering(fake), unlimited=False) as resources:
        with pytest.raises(AnswerCutOff):
            await Leaver(tenant.headers).visit()
        left = await credits_left(resources, tenant)
        [_, answer] = await _messages(client, tenant)
    assert left == FULL
    assert (answer["state"], answer["content"]) == ("failed", "A small")


async def test_events_end_with_an_error_when_the_provider_fails_on_the_way(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    async with with_resources(answerers=answering(FakeProvider([[TextDelta("A "), ProviderFailed()]]))):
        response = await ask(client, tenant.headers, is_sse=True)
    events = events_in(response.text)
    assert [event.name for event in events] == ["token", "error"]
    assert events[1].data["status"] == 502


async def test_a_mistake_of_ours_tells_nothing_and_costs_nothing(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    async with with_resources(answerers=answering(MistakenProvider()), unlimited=False) as resources:
        response = await ask(client, tenant.headers, is_sse=True)
        left = await credits_left(resources, tenant)
        [_, answer] = await _messages(client, tenant)
    assert [event.name for event in events_in(response.text)] == ["token", "error"]
    assert "hunter2" not in response.text
    assert answer["state"] == "failed"
    assert "hunter2" not in str(answer["reason"])
    assert left == FULL


async def test_whoever_leaves_ends_the_answer_and_pays_for_what_was_written(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([[TextDelta("A small falcon that hovers. "), asyncio.Event()]])
    async with with_resources(answerers=answering(fake), unlimited=False) as resources:
        leaver = Leaver(tenant.headers, after=b"hovers")
        await asyncio.wait_for(leaver.visit(), 30)
        answer = await _at_rest(client, tenant)
        left = await credits_left(resources, tenant)
    assert fake.open_streams == 0
    assert (answer["state"], answer["content"]) == ("interrupted", "A small falcon that hovers.")
    assert answer["credits"] == 1
    assert left == FULL - 1


async def test_what_is_stopped_costs_what_was_thought_before_it_was_written_too(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([[Thinking(1_000), Thinking(2_500), TextDelta("A falcon."), asyncio.Event()]])
    async with with_resources(answerers=answering(fake), unlimited=False) as resources:
        leaver = Leaver(tenant.headers, after=b"falcon")
        await asyncio.wait_for(leaver.visit(), 30)
        answer = await _at_rest(client, tenant)
        left = await credits_left(resources, tenant)
    assert (answer["state"], answer["outputTokens"], answer["credits"]) == ("interrupted", 2_503, 3)
    assert left == FULL - 3


async def test_whoever_leaves_before_the_first_word_pays_for_what_was_asked(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([[asyncio.Event()]])
    async with with_resources(answerers=answering(fake), unlimited=False) as resources:
        leaver = Leaver(tenant.headers)
        visit = asyncio.ensure_future(leaver.visit())
        async with asyncio.timeout(30):
            while not fake.open_streams:
                await asyncio.sleep(0.01)
        leaver.leave.set()
        await asyncio.wait_for(visit, 30)
        answer = await _at_rest(client, tenant)
        left = await credits_left(resources, tenant)
    assert fake.open_streams == 0
    assert (answer["state"], answer["content"]) == ("interrupted", "")
    assert (answer["credits"], left) == (1, FULL - 1)


async def test_an_answer_can_be_stopped_from_elsewhere(
    client: httpx.AsyncClient,
    factory: Factory,
    with_resources: OpenResources,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # It is told, and does not find out by itself.
    monkeypatch.setattr(writing, "KEEP_SECONDS", 120)
    tenant = await factory.tenant()
    fake = FakeProvider([[TextDelta("A small falcon."), asyncio.Event()]])
    async with with_resources(answerers=answering(fake)):
        asking = await _asking(client, tenant, fake)
        chats = await client.get("/api/chats", headers=tenant.headers)
        path = f"/api/chats/{chats.json()['chats'][0]['id']}/stop"
        stopped = await client.post(path, headers=tenant.headers)
        response = await asyncio.wait_for(asking, 30)
        again = await client.post(path, headers=tenant.headers)
        answer = await _at_rest(client, tenant)
    assert stopped.json() == {"stopped": True}
    assert again.json() == {"stopped": False}
    found = await client.get("/api/chats", headers=tenant.headers, params={"q": "small falcon"})
    assert len(found.json()["chats"]) == 1
    assert events_in(response.text)[-1].data["finish"] == "interrupted"
    assert (answer["state"], answer["content"]) == ("interrupted", "A small falcon.")
    assert fake.open_streams == 0


@pytest.mark.parametrize("script", [[asyncio.Event()], [TextDelta("A falcon"), asyncio.Event()], None])
async def test_an_answer_that_stands_still_is_stopped_by_another_process_too(
    client: httpx.AsyncClient,
    factory: Factory,
    with_resources: OpenResources,
    monkeypatch: pytest.MonkeyPatch,
    script: list[ScriptStep] | None,
) -> None:
    monkeypatch.setattr(writing, "KEEP_SECONDS", 0.05)
    tenant = await factory.tenant()
    # Without a script it thinks on and on.
    fake = FakeProvider([script or [*[Thinking(each) for each in range(50)], asyncio.Event()]])
    async with with_resources(answerers=answering(fake)) as resources:
        asking = await _asking(client, tenant, fake)
        async with resources.database.unit_of_work(tenant.scope) as session:
            await session.execute(
                text("update chat_messages set state = 'interrupted' where state = 'writing'")
            )
        response = await asyncio.wait_for(asking, 30)
        answer = await _at_rest(client, tenant)
    assert events_in(response.text)[-1].data["finish"] == "interrupted"
    assert answer["state"] == "interrupted"
    assert fake.open_streams == 0


async def test_deleting_a_chat_ends_its_answer(
    client: httpx.AsyncClient,
    factory: Factory,
    with_resources: OpenResources,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # It is told, and does not find out by itself.
    monkeypatch.setattr(writing, "KEEP_SECONDS", 120)
    tenant = await factory.tenant()
    fake = FakeProvider([[TextDelta("A small falcon."), asyncio.Event()]])
    async with with_resources(answerers=answering(fake)):
        asking = await _asking(client, tenant, fake)
        [chat] = (await client.get("/api/chats", headers=tenant.headers)).json()["chats"]
        await client.delete(f"/api/chats/{chat['id']}", headers=tenant.headers)
        response = await asyncio.wait_for(asking, 30)
        await client.post(f"/api/chats/{chat['id']}/restore", headers=tenant.headers)
        answer = await _at_rest(client, tenant)
    assert events_in(response.text)[-1].data["finish"] == "interrupted"
    assert (answer["state"], answer["content"]) == ("interrupted", "A small falcon.")
    assert fake.open_streams == 0


async def test_a_stopped_answer_that_is_asked_again_stays_replaced_when_it_is_stored(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    go_on = asyncio.Event()
    fake = FakeProvider([[TextDelta("A small falcon"), go_on, *spoken(" it was.")], spoken("A kestrel.")])
    async with with_resources(answerers=answering(fake)) as resources:
        asking = await _asking(client, tenant, fake)
        question, _ = await _messages(client, tenant)
        # Another process stops it: this one sees that with its next text.
        [chat] = (await client.get("/api/chats", headers=tenant.headers)).json()["chats"]
        async with resources.database.unit_of_work(tenant.scope) as session:
            await session.execute(
                text("update chat_messages set state = 'interrupted' where state = 'writing'")
            )
        again = await ask(client, tenant.headers, chatId=chat["id"], replaces=question["id"])
        go_on.set()
        await asking
        shown = await _messages(client, tenant)
        found = await client.get("/api/chats", headers=tenant.headers, params={"q": "falcon"})
    assert again.status_code == 200
    assert [message["content"] for message in shown][1:] == ["A kestrel."]
    assert found.json()["chats"] == []


async def test_of_two_questions_at_once_in_a_chat_one_has_to_wait(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    go_on = asyncio.Event()
    script: list[ScriptStep] = [TextDelta("Slow"), go_on, *spoken(".")]
    fake = FakeProvider([spoken("First."), script])
    async with with_resources(answerers=answering(fake), unlimited=False) as resources:
        first = await ask(client, tenant.headers)
        chat_id = first.headers["x-chat-id"]
        both = [asyncio.ensure_future(ask(client, tenant.headers, chatId=chat_id)) for _ in range(2)]
        done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        go_on.set()
        statuses = sorted([(await each).status_code for each in both])
        left = await credits_left(resources, tenant)
        chat = await saved(client, tenant.headers, first)
    assert statuses == [200, 409]
    assert [each.result().status_code for each in done] == [409]
    assert len(chat["messages"]) == 4
    assert left == FULL - 2


async def test_without_credits_nothing_is_asked_and_nothing_stored(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.in_person("free")
    dear = spoken("Dear.", usage=TokenUsage(99_500, 500))
    fake = FakeProvider([dear])
    async with with_resources(answerers=answering(fake), unlimited=False) as resources:
        paid = await ask(client, tenant.headers)
        refused = await ask(client, tenant.headers)
        left = await credits_left(resources, tenant)
        chats = await client.get("/api/chats", headers=tenant.headers)
    assert paid.status_code == 200
    assert refused.status_code == 402
    problem = refused.json()
    assert (problem["limit"], problem["used"]) == (100, 100)
    assert "top up credits" in problem["detail"]
    assert left == 0
    assert chats.json()["total"] == 1
    assert len(fake.requests) == 1


async def test_the_longest_answer_shrinks_to_what_the_balance_pays(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.in_person("free")
    fake = FakeProvider([spoken("Dear.", usage=TokenUsage(97_500, 500)), spoken("Short.")])
    async with with_resources(answerers=answering(fake), unlimited=False) as resources:
        await ask(client, tenant.headers)
        assert await credits_left(resources, tenant) == 2
        await ask(client, tenant.headers)
    assert fake.requests[0].max_tokens == 4_096
    assert 256 <= fake.requests[1].max_tokens < 2_000


@pytest.mark.parametrize("reason", ["length", "refusal"])
async def test_how_the_model_ended_is_told_and_charged(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources, reason: str
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([spoken("Half a sen", reason="length" if reason == "length" else "refusal")])
    async with with_resources(answerers=answering(fake), unlimited=False) as resources:
        response = await ask(client, tenant.headers, is_sse=True)
        left = await credits_left(resources, tenant)
    assert events_in(response.text)[-1].data["finish"] == reason
    assert left == FULL - 1


async def test_a_refusal_without_a_word_is_free(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([spoken(reason="refusal")])
    async with with_resources(answerers=answering(fake), unlimited=False) as resources:
        response = await ask(client, tenant.headers, is_sse=True)
        left = await credits_left(resources, tenant)
    assert events_in(response.text)[-1].data["finish"] == "refusal"
    assert left == FULL


async def test_a_process_that_ends_says_so_and_keeps_what_was_written(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([[TextDelta("A small falcon."), asyncio.Event()]])
    async with with_resources(answerers=answering(fake)):
        asking = asyncio.ensure_future(ask(client, tenant.headers, is_sse=True))
        async with asyncio.timeout(30):
            while not (fake.open_streams and draining._waiting):
                await asyncio.sleep(0.01)
        draining.Draining().end_all()
        response = await asking
        answer = await _at_rest(client, tenant)
    assert [event.name for event in events_in(response.text)] == ["token", "error"]
    assert events_in(response.text)[-1].data["status"] == 503
    assert (answer["state"], answer["content"]) == ("interrupted", "A small falcon.")


async def test_an_answer_of_a_process_that_was_killed_does_not_block_its_chat(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([spoken("First."), spoken("Second.")])
    async with with_resources(answerers=answering(fake)):
        first = await ask(client, tenant.headers)
        async with resources.database.unit_of_work(tenant.scope) as session:
            await session.execute(
                text(
                    "update chat_messages set state = 'writing', created_at = now() - interval '1 hour'"
                    " where role = 'assistant'"
                )
            )
        before = await saved(client, tenant.headers, first)
        second = await ask(client, tenant.headers, chatId=first.headers["x-chat-id"])
    assert before["messages"][1]["state"] == "interrupted"
    assert second.status_code == 200
