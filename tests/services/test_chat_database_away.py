"""The database is away while a member's answer is written or stored: it comes all the same, charged once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql

from api_routes.app import create_api
from helpninja_app.answers.providers.base import TextDelta, TokenUsage
from helpninja_app.answers.providers.fake import FakeProvider, ScriptStep, spoken
from helpninja_app.chats import storing, turns, writing
from helpninja_app.chats.storing import MAYBE_STORED, NOT_STORED
from helpninja_app.errors import Unavailable
from helpninja_app.jobs import tasks
from helpninja_app.kernel.database import Database, Statement
from helpninja_app.kernel.embedded_postgres import Urls
from helpninja_app.kernel.scope import Scope
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.resources import Resources, open_resources
from tests.api.chatting import answering, events_in
from tests.api.member_chatting import ask, credits_left
from tests.conftest import OpenResources, make_settings
from tests.factories import Factory, Tenant
from tests.ledgers import Books

FULL = 10_000
USAGE = TokenUsage(900, 1_200)


@dataclass
class Installation:
    """One with a database of its own, and a member who asks there."""

    urls: Urls
    resources: Resources
    client: httpx.AsyncClient
    tenant: Tenant
    fake: FakeProvider

    async def asking(self, *script: ScriptStep) -> asyncio.Task[httpx.Response]:
        """A question whose answer is being written."""
        self.fake.add(script)
        task = asyncio.create_task(ask(self.client, self.tenant.headers, is_sse=True))
        await until(lambda: self.fake.open_streams > 0)
        return task

    @asynccontextmanager
    async def outage(self) -> AsyncIterator[None]:
        """The database drops its connections and takes none."""
        with psycopg.connect(self.urls.superuser, dbname="postgres", autocommit=True) as connection:
            name = psycopg.conninfo.conninfo_to_dict(self.urls.superuser)["dbname"]
            allow = sql.SQL("alter database {} allow_connections {}")
            connection.execute(allow.format(sql.Identifier(str(name)), sql.SQL("false")))
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,)
            )
            try:
                yield
            finally:
                connection.execute(allow.format(sql.Identifier(str(name)), sql.SQL("true")))

    async def answer(self) -> dict[str, Any]:
        """The last message of the only chat."""
        listed = await self.client.get("/api/chats", headers=self.tenant.headers)
        [chat] = listed.json()["chats"]
        found = await self.client.get(f"/api/chats/{chat['id']}", headers=self.tenant.headers)
        message: dict[str, Any] = found.json()["messages"][-1]
        return message


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not is_so():
            await asyncio.sleep(0.01)


@pytest.fixture
async def here(own_urls: Urls, tmp_path: Path) -> AsyncIterator[Installation]:
    fake = FakeProvider()
    settings = make_settings(own_urls, tmp_path, unlimited=False)
    transport = httpx.ASGITransport(app=create_api(), raise_app_exceptions=False)
    async with (
        open_resources(
            settings, own_urls.app, tasks=tasks, embedder=HashingEmbedder(), answerers=answering(fake)
        ) as resources,
        httpx.AsyncClient(transport=transport, base_url="http://helpninja.test", timeout=60) as client,
    ):
        yield Installation(own_urls, resources, client, await Factory(resources).tenant(), fake)


async def test_an_outage_while_an_answer_is_written_and_stored_loses_nothing(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "KEEP_SECONDS", 0.0)
    go_on = asyncio.Event()
    script = [TextDelta("A "), go_on, *spoken("small ", "falcon.", usage=USAGE)]
    asking = await here.asking(*script)
    async with here.outage():
        go_on.set()
        await until(lambda: here.fake.open_streams == 0)
        await asyncio.sleep(0.5)
        assert not asking.done()
    events = events_in((await asking).text)
    assert [event.name for event in events] == ["token"] * 3 + ["citations", "done"]
    assert events[-1].data["credits"] == 3
    answer = await here.answer()
    assert (answer["state"], answer["content"], answer["credits"]) == ("complete", "A small falcon.", 3)
    assert await credits_left(here.resources, here.tenant) == FULL - 3


async def test_an_answer_that_cannot_be_stored_is_failed_and_free_when_the_database_is_back(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "STORE_SECONDS", 0.3)
    go_on = asyncio.Event()
    asking = await here.asking(TextDelta("A "), go_on, *spoken("falcon.", usage=USAGE))
    async with here.outage():
        go_on.set()
        events = events_in((await asking).text)
    assert events[-1].name == "error"
    assert events[-1].data["status"] == 503
    assert events[-1].data["detail"] == MAYBE_STORED
    async with asyncio.timeout(60):
        while (answer := await here.answer())["state"] == "writing":
            await asyncio.sleep(0.05)
    assert (answer["state"], answer["credits"]) == ("failed", 0)
    assert answer["reason"] == NOT_STORED
    assert await credits_left(here.resources, here.tenant) == FULL


async def test_a_provider_that_fails_is_told_so_also_when_that_cannot_be_stored(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "STORE_SECONDS", 0.3)
    go_on = asyncio.Event()
    # The script ends without an end.
    asking = await here.asking(TextDelta("A "), go_on)
    async with here.outage():
        go_on.set()
        events = events_in((await asking).text)
    assert (events[-1].name, events[-1].data["status"]) == ("error", 502)


class Forgetful:
    """Takes the place of ``Database.at_once``: the answer's end is stored, and nobody hears of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
        self.left = times
        honest = Database.at_once

        async def at_once(database: Database, scope: Scope | None, *statements: Statement) -> list[Any]:
            rows = await honest(database, scope, *statements)
            if self.left and any("update chat_messages" in each.sql for each in statements):
                self.left -= 1
                raise Unavailable("The connection is gone.")
            return rows

        monkeypatch.setattr(Database, "at_once", at_once)


