"""Whoever leaves a chat leaves no credits behind, and pays for what a provider was asked until then."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from helpninja_app.answers.providers.base import TextDelta
from helpninja_app.answers.providers.fake import FakeProvider, spoken
from helpninja_app.billing.plans import Terms
from helpninja_app.chats import answering, at_once, storing, turns
from helpninja_app.errors import ProviderFailed
from helpninja_app.kernel import draining
from helpninja_app.resources import Resources
from tests.api.chatting import answering as answered_by
from tests.api.member_chatting import Leaver, ask, credits_left, saved
from tests.conftest import OpenResources
from tests.factories import Factory, Tenant
from tests.ledgers import Books

FULL = 10_000


class Slowly:
    """A step that the database has done when ``done`` is set, and says so when ``go_on`` is."""

    def __init__(self, step: Callable[..., Awaitable[Any]]) -> None:
        self._step = step
        self.done, self.go_on = asyncio.Event(), asyncio.Event()

    async def after(self, *args: Any, **kwargs: Any) -> Any:
        result = await self._step(*args, **kwargs)
        self.done.set()
        await self.go_on.wait()
        return result

    async def before(self, *args: Any, **kwargs: Any) -> Any:
        self.done.set()
        await self.go_on.wait()
        return await self._step(*args, **kwargs)


async def leave(visit: asyncio.Task[None], leaver: Leaver, slow: Slowly) -> None:
    await asyncio.wait_for(slow.done.wait(), 60)
    leaver.leave.set()
    # Nobody keeps whoever leaves, whatever is still to be stored.
    await asyncio.wait_for(visit, 60)
    slow.go_on.set()


async def at_rest(client: httpx.AsyncClient, tenant: Tenant) -> dict[str, Any]:
    """The answer of the only chat, once nobody writes it any more."""
    async with asyncio.timeout(60):
        while True:
            [chat] = (await client.get("/api/chats", headers=tenant.headers)).json()["chats"]
            found = await client.get(f"/api/chats/{chat['id']}", headers=tenant.headers)
            answer: dict[str, Any] = found.json()["messages"][-1]
            if answer["state"] != "writing":
                return answer
            await asyncio.sleep(0.02)


async def held(resources: Resources, tenant: Tenant) -> int:
    return len(await Books(resources.database, tenant.id).held())


@pytest.mark.parametrize("has_account", [False, True])
async def test_whoever_leaves_while_the_beginning_is_stored_gets_the_credits_back_at_once(
    client: httpx.AsyncClient,
    factory: Factory,
    with_resources: OpenResources,
    monkeypatch: pytest.MonkeyPatch,
    has_account: bool,
) -> None:
    tenant = await factory.tenant()
    # Without an account the beginning takes its steps one by one.
    step = "begin_at_once" if has_account else "begin_turn"
    slow = Slowly(getattr(answering, step))
    fake = FakeProvider([spoken("Never asked.")])
    async with with_resources(answerers=answered_by(fake), unlimited=False) as resources:
        if has_account:
            await Books(resources.database, tenant.id, plan=resources.plan_of(Terms("agency"))).open()
        monkeypatch.setattr(answering, step, slow.after)
        leaver = Leaver(tenant.headers)
        await leave(asyncio.create_task(leaver.visit()), leaver, slow)
        answer = await at_rest(client, tenant)
        assert await held(resources, tenant) == 0
        assert await credits_left(resources, tenant) == FULL
    assert (answer["state"], answer["content"], answer["credits"]) == ("interrupted", "", 0)
    assert fake.requests == []


async def test_whoever_leaves_while_a_failure_is_stored_gets_the_credits_back_at_once(
    client: httpx.AsyncClient,
    factory: Factory,
    with_resources: OpenResources,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tenant = await factory.tenant()
    slow = Slowly(turns.finish_turn)
    monkeypatch.setattr(storing, "finish_turn", slow.before)
    fake = FakeProvider([[TextDelta("A "), ProviderFailed("It broke.")]])
    async with with_resources(answerers=answered_by(fake), unlimited=False) as resources:
        leaver = Leaver(tenant.headers)
        await leave(asyncio.create_task(leaver.visit()), leaver, slow)
        answer = await at_rest(client, tenant)
        assert await held(resources, tenant) == 0
        assert await credits_left(resources, tenant) == FULL
    assert (answer["state"], answer["reason"]) == ("failed", "It broke.")


async def test_whoever_leaves_while_the_whole_answer_is_stored_has_it_whole(
    client: httpx.AsyncClient,
    factory: Factory,
    with_resources: OpenResources,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tenant = await factory.tenant()
    slow = Slowly(at_once.finish_at_once)
    monkeypatch.setattr(storing, "finish_at_once", slow.after)
    fake = FakeProvider([spoken("A falcon.")])
    async with with_resources(answerers=answered_by(fake), unlimited=False) as resources:
        leaver = Leaver(tenant.headers)
        await leave(asyncio.create_task(leaver.visit()), leaver, slow)
        answer = await at_rest(client, tenant)
        left = await credits_left(resources, tenant)
    assert (answer["state"], answer["content"], left) == ("complete", "A falcon.", FULL - 1)


async def until_asked(fake: FakeProvider) -> None:
    async with asyncio.timeout(60):
        while not fake.open_streams:
            await asyncio.sleep(0.01)


async def stop(client: httpx.AsyncClient, tenant: Tenant) -> None:
    """The answer that is being written in the only chat."""
    [chat] = (await client.get("/api/chats", headers=tenant.headers)).json()["chats"]
    stopped = await client.post(f"/api/chats/{chat['id']}/stop", headers=tenant.headers)
    assert stopped.json() == {"stopped": True}


async def test_whoever_stops_before_the_first_word_pays_for_what_was_asked(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([[asyncio.Event()]])
    async with with_resources(answerers=answered_by(fake), unlimited=False) as resources:
        asking = asyncio.create_task(ask(client, tenant.headers, "Why? " * 8_000))
        await until_asked(fake)
        await stop(client, tenant)
        response = await asyncio.wait_for(asking, 60)
        answer = await at_rest(client, tenant)
        left = await credits_left(resources, tenant)
    assert (response.status_code, response.text) == (200, "")
    assert (answer["state"], answer["content"], answer["outputTokens"]) == ("interrupted", "", 0)
    # Ten thousand tokens of the question, and those of our own rules.
    assert answer["credits"] == 11
    assert left == FULL - 11


async def test_an_answer_that_the_process_ends_before_its_first_word_is_free(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([[asyncio.Event()]])
    async with with_resources(answerers=answered_by(fake), unlimited=False) as resources:
        asking = asyncio.create_task(ask(client, tenant.headers))
        await until_asked(fake)
        draining.Draining().end_all()
        response = await asyncio.wait_for(asking, 60)
        answer = await at_rest(client, tenant)
        left = await credits_left(resources, tenant)
    assert response.status_code == 503
    assert (answer["state"], answer["credits"], left) == ("interrupted", 0, FULL)


async def test_what_was_to_be_replaced_counts_again_where_the_new_answer_is_stopped_before_its_first_word(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([spoken("A falcon."), [asyncio.Event()]])
    async with with_resources(answerers=answered_by(fake), unlimited=False) as resources:
        first = await ask(client, tenant.headers)
        before = (await saved(client, tenant.headers, first))["messages"]
        again = {"chatId": first.headers["x-chat-id"], "replaces": before[0]["id"]}
        asking = asyncio.create_task(ask(client, tenant.headers, **again))
        await until_asked(fake)
        await stop(client, tenant)
        await asyncio.wait_for(asking, 60)
        after = (await saved(client, tenant.headers, first))["messages"]
        left = await credits_left(resources, tenant)
    assert after == before
    assert left == FULL - 2
