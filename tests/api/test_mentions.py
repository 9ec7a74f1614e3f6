"""Notices of mentions: who gets one, who reads it, and when it is gone."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text

from helpninja_app.accounts.models import Role
from helpninja_app.kernel.database import new_id
from helpninja_app.kernel.scope import Scope
from helpninja_app.resources import Resources
from tests.api.chatting import QUESTION
from tests.api.inboxing import Desk, begin
from tests.factories import Factory

PATH = "/api/mentions"


async def told(desk: Desk, **wanted: str) -> dict[str, Any]:
    params = {"tenantId": str(desk.tenant.id)} | wanted
    answer = await desk.client.get(PATH, headers=desk.headers, params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def read(desk: Desk, **body: object) -> int:
    answer = await desk.client.post(f"{PATH}/read", headers=desk.headers, json=body)
    assert answer.status_code == 200, answer.text
    unread: int = answer.json()["unread"]
    return unread


async def test_who_is_mentioned_is_told_once_and_nobody_else(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    talk = await begin(client, factory, QUESTION)
    author, viewer, other = await talk.desk(), await talk.desk(Role.VIEWER), await talk.desk()
    note = {"text": "Have a look?", "clientId": str(new_id())}
    for _ in range(2):
        # Sent again, it is the same note.
        await author.done("note", mentions=[viewer.user_id, author.user_id, viewer.user_id], **note)
    found = await told(viewer)
    assert [each["text"] for each in found["mentions"]] == ["Have a look?"]
    assert [each["conversationId"] for each in found["mentions"]] == [talk.conversation_id]
    assert found["unread"] == 1
    assert await told(author) == {"mentions": [], "unread": 0}
    assert await told(other) == {"mentions": [], "unread": 0}


async def test_what_is_read_stays_and_counts_no_more(client: httpx.AsyncClient, factory: Factory) -> None:
    talk = await begin(client, factory, QUESTION)
    author, member = await talk.desk(), await talk.desk()
    for words in ("one", "two", "three"):
        await author.done("note", text=words, mentions=[member.user_id])
    latest = (await told(member))["mentions"][0]
    assert latest["text"] == "three"
    assert await read(member, ids=[latest["id"]]) == 2
    assert [each["text"] for each in (await told(member, unread="true"))["mentions"]] == ["two", "one"]
    assert await read(member) == 0
    assert all(each["readAt"] for each in (await told(member))["mentions"])
    assert len((await told(member, limit="1"))["mentions"]) == 1


async def test_nobody_reads_or_marks_those_of_another(client: httpx.AsyncClient, factory: Factory) -> None:
    talk = await begin(client, factory, QUESTION)
    author, member = await talk.desk(), await talk.desk()
    await author.done("note", text="Have a look?", mentions=[member.user_id])
    [notice] = (await told(member))["mentions"]
    assert await read(author, ids=[notice["id"]]) == 0
    assert (await told(member))["unread"] == 1
    assert (await client.get(PATH, headers=talk.tenant.headers)).status_code == 403
    assert (await client.get(PATH)).status_code == 401
    refused = await client.post(f"{PATH}/read", headers=member.headers, json={"ids": ["x"]})
    assert refused.status_code == 400


async def test_the_database_shows_a_notice_to_its_member_alone(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory, QUESTION)
    author, member = await talk.desk(), await talk.desk()
    await author.done("note", text="Have a look?", mentions=[member.user_id])
    counts = []
    for user in (member, author):
        scope = Scope.members(talk.tenant.id, UUID(user.user_id))
        async with resources.database.unit_of_work(scope) as session:
            counts.append((await session.execute(text("select count(*) from mention_notices"))).scalar_one())
    assert counts == [1, 0]


async def test_who_left_or_is_suspended_is_not_told(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory, QUESTION)
    author, suspended, leaving = await talk.desk(), await talk.desk(), await talk.desk()
    ids = {"suspended": suspended.user_id, "leaving": leaving.user_id}
    await author.done("note", text="Before.", mentions=[leaving.user_id])
    async with resources.database.unit_of_work(talk.tenant.scope) as session:
        await session.execute(text("update members set suspended_at = now() where user_id = :suspended"), ids)
        await session.execute(text("delete from members where user_id = :leaving"), ids)
    await author.done("note", text="After.", mentions=[suspended.user_id])
    refused = await author.do("note", text="After.", mentions=[leaving.user_id])
    assert refused.status_code == 422
    for user in (suspended, leaving):
        scope = Scope.members(talk.tenant.id, UUID(user.user_id))
        async with resources.database.unit_of_work(scope) as session:
            kept = await session.execute(text("select count(*) from mention_notices"))
            assert kept.scalar_one() == 0


async def test_a_member_of_two_workspaces_is_told_in_the_right_one(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory, QUESTION)
    author, member = await talk.desk(), await talk.desk()
    other = await factory.tenant()
    async with resources.database.unit_of_work(other.scope) as session:
        await session.execute(
            text("insert into members (workspace_id, user_id, role) values (:workspace, :user, 'agent')"),
            {"workspace": other.id, "user": member.user_id},
        )
    await author.done("note", text="Have a look?", mentions=[member.user_id])
    there = await client.get(PATH, headers=member.headers, params={"tenantId": str(other.id)})
    assert there.json() == {"mentions": [], "unread": 0}
    assert (await told(member))["unread"] == 1
