"""What becomes of a streamed answer when its reader leaves, or when something breaks on the way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from api_routes import chat
from api_routes.app import create_api
from helpninja_app.answers.providers.base import TextDelta
from helpninja_app.answers.providers.fake import FakeProvider, spoken
from helpninja_app.kernel import draining
from helpninja_app.resources import Resources
from tests.api.chatting import (
    QUESTION,
    MistakenProvider,
    answering,
    ask_streaming,
    conversations_of,
    messages_of,
    new_session,
    shop,
)
from tests.conftest import OpenResources
from tests.factories import Factory, Tenant


class Browser:
    """Reads a stream until its first token, and leaves."""

    def __init__(self, tenant: Tenant, session_id: str) -> None:
        self._body = json.dumps(
            {"tenantId": tenant.workspace.public_key, "sessionId": session_id, "message": QUESTION}
        ).encode()
        self._left = asyncio.Event()
        self._was_sent = False
        self.received = b""

    async def receive(self) -> MutableMapping[str, Any]:
        if not self._was_sent:
            self._was_sent = True
            return {"type": "http.request", "body": self._body, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        self.received += message.get("body", b"")
        if b"event: token" in self.received:
            self._left.set()

    async def visit(self) -> None:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/api/chat",
            "raw_path": b"/api/chat",
            "query_string": b"",
            "root_path": "",
            "headers": [
                (b"host", b"helpninja.test"),
                (b"content-type", b"application/json"),
                (b"accept", b"text/event-stream"),
            ],
            "client": ("127.0.0.1", 40000),
            "server": ("helpninja.test", 80),
        }
        await create_api()(scope, self.receive, self.send)


async def test_an_answer_is_stored_although_its_reader_left(
    factory: Factory, resources: Resources, with_resources: OpenResources
) -> None:
    tenant = await shop(factory)
    go_on = asyncio.Event()
    fake = FakeProvider([[TextDelta("Boots can be returned within "), go_on, *spoken("sixty days [1].")]])
    async with with_resources(answerers=answering(fake)):
        browser = Browser(tenant, new_session())
        await asyncio.wait_for(browser.visit(), 60)
        assert b"event: done" not in browser.received
        [conversation] = await conversations_of(resources, tenant)
        go_on.set()
        stored = await messages_of(resources, tenant, str(conversation.id))
        while len(stored) < 2:
            await asyncio.sleep(0.02)
            stored = await messages_of(resources, tenant, str(conversation.id))
    assert [item.role for item in stored] == ["visitor", "bot"]
    assert stored[1].text == "Boots can be returned within sixty days [1]."
    assert fake.open_streams == 0


async def test_an_error_after_the_first_token_is_an_event_without_its_cause(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, with_resources: OpenResources
) -> None:
    tenant = await shop(factory)
    async with with_resources(answerers=answering(MistakenProvider())):
        events = await ask_streaming(client, tenant)
    assert events[0].name == "token"
    assert [event.name for event in events if event.name != "token"] == ["error"]
    problem = events[-1].data
    assert problem["status"] == 500
    assert problem["error"] == problem["detail"]
    assert "hunter2" not in str(events)
    [conversation] = await conversations_of(resources, tenant)
    stored = await messages_of(resources, tenant, str(conversation.id))
    assert [item.role for item in stored] == ["visitor"]


async def test_a_stream_says_that_the_process_stops_and_the_answer_is_stored_all_the_same(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, with_resources: OpenResources
) -> None:
    tenant, session_id = await shop(factory), new_session()
    goes_on = asyncio.Event()
    script = [TextDelta("Boots can be returned "), goes_on, *spoken("within sixty days [1].")]
    async with with_resources(answerers=answering(FakeProvider([script]))):
        asking = asyncio.create_task(ask_streaming(client, tenant, session_id=session_id))
        while not draining._waiting:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        draining.Draining().end_all()
        events = await asking
        goes_on.set()
        async with asyncio.timeout(30):
            while not (stored := await stored_answers(resources, tenant)):
                await asyncio.sleep(0.05)
    assert events[-1].name == "error"
    assert "restarted" in events[-1].data["detail"]
    assert "done" not in {event.name for event in events}
    assert stored == ["Boots can be returned within sixty days [1]."]


async def test_an_answer_that_is_nearly_done_is_given_although_the_process_stops(
    client: httpx.AsyncClient,
    factory: Factory,
    with_resources: OpenResources,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chat, "LAST_SECONDS", 30)
    tenant = await shop(factory)
    goes_on = asyncio.Event()
    script = [TextDelta("Boots can be returned "), goes_on, *spoken("within sixty days [1].")]
    async with with_resources(answerers=answering(FakeProvider([script]))):
        asking = asyncio.create_task(ask_streaming(client, tenant))
        while not draining._waiting:
            await asyncio.sleep(0.01)
        draining.Draining().end_all()
        # It hears that first.
        while draining._waiting:
            await asyncio.sleep(0.01)
        goes_on.set()
        events = await asking
    assert events[-1].name == "done"


async def stored_answers(resources: Resources, tenant: Tenant) -> list[str]:
    async with resources.database.unit_of_work(tenant.scope) as session:
        found = await session.execute(text("select text from messages where role = 'bot'"))
        return list(found.scalars())
