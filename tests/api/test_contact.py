"""Who a visitor is and what they think: asked, told to people, and of their own conversation alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.accounts.business_hours import WEEK
from helpninja_app.conversations.contact import Kind, NextStep, next_step
from helpninja_app.kernel.scope import Scope
from helpninja_app.resources import Resources
from tests.api.chatting import ask, shop
from tests.api.inboxing import Talk, begin
from tests.factories import Factory, Tenant

QUESTION = "How long do I have to return boots?"


async def tell(talk: Talk, what: str, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
    return await talk.client.post(f"/api/widget/{what}", headers=headers or talk.token, json=body)


async def told(talk: Talk, what: str, **body: Any) -> dict[str, Any]:
    response = await tell(talk, what, **body)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def shown(talk: Talk) -> dict[str, Any]:
    response = await talk.client.get("/api/widget/conversation", headers=talk.token)
    assert response.status_code == 200
    found: dict[str, Any] = response.json()
    return found


async def held_until(resources: Resources, tenant: Tenant, conversation_id: str) -> list[float]:
    """Seconds until each delivery of the conversation is due."""
    async with resources.database.unit_of_work(Scope.members(tenant.id)) as session:
        found = await session.execute(
            text(
                "select extract(epoch from due_at - now())::float from due_deliveries d join deliveries e"
                " on e.id = d.delivery_id where e.conversation_id = :id"
            ),
            {"id": conversation_id},
        )
        return [float(each) for each in found.scalars()]


async def with_integration(client: httpx.AsyncClient, factory: Factory) -> Tenant:
    """A workspace that tells somebody by mail."""
    tenant = await shop(factory)
    _, headers = await factory.member(tenant)
    made = await client.post(
        "/api/integrations",
        headers=headers,
        json={
            "tenantId": str(tenant.id),
            "provider": "email",
            "name": "Team",
            "credentials": {"to": "t@e.co"},
        },
    )
    assert made.status_code == 201, made.text
    return tenant


async def close(resources: Resources, tenant: Tenant) -> None:
    """Nobody is there at the moment: only for some hours in three days, each week."""
    async with resources.database.unit_of_work(Scope.members(tenant.id)) as session:
        await session.execute(
            text(
                "update workspaces set time_zone = 'Asia/Kolkata', business_hours = jsonb_build_object("
                "lower(to_char(now() + interval '3 days', 'Dy')), cast(:hours as jsonb)) where id = :id"
            ),
            {"id": tenant.id, "hours": '[["09:00", "17:00"]]'},
        )


async def a_week_later(resources: Resources, talk: Talk) -> None:
    """The visitor was asked who they are a week ago."""
    async with resources.database.unit_of_work(Scope.members(talk.tenant.id)) as session:
        await session.execute(
            text(
                "update conversations set contact_asked_at = contact_asked_at - interval '7 days'"
                " where id = :id"
            ),
            {"id": talk.conversation_id},
        )


@pytest.mark.parametrize(
    "answer", [{"email": "Ada@Example.com", "name": " Ada  L. "}, {"declined": True}], ids=str
)
async def test_an_escalation_waits_two_minutes_for_the_contact_and_goes_at_the_answer(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, answer: dict[str, Any]
) -> None:
    talk = await begin(client, factory, tenant=await with_integration(client, factory))
    [held] = await held_until(resources, talk.tenant, talk.conversation_id)
    assert 100 < held <= 120
    await told(talk, "contact", **answer)
    assert all(each <= 0 for each in await held_until(resources, talk.tenant, talk.conversation_id))


async def test_a_visitor_without_a_token_is_not_asked_and_their_escalation_does_not_wait(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await with_integration(client, factory)
    answer = (await ask(client, tenant, "Can I talk to a human please?")).json()
    assert (answer["escalated"], answer["contactRequested"]) == (True, False)
    [held] = await held_until(resources, tenant, answer["conversationId"])
    assert held <= 0


async def test_what_a_member_asks_for_does_not_wait(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant = await with_integration(client, factory)
    talk = await begin(client, factory, QUESTION, tenant=tenant)
    _, headers = await factory.member(tenant)
    response = await client.post(
        "/api/escalate",
        headers=headers,
        json={"tenantId": str(tenant.id), "conversationId": talk.conversation_id, "reason": "rule"},
    )
    [result] = response.json()["results"]
    assert result.get("error") != "queued"


async def test_the_visitor_is_asked_once(client: httpx.AsyncClient, factory: Factory) -> None:
    talk = await begin(client, factory)
    assert (await shown(talk))["contactRequested"]
    assert await told(talk, "contact", declined=True) == {"ok": True, "contact": "declined"}
    assert not (await shown(talk))["contactRequested"]
    assert not (await talk.ask("I want a human being, please."))["contactRequested"]


async def test_who_writes_to_a_person_is_still_asked(client: httpx.AsyncClient, factory: Factory) -> None:
    talk = await begin(client, factory)
    await (await talk.desk()).done("take-over")
    assert (await shown(talk))["contactRequested"]
    reply = await talk.ask("I am at home until six.")
    assert (reply["handledBy"], reply["contactRequested"]) == ("human", True)
    await told(talk, "contact", declined=True)
    assert not (await talk.ask("Or until seven."))["contactRequested"]


async def test_what_was_given_is_seen_by_members_and_stays_when_it_is_declined_later(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    await told(talk, "contact", email="Ada@Example.com", name=" Ada  L. ")
    assert await told(talk, "contact", declined=True) == {"ok": True, "contact": "given"}
    visitor = (await desk.read())["visitor"]
    assert (visitor["name"], visitor["email"], visitor["contact"]) == ("Ada L.", "ada@example.com", "given")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "Ada"},
        {"email": "ada"},
        {"email": "a@b.c\nBcc: x@y.z"},
        {"email": "a@b.co, c@d.co"},
        {"email": "ada@example.com", "name": "x" * 121},
    ],
    ids=range(6),
)
async def test_what_is_no_address_is_refused(
    client: httpx.AsyncClient, factory: Factory, body: dict[str, Any]
) -> None:
    talk = await begin(client, factory)
    assert (await tell(talk, "contact", **body)).status_code == 422
    assert (await shown(talk))["contactRequested"]


async def test_outside_business_hours_the_visitor_learns_when_somebody_is_there(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await shop(factory)
    await close(resources, tenant)
    talk = await begin(client, factory, tenant=tenant)
    step = (await shown(talk))["next"]
    assert step["kind"] == "later"
    assert step["opensAt"].endswith("T03:30:00+00:00")


async def test_who_declined_is_asked_again_where_nobody_is_there_and_once_until_somebody_is(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory, tenant=await with_integration(client, factory))
    await told(talk, "contact", declined=True)
    await a_week_later(resources, talk)
    await close(resources, talk.tenant)
    again = await talk.ask("I want a human being, please.")
    assert (again["next"]["kind"], again["contactRequested"]) == ("later", True)
    assert (await talk.ask("Do penguins sing opera on Mars?"))["reason"] == "no_answer"
    assert all(each <= 0 for each in await held_until(resources, talk.tenant, talk.conversation_id))
    await told(talk, "contact", declined=True)
    assert not (await talk.ask("Where is the human being?"))["contactRequested"]
    await a_week_later(resources, talk)
    assert (await talk.ask("Can I talk to a human please?"))["contactRequested"]


async def test_who_declines_in_a_time_when_nobody_is_there_is_not_asked_again_in_it(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    talk = await begin(client, factory, tenant=await with_integration(client, factory))
    await a_week_later(resources, talk)
    await close(resources, talk.tenant)
    await told(talk, "contact", declined=True)
    assert not (await talk.ask("I want a human being, please."))["contactRequested"]


@pytest.mark.parametrize(
    ("hours", "closes"),
    [
        ({"fri": [["09:00", "17:00"]]}, datetime(2026, 11, 27, 17, tzinfo=UTC)),
        ({day: [["00:00", "24:00"]] for day in WEEK[:5]}, datetime(2026, 11, 28, tzinfo=UTC)),
        ({day: [["00:00", "24:00"]] for day in WEEK[:6]}, None),
    ],
    ids=["today", "at midnight", "not within a day"],
)
async def test_within_business_hours_the_visitor_learns_until_when_somebody_is_there(
    factory: Factory, hours: dict[str, list[list[str]]], closes: datetime | None
) -> None:
    tenant = await factory.tenant()
    workspace = replace(tenant.workspace, business_hours=hours, time_zone="UTC")
    friday = datetime(2026, 11, 27, 10, tzinfo=UTC)
    assert next_step(workspace, "waiting", friday) == NextStep(Kind.SOON, closes_at=closes)


async def test_without_business_hours_somebody_comes_soon(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    talk = await begin(client, factory)
    assert (await shown(talk))["next"] == {"kind": "soon", "opensAt": None, "closesAt": None}
    await (await talk.desk()).done("take-over")
    assert (await shown(talk))["next"] is None


async def test_a_thumb_can_be_given_changed_and_taken_back(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    talk = await begin(client, factory, QUESTION)
    desk = await talk.desk()
    answer = next(each["id"] for each in (await shown(talk))["messages"] if each["role"] == "bot")
    for rating in ("up", "down", "down", None):
        assert await told(talk, "feedback", messageId=answer, rating=rating) == {
            "ok": True,
            "escalated": False,
        }
        of_members = {each["id"]: each["rating"] for each in (await desk.read())["messages"]}
        assert of_members[answer] == rating
        assert {each["id"]: each["rating"] for each in (await shown(talk))["messages"]}[answer] == rating


async def test_the_second_thumb_down_asks_for_a_person(client: httpx.AsyncClient, factory: Factory) -> None:
    talk = await begin(client, factory, QUESTION)
    answers = [(await talk.ask(QUESTION))["messageId"] for _ in range(2)]
    desk = await talk.desk()
    await desk.done("hand-back")
    first, second = [await told(talk, "feedback", messageId=each, rating="down") for each in answers]
    assert (first["escalated"], second["escalated"]) == (False, True)
    found = await desk.read()
    assert (found["status"], found["reason"]) == ("waiting", "negative_feedback")
    assert not (await told(talk, "feedback", messageId=answers[1], rating="down"))["escalated"]


async def test_thumbs_of_what_was_resolved_no_longer_count(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    talk = await begin(client, factory, QUESTION)
    first = (await talk.ask(QUESTION))["messageId"]
    await told(talk, "feedback", messageId=first, rating="down")
    await (await talk.desk()).done("resolve")
    second = (await talk.ask(QUESTION))["messageId"]
    assert not (await told(talk, "feedback", messageId=second, rating="down"))["escalated"]


async def test_a_conversation_is_rated_once_it_is_resolved(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    assert (await tell(talk, "feedback", csat=5)).status_code == 409
    await desk.done("resolve")
    assert (await shown(talk))["csatRequested"]
    await told(talk, "feedback", csat=4, comment=" Quick. ")
    assert not (await shown(talk))["csatRequested"]
    found = await desk.read()
    assert (found["csat"], found["csatComment"]) == (4, "Quick.")


@pytest.mark.parametrize(
    ("comment", "kept"),
    [
        ("Quick.", "new message; the rating before was 4 of 5: “Quick.”"),
        ("", "new message; the rating before was 4 of 5."),
    ],
)
async def test_what_goes_on_after_a_rating_is_rated_anew_and_its_timeline_keeps_the_earlier_one(
    client: httpx.AsyncClient, factory: Factory, comment: str, kept: str
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    await desk.done("resolve")
    await told(talk, "feedback", csat=4, comment=comment)
    await talk.ask(QUESTION)
    found = await desk.read()
    assert (found["csat"], found["csatComment"]) == (None, "")
    assert [each["reason"] for each in found["changes"] if each["fromStatus"] == "resolved"] == [kept]
    await desk.done("resolve")
    assert (await shown(talk))["csatRequested"]
    await told(talk, "feedback", csat=2)
    assert ((await desk.read())["csat"], (await shown(talk))["csatRequested"]) == (2, False)


async def test_a_rating_stays_when_its_conversation_is_opened_again_by_a_member(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    talk = await begin(client, factory)
    desk = await talk.desk()
    await desk.done("resolve")
    await told(talk, "feedback", csat=4, comment="Quick.")
    await desk.done("reopen")
    found = await desk.read()
    assert (found["csat"], found["csatComment"]) == (4, "Quick.")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"csat": 0},
        {"csat": 6},
        {"csat": "5"},
        {"messageId": "x", "rating": "up"},
        {"messageId": str(uuid4()), "rating": "sideways"},
        {"messageId": str(uuid4()), "csat": 3},
    ],
    ids=range(7),
)
async def test_what_is_no_feedback_is_refused(
    client: httpx.AsyncClient, factory: Factory, body: dict[str, Any]
) -> None:
    talk = await begin(client, factory)
    assert (await tell(talk, "feedback", **body)).status_code == 422


async def test_nobody_rates_or_names_the_visitor_of_another_conversation(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    talk, eve = await begin(client, factory, QUESTION), await begin(client, factory)
    answer = next(each["id"] for each in (await shown(talk))["messages"] if each["role"] == "bot")
    for other in (eve, await begin(client, factory, tenant=talk.tenant)):
        assert (await tell(other, "feedback", messageId=answer, rating="down")).status_code == 404
        await told(other, "contact", email="eve@example.com")
    found = await (await talk.desk()).read()
    assert (found["visitor"]["email"], found["messages"][1]["rating"]) == ("", None)


async def test_the_visitor_s_own_words_cannot_be_rated(client: httpx.AsyncClient, factory: Factory) -> None:
    talk = await begin(client, factory)
    mine = next(each["id"] for each in (await shown(talk))["messages"] if each["role"] == "visitor")
    assert (await tell(talk, "feedback", messageId=mine, rating="up")).status_code == 404


async def test_without_a_token_nothing_is_told(client: httpx.AsyncClient, factory: Factory) -> None:
    talk = await begin(client, factory)
    for what in ("contact", "feedback"):
        response = await tell(talk, what, headers={"x-nothing": "1"}, declined=True, csat=5)
        assert response.status_code == 401


async def test_a_second_conversation_of_that_workspace_starts_unknown(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    talk = await begin(client, factory)
    await told(talk, "contact", email="ada@example.com")
    another = await begin(client, factory, tenant=talk.tenant)
    assert (await shown(another))["contactRequested"]
