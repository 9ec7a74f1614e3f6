"""What the open panel hears of its conversation. How it is sent is tried in tests/e2e."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.conversations import visitor_events
from helpninja_app.conversations.models import Conversation
from helpninja_app.conversations.notices import conversation_topic
from helpninja_app.conversations.visitor_events import (
    MAX_LISTENERS,
    SEEN_AFTER_SECONDS,
    MemberTypes,
    StatusNow,
    watch,
)
from helpninja_app.errors import NotFound, RateLimited
from helpninja_app.kernel.scope import Scope
from helpninja_app.resources import Resources
from tests.api.inboxing import Talk, begin, heard
from tests.factories import Factory

Event = tuple[str, Any]


@asynccontextmanager
async def hearing(
    resources: Resources, talk: Talk, after: str | None = None, *, is_away: bool = False
) -> AsyncIterator[AsyncGenerator[Event, None]]:
    """The events of the panel, as the route would send them."""
    last = UUID(after) if after else None
    events = watch(resources.database, resources.live, talk.visitor, after=last, is_away=is_away)

    async def named() -> AsyncGenerator[Event, None]:
        async for event in events:
            if isinstance(event, StatusNow):
                yield ("status", event.status)
            elif isinstance(event, MemberTypes):
                yield ("typing", None)
            else:
                yield (event.role, event.text)

    heard = named()
    async with aclosing(events), aclosing(heard):
        yield heard


async def following(events: AsyncGenerator[Event, None]) -> Event:
    async with asyncio.timeout(30):
        return await anext(events)


async def test_a_person_s_words_are_heard_as_they_come(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    async with hearing(resources, talk) as events:
        assert await following(events) == ("status", "waiting")
        await desk.done("take-over")
        assert await following(events) == ("status", "human")
        await desk.done("typing")
        assert await following(events) == ("typing", None)
        await desk.done("reply", text="Hello")
        assert await following(events) == ("member", "Hello")
        await desk.done("note", text="Not for you")
        await talk.ask("Thanks")
        assert await following(events) == ("visitor", "Thanks")
        await desk.done("resolve")
        assert await following(events) == ("status", "resolved")


async def test_what_was_said_while_the_panel_was_away_comes_first(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    await desk.done("take-over")
    last = (await desk.read())["messages"][-1]["id"]
    for n in range(3):
        await desk.done("reply", text=f"{n}")
    async with hearing(resources, talk, after=last) as events:
        heard = [await following(events) for _ in range(4)]
    assert heard == [("status", "human"), ("member", "0"), ("member", "1"), ("member", "2")]


async def test_a_lost_connection_loses_no_message(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    await desk.done("take-over")
    async with hearing(resources, talk) as events:
        assert await following(events) == ("status", "human")
        waiting = asyncio.ensure_future(following(events))
        async with resources.database.unit_of_work() as session:
            await session.execute(
                text(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where application_name = 'helpninja live' and datname = current_database()"
                )
            )
        await desk.done("reply", text="Still there?")
        assert await waiting == ("member", "Still there?")


async def test_what_is_seen_does_not_wait_for_what_comes_after_it(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    await desk.done("take-over")
    seconds = 1000.0
    monkeypatch.setattr(visitor_events, "time", SimpleNamespace(monotonic=lambda: seconds))
    said = []
    async with hearing(resources, talk) as events:
        assert await following(events) == ("status", "human")
        for words in ("One", "Two", "Three", "Four"):
            assert await seen(resources, talk) is None
            said.append(UUID((await desk.done("reply", text=words))["id"]))
            assert await following(events) == ("member", words)
            # Each was sent when the panel listens on.
            seconds += 10
        assert await seen(resources, talk) == said[0]
        seconds += 10
        await desk.done("typing")
        assert await following(events) == ("typing", None)
    assert await seen(resources, talk) == said[2]


@pytest.mark.parametrize("has_it", [True, False])
async def test_what_was_said_before_the_panel_listens_is_seen_where_the_panel_has_it(
    client: httpx.AsyncClient,
    factory: Factory,
    resources: Resources,
    monkeypatch: pytest.MonkeyPatch,
    has_it: bool,
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    await desk.done("take-over")
    said = (await desk.done("reply", text="Still there?"))["id"]
    seconds = 1000.0
    monkeypatch.setattr(visitor_events, "time", SimpleNamespace(monotonic=lambda: seconds))
    async with hearing(resources, talk, after=said if has_it else None) as events:
        assert await following(events) == ("status", "human")
        for _ in range(2):
            await desk.done("typing")
            assert await following(events) == ("typing", None)
            seconds += SEEN_AFTER_SECONDS
        await desk.done("typing")
        assert await following(events) == ("typing", None)
    assert await seen(resources, talk) == (UUID(said) if has_it else None)


async def test_what_comes_while_nobody_looks_at_the_panel_is_seen_once_somebody_does(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    await desk.done("take-over")
    before = (await desk.done("reply", text="I look it up."))["id"]
    seconds = 1000.0
    monkeypatch.setattr(visitor_events, "time", SimpleNamespace(monotonic=lambda: seconds))
    async with hearing(resources, talk, after=before, is_away=True) as events:
        assert await following(events) == ("status", "human")
        said = (await desk.done("reply", text="Found it."))["id"]
        assert await following(events) == ("member", "Found it.")
        for _ in range(2):
            seconds += SEEN_AFTER_SECONDS
            await desk.done("typing")
            assert await following(events) == ("typing", None)
    assert await seen(resources, talk) is None
    await desk.done("hand-back")
    async with hearing(resources, talk, after=said) as events:
        assert await following(events) == ("status", "bot")
        seconds += SEEN_AFTER_SECONDS
        await desk.done("take-over")
        assert await following(events) == ("status", "human")
    assert await seen(resources, talk) == UUID(said)


async def test_whether_somebody_looks_is_said_over_http(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitor_events, "SEEN_AFTER_SECONDS", 0.0)
    talks = [await begin(client, factory) for _ in range(2)]
    panels: list[asyncio.Task[httpx.Response]] = []
    try:
        # First the one that nobody looks at.
        for talk, away in zip(talks, ({"away": "1"}, {}), strict=True):
            desk = await talk.desk()
            await desk.done("take-over")
            query = {"after": (await desk.done("reply", text="Hello"))["id"]} | away
            panels.append(
                asyncio.create_task(client.get("/api/widget/events", headers=talk.token, params=query))
            )
            async with asyncio.timeout(60):
                while not resources.live.count(conversation_topic(UUID(talk.conversation_id))):
                    await asyncio.sleep(0.01)
        async with asyncio.timeout(60):
            while await seen(resources, talks[1]) is None:
                await asyncio.sleep(0.01)
        assert await seen(resources, talks[0]) is None
    finally:
        for each in panels:
            each.cancel()
        await asyncio.gather(*panels, return_exceptions=True)


async def seen(resources: Resources, talk: Talk) -> UUID | None:
    async with resources.database.unit_of_work(Scope.members(talk.tenant.id)) as session:
        found = await session.get_one(Conversation, (talk.tenant.id, UUID(talk.conversation_id)))
        return found.visitor_seen_id


async def test_a_visitor_hears_of_no_conversation_but_their_own(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = (await begin(client, factory)).tenant
    mine, theirs = (
        await begin(client, factory, tenant=tenant),
        await begin(client, factory, tenant=tenant),
    )
    desk = await theirs.desk()
    async with hearing(resources, mine) as events:
        assert await following(events) == ("status", "waiting")
        await desk.done("take-over")
        await desk.done("reply", text="For somebody else")
        await mine.ask("Hi")
        assert await following(events) == ("visitor", "Hi")
    stranger, _ = factory.visitor(tenant)
    with pytest.raises(NotFound):
        await anext(watch(resources.database, resources.live, stranger))


async def test_a_conversation_has_so_many_listeners_and_no_more(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory)
    open_ones = [watch(resources.database, resources.live, talk.visitor) for _ in range(MAX_LISTENERS)]
    for each in open_ones:
        await anext(each)
    with pytest.raises(RateLimited):
        await anext(watch(resources.database, resources.live, talk.visitor))
    await open_ones.pop().aclose()
    one_more = watch(resources.database, resources.live, talk.visitor)
    await anext(one_more)
    for each in [*open_ones, one_more]:
        await each.aclose()


@pytest.mark.parametrize("path", ["/api/widget/events", "/api/widget/typing"])
async def test_only_the_visitor_with_the_token_may_listen_or_type(
    client: httpx.AsyncClient, factory: Factory, path: str
) -> None:
    talk = await begin(client, factory)
    method = "GET" if path.endswith("events") else "POST"
    key = {"t": talk.tenant.workspace.public_key}
    assert (await client.request(method, path, params=key)).status_code == 401
    _, other = factory.visitor(talk.tenant)
    assert (await client.request(method, path, headers=other)).status_code == 404
    elsewhere = talk.token | {"origin": "https://evil.example"}
    async with talk.factory.resources.database.unit_of_work(talk.tenant.scope) as session:
        await session.execute(text("update workspaces set allowed_domains = '{shop.example}'"))
    assert (await client.request(method, path, headers=elsewhere)).status_code == 403


async def test_members_see_that_the_visitor_writes(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory)
    with resources.live.listening(f"inbox:{talk.tenant.id}") as listener:
        assert (await client.post("/api/widget/typing", headers=talk.token)).json() == {"ok": True}
        await heard(listener, f"{talk.conversation_id} visitor_types")
