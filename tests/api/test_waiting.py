"""Since when a visitor waits for a person, and the list in that order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlmodel import col

from helpninja_app.accounts.callers import KeyCaller
from helpninja_app.accounts.permissions import Permission
from helpninja_app.conversations.inbox import Part, Position, _listed
from helpninja_app.conversations.models import Conversation
from helpninja_app.kernel.database import new_id
from helpninja_app.resources import Resources
from tests.api.chatting import QUESTION, shop
from tests.api.inboxing import Desk, Talk, begin
from tests.api.test_inbox_list import ids, listed
from tests.factories import Factory


async def since(desk: Desk) -> str | None:
    found: str | None = (await desk.read())["waitingSince"]
    return found


async def messages_by(desk: Desk, role: str) -> list[dict[str, Any]]:
    return [each for each in (await desk.read())["messages"] if each["role"] == role]


async def let_wait(resources: Resources, talk: Talk, minutes: int) -> None:
    """As if the visitor had begun to wait so long ago."""
    async with resources.database.unit_of_work(talk.tenant.scope) as session:
        await session.execute(
            text("update conversations set waiting_since = :since where id = :id"),
            {"since": datetime.now(UTC) - timedelta(minutes=minutes), "id": talk.conversation_id},
        )


async def test_a_visitor_waits_from_asking_for_a_person_until_one_answers(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    talk = await begin(client, factory, QUESTION)
    desk = await talk.desk()
    assert await since(desk) is None
    await talk.ask("Can I talk to a human please?")
    asked = await since(desk)
    assert asked == (await desk.read())["changes"][-1]["createdAt"]
    await talk.ask("Are you there?")
    await desk.done("take-over")
    assert await since(desk) == asked
    await desk.done("reply", text="Hello")
    assert await since(desk) is None


async def test_who_writes_to_a_person_waits_from_the_first_message_without_an_answer(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    talk = await begin(client, factory, QUESTION)
    desk = await talk.desk()
    await desk.done("take-over")
    assert await since(desk) is None
    await talk.ask("Can I send them back?")
    await talk.ask("The boots, I mean.")
    first = (await messages_by(desk, "visitor"))[-2]
    assert first["text"] == "Can I send them back?"
    assert await since(desk) == first["createdAt"]
    await desk.done("snooze", until=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    assert await since(desk) == first["createdAt"]
    await desk.done("hand-back")
    assert await since(desk) is None


@pytest.mark.parametrize("is_taken_over", [False, True])
async def test_whoever_waited_waits_on_when_a_resolve_is_undone(
    client: httpx.AsyncClient, factory: Factory, *, is_taken_over: bool
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    if is_taken_over:
        await desk.done("take-over")
        await desk.done("reply", text="Hello")
        await talk.ask("Can I send them back?")
    before = await since(desk)
    assert before is not None
    assert (await desk.done("resolve"))["waitingSince"] is None
    assert (await desk.done("reopen"))["waitingSince"] == before
    assert await since(desk) == before


async def test_nobody_waits_after_an_answered_conversation_was_opened_again(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    await desk.done("take-over")
    await desk.done("reply", text="Hello")
    await desk.done("resolve")
    assert (await desk.done("reopen"))["waitingSince"] is None


async def test_whom_a_person_took_up_again_waits_no_more_when_the_end_of_that_is_undone(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    for what in ("resolve", "take-over", "resolve", "reopen"):
        await desk.done(what)
    assert await since(desk) is None


async def test_who_waits_longest_is_first_and_the_others_follow(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await shop(factory)
    talks = [await begin(client, factory, tenant=tenant) for _ in range(3)]
    others = [await begin(client, factory, QUESTION, tenant=tenant) for _ in range(3)]
    for talk, minutes in zip(talks, (5, 90, 40), strict=True):
        await let_wait(resources, talk, minutes)
    desk = await talks[0].desk()
    in_order = [talks[1], talks[2], talks[0], *reversed(others)]
    seen, cursor = [], ""
    while cursor is not None:
        page = await listed(desk, sort="waiting", limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [each["id"] for each in page["conversations"]]
        cursor = page["nextCursor"]
    assert seen == [talk.conversation_id for talk in in_order]
    assert await ids(desk, sort="waiting", status="waiting") == seen[:3]
    assert await ids(desk, sort="waiting", limit=3) == seen[:3]


async def test_a_cursor_goes_on_in_its_own_sort_alone(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant = await shop(factory)
    talks = [await begin(client, factory, tenant=tenant) for _ in range(2)]
    desk = await talks[0].desk()
    for sort, other in (("newest", "waiting"), ("waiting", "newest")):
        cursor = (await listed(desk, sort=sort, limit=1))["nextCursor"]
        refused = await client.get(
            "/api/conversations",
            headers=desk.headers,
            params={"tenantId": str(tenant.id), "sort": other, "cursor": cursor},
        )
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["field"] == "query.cursor"


@pytest.mark.parametrize("is_first_page", [True, False])
async def test_an_index_has_the_order_of_who_waits_longest(
    factory: Factory, resources: Resources, *, is_first_page: bool
) -> None:
    tenant = await factory.tenant()
    caller = KeyCaller(tenant.workspace, new_id(), "Tests", frozenset(Permission))
    after = None if is_first_page else Position(datetime.now(UTC), new_id(), Part.WAITING)
    query = _listed(caller, Part.WAITING, after).where(col(Conversation.workspace_id) == tenant.id).limit(51)
    async with resources.database.unit_of_work(tenant.scope) as session:
        # Of a few rows the planner reads all: asked is whether it could do without sorting.
        await session.execute(text("set local enable_sort = off"))
        connection = await session.connection()
        asked = query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        plan = await connection.exec_driver_sql(f"explain {asked}")
        lines = plan.scalars().all()
    assert "conversations_longest_waiting" in "".join(lines)
    assert not any("Sort" in line for line in lines)
