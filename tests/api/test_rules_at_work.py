"""What rules do to a conversation: ask for a person, say where that goes, tell people of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.resources import Resources
from tests.api.chatting import QUESTION, UNRELATED, ask, new_session, reasons_of, shop
from tests.api.inboxing import Talk, begin
from tests.conftest import OpenResources
from tests.deliveries import HOOK, Channel, courier_of, deliveries_of, integrate
from tests.factories import Factory, Tenant

OTHER = "https://hooks.example/other-place-xyz"
ABOUT_BOOTS = {"fact": "keyword", "operator": "any", "values": ["boots"]}


async def rule(
    client: httpx.AsyncClient,
    tenant: Tenant,
    action: str,
    *,
    condition: dict[str, Any] = ABOUT_BOOTS,
    destinations: tuple[UUID, ...] = (),
    name: str = "Boots",
) -> str:
    wish = {
        "name": name,
        "action": action,
        "condition": {"match": "all", "conditions": [condition]},
        "destinations": [str(each) for each in destinations],
    }
    made = await client.post("/api/rules", json=wish, headers=tenant.headers)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def sent(resources: Resources, tenant: Tenant, channel: Channel) -> list[str]:
    """Where everything that is due went, whoever the visitor is."""
    async with resources.database.unit_of_work() as session:
        await session.execute(
            text("update due_deliveries set due_at = now() where workspace_id = :it"), {"it": tenant.id}
        )
    due = [each.id for each in await deliveries_of(resources, tenant.id)]
    await courier_of(resources, channel).deliver_due(due)
    return sorted(place for place, _ in channel.sent)


async def test_a_rule_asks_for_a_person_once_and_says_which_it_was(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant, channel = await shop(factory), Channel()
    await integrate(resources, tenant)
    await rule(client, tenant, "escalate")
    session_id = new_session()
    answers = [(await ask(client, tenant, session_id=session_id)).json() for _ in range(2)]
    assert [each["escalated"] for each in answers] == [True, True]
    assert {each["reason"] for each in answers} == {"rule"}
    conversation_id = answers[0]["conversationId"]
    assert await reasons_of(resources, tenant, conversation_id) == ["rule"]
    read = await client.get(f"/api/conversations/{conversation_id}", headers=tenant.headers)
    assert read.json()["rules"] == ["Boots"]
    assert await sent(resources, tenant, channel) == [HOOK]
    assert channel.sent[0][1].headline == "The rule “Boots” asks for a person"


async def test_what_does_not_match_asks_for_nobody(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant = await shop(factory)
    await rule(client, tenant, "escalate", condition=ABOUT_BOOTS | {"values": ["sandals"]})
    answer = (await ask(client, tenant)).json()
    assert (answer["escalated"], answer["status"]) == (False, "bot")


async def test_the_answers_own_reason_goes_first_and_where_the_rule_says(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant, channel = await shop(factory), Channel()
    await integrate(resources, tenant)
    other = await integrate(resources, tenant, OTHER, provider="teams")
    await rule(
        client, tenant, "escalate", condition=ABOUT_BOOTS | {"values": ["Neptune"]}, destinations=(other,)
    )
    answer = (await ask(client, tenant, UNRELATED)).json()
    assert answer["reason"] == "no_answer"
    assert await reasons_of(resources, tenant, answer["conversationId"]) == ["no_answer"]
    assert await sent(resources, tenant, channel) == [OTHER]


@pytest.mark.parametrize("way", ["button", "words"])
async def test_a_route_says_where_it_goes_whoever_asks(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, way: str
) -> None:
    tenant, channel = await shop(factory), Channel()
    await integrate(resources, tenant)
    other = await integrate(resources, tenant, OTHER, provider="teams")
    page = {"fact": "page", "operator": "begins_with", "values": ["/pricing"]}
    await rule(client, tenant, "route", condition=page, destinations=(other,))
    first = "Hello!" if way == "button" else "Can I talk to a human please?"
    talk = await begin(client, factory, first, tenant=tenant, pageUrl="https://shop.example/pricing/pro")
    if way == "button":
        wish = {"conversationId": talk.conversation_id, "reason": "visitor_request"}
        assert (await client.post("/api/escalate", json=wish, headers=talk.token)).status_code == 200
    assert await sent(resources, tenant, channel) == [OTHER]


async def _thumbs_down(talk: Talk) -> None:
    for _ in range(2):
        answer = await talk.ask(QUESTION)
        body = {"messageId": answer["messageId"], "rating": "down"}
        path = f"/api/widget/feedback?t={talk.tenant.workspace.public_key}"
        told = await talk.client.post(path, json=body, headers=talk.token)
        assert told.status_code == 200, told.text


async def test_two_thumbs_down_go_where_the_rule_says(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant, channel = await shop(factory), Channel()
    await integrate(resources, tenant)
    other = await integrate(resources, tenant, OTHER, provider="teams")
    await rule(client, tenant, "route", destinations=(other,))
    talk = await begin(client, factory, "Hello!", tenant=tenant)
    await _thumbs_down(talk)
    assert await reasons_of(resources, tenant, talk.conversation_id) == ["negative_feedback"]
    assert await sent(resources, tenant, channel) == [OTHER]


async def test_a_notice_is_told_once_and_asks_for_nobody(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant, channel = await shop(factory), Channel()
    await integrate(resources, tenant)
    other = await integrate(resources, tenant, OTHER, provider="teams")
    await rule(client, tenant, "notify", destinations=(other,))
    await rule(client, tenant, "notify", destinations=(other,), name="Boots again")
    talk = await begin(client, factory, QUESTION, tenant=tenant)
    answer = await talk.ask(QUESTION)
    assert (answer["escalated"], answer["status"], answer["contactRequested"]) == (False, "bot", False)
    assert await sent(resources, tenant, channel) == [OTHER, OTHER]
    # Both are under way at once.
    assert sorted(packet.headline for _, packet in channel.sent) == [
        "The rule “Boots again” matches",
        "The rule “Boots” matches",
    ]
    read = await client.get(f"/api/conversations/{talk.conversation_id}", headers=tenant.headers)
    assert read.json()["reasons"] == []
    assert read.json()["rules"] == ["Boots", "Boots again"]
    listed = await client.get("/api/conversations?reason=rule", headers=tenant.headers)
    assert listed.json()["conversations"] == []


async def test_a_notice_does_not_stand_in_the_way_of_what_asks(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await shop(factory)
    await rule(client, tenant, "notify")
    talk = await begin(client, factory, QUESTION, tenant=tenant)
    await rule(client, tenant, "escalate")
    assert (await talk.ask(QUESTION))["reason"] == "rule"


async def test_small_talk_escalates_for_no_rule(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant = await shop(factory)
    always = {"fact": "message_count", "operator": "at_least", "value": 1}
    await rule(client, tenant, "escalate", condition=always)
    assert (await ask(client, tenant, "Hello!")).json()["escalated"] is False


async def test_a_rule_that_is_off_or_cannot_be_read_keeps_nobody_from_an_answer(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await shop(factory)
    off = await rule(client, tenant, "escalate")
    assert (
        await client.patch(f"/api/rules/{off}", json={"isOn": False}, headers=tenant.headers)
    ).status_code == 200
    later = await rule(client, tenant, "escalate", name="Of a later version")
    async with resources.database.unit_of_work(tenant.scope) as session:
        await session.execute(
            text('update rules set condition = \'{"match": "most"}\' where id = :id'), {"id": UUID(later)}
        )
    answer = (await ask(client, tenant)).json()
    assert "sixty days" in answer["answer"]
    assert answer["escalated"] is False


async def test_rules_of_another_workspace_say_nothing_here(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant, other = await shop(factory), await shop(factory)
    await rule(client, other, "escalate")
    assert (await ask(client, tenant)).json()["escalated"] is False


async def test_rules_end_with_the_plan_that_had_them(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await shop(factory, plan="starter")
    await rule(client, tenant, "escalate")
    async with with_resources(unlimited=False):
        assert (await ask(client, tenant)).json()["escalated"] is False


async def test_what_was_handed_back_is_not_asked_for_again_by_the_same_rule(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await shop(factory)
    await rule(client, tenant, "escalate")
    talk = await begin(client, factory, QUESTION, tenant=tenant)
    desk = await talk.desk()
    await desk.done("take-over")
    await desk.done("hand-back")
    assert (await talk.ask(QUESTION))["escalated"] is False