@pytest.mark.parametrize("unlimited", [False, True])
async def test_an_answer_that_was_stored_although_nobody_heard_of_it_is_charged_and_counted_once(
    client: httpx.AsyncClient,
    factory: Factory,
    with_resources: OpenResources,
    monkeypatch: pytest.MonkeyPatch,
    unlimited: bool,
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([spoken("First.", usage=USAGE), spoken("Second.", usage=USAGE)])
    async with with_resources(answerers=answering(fake), unlimited=unlimited) as resources:
        # The account is opened by the first use.
        await ask(client, tenant.headers)
        forgetful = Forgetful(monkeypatch, times=1)
        response = await ask(client, tenant.headers, is_sse=True)
        account = await Books(resources.database, tenant.id).account()
    assert forgetful.left == 0
    assert events_in(response.text)[-1].name == "done"
    assert events_in(response.text)[-1].data["credits"] == (0 if unlimited else 3)
    assert account.used == 6


async def test_an_answer_that_was_stored_unheard_is_not_told_as_free(
    client: httpx.AsyncClient,
    factory: Factory,
    with_resources: OpenResources,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([spoken("First.", usage=USAGE), spoken("Second.", usage=USAGE)])
    looked = 0

    async def look(*args: Any) -> int | None:
        nonlocal looked
        looked += 1
        if looked == 1:
            raise Unavailable("The connection is gone.")
        return await turns.charge_of_stored(*args)

    monkeypatch.setattr(storing, "STORE_SECONDS", 0.0)
    monkeypatch.setattr(storing, "charge_of_stored", look)
    async with with_resources(answerers=answering(fake), unlimited=False) as resources:
        # The account is opened by the first use.
        await ask(client, tenant.headers)
        Forgetful(monkeypatch, times=1)
        told = events_in((await ask(client, tenant.headers, is_sse=True)).text)
        await resources.background.finish(10)
        [chat, _] = (await client.get("/api/chats", headers=tenant.headers)).json()["chats"]
        found = await client.get(f"/api/chats/{chat['id']}", headers=tenant.headers)
        left = await credits_left(resources, tenant)
    answer = found.json()["messages"][-1]
    assert (told[-1].data["status"], told[-1].data["detail"]) == (503, MAYBE_STORED)
    assert looked == 2
    assert (answer["state"], answer["content"], answer["credits"]) == ("complete", "Second.", 3)
    assert left == FULL - 6
