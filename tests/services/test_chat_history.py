"""Of a long chat a question reads what its model can be told, and is asked as if that were all of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import event

from helpninja_app.answers.catalogue import Model, find_model
from helpninja_app.answers.providers.fake import FakeProvider, spoken
from helpninja_app.answers.standalone import Turn, standalone_query
from helpninja_app.chats import history
from helpninja_app.chats.history import read_history, turns_of
from helpninja_app.chats.models import Chat, ChatMessage, MessageState, Role
from helpninja_app.chats.prompts import build_chat_prompt
from helpninja_app.errors import NotFound
from helpninja_app.kernel.database import Database, new_id
from helpninja_app.resources import Resources
from tests.api.chatting import answering
from tests.api.member_chatting import ask
from tests.conftest import OpenResources
from tests.factories import Factory, Tenant

QUESTION = "And how heavy is it?"
OVER = [MessageState.COMPLETE, MessageState.COMPLETE, MessageState.INTERRUPTED, MessageState.FAILED]


async def store(resources: Resources, tenant: Tenant, messages: list[ChatMessage]) -> None:
    """A chat of no member with these messages."""
    chat = Chat(workspace_id=tenant.id, id=messages[0].chat_id, title="Long")
    async with resources.database.unit_of_work(tenant.scope) as session:
        session.add(chat)
        await session.flush()
        session.add_all(messages)


def exchanges(tenant: Tenant, count: int, seed: int, length: int) -> list[ChatMessage]:
    """Questions with what became of them, some replaced, some blank."""
    chance, chat_id = random.Random(seed), new_id()
    found = []
    for place in range(2 * count):
        role = Role.ASSISTANT if place % 2 else Role.USER
        state = chance.choice(OVER) if place % 2 else MessageState.COMPLETE
        if chance.random() < 0.1:
            state = MessageState.REPLACED
        text = f"{place} " + "语x\u200b "[chance.randrange(3) :] * chance.randrange(length)
        found.append(
            ChatMessage(
                workspace_id=tenant.id,
                id=new_id(),
                chat_id=chat_id,
                position=place + 1,
                role=role.value,
                text=text if chance.random() < 0.9 else " ",
                state=state.value,
            )
        )
    return found


def told(model: Model, turns: tuple[Turn, ...]) -> list[str]:
    prompt = build_chat_prompt(QUESTION, turns, (), preference="", workspace_name="Pine", model=model)
    return [turn.text for turn in prompt.messages]


@pytest.mark.parametrize("seed", range(12))
async def test_what_is_read_gives_the_prompt_and_the_query_that_all_of_it_gives(
    factory: Factory, resources: Resources, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(history, "FIRST_MESSAGES", 3)
    tenant = await factory.tenant()
    messages = exchanges(tenant, 40, seed, length=200 if seed % 2 else 2_000)
    await store(resources, tenant, messages)
    living = [each for each in messages if each.state != MessageState.REPLACED.value]
    asked = random.Random(seed).choice([each for each in living if each.role == Role.USER.value])
    before = living[: living.index(asked)]
    for context in (2_048, 8_192, 128_000):
        model = replace(find_model("gpt-4o-mini"), context=context)
        for replaces, whole in ((None, turns_of(living)), (asked.id, turns_of(before))):
            async with resources.database.unit_of_work(tenant.scope) as session:
                read = await read_history(
                    session, tenant.id, messages[0].chat_id, replaces=replaces, room=context
                )
            assert told(model, read) == told(model, whole)
            assert standalone_query(QUESTION, read) == standalone_query(QUESTION, whole)


async def test_a_question_that_is_not_there_any_more_is_replaced_by_none(
    factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    messages = exchanges(tenant, 2, 0, length=2)
    messages[0].state = MessageState.REPLACED.value
    await store(resources, tenant, messages)
    for gone in (messages[0].id, messages[1].id, new_id()):
        async with resources.database.unit_of_work(tenant.scope) as session:
            with pytest.raises(NotFound):
                await read_history(session, tenant.id, messages[0].chat_id, replaces=gone, room=9_000)


@contextmanager
def counting(database: Database) -> Iterator[list[int]]:
    """How many rows each reading of messages gave."""
    rows: list[int] = []

    def note(_connection: Any, cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("SELECT") and "chat_messages.text" in statement:
            rows.append(cursor.rowcount)

    event.listen(database.engine.sync_engine, "after_cursor_execute", note)
    try:
        yield rows
    finally:
        event.remove(database.engine.sync_engine, "after_cursor_execute", note)


async def test_of_a_long_chat_only_its_end_is_read(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([spoken("A falcon."), spoken("Two hundred grams.")])
    async with with_resources(answerers=answering(fake)) as resources:
        first = await ask(client, tenant.headers)
        chat_id = first.headers["x-chat-id"]
        async with resources.database.unit_of_work(tenant.scope) as session:
            for message in exchanges(tenant, 300, 1, length=2):
                message.chat_id, message.position = UUID(chat_id), message.position + 2
                message.text, message.state = "word " * 2_000, MessageState.COMPLETE.value
                session.add(message)
        with counting(resources.database) as rows:
            await ask(client, tenant.headers, QUESTION, chatId=chat_id)
    # About fifty of them fit into the model's context.
    assert 40 < len(fake.requests[1].messages) < 60
    assert 40 < sum(rows) < 200
