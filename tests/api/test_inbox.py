"""Members at work on a conversation: who may do what, when, and what the visitor gets of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import update
from sqlmodel import col

from helpninja_app.accounts.models import Role, User
from helpninja_app.conversations.desk import NAMELESS, TAKE_OVER_FIRST
from helpninja_app.kernel.scope import Scope
from helpninja_app.resources import Resources
from tests.api.chatting import QUESTION, reasons_of, transitions_of
from tests.api.inboxing import Desk, begin
from tests.factories import Factory


async def test_a_member_takes_over_answers_hands_back_and_resolves_and_the_visitor_rates(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    taken = await desk.done("take-over")
    assert (taken["status"], taken["assigneeId"]) == ("human", desk.user_id)
    await desk.done("reply", text="I am Ana. What can I do for you?")
    silent = await talk.ask(QUESTION)
    assert (silent["answer"], silent["handledBy"]) == ("", "human")
    back = await desk.done("hand-back")
    assert (back["status"], back["assigneeId"]) == ("bot", None)
    answered = await talk.ask(QUESTION)
    assert "sixty days" in answered["answer"]
    await talk.rate(messageId=answered["messageId"], rating="up")
    assert (await desk.done("resolve"))["status"] == "resolved"
    await talk.rate(csat=5, comment="Quick and kind.")
    seen = await desk.read()
    assert [message["rating"] for message in seen["messages"]] == [*[None] * 5, "up"]
    assert (seen["csat"], seen["csatComment"]) == (5, "Quick and kind.")
    assert [message["role"] for message in seen["messages"]] == [
        *("visitor", "bot", "member", "visitor", "visitor", "bot")
    ]
    assert [(each["toStatus"], each["actor"]) for each in seen["changes"]] == [
        ("waiting", "bot"),
        ("human", f"member:{desk.user_id}"),
        ("bot", f"member:{desk.user_id}"),
        ("resolved", f"member:{desk.user_id}"),
    ]
    assert seen["reasons"] == ["visitor_request"]


async def test_the_visitor_reads_the_name_that_a_member_gave_and_never_the_address(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    await desk.done("take-over")
    await desk.done("reply", text="One")
    async with resources.database.unit_of_work(Scope(user_id=_id(desk))) as session:
        await session.execute(update(User).where(col(User.id) == _id(desk)).values(name="Ana Reis"))
    await desk.done("reply", text="Two")
    seen = await client.get("/api/widget/conversation", headers=talk.token)
    assert [each["author"] for each in seen.json()["messages"]] == ["", "", NAMELESS, "Ana Reis"]
    assert "@" not in seen.text


async def test_no_answer_goes_out_before_the_conversation_is_taken_over(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    refused = await desk.do("reply", text="Hello")
    assert (refused.status_code, refused.json()["detail"]) == (409, TAKE_OVER_FIRST)
    await desk.done("resolve")
    assert (await desk.do("reply", text="Hello")).status_code == 409


async def test_of_two_who_take_over_at_once_one_has_the_conversation(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    talk = await begin(client, factory)
    desks = [await talk.desk() for _ in range(4)]
    taken = await asyncio.gather(*(desk.do("take-over") for desk in desks))
    assert sorted(each.status_code for each in taken) == [200, 409, 409, 409]
    holder = next(desk for desk, each in zip(desks, taken, strict=True) if each.status_code == 200)
    others = [desk for desk in desks if desk is not holder]
    assert await holder.done("take-over") == await holder.done("take-over")
    for action, body in (("reply", {"text": "Hi"}), ("hand-back", {}), ("typing", {})):
        assert (await others[0].do(action, **body)).status_code == 409
    await others[0].done("assign", userId=others[0].user_id)
    await others[0].done("reply", text="Now it is mine.")
    assert (await holder.do("reply", text="Hi")).status_code == 409


async def test_a_reply_or_note_that_is_sent_twice_is_stored_once(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    await desk.done("take-over")
    for action in ("reply", "note"):
        id = str(uuid4())
        sent = await asyncio.gather(*(desk.done(action, text="Once", clientId=id) for _ in range(5)))
        assert len({each["id"] for each in sent}) == 1
        assert (await desk.do(action, text="Other", clientId=id)).status_code == 409
    seen = await desk.read()
    assert [each["text"] for each in seen["messages"] if each["role"] == "member"] == ["Once"]
    assert [each["text"] for each in seen["notes"]] == ["Once"]


async def test_a_note_is_never_seen_by_the_visitor(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory)
    desk, colleague = await talk.desk(), await talk.desk(Role.ADMIN)
    note = await desk.done("note", text="He is angry.", mentions=[colleague.user_id, colleague.user_id])
    assert note["mentions"] == [colleague.user_id]
    assert "angry" not in (await client.get("/api/widget/conversation", headers=talk.token)).text
    async with resources.database.unit_of_work(talk.visitor.scope) as session:
        connection = await session.connection()
        found = await connection.exec_driver_sql("select count(*) from conversation_notes")
        assert found.scalar_one() == 0
    stranger = (await (await begin(client, factory)).desk()).user_id
    refused = await desk.do("note", text="Look", mentions=[stranger])
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "body.mentions")


@pytest.mark.parametrize("role", [Role.ANALYST, Role.VIEWER])
async def test_who_may_only_read_does_nothing(
    client: httpx.AsyncClient, factory: Factory, role: Role
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk(role)
    assert len((await desk.read())["messages"]) == 2
    for action, body in ACTIONS.items():
        assert (await desk.do(action, **body)).status_code == 403, action
    helper = await talk.desk()
    refused = await helper.do("assign", userId=desk.user_id)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "body.userId")


async def test_a_member_of_another_workspace_finds_no_such_conversation(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    talk = await begin(client, factory)
    other = await (await begin(client, factory)).desk()
    stranger = Desk(client, other.tenant, other.user_id, other.headers, talk.conversation_id)
    for action, body in ACTIONS.items():
        assert (await stranger.do(action, **body)).status_code == 404, action
    assert (await stranger.do("read", read=True)).status_code == 404
    assert [each["toStatus"] for each in (await (await talk.desk()).read())["changes"]] == ["waiting"]


async def test_what_was_resolved_by_mistake_is_as_it_was_before(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    await desk.done("assign", userId=desk.user_id)
    for _ in range(2):
        resolved = await desk.done("resolve")
        assert (resolved["status"], resolved["reason"]) == ("resolved", None)
        waits = await desk.done("reopen")
        assert (waits["status"], waits["reason"]) == ("waiting", "visitor_request")
        assert waits["assigneeId"] == desk.user_id
    await desk.done("take-over")
    await desk.done("resolve")
    again = await desk.done("reopen")
    assert (again["status"], again["assigneeId"]) == ("human", desk.user_id)
    assert await desk.done("reopen") == again
    await desk.done("hand-back")
    await desk.done("resolve")
    assert (await desk.done("reopen"))["status"] == "bot"


async def test_opening_again_what_waited_asks_for_nobody_anew(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    await desk.done("resolve")
    await desk.done("reopen")
    assert await reasons_of(resources, talk.tenant, talk.conversation_id) == ["visitor_request"]
    assert await transitions_of(resources, talk.tenant, talk.conversation_id) == [
        ("bot", "waiting", "visitor_request"),
        ("waiting", "resolved", "resolved"),
        ("resolved", "waiting", "reopened"),
    ]
    assert (await talk.ask("Can I talk to a human please?"))["escalated"] is True
    assert await reasons_of(resources, talk.tenant, talk.conversation_id) == ["visitor_request"]


async def test_only_what_was_looked_for_in_the_knowledge_has_a_confidence(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    talk = await begin(client, factory)
    await talk.ask(QUESTION)
    seen = (await (await talk.desk()).read())["messages"]
    passed_on, answered = [each for each in seen if each["role"] == "bot"]
    assert passed_on["confidence"] is None
    assert answered["confidence"] > 0


async def test_a_visitor_who_writes_again_opens_what_was_resolved_and_may_be_escalated_anew(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    await desk.done("resolve")
    assert (await talk.ask("I want to talk to a person"))["escalated"] is True
    assert await reasons_of(resources, talk.tenant, talk.conversation_id) == ["visitor_request"] * 2


async def test_what_was_handed_back_asks_again_for_another_topic_only(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory, "Does the planet Neptune have rings made of ice?")
    desk = await talk.desk()
    await desk.done("take-over")
    await desk.done("hand-back")
    same = await talk.ask("How many rings does the planet Neptune have?")
    assert (same["escalated"], same["reason"]) == (False, None)
    other = await talk.ask("Which violin concertos did Sibelius compose in Finland?")
    assert (other["escalated"], other["reason"]) == (True, "no_answer")
    asked = await talk.ask("I want to talk to a person")
    assert asked["escalated"] is True
    assert await transitions_of(resources, talk.tenant, talk.conversation_id) == [
        ("bot", "waiting", "no_answer"),
        ("waiting", "human", "taken over"),
        ("human", "bot", "handed back"),
        ("bot", "waiting", "no_answer"),
    ]


async def test_a_visitor_who_asks_for_a_person_again_after_a_hand_back_gets_one(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    await desk.done("take-over")
    await desk.done("hand-back")
    assert (await talk.ask("Can I talk to a human please?"))["escalated"] is True
    assert await reasons_of(resources, talk.tenant, talk.conversation_id) == ["visitor_request"] * 2


@pytest.mark.parametrize("before", [[], ["resolve"], ["resolve", "reopen"]], ids="+".join)
async def test_a_visitor_is_heard_again_whatever_it_was_given_back_from(
    client: httpx.AsyncClient, factory: Factory, before: list[str]
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    for action in (*before, "hand-back"):
        await desk.done(action)
    asked = await talk.ask("Can I talk to a human please?")
    assert (asked["escalated"], (await desk.read())["status"]) == (True, "waiting")


async def test_a_snoozed_conversation_comes_back_when_the_visitor_writes(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    until = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    assert (await desk.done("snooze", until=until))["snoozedUntil"]
    await talk.ask(QUESTION)
    assert (await desk.read())["snoozedUntil"] is None
    for wrong in ("yesterday", "2020-01-01T00:00:00Z", "2099-01-01T00:00:00", "9999-12-31T23:59:59-14:00"):
        refused = await desk.do("snooze", until=wrong)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "body.until")


async def test_tags_that_are_written_alike_are_one(client: httpx.AsyncClient, factory: Factory) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    assert (await desk.done("tags", tags=["Refund ", "refund", " ", "VIP  client"]))["tags"] == [
        "refund",
        "vip client",
    ]
    assert (await desk.done("tags", tags=[]))["tags"] == []
    assert (await desk.do("tags", tags=["x" * 51])).status_code == 422
    assert (await desk.do("tags", tags=["x"] * 21)).status_code == 422


async def test_a_member_who_leaves_holds_nothing_any_more(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    talk = await begin(client, factory)
    owner, desk = await talk.desk(Role.OWNER), await talk.desk()
    await desk.done("take-over")
    left = await client.delete(
        f"/api/workspaces/{talk.tenant.id}/members/{desk.user_id}", headers=owner.headers
    )
    assert left.status_code == 200, left.text
    assert (await owner.read())["assigneeId"] is None
    await owner.done("reply", text="I go on.")


@pytest.mark.parametrize("text", ["", "   ", "\u200b", "a\u0000b", "x" * 20_001])
async def test_a_text_that_cannot_be_sent_says_so(
    client: httpx.AsyncClient, factory: Factory, text: str
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    await desk.done("take-over")
    for action in ("reply", "note"):
        assert (await desk.do(action, text=text)).status_code == 422


ACTIONS: dict[str, dict[str, object]] = {
    "take-over": {},
    "hand-back": {},
    "resolve": {},
    "reopen": {},
    "typing": {},
    "reply": {"text": "Hello"},
    "note": {"text": "Hello"},
    "assign": {"userId": None},
    "snooze": {"until": None},
    "tags": {"tags": []},
}


def _id(desk: Desk) -> UUID:
    return UUID(desk.user_id)
