"""The inbox's list: filters, search, pages, and what is new to whom."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text, update
from sqlmodel import col

from helpninja_app.conversations.contact import give_contact
from helpninja_app.conversations.models import Conversation
from helpninja_app.resources import Resources
from tests.api.chatting import QUESTION, shop
from tests.api.inboxing import Desk, begin
from tests.factories import Factory


async def listed(desk: Desk, **wanted: object) -> dict[str, Any]:
    response = await desk.client.get(
        "/api/conversations",
        headers=desk.headers,
        params={"tenantId": str(desk.tenant.id)} | {k: str(v) for k, v in wanted.items()},
    )
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def ids(desk: Desk, **wanted: object) -> list[str]:
    return [each["id"] for each in (await listed(desk, **wanted))["conversations"]]


async def test_pages_hold_every_conversation_once_the_latest_first(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await shop(factory)
    talks = [await begin(client, factory, QUESTION, tenant=tenant) for _ in range(5)]
    desk = await talks[0].desk()
    first = await listed(desk, limit=2)
    seen, cursor = [each["id"] for each in first["conversations"]], first["nextCursor"]
    # One that is talked in meanwhile does not push another out of sight.
    await talks[0].ask(QUESTION)
    while cursor:
        page = await listed(desk, limit=2, cursor=cursor)
        seen, cursor = seen + [each["id"] for each in page["conversations"]], page["nextCursor"]
    assert seen == [talk.conversation_id for talk in reversed(talks)][: len(seen)]
    assert len(seen) >= 4
    assert first["counts"] == {"bot": 5, "waiting": 0, "human": 0, "resolved": 0}
    assert (await ids(desk))[0] == talks[0].conversation_id


async def test_each_filter_finds_its_own(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await shop(factory)
    asked = await begin(client, factory, tenant=tenant, pageUrl="https://shop.example/cart")
    told = await begin(client, factory, QUESTION, tenant=tenant, pageUrl="https://other.example/")
    desk, other = await asked.desk(), await told.desk()
    assert await ids(desk, status="waiting") == [asked.conversation_id]
    assert await ids(desk, reason="visitor_request") == [asked.conversation_id]
    assert await ids(desk, site="Shop.example") == [asked.conversation_id]
    assert await ids(desk, assignee="none", status="bot") == [told.conversation_id]
    await other.done("take-over")
    await other.done("tags", tags=["Refund"])
    assert await ids(other, assignee="me") == [told.conversation_id]
    assert await ids(desk, assignee="me") == []
    assert await ids(desk, assignee=other.user_id) == [told.conversation_id]
    assert await ids(desk, tag="refund") == [told.conversation_id]
    assert (await listed(desk, tag="refund", status="bot"))["counts"]["human"] == 1
    async with resources.database.unit_of_work(tenant.scope) as session:
        await session.execute(
            update(Conversation)
            .where(col(Conversation.id) == asked.conversation_id)
            .values(last_message_at=datetime(2026, 1, 31, 9, tzinfo=UTC))
        )
    assert await ids(desk, until="2026-02-01T00:00Z") == [asked.conversation_id]
    assert await ids(desk, since="2026-02-01T00:00Z") == [told.conversation_id]


async def test_what_is_snoozed_is_listed_on_its_own(client: httpx.AsyncClient, factory: Factory) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    await desk.done("snooze", until=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    assert (await ids(desk), await ids(desk, snoozed="true")) == ([], [talk.conversation_id])
    await desk.done("snooze", until=None)
    assert (await ids(desk), await ids(desk, snoozed="true")) == ([talk.conversation_id], [])


@pytest.mark.parametrize(
    ("words", "is_found"),
    [
        ("boots", True),
        ("BOOTS refund", True),
        ("boots ref", True),
        ("boots neptune", False),
        ("oots", False),
        ("sixty days of delivery", True),
        ("lemon", True),
        ("we are on it", True),
        ("ana@", True),
        ("ANA@example.com", True),
        ("Ana Re", True),
        ("na Reis", False),
        ("order_77", True),
        ("bo.lind@shop.example", True),
        ("don't", True),
        ("don’t", True),
        ("ZOË", True),
        ("返品", True),
        ("品を", True),
        ("返送", False),
        ("'); drop table conversations; --", False),
        ("& | ! :* <->", False),
        ("\\", False),
        ("%", False),
        ("  ", True),
    ],
)
async def test_words_of_any_message_and_of_the_visitor_s_name_find_a_conversation(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, words: str, is_found: bool
) -> None:
    talk = await begin(client, factory, QUESTION)
    desk = await talk.desk()
    await desk.done("take-over")
    await desk.done("reply", text="We are on it, says Zoë with a lemon: 返品をお願いします")
    await desk.done("reply", text="Order_77 is bo.lind@shop.example's, don't worry.")
    async with resources.database.unit_of_work(talk.visitor.scope) as session:
        await give_contact(session, talk.visitor, name="Ana Reis", email="ana@example.com", is_declined=False)
    assert await ids(desk, q=words) == [talk.conversation_id] * is_found


async def test_a_word_of_endless_length_is_found_by_its_beginning(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    talk = await begin(client, factory, "a" * 3_000)
    desk = await talk.desk()
    assert await ids(desk, q="a" * 200) == [talk.conversation_id]


async def test_a_visitor_finds_no_conversation_by_words_nor_reads_them(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory, QUESTION)
    wanted = text("select count(*) from conversations_with('''boots''')")
    held = text("select count(*) from conversation_words")
    for scope, seen in ((talk.tenant.scope, 1), (talk.visitor.scope, 0)):
        async with resources.database.unit_of_work(scope) as session:
            found = [(await session.execute(query)).scalar_one() for query in (wanted, held)]
        assert found == [seen, seen]


async def test_a_word_finds_nothing_of_another_workspace(client: httpx.AsyncClient, factory: Factory) -> None:
    ours, theirs = [await begin(client, factory, QUESTION) for _ in range(2)]
    desk = await ours.desk()
    assert await ids(desk, q="boots") == [ours.conversation_id]
    assert await ids(await theirs.desk(), q="boots") == [theirs.conversation_id]


async def test_unread_is_what_the_visitor_wrote_since_one_read_it(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    talk = await begin(client, factory)
    desk, colleague = await talk.desk(), await talk.desk()

    async def unread() -> list[bool]:
        return [(await listed(each))["conversations"][0]["unread"] for each in (desk, colleague)]

    assert await unread() == [True, True]
    await desk.done("read", read=True)
    assert await unread() == [False, True]
    await desk.done("take-over")
    await desk.done("reply", text="Hello")
    assert await unread() == [False, True]
    await talk.ask("Thank you, and one more thing")
    assert await unread() == [True, True]
    await colleague.done("read", read=True)
    await colleague.done("read", read=False)
    assert await unread() == [True, True]


async def test_a_thumb_down_that_asks_for_a_person_makes_a_conversation_unread(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    talk = await begin(client, factory, QUESTION)
    answers = [(await talk.ask(QUESTION))["messageId"] for _ in range(2)]
    desk = await talk.desk()
    await desk.done("hand-back")
    await desk.done("read", read=True)
    unread = []
    for answer in answers:
        await talk.rate(messageId=answer, rating="down")
        unread.append((await listed(desk))["conversations"][0]["unread"])
    assert unread == [False, True]


async def test_the_list_shows_what_was_said_last(client: httpx.AsyncClient, factory: Factory) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    await desk.done("take-over")
    await desk.done("reply", text="x" * 5_000)
    [entry] = (await listed(desk))["conversations"]
    assert (len(entry["preview"]), entry["previewBy"]) == (200, "member")
    nothing = dict.fromkeys(("name", "email", "pageUrl", "language", "timeZone"), "")
    assert entry["visitor"] == nothing | {"contact": "asked"}


async def test_nothing_of_another_workspace_is_listed(client: httpx.AsyncClient, factory: Factory) -> None:
    mine, theirs = await begin(client, factory), await begin(client, factory)
    desk = await mine.desk()
    assert await ids(desk) == [mine.conversation_id]
    assert (await listed(desk))["counts"]["waiting"] == 1
    foreign = await client.get(
        "/api/conversations", headers=desk.headers, params={"tenantId": str(theirs.tenant.id)}
    )
    assert foreign.status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cursor", "nonsense"),
        ("cursor", "2026-01-01T00:00:00~x"),
        ("since", "2026-01-31T09:00"),
        ("until", "tomorrow"),
        ("status", "asleep"),
        ("reason", "boredom"),
        ("limit", "0"),
        ("q", "a\u0000b"),
        ("q", "x" * 201),
    ],
)
async def test_a_wrong_filter_is_named(
    client: httpx.AsyncClient, factory: Factory, field: str, value: str
) -> None:
    tenant = await factory.tenant()
    refused = await client.get("/api/conversations", headers=tenant.headers, params={field: value})
    assert refused.status_code == 422
    assert field in refused.json()["errors"][0]["field"]


async def test_a_program_lists_and_answers_in_the_name_of_the_team(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    talk = await begin(client, factory)
    program = Desk(client, talk.tenant, "", talk.tenant.headers, talk.conversation_id)
    assert await ids(program) == [talk.conversation_id]
    assert (await listed(program))["conversations"][0]["unread"] is False
    refused = await client.get("/api/conversations", headers=talk.tenant.headers, params={"assignee": "me"})
    assert refused.status_code == 422
    await program.done("take-over")
    assert (await program.done("reply", text="Hello"))["authorName"] == "Support"
    await (await talk.desk()).done("reply", text="I help, too.")


async def test_earlier_messages_come_page_by_page(client: httpx.AsyncClient, factory: Factory) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    await desk.done("take-over")
    for n in range(203):
        await desk.done("reply", text=f"Message {n}")
    seen = await desk.read()
    assert (seen["hasEarlier"], len(seen["messages"])) == (True, 200)
    earlier = await client.get(
        f"/api/conversations/{talk.conversation_id}",
        headers=desk.headers,
        params={"tenantId": str(talk.tenant.id), "before": seen["messages"][0]["id"]},
    )
    texts = [each["text"] for each in earlier.json()["messages"][-1:]]
    assert (earlier.json()["hasEarlier"], texts) == (False, ["Message 2"])
