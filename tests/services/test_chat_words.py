"""The words by which a chat is found, when questions are asked again and again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import event, text

from helpninja_app.answers.providers.fake import FakeProvider, spoken
from helpninja_app.errors import ProviderFailed
from helpninja_app.kernel.database import Database
from helpninja_app.resources import Resources
from tests.api.chatting import answering
from tests.api.member_chatting import ask, saved
from tests.conftest import OpenResources
from tests.factories import Factory, Tenant


@contextmanager
def replaced(database: Database) -> Iterator[list[int]]:
    """How many messages each replacement changed."""
    rows: list[int] = []

    def note(_connection: Any, cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("UPDATE chat_messages SET state"):
            rows.append(cursor.rowcount)

    event.listen(database.engine.sync_engine, "after_cursor_execute", note)
    try:
        yield rows
    finally:
        event.remove(database.engine.sync_engine, "after_cursor_execute", note)


async def found(client: httpx.AsyncClient, tenant: Tenant, *words: str) -> list[str]:
    """Those of ``words`` that the workspace's only chat is found by."""
    hits = []
    for word in words:
        listed = await client.get("/api/chats", params={"q": word}, headers=tenant.headers)
        hits += [word] * int(listed.json()["total"])
    return hits


async def write(resources: Resources, tenant: Tenant, chat_id: str, position: int, said: str) -> None:
    """As an answer whose end is stored late."""
    async with resources.database.unit_of_work(tenant.scope) as session:
        await session.execute(
            text("update chat_messages set text = :said where chat_id = :chat and position = :position"),
            {"said": said, "chat": UUID(chat_id), "position": position},
        )


async def test_an_answer_that_is_written_anew_again_and_again_changes_only_what_it_replaces(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([spoken(word) for word in ("Oak.", "Elm.", "Ash.", "Fir.", "Yew.")])
    async with with_resources(answerers=answering(fake)) as resources:
        first = await ask(client, tenant.headers, "Begin.")
        chat_id = first.headers["x-chat-id"]
        await ask(client, tenant.headers, "Go on.", chatId=chat_id)
        with replaced(resources.database) as changed:
            for _ in range(3):
                question = (await saved(client, tenant.headers, first))["messages"][2]["id"]
                await ask(client, tenant.headers, "Again.", chatId=chat_id, replaces=question)
        assert await found(client, tenant, "oak", "elm", "ash", "fir", "yew", "begin", "again") == [
            "oak",
            "yew",
            "begin",
            "again",
        ]
    assert changed == [2, 2, 2]


async def test_the_words_of_a_long_chat_stay_when_its_last_answer_is_written_anew(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([spoken(each) for each in ("Long.", "A kestrel.", "A merlin.", "A hobby.")])
    async with with_resources(answerers=answering(fake)):
        told = [{"role": "user", "content": "word " * 4_000}] * 25
        first = await ask(client, tenant.headers, messages=told)
        chat_id = first.headers["x-chat-id"]
        await ask(client, tenant.headers, "Name a falcon.", chatId=chat_id)
        await ask(client, tenant.headers, "Name another.", chatId=chat_id)
        question = (await saved(client, tenant.headers, first))["messages"][-2]["id"]
        await ask(client, tenant.headers, "Name a third.", chatId=chat_id, replaces=question)
        assert await found(client, tenant, "kestrel", "merlin", "hobby") == ["kestrel", "hobby"]


async def test_a_word_that_comes_late_stays_when_what_followed_it_is_replaced(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([spoken(each) for each in ("A kestrel.", "A merlin.", "A hobby.")])
    async with with_resources(answerers=answering(fake)) as resources:
        first = await ask(client, tenant.headers)
        chat_id = first.headers["x-chat-id"]
        await ask(client, tenant.headers, "Name another.", chatId=chat_id)
        await write(resources, tenant, chat_id, 2, "A kestrel, also called windhover.")
        question = (await saved(client, tenant.headers, first))["messages"][2]["id"]
        await ask(client, tenant.headers, "Name a third.", chatId=chat_id, replaces=question)
        assert await found(client, tenant, "windhover", "merlin", "hobby") == ["windhover", "hobby"]


async def test_an_earlier_question_asked_anew_takes_the_words_of_all_that_followed_it(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([spoken(each) for each in ("Oak.", "Elm.", "Ash.", "Fir.", "Yew.")])
    async with with_resources(answerers=answering(fake)) as resources:
        first = await ask(client, tenant.headers, "Begin.")
        chat_id = first.headers["x-chat-id"]
        for question in ("Go on.", "Go further."):
            await ask(client, tenant.headers, question, chatId=chat_id)
        for asked, place in (("Instead.", 2), ("From the start.", 0)):
            question = (await saved(client, tenant.headers, first))["messages"][place]["id"]
            with replaced(resources.database) as changed:
                await ask(client, tenant.headers, asked, chatId=chat_id, replaces=question)
            assert changed == [4]
            words = ("oak", "elm", "ash", "fir", "yew", "further", "instead", "start")
            hits = await found(client, tenant, *words)
            assert hits == (["oak", "fir", "instead"] if place else ["yew", "start"])


@pytest.mark.parametrize("place", [0, 2])
async def test_the_words_of_a_question_whose_answer_failed_go_with_it_when_what_it_replaced_counts_again(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources, place: int
) -> None:
    tenant = await factory.tenant()
    fake = FakeProvider([spoken("Oak."), spoken("Elm."), [ProviderFailed("It is away.")], spoken("Ash.")])
    async with with_resources(answerers=answering(fake)):
        first = await ask(client, tenant.headers, "Begin.")
        chat_id = first.headers["x-chat-id"]
        await ask(client, tenant.headers, "Go on.", chatId=chat_id)
        asked = (await saved(client, tenant.headers, first))["messages"][place]["id"]
        failed = await ask(client, tenant.headers, "Instead.", chatId=chat_id, replaces=asked)
        assert failed.status_code == 502
        words = ("begin", "oak", "go", "elm", "instead", "further", "ash")
        assert await found(client, tenant, *words) == ["begin", "oak", "go", "elm"]
        # What is asked next is noted as ever.
        await ask(client, tenant.headers, "Further.", chatId=chat_id)
        assert await found(client, tenant, *words) == ["begin", "oak", "go", "elm", "further", "ash"]
