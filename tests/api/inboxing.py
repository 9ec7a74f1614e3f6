"""What the tests of the inbox share: a conversation with a proven visitor, and members who work on it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx

from helpninja_app.accounts.callers import VisitorCaller
from helpninja_app.accounts.models import Role
from helpninja_app.kernel.live import Listening
from tests.api.chatting import ask, shop
from tests.factories import Factory, Tenant


@dataclass(frozen=True, slots=True)
class Desk:
    """A member at work on one conversation."""

    client: httpx.AsyncClient
    tenant: Tenant
    user_id: str
    headers: dict[str, str]
    conversation_id: str

    async def do(self, action: str, **body: object) -> httpx.Response:
        """Call an action; with ``body`` as JSON if it has one."""
        path = f"/api/conversations/{self.conversation_id}/{action}"
        method = "PUT" if action == "tags" else "POST"
        return await self.client.request(
            method, path, headers=self.headers, json=body or None, params={"tenantId": str(self.tenant.id)}
        )

    async def done(self, action: str, **body: object) -> dict[str, Any]:
        response = await self.do(action, **body)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    async def read(self) -> dict[str, Any]:
        response = await self.client.get(
            f"/api/conversations/{self.conversation_id}",
            headers=self.headers,
            params={"tenantId": str(self.tenant.id)},
        )
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found


@dataclass(frozen=True, slots=True)
class Talk:
    """A visitor with a token, and what they said first."""

    client: httpx.AsyncClient
    factory: Factory
    tenant: Tenant
    visitor: VisitorCaller
    token: dict[str, str]
    conversation_id: str

    async def ask(self, message: str) -> dict[str, Any]:
        response = await ask(
            self.client, self.tenant, message, session_id=self.visitor.session_id, headers=self.token
        )
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    async def rate(self, **feedback: object) -> None:
        """Give an answer a thumb, or the conversation a number with a comment."""
        response = await self.client.post("/api/widget/feedback", headers=self.token, json=feedback)
        assert response.status_code == 200, response.text

    async def desk(self, role: Role = Role.AGENT) -> Desk:
        """Of another member."""
        _, headers = await self.factory.member(self.tenant, role)
        me = (await self.client.get("/api/auth/me", headers=headers)).json()
        return Desk(self.client, self.tenant, me["user"]["id"], headers, self.conversation_id)


async def heard(listener: Listening, about: str) -> None:
    """Wait for one notice; those of what was done before may still be on their way."""
    async with asyncio.timeout(30):
        while about not in await listener.hear():
            continue


async def begin(
    client: httpx.AsyncClient,
    factory: Factory,
    message: str = "Can I talk to a human please?",
    *,
    tenant: Tenant | None = None,
    **changes: object,
) -> Talk:
    """A visitor's first message, in a shop of their own unless one is given."""
    tenant = tenant or await shop(factory)
    visitor, token = factory.visitor(tenant)
    response = await ask(client, tenant, message, session_id=visitor.session_id, headers=token, **changes)
    assert response.status_code == 200, response.text
    return Talk(client, factory, tenant, visitor, token, response.json()["conversationId"])
