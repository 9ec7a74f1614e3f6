"""Rules over HTTP: made, changed, put in order, tried, and by whom."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.accounts.models import Role
from helpninja_app.conversations.rules import service
from helpninja_app.resources import Resources
from tests.api.inboxing import begin
from tests.conftest import OpenResources
from tests.deliveries import integrate
from tests.factories import Factory, Tenant

PATH = "/api/rules"
REFUNDS = {"match": "all", "conditions": [{"fact": "keyword", "operator": "any", "values": ["refund"]}]}


async def add(
    client: httpx.AsyncClient, headers: dict[str, str], name: str = "Refunds", **wished: Any
) -> dict[str, Any]:
    answer = await client.post(
        PATH, json={"name": name, "action": "escalate", "condition": REFUNDS} | wished, headers=headers
    )
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def names(client: httpx.AsyncClient, headers: dict[str, str]) -> list[str]:
    answer = await client.get(PATH, headers=headers)
    assert answer.status_code == 200, answer.text
    return [each["name"] for each in answer.json()["rules"]]


async def actions(resources: Resources, tenant: Tenant) -> list[str]:
    async with resources.database.unit_of_work(tenant.scope) as session:
        found = await session.execute(
            text("select action from audit_events where action like 'rule.%' order by id")
        )
        return list(found.scalars())


async def test_one_is_made_changed_switched_off_and_deleted_and_each_change_is_recorded(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    _, analyst = await factory.member(tenant, Role.ANALYST)
    made = await add(client, analyst, "  Our   refunds ")
    path = f"{PATH}/{made['id']}"
    assert made["name"] == "Our refunds"
    assert made["sentence"] == "Ask for a person when the question has “refund”."
    assert made["condition"] == REFUNDS
    changed = (await client.patch(path, json={"action": "notify"}, headers=analyst)).json()
    assert changed["sentence"] == "Tell its destinations when the question has “refund”."
    assert (await client.patch(path, json={"isOn": False}, headers=analyst)).json()["isOn"] is False
    assert (await client.patch(path, json={"isOn": False}, headers=analyst)).status_code == 200
    assert (await client.delete(path, headers=analyst)).status_code == 200
    assert (await client.delete(path, headers=analyst)).status_code == 404
    assert await names(client, analyst) == []
    assert await actions(resources, tenant) == [
        "rule.created",
        "rule.changed",
        "rule.changed",
        "rule.deleted",
    ]


async def test_they_are_tried_in_the_order_that_they_are_put_in(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    ids = [(await add(client, tenant.headers, name))["id"] for name in ("one", "two", "three")]
    wished = [ids[2], ids[0], ids[1]]
    answer = await client.put(f"{PATH}/order", json={"ids": wished}, headers=tenant.headers)
    assert [each["id"] for each in answer.json()["rules"]] == wished
    assert await names(client, tenant.headers) == ["three", "one", "two"]
    await add(client, tenant.headers, "four")
    assert (await names(client, tenant.headers))[-1] == "four"


@pytest.mark.parametrize("wrong", [[0], [0, 0], [0, 1, 1], []])
async def test_an_order_names_all_of_them_once(
    client: httpx.AsyncClient, factory: Factory, wrong: list[int]
) -> None:
    tenant = await factory.tenant()
    ids = [(await add(client, tenant.headers, name))["id"] for name in ("one", "two")]
    wished = [ids[each] for each in wrong]
    answer = await client.put(f"{PATH}/order", json={"ids": wished}, headers=tenant.headers)
    assert answer.status_code == 409
    assert await names(client, tenant.headers) == ["one", "two"]


@pytest.mark.parametrize("role", [Role.AGENT, Role.VIEWER])
async def test_who_may_not_decide_reads_and_tries_them(
    client: httpx.AsyncClient, factory: Factory, role: Role
) -> None:
    tenant = await factory.tenant()
    made = await add(client, tenant.headers)
    _, headers = await factory.member(tenant, role)
    path = f"{PATH}/{made['id']}"
    wish = {"name": "x", "action": "escalate", "condition": REFUNDS}
    refused = [
        await client.post(PATH, json=wish, headers=headers),
        await client.patch(path, json={"name": "x"}, headers=headers),
        await client.put(f"{PATH}/order", json={"ids": [made["id"]]}, headers=headers),
        await client.delete(path, headers=headers),
    ]
    assert {each.status_code for each in refused} == {403}
    assert await names(client, headers) == ["Refunds"]
    assert (await client.post(f"{PATH}/test", json={}, headers=headers)).status_code == 200


async def test_another_workspace_has_none_of_it(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    made = await add(client, tenant.headers)
    path = f"{PATH}/{made['id']}"
    assert await names(client, other.headers) == []
    assert (await client.patch(path, json={"name": "x"}, headers=other.headers)).status_code == 404
    assert (await client.delete(path, headers=other.headers)).status_code == 404
    theirs = str(await integrate(resources, other))
    for destination in (theirs, str(uuid4())):
        wish = {"name": "x", "action": "route", "condition": REFUNDS, "destinations": [destination]}
        refused = await client.post(PATH, json=wish, headers=tenant.headers)
        assert refused.json()["errors"][0]["field"] == "body.destinations"
    foreign = await begin(client, factory)
    tried = await client.post(
        f"{PATH}/test", json={"conversationId": foreign.conversation_id}, headers=tenant.headers
    )
    assert tried.status_code == 404


async def test_a_destination_that_was_deleted_does_not_keep_a_rule_from_being_changed(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    gone = str(await integrate(resources, tenant))
    made = await add(client, tenant.headers, action="route", destinations=[gone])
    assert (await client.delete(f"/api/integrations/{gone}", headers=tenant.headers)).status_code == 200
    path = f"{PATH}/{made['id']}"
    assert (await client.patch(path, json={"name": "Money"}, headers=tenant.headers)).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "body.name"),
        ({"name": "x" * 101}, "body.name"),
        ({"action": "shout"}, "body.action"),
        ({"condition": {"match": "all", "conditions": []}}, "body.condition"),
        ({"condition": {"match": "all", "conditions": [{"fact": "mood"}]}}, "body.condition.conditions.0"),
    ],
)
async def test_what_is_wrong_is_named_and_changes_nothing(
    client: httpx.AsyncClient, factory: Factory, wrong: dict[str, Any], field: str
) -> None:
    tenant = await factory.tenant()
    made = await add(client, tenant.headers)
    wish = {"name": "x", "action": "escalate", "condition": REFUNDS} | wrong
    answers = [
        await client.post(PATH, json=wish, headers=tenant.headers),
        await client.patch(f"{PATH}/{made['id']}", json=wrong, headers=tenant.headers),
    ]
    assert [each.status_code for each in answers] == [422, 422]
    assert {each.json()["errors"][0]["field"] for each in answers} == {field}
    assert await names(client, tenant.headers) == ["Refunds"]


async def test_there_are_so_many_and_no_more(
    client: httpx.AsyncClient, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await factory.tenant()
    monkeypatch.setattr(service, "MOST_RULES", 1)
    await add(client, tenant.headers)
    wish = {"name": "x", "action": "escalate", "condition": REFUNDS}
    assert (await client.post(PATH, json=wish, headers=tenant.headers)).status_code == 409


async def test_all_rules_together_look_for_so_much_and_no_more(
    client: httpx.AsyncClient, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await factory.tenant()
    monkeypatch.setattr(service, "MOST_TEXT", 15)
    made = await add(client, tenant.headers)
    long = {"fact": "keyword", "operator": "any", "values": ["return", "voucher"]}
    wish = {"name": "x", "action": "escalate", "condition": {"match": "all", "conditions": [long]}}
    assert (await client.post(PATH, json=wish, headers=tenant.headers)).status_code == 409
    # It takes the place of its own words.
    path = f"{PATH}/{made['id']}"
    changed = await client.patch(path, json={"condition": wish["condition"]}, headers=tenant.headers)
    assert changed.status_code == 200


async def test_a_trial_says_why_each_matched_and_what_follows(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await factory.tenant()
    made = await add(client, tenant.headers)
    off = await add(client, tenant.headers, "Off", action="notify")
    path = f"{PATH}/{off['id']}"
    assert (await client.patch(path, json={"isOn": False}, headers=tenant.headers)).status_code == 200
    tried = await client.post(f"{PATH}/test", json={"question": "A refund?"}, headers=tenant.headers)
    first, second = tried.json()["rules"]
    assert (first["id"], first["matched"], first["isOn"]) == (made["id"], True, True)
    assert first["why"]["parts"][0]["found"] == "It has “refund”."
    assert (second["matched"], second["isOn"]) == (True, False)
    assert tried.json()["outcome"] == "“Refunds” asks for a person."
    other = await client.post(f"{PATH}/test", json={"question": "A parcel?"}, headers=tenant.headers)
    assert other.json()["outcome"] == "No rule does anything here."


async def test_a_trial_takes_a_draft_and_a_moment(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant = await factory.tenant(time_zone="Europe/Berlin")
    night = {"fact": "time", "operator": "between", "from": "22:00", "to": "06:00"}
    draft = {"match": "all", "conditions": [night]}
    found = []
    for moment in ("2026-12-01T21:30:00+00:00", "2026-12-01T12:00:00Z"):
        body = {"condition": draft, "at": moment}
        tried = (await client.post(f"{PATH}/test", json=body, headers=tenant.headers)).json()
        found.append((tried["rules"][0]["id"], tried["rules"][0]["matched"]))
    assert found == [(None, True), (None, False)]
    for wrong in ("soon", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"):
        answer = await client.post(f"{PATH}/test", json={"at": wrong}, headers=tenant.headers)
        assert answer.json()["errors"][0]["field"] == "body.at"


async def test_a_trial_looks_at_a_real_conversation(client: httpx.AsyncClient, factory: Factory) -> None:
    talk = await begin(client, factory, "Hello!", pageUrl="https://shop.example/pricing")
    await talk.ask("Can I have a refund?")
    several = {"fact": "message_count", "operator": "at_least", "value": 2}
    page = {"fact": "page", "operator": "is", "values": ["/pricing"]}
    condition = {"match": "all", "conditions": [*REFUNDS["conditions"], several, page]}
    body = {"condition": condition, "conversationId": talk.conversation_id}
    tried = (await client.post(f"{PATH}/test", json=body, headers=talk.tenant.headers)).json()
    assert [part["matched"] for part in tried["rules"][0]["why"]["parts"]] == [True, True, True]


async def test_a_plan_without_rules_makes_none(
    factory: Factory, with_resources: OpenResources, client: httpx.AsyncClient
) -> None:
    tenant = await factory.tenant(plan="starter")
    async with with_resources(unlimited=False):
        wish = {"name": "x", "action": "escalate", "condition": REFUNDS}
        refused = await client.post(PATH, json=wish, headers=tenant.headers)
    assert refused.status_code == 403
    assert "pro plan" in refused.json()["detail"]


async def test_a_rule_is_tried_before_it_is_saved_in_its_place(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await factory.tenant()
    saved = await add(client, tenant.headers, "Saved")
    rule = {"name": "Draft", "action": "notify", "condition": REFUNDS}
    body = {"question": "A refund?", "rule": rule}
    behind = (await client.post(f"{PATH}/test", json=body, headers=tenant.headers)).json()
    assert [(each["id"], each["name"]) for each in behind["rules"]] == [
        (saved["id"], "Saved"),
        (None, "Draft"),
    ]
    body["rule"] = rule | {"id": saved["id"]}
    instead = (await client.post(f"{PATH}/test", json=body, headers=tenant.headers)).json()
    assert [(each["id"], each["name"]) for each in instead["rules"]] == [(saved["id"], "Draft")]
    assert instead["outcome"] == "“Draft” tells people, asking for nobody."
    assert await names(client, tenant.headers) == ["Saved"]


async def test_a_rule_that_could_not_be_saved_is_not_tried(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    foreign = {"rule": (await add(client, other.headers, "x"))["id"], "to": await integrate(resources, other)}
    wish = {"name": "x", "action": "escalate", "condition": REFUNDS}
    for wrong, status, field in (
        ({"name": " "}, 422, "body.rule.name"),
        ({"condition": {"match": "all", "conditions": []}}, 422, "body.rule.condition"),
        ({"destinations": [str(foreign["to"])]}, 422, "body.rule.destinations"),
        ({"id": foreign["rule"]}, 404, ""),
        ({"id": "x"}, 400, ""),
    ):
        answer = await client.post(f"{PATH}/test", json={"rule": wish | wrong}, headers=tenant.headers)
        assert answer.status_code == status, wrong
        assert not field or answer.json()["errors"][0]["field"].startswith(field)
    both = {"rule": wish, "condition": REFUNDS}
    assert (await client.post(f"{PATH}/test", json=both, headers=tenant.headers)).status_code == 422
    monkeypatch.setattr("helpninja_app.conversations.rules.service.MOST_RULES", 0)
    full = await client.post(f"{PATH}/test", json={"rule": wish}, headers=tenant.headers)
    assert full.status_code == 409
