"""Canned replies over HTTP: for whom, how many, and what becomes of their variables."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import text, update

from helpninja_app.accounts.models import Role
from helpninja_app.conversations import canned_replies
from helpninja_app.conversations.models import Conversation
from helpninja_app.resources import Resources
from tests.api.chatting import QUESTION
from tests.api.inboxing import begin
from tests.factories import Factory, Tenant

PATH = "/api/canned-replies"
HELLO = "Hello {{visitor.name|there}}, {{member.name}} of {{workspace.name}} here."


async def add(
    client: httpx.AsyncClient, headers: dict[str, str], name: str = "hello", text: str = HELLO
) -> dict[str, Any]:
    answer = await client.post(PATH, json={"name": name, "text": text}, headers=headers)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def names(client: httpx.AsyncClient, headers: dict[str, str], **wanted: str | int) -> list[str]:
    answer = await client.get(PATH, headers=headers, params=wanted)
    assert answer.status_code == 200, answer.text
    return [each["name"] for each in answer.json()["replies"]]


async def actions(resources: Resources, tenant: Tenant) -> list[str]:
    async with resources.database.unit_of_work(tenant.scope) as session:
        found = await session.execute(
            text("select action from audit_events where action like 'canned%' order by id")
        )
        return list(found.scalars())


async def test_one_is_made_read_changed_and_deleted_and_each_change_is_recorded(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    _, agent = await factory.member(tenant, Role.AGENT)
    made = await add(client, agent, "  hello   you ")
    path = f"{PATH}/{made['id']}"
    assert made["name"] == "hello you"
    assert (await client.get(path, headers=agent)).json() == made
    changed = await client.patch(path, json={"text": "Goodbye."}, headers=agent)
    assert changed.json()["text"] == "Goodbye."
    assert changed.json()["name"] == "hello you"
    assert (await client.delete(path, headers=agent)).status_code == 200
    assert (await client.get(path, headers=agent)).status_code == 404
    assert await actions(resources, tenant) == [
        "canned_reply.created",
        "canned_reply.changed",
        "canned_reply.deleted",
    ]


async def test_a_change_that_changes_nothing_is_not_recorded(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    made = await add(client, tenant.headers)
    answer = await client.patch(f"{PATH}/{made['id']}", json={"name": "hello"}, headers=tenant.headers)
    assert answer.json() == made
    assert await actions(resources, tenant) == ["canned_reply.created"]


async def test_a_part_of_a_name_or_text_finds_one_names_that_begin_so_first(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await factory.tenant()
    for name, said in (("about refunds", "x"), ("Refund", "y"), ("boots", "100 % refunded"), ("bye", "z")):
        await add(client, tenant.headers, name, said)
    assert await names(client, tenant.headers) == ["about refunds", "boots", "bye", "Refund"]
    assert await names(client, tenant.headers, q="REFUND") == ["Refund", "about refunds", "boots"]
    assert await names(client, tenant.headers, q="100 %") == ["boots"]
    assert await names(client, tenant.headers, q="_") == []
    assert await names(client, tenant.headers, limit=1, offset=2) == ["bye"]
    assert (await client.get(f"{PATH}?q=%00", headers=tenant.headers)).status_code == 422


async def test_a_name_is_taken_once_however_it_is_written(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await factory.tenant()
    await add(client, tenant.headers, "hello")
    other = await add(client, tenant.headers, "bye")
    again = await client.post(PATH, json={"name": "HELLO", "text": "x"}, headers=tenant.headers)
    renamed = await client.patch(f"{PATH}/{other['id']}", json={"name": "Hello"}, headers=tenant.headers)
    assert again.status_code == 409
    assert renamed.status_code == 409


async def test_a_workspace_has_so_many_and_no_more(
    client: httpx.AsyncClient, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canned_replies, "MOST_REPLIES", 1)
    tenant = await factory.tenant()
    await add(client, tenant.headers)
    refused = await client.post(PATH, json={"name": "b", "text": "x"}, headers=tenant.headers)
    assert refused.status_code == 409


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "a", "text": "Hi {{visitor.shoe}}"}, "body.text"),
        ({"name": " \u200b ", "text": "Hi"}, "body.name"),
        ({"name": "a", "text": " \n "}, "body.text"),
        ({"name": "a" * 61, "text": "Hi"}, "body.name"),
        ({"name": "a", "text": "x" * 5_001}, "body.text"),
        ({"name": "a"}, "body.text"),
    ],
)
async def test_what_is_wrong_with_one_is_named(
    client: httpx.AsyncClient, factory: Factory, body: dict[str, str], field: str
) -> None:
    tenant = await factory.tenant()
    refused = await client.post(PATH, json=body, headers=tenant.headers)
    assert refused.status_code == 422
    assert [each["field"] for each in refused.json()["errors"]] == [field]


async def test_an_unknown_variable_is_named_when_a_text_is_changed_too(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await factory.tenant()
    made = await add(client, tenant.headers)
    refused = await client.patch(
        f"{PATH}/{made['id']}", json={"text": "{{visitor.shoe}}"}, headers=tenant.headers
    )
    assert refused.status_code == 422
    assert "{{visitor.shoe}}" in refused.text


async def test_one_is_rendered_for_a_conversation(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory, QUESTION)
    desk = await talk.desk()
    made = await add(client, desk.headers, "hello", f"{HELLO} {{{{conversation.page}}}}")
    path, body = f"{PATH}/{made['id']}/render", {"conversationId": talk.conversation_id}
    bare = (await client.post(path, json=body, headers=desk.headers)).json()
    assert bare["text"].startswith("Hello there, ")
    assert "conversation.page" in bare["missing"]
    async with resources.database.unit_of_work(talk.tenant.scope) as session:
        await session.execute(
            update(Conversation).values(visitor_name="Ana", page_url="https://shop.example/cart")
        )
        await session.execute(text("update users set name = 'Zoë' where id = :id"), {"id": desk.user_id})
    filled = (await client.post(path, json=body, headers=desk.headers)).json()
    assert "Hello Ana, " in filled["text"]
    assert "of Test workspace here. https://shop.example/cart" in filled["text"]
    assert "conversation.page" not in filled["missing"]


@pytest.mark.parametrize(
    ("role", "may_write"),
    [(Role.OWNER, 1), (Role.ADMIN, 1), (Role.AGENT, 1), (Role.ANALYST, 0), (Role.VIEWER, 0)],
)
async def test_who_answers_visitors_writes_them_and_all_members_read_them(
    client: httpx.AsyncClient, factory: Factory, role: Role, may_write: int
) -> None:
    talk = await begin(client, factory, QUESTION)
    made = await add(client, talk.tenant.headers)
    _, headers = await factory.member(talk.tenant, role)
    path = f"{PATH}/{made['id']}"
    written = [
        await client.post(PATH, json={"name": "b", "text": "x"}, headers=headers),
        await client.patch(path, json={"text": "y"}, headers=headers),
        await client.post(f"{path}/render", json={"conversationId": talk.conversation_id}, headers=headers),
        await client.delete(path, headers=headers),
    ]
    assert [each.status_code for each in written] == ([201, 200, 200, 200] if may_write else [403] * 4)
    assert (await client.get(PATH, headers=headers)).status_code == 200


async def test_nobody_reaches_those_of_another_workspace(client: httpx.AsyncClient, factory: Factory) -> None:
    talk = await begin(client, factory, QUESTION)
    stranger = await factory.tenant()
    made, own = await add(client, talk.tenant.headers), await add(client, stranger.headers)
    path = f"{PATH}/{made['id']}"
    reached = [
        await client.get(path, headers=stranger.headers),
        await client.patch(path, json={"text": "y"}, headers=stranger.headers),
        await client.delete(path, headers=stranger.headers),
        await client.post(
            f"{PATH}/{own['id']}/render",
            json={"conversationId": talk.conversation_id},
            headers=stranger.headers,
        ),
    ]
    assert [each.status_code for each in reached] == [404] * 4
    assert await names(client, stranger.headers) == ["hello"]
    assert (await client.get(path, headers=talk.tenant.headers)).json() == made
    assert (await client.get(PATH)).status_code == 401
