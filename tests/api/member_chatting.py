"""What the tests of the members' chat share: asking, reading what came, and what it cost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import httpx

from api_routes.app import create_api
from helpninja_app.billing.models import Unit
from helpninja_app.billing.usage import usage_of
from helpninja_app.billing.verification import verify_ledger
from helpninja_app.resources import Resources
from tests.factories import Tenant

MODEL = "gpt-4o-mini"


async def ask(
    client: httpx.AsyncClient,
    headers: dict[str, str],
    question: str = "What is a kestrel?",
    *,
    is_sse: bool = False,
    **body: object,
) -> httpx.Response:
    """Ask one question; with fields beside it, such as ``chatId``."""
    wanted = {"modelId": MODEL, "messages": [{"role": "user", "content": question}]} | body
    accept = {"accept": "text/event-stream"} if is_sse else {}
    return await client.post("/api/chat", json=wanted, headers=headers | accept)


async def saved(client: httpx.AsyncClient, headers: dict[str, str], response: httpx.Response) -> Any:
    """The chat that an answer is stored in."""
    found = await client.get(f"/api/chats/{response.headers['x-chat-id']}", headers=headers)
    assert found.status_code == 200, found.text
    return found.json()


async def credits_left(resources: Resources, tenant: Tenant) -> int:
    """By the ledger, whose sum has to be its balance."""
    async with resources.database.unit_of_work(tenant.scope) as session:
        assert await verify_ledger(session, tenant.id) == []
        plan = resources.plan_of(tenant.workspace)
        usage = await usage_of(session, tenant.id, Unit.CREDIT, plan)
    assert usage.left is not None
    return usage.left


class Leaver:
    """A client that reads an answer until ``after`` was received, and leaves; at once where that is empty."""

    def __init__(self, headers: dict[str, str], *, after: bytes = b"") -> None:
        self._body = json.dumps(
            {"modelId": MODEL, "messages": [{"role": "user", "content": "What is a kestrel?"}]}
        ).encode()
        self._headers = headers
        self._after = after
        self.leave = asyncio.Event()
        self._was_sent = False
        self.received = b""

    async def receive(self) -> MutableMapping[str, Any]:
        if not self._was_sent:
            self._was_sent = True
            return {"type": "http.request", "body": self._body, "more_body": False}
        await self.leave.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        self.received += message.get("body", b"")
        if self._after and self._after in self.received:
            self.leave.set()

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
                *((name.encode(), value.encode()) for name, value in self._headers.items()),
            ],
            "client": ("127.0.0.1", 40000),
            "server": ("helpninja.test", 80),
        }
        await create_api()(scope, self.receive, self.send)
