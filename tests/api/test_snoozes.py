"""What is put off comes back: with a wish for a person, when it is resolved, and when its time is up."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text, update
from sqlmodel import col

from helpninja_app.conversations.models import Conversation
from helpninja_app.conversations.notices import Change, inbox_topic
from helpninja_app.conversations.snoozes import wake
from helpninja_app.kernel.columns import now
from helpninja_app.resources import Resources
from tests.api.chatting import QUESTION
from tests.api.inboxing import Desk, Talk, begin, heard
from tests.api.test_contact import told
from tests.api.test_later_days import ask_for_a_person
from tests.factories import Factory


def in_hours(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


async def listed(desk: Desk, **wanted: str) -> list[tuple[str, bool]]:
    """Conversations and whether they are unread, the latest first."""
    params = {"tenantId": str(desk.tenant.id)} | wanted
    found = await desk.client.get("/api/conversations", headers=desk.headers, params=params)
    return [(each["id"], each["unread"]) for each in found.json()["conversations"]]


async def read(desk: Desk, talk: Talk) -> None:
    path = f"/api/conversations/{talk.conversation_id}/read"
    params = {"tenantId": str(desk.tenant.id)}
    response = await desk.client.post(path, headers=desk.headers, params=params, json={"read": True})
    assert response.status_code == 200, response.text


async def snooze(desk: Desk) -> None:
    assert (await desk.done("snooze", until=in_hours(2)))["snoozedUntil"]


async def let_time_pass(resources: Resources, talk: Talk) -> None:
    """As if the time until which it was put off had come."""
    async with resources.database.unit_of_work(talk.tenant.scope) as session:
        await session.execute(
            update(Conversation)
            .where(col(Conversation.id) == talk.conversation_id)
            .values(snoozed_until=now() - timedelta(seconds=1))
        )


async def planned(resources: Resources, talk: Talk) -> list[datetime]:
    """When jobs that wait will look at the conversation."""
    async with resources.database.unit_of_work() as session:
        found = await session.execute(
            text("select scheduled_at from procrastinate_jobs where args ->> 'conversation_id' = :id"),
            {"id": talk.conversation_id},
        )
        return list(found.scalars())


async def woken(resources: Resources, talk: Talk) -> bool:
    return await wake(resources.database, resources.queue, talk.tenant.id, UUID(talk.conversation_id))


async def test_what_is_snoozed_comes_back_unread_when_the_visitor_asks_for_a_person(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    talk = await begin(client, factory, QUESTION)
    desk = await talk.desk()
    # The second time a person waits to be asked already.
    for _ in range(2):
        await read(desk, talk)
        await snooze(desk)
        await ask_for_a_person(talk)
        assert (await desk.read())["snoozedUntil"] is None
        assert await listed(desk) == [(talk.conversation_id, True)]


async def test_what_is_snoozed_comes_back_with_the_second_thumb_down(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    talk = await begin(client, factory, QUESTION)
    await talk.ask(QUESTION)
    desk = await talk.desk()
    answers = [each["id"] for each in (await desk.read())["messages"] if each["role"] == "bot"]
    await snooze(desk)
    await told(talk, "feedback", messageId=answers[0], rating="down")
    assert (await desk.read())["snoozedUntil"]
    await told(talk, "feedback", messageId=answers[1], rating="down")
    assert (await desk.read())["snoozedUntil"] is None


async def test_what_is_resolved_is_no_longer_snoozed(client: httpx.AsyncClient, factory: Factory) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    await snooze(desk)
    assert (await desk.done("resolve"))["snoozedUntil"] is None
    assert (await desk.done("reopen"))["snoozedUntil"] is None


async def test_when_its_time_is_up_it_comes_back_on_top_and_unread_for_everybody_and_inboxes_hear_of_it(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory, QUESTION)
    newer = await begin(client, factory, QUESTION, tenant=talk.tenant)
    desk, other = await talk.desk(), await talk.desk()
    for each in (desk, other):
        await read(each, talk)
        await read(each, newer)
    changed = f"{talk.conversation_id} {Change.DETAILS.value}"
    with resources.live.listening(inbox_topic(talk.tenant.id)) as inbox:
        await snooze(desk)
        await heard(inbox, changed)
        assert not await woken(resources, talk)
        await let_time_pass(resources, talk)
        assert await woken(resources, talk)
        await heard(inbox, changed)
    assert (await desk.read())["snoozedUntil"] is None
    for each in (desk, other):
        assert await listed(each) == [(talk.conversation_id, True), (newer.conversation_id, False)]


async def test_what_is_somebody_s_comes_back_unread_for_them_alone(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory, QUESTION)
    desk, other = await talk.desk(), await talk.desk()
    await desk.done("assign", userId=desk.user_id)
    for each in (desk, other):
        await read(each, talk)
    await snooze(desk)
    await let_time_pass(resources, talk)
    assert await woken(resources, talk)
    assert await listed(desk) == [(talk.conversation_id, True)]
    assert await listed(other) == [(talk.conversation_id, False)]
    await read(desk, talk)
    assert await listed(desk) == [(talk.conversation_id, False)]


async def test_of_many_who_wake_it_at_once_one_does(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory, QUESTION)
    await snooze(await talk.desk())
    await let_time_pass(resources, talk)
    assert sorted(await asyncio.gather(*(woken(resources, talk) for _ in range(8)))) == [False] * 7 + [True]


async def test_a_snooze_that_was_taken_back_or_made_longer_wakes_nothing(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory, QUESTION)
    desk = await talk.desk()
    await snooze(desk)
    await desk.done("snooze", until=in_hours(4))
    assert not await woken(resources, talk)
    await desk.done("snooze", until=None)
    assert not await woken(resources, talk)


async def test_however_often_it_is_put_off_one_job_waits_and_comes_in_time(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory, QUESTION)
    desk = await talk.desk()
    untils = [datetime.now(UTC) + timedelta(hours=hours) for hours in (8, 2, 4)]
    for until in untils:
        await desk.done("snooze", until=until.isoformat())
    assert await planned(resources, talk) == [untils[1]]
    async with resources.database.unit_of_work() as session:
        # As the worker does that takes it.
        await session.execute(
            text("delete from procrastinate_jobs where args ->> 'conversation_id' = :id"),
            {"id": talk.conversation_id},
        )
    assert not await woken(resources, talk)
    [at] = await planned(resources, talk)
    assert abs(at - untils[2]) < timedelta(minutes=1)


async def test_a_worker_wakes_it_at_its_time(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, worker: None
) -> None:
    talk = await begin(client, factory, QUESTION)
    desk = await talk.desk()
    await snooze(desk)
    await let_time_pass(resources, talk)
    async with resources.database.unit_of_work() as session:
        await session.execute(
            text("update procrastinate_jobs set scheduled_at = now() where args ->> 'conversation_id' = :id"),
            {"id": talk.conversation_id},
        )
    found: dict[str, Any] = {"snoozedUntil": ""}
    async with asyncio.timeout(30):
        while found["snoozedUntil"] is not None:
            await asyncio.sleep(0.05)
            found = await desk.read()
    assert await listed(desk) == [(talk.conversation_id, True)]


async def test_what_is_somebody_s_who_is_suspended_by_then_comes_back_unread_for_the_others(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory, QUESTION)
    desk, other = await talk.desk(), await talk.desk()
    await desk.done("assign", userId=desk.user_id)
    await read(other, talk)
    await snooze(desk)
    async with resources.database.unit_of_work(talk.tenant.scope) as session:
        await session.execute(
            text("update members set suspended_at = now() where user_id = :id"), {"id": desk.user_id}
        )
    await let_time_pass(resources, talk)
    assert await woken(resources, talk)
    assert await listed(other) == [(talk.conversation_id, True)]
