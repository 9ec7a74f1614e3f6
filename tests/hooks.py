"""Webhook endpoints of a workspace, and a peer that hears of its events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import text

from helpninja_app.accounts.audit import Actor
from helpninja_app.accounts.callers import VisitorCaller
from helpninja_app.conversations.models import Message
from helpninja_app.conversations.threads import add_message, open_conversation
from helpninja_app.conversations.whereabouts import Whereabouts
from helpninja_app.integrations.webhooks.delivering import WebhookCourier
from helpninja_app.integrations.webhooks.endpoints import create_endpoint
from helpninja_app.integrations.webhooks.log import DeliveryView, list_deliveries
from helpninja_app.integrations.webhooks.models import EventType
from helpninja_app.kernel.database import new_id
from helpninja_app.kernel.safe_http import SafeHttp, Timeouts
from helpninja_app.resources import Resources
from tests.factories import Tenant
from tests.twins.webhook_peer import WebhookPeer


@dataclass
class Hook:
    """An endpoint at ``peer`` of a workspace, and a courier that delivers when it is told to."""

    resources: Resources
    tenant: Tenant
    peer: WebhookPeer
    courier: WebhookCourier
    id: UUID
    secret: str

    async def deliver(self) -> None:
        await self.courier.deliver_due()

    async def log(self) -> list[DeliveryView]:
        async with self.resources.database.unit_of_work(self.tenant.scope) as session:
            return await list_deliveries(session, self.tenant.id, self.id)

    async def run(self, statement: str, **values: Any) -> Any:
        """A statement in the workspace, with its id and the endpoint's."""
        async with self.resources.database.unit_of_work(self.tenant.scope) as session:
            known = {"workspace": self.tenant.id, "endpoint": self.id}
            used = {name: value for name, value in known.items() if f":{name}" in statement}
            return await session.execute(text(statement), used | values)

    async def make_due(self) -> None:
        """Let the time pass until the next attempt."""
        await self.run("update due_webhooks set due_at = now() where endpoint_id = :endpoint")

    async def say(self, words: str = "Hello?", session_id: str = "") -> None:
        """A visitor writes."""
        visitor = visitor_of(self.tenant, session_id)
        async with self.resources.database.unit_of_work(visitor.scope) as session:
            conversation = await open_conversation(
                session, visitor, whereabouts=Whereabouts("https://shop.example/")
            )
            await add_message(
                session,
                Message(
                    workspace_id=self.tenant.id,
                    id=new_id(),
                    conversation_id=conversation.id,
                    role="visitor",
                    text=words,
                ),
            )


def visitor_of(tenant: Tenant, session_id: str = "") -> VisitorCaller:
    return VisitorCaller(tenant.workspace, session_id or f"s-{new_id().hex}", is_signed=True)


@asynccontextmanager
async def hooked(
    resources: Resources,
    tenant: Tenant,
    events: Sequence[EventType] = (EventType.MESSAGE_CREATED,),
) -> AsyncIterator[Hook]:
    """A hook that is gone again afterwards, so that no other test's courier finds its events."""
    async with WebhookPeer() as peer:
        http = SafeHttp(
            user_agent="test",
            allowed_private_hosts=frozenset({peer.site.host}),
            timeouts=Timeouts(connect=30, read=5, total=30),
        )
        async with resources.database.unit_of_work(tenant.scope) as session:
            keys = resources.settings.keys_for_encryption()
            view, secret = await create_endpoint(
                session,
                Actor.system(tenant.id, "tests"),
                keys,
                url=f"{peer.site.url}/hook",
                description="",
                events=frozenset(events),
            )
        peer.secret = secret
        courier = replace(resources.webhook_courier(), http=http)
        hook = Hook(resources, tenant, peer, courier, view.id, secret)
        try:
            yield hook
        finally:
            await hook.run("delete from webhook_endpoints where workspace_id = :workspace")
            await http.aclose()
