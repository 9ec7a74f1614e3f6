"""What the tests of the chat share: a page to answer from, asking, and reading a stream."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import select
from sqlmodel import col

from helpninja_app.answers.answerers import Answerers
from helpninja_app.answers.catalogue import find_model
from helpninja_app.answers.providers.base import GenerationRequest, StreamEvent, TextDelta
from helpninja_app.answers.providers.fake import FakeProvider
from helpninja_app.conversations.handoff import change_status
from helpninja_app.conversations.models import (
    Conversation,
    ConversationTransition,
    Escalation,
    Message,
    Status,
)
from helpninja_app.conversations.threads import lock_conversation
from helpninja_app.resources import Resources
from tests.factories import Factory, Tenant

PAGE = "# Returns\n\nBoots can be returned within sixty days of delivery for a full refund."
PAGE_URL = "https://shop.example/help/returns"
QUESTION = "Within how many days of delivery can boots be returned for a refund?"
UNRELATED = "Does the planet Neptune have rings made of ice?"


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream."""

    name: str
    data: dict[str, Any]


class MistakenProvider(FakeProvider):
    """Says something and then fails in a way that no provider should."""

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[StreamEvent, None]:
        self.requests.append(request)
        yield TextDelta("Sixty days and nothing more. ")
        raise RuntimeError("password=hunter2")


def answering(fake: FakeProvider) -> Answerers:
    """Answerers whose model is the scripted one."""
    return Answerers.with_provider(fake, find_model("gpt-4o-mini"))


def new_session() -> str:
    return f"sid-{secrets.token_hex(8)}"


async def shop(
    factory: Factory, *, plan: str = "agency", confidence_threshold: float = 0.0, **changes: object
) -> Tenant:
    """A workspace with one page; no answer escalates for its confidence unless a threshold is given."""
    columns: dict[str, Any] = changes | {"confidence_threshold": confidence_threshold}
    tenant = await factory.tenant(plan=plan, **columns)
    await factory.document(tenant, PAGE, title="Returns", url=PAGE_URL)
    return tenant


async def ask(
    client: httpx.AsyncClient,
    tenant: Tenant,
    message: object = QUESTION,
    *,
    session_id: object = None,
    headers: dict[str, str] | None = None,
    **body: object,
) -> httpx.Response:
    """Post a visitor's message; a new session unless one is given."""
    wanted = {
        "tenantId": tenant.workspace.public_key,
        "sessionId": session_id or new_session(),
        "message": message,
    } | body
    return await client.post("/api/chat", json=wanted, headers=headers)


async def ask_streaming(
    client: httpx.AsyncClient,
    tenant: Tenant,
    message: str = QUESTION,
    *,
    session_id: str | None = None,
    headers: dict[str, str] | None = None,
) -> list[Event]:
    response = await ask(
        client,
        tenant,
        message,
        session_id=session_id,
        headers={"accept": "text/event-stream"} | (headers or {}),
    )
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    return events_in(response.text)


def events_in(stream: str) -> list[Event]:
    """The events of an event stream (WHATWG HTML, 9.2); comments are left out."""
    found: list[Event] = []
    for block in stream.replace("\r\n", "\n").split("\n\n"):
        fields = [line.partition(": ") for line in block.split("\n") if line and not line.startswith(":")]
        if fields:
            values = {name: value for name, _, value in fields}
            found.append(Event(values["event"], json.loads(values["data"])))
    return found


async def messages_of(resources: Resources, tenant: Tenant, conversation_id: str) -> list[Message]:
    """What is stored of a conversation, oldest first."""
    async with resources.database.unit_of_work(tenant.scope) as session:
        found = await session.execute(
            select(Message)
            .where(col(Message.conversation_id) == UUID(conversation_id))
            .order_by(col(Message.id))
        )
        return list(found.scalars())


async def reasons_of(resources: Resources, tenant: Tenant, conversation_id: str) -> list[str]:
    """For which reasons a person was asked for."""
    async with resources.database.unit_of_work(tenant.scope) as session:
        found = await session.execute(
            select(col(Escalation.reason))
            .where(col(Escalation.conversation_id) == UUID(conversation_id))
            .order_by(col(Escalation.id))
        )
        return list(found.scalars())


async def transitions_of(resources: Resources, tenant: Tenant, conversation_id: str) -> list[tuple[str, ...]]:
    """From, to and reason of each change of status, oldest first."""
    async with resources.database.unit_of_work(tenant.scope) as session:
        found = await session.execute(
            select(ConversationTransition)
            .where(col(ConversationTransition.conversation_id) == UUID(conversation_id))
            .order_by(col(ConversationTransition.id))
        )
        return [(item.from_status, item.to_status, item.reason) for item in found.scalars()]


async def conversations_of(resources: Resources, tenant: Tenant) -> list[Conversation]:
    async with resources.database.unit_of_work(tenant.scope) as session:
        return list((await session.execute(select(Conversation))).scalars())


async def move(resources: Resources, tenant: Tenant, conversation_id: str, status: Status) -> None:
    """A member changes the status, as the inbox will."""
    async with resources.database.unit_of_work(tenant.scope) as session:
        conversation = await lock_conversation(session, tenant.id, UUID(conversation_id))
        await change_status(session, conversation, status, actor="member:test", reason="test")
