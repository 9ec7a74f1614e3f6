"""``/api/curated-answers``: written by people, in their order, and said when they match."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from helpninja_app.accounts.models import Role
from helpninja_app.knowledge import curated
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.knowledge.embedding.protocol import Vector
from tests.factories import Factory, Tenant

PATH = "/api/curated-answers"
QUESTION = "Do you deliver to the Shetland islands?"
ANSWER = "Yes, within **three** working days. See [the list](https://shop.example/islands)."


async def written(client: httpx.AsyncClient, tenant: Tenant, **fields: Any) -> dict[str, Any]:
    body = {"question": QUESTION, "answer": ANSWER} | fields
    response = await client.post(PATH, json=body, headers=tenant.headers)
    assert response.status_code == 201, response.text
    return dict(response.json())


async def asked(client: httpx.AsyncClient, tenant: Tenant, message: str = QUESTION) -> dict[str, Any]:
    body = {"tenantId": tenant.workspace.public_key, "sessionId": "curated-session", "message": message}
    response = await client.post("/api/chat", json=body)
    assert response.status_code == 200, response.text
    return dict(response.json())


async def test_a_visitor_is_told_what_a_person_wrote_and_nobody_is_called(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await factory.tenant(confidence_threshold=1.0)
    await written(client, tenant)
    told = await asked(client, tenant, "do you deliver to the shetland islands")
    assert told["answer"] == ANSWER
    assert (told["confidence"], told["escalated"], told["citations"]) == (0.97, False, [])


async def test_a_curated_answer_wins_over_documents_and_not_over_small_talk(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await factory.tenant()
    await factory.document(tenant, f"# Islands\n\n{QUESTION} We deliver to the Shetland islands by ship.")
    await written(client, tenant)
    await written(client, tenant, question="Hello!", answer="Never said.")
    assert (await asked(client, tenant))["answer"] == ANSWER
    assert (await asked(client, tenant, "Hello!"))["answer"] != "Never said."


async def test_a_further_phrasing_is_as_good_as_the_question(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await factory.tenant()
    await written(client, tenant, phrasings=["Can a parcel reach Lerwick?"])
    assert (await asked(client, tenant, "can a parcel reach lerwick"))["answer"] == ANSWER
    assert (await asked(client, tenant, "Which tents keep out the rain?"))["answer"] != ANSWER


@pytest.mark.parametrize("why", ["off", "for members", "deleted", "of another workspace"])
async def test_what_is_not_for_visitors_or_not_in_use_is_not_said(
    client: httpx.AsyncClient, factory: Factory, why: str
) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    made = await written(client, other if why == "of another workspace" else tenant)
    if why == "off":
        await client.patch(f"{PATH}/{made['id']}", json={"on": False}, headers=tenant.headers)
    elif why == "for members":
        await client.patch(f"{PATH}/{made['id']}", json={"audience": "members"}, headers=tenant.headers)
    elif why == "deleted":
        await client.delete(f"{PATH}/{made['id']}", headers=tenant.headers)
    assert (await asked(client, tenant))["answer"] != ANSWER
    body = {"query": QUESTION, "audience": "members"}
    found = (await client.post("/api/search", json=body, headers=tenant.headers)).json()
    assert (found["curated"] is not None) == (why == "for members")


async def test_an_edit_is_what_is_said_and_matched_from_then_on(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await factory.tenant()
    made = await written(client, tenant)
    change = {"question": "Where is the workshop?", "answer": "In Leeds.", "phrasings": ["Who mends zips?"]}
    changed = await client.patch(f"{PATH}/{made['id']}", json=change, headers=tenant.headers)
    assert change.items() <= changed.json().items()
    for message, answer in (("Where is the workshop?", "In Leeds."), ("Who mends zips?", "In Leeds.")):
        assert (await asked(client, tenant, message))["answer"] == answer
    assert (await asked(client, tenant))["answer"] != ANSWER


@pytest.mark.parametrize("wished", [{"answer": "In Leeds."}, {"question": "Where is the workshop?"}])
async def test_a_change_leaves_what_somebody_else_changed_meanwhile(
    client: httpx.AsyncClient, factory: Factory, monkeypatch: pytest.MonkeyPatch, wished: dict[str, str]
) -> None:
    tenant = await factory.tenant()
    made = await written(client, tenant)
    path, embed = f"{PATH}/{made['id']}", HashingEmbedder.embed_query
    meanwhile = {"audience": "members", "phrasings": ["Who mends zips?"]}
    waiting = [meanwhile]

    async def embed_while_somebody_changes_it(self: HashingEmbedder, question: str) -> Vector:
        if waiting:
            other = await client.patch(path, json=waiting.pop(), headers=tenant.headers)
            assert other.status_code == 200
        return await embed(self, question)

    monkeypatch.setattr(HashingEmbedder, "embed_query", embed_while_somebody_changes_it)
    changed = await client.patch(path, json=wished, headers=tenant.headers)
    wanted = meanwhile | wished
    assert {name: changed.json()[name] for name in wanted} == wanted
    assert (await asked(client, tenant, "who mends zips"))["answer"] != changed.json()["answer"]
    body = {"query": "who mends zips", "audience": "members"}
    found = (await client.post("/api/search", json=body, headers=tenant.headers)).json()
    assert found["curated"] is not None


async def test_the_first_in_order_wins_where_two_match_alike(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await factory.tenant()
    one, two = [await written(client, tenant, answer=answer) for answer in ("One.", "Two.")]
    assert (one["position"], two["position"]) == (0, 1)
    assert (await asked(client, tenant))["answer"] == "One."
    order = {"ids": [two["id"], one["id"]]}
    listed = await client.put(f"{PATH}/order", json=order, headers=tenant.headers)
    assert [item["answer"] for item in listed.json()["answers"]] == ["Two.", "One."]
    assert (await asked(client, tenant))["answer"] == "Two."


async def test_an_order_names_each_of_them_once(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    mine, foreign = (await written(client, tenant))["id"], (await written(client, other))["id"]
    for ids, status in (([], 409), ([mine, mine], 409), ([mine, foreign], 409), (["x"], 400), ([mine], 200)):
        response = await client.put(f"{PATH}/order", json={"ids": ids}, headers=tenant.headers)
        assert response.status_code == status, ids


async def test_a_deleted_one_comes_back_to_its_place(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant = await factory.tenant()
    made = await written(client, tenant)
    path = f"{PATH}/{made['id']}"
    assert (await client.post(f"{path}/restore", headers=tenant.headers)).status_code == 409
    await client.delete(path, headers=tenant.headers)
    assert (await client.get(path, headers=tenant.headers)).status_code == 404
    assert (await client.get(PATH, headers=tenant.headers)).json()["answers"] == []
    restored = await client.post(f"{path}/restore", headers=tenant.headers)
    assert restored.json() == made
    assert (await asked(client, tenant))["answer"] == ANSWER


@pytest.mark.parametrize(
    "fields",
    [
        {"question": " "},
        {"question": "a" * 501},
        {"answer": "\n"},
        {"answer": "a" * 8_001},
        {"phrasings": [""]},
        {"phrasings": ["a"] * 11},
        {"audience": "all"},
        {"on": "yes"},
    ],
)
async def test_what_cannot_be_one_is_refused_and_changes_nothing(
    client: httpx.AsyncClient, factory: Factory, fields: dict[str, Any]
) -> None:
    tenant = await factory.tenant()
    body = {"question": QUESTION, "answer": ANSWER} | fields
    assert (await client.post(PATH, json=body, headers=tenant.headers)).status_code == 422
    made = await written(client, tenant)
    path = f"{PATH}/{made['id']}"
    assert (await client.patch(path, json=fields, headers=tenant.headers)).status_code == 422
    assert (await client.get(path, headers=tenant.headers)).json() == made


async def test_there_is_room_for_so_many_however_they_arrive(
    client: httpx.AsyncClient, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await factory.tenant()
    monkeypatch.setattr(curated, "MAX_ANSWERS", 2)
    body = {"question": QUESTION, "answer": ANSWER}
    responses = await asyncio.gather(
        *(client.post(PATH, json=body, headers=tenant.headers) for _ in range(4))
    )
    assert sorted(response.status_code for response in responses) == [201, 201, 409, 409]


async def test_other_workspaces_and_roles_that_only_read_change_nothing(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    _, agent = await factory.member(tenant, Role.AGENT)
    made = await written(client, tenant)
    path = f"{PATH}/{made['id']}"
    for method, wanted in (("PATCH", path), ("DELETE", path), ("POST", f"{path}/restore")):
        for headers, status in ((other.headers, 404), (agent, 403)):
            response = await client.request(method, wanted, json={"answer": "Mine."}, headers=headers)
            assert response.status_code == status, (method, status)
    assert (await client.get(path, headers=agent)).json() == made
    assert (await client.get(path, headers=other.headers)).status_code == 404


async def test_a_link_that_is_not_safe_is_not_said(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant = await factory.tenant()
    await written(client, tenant, answer="Click [here](javascript:alert(1)) <script>alert(1)</script>")
    told = (await asked(client, tenant))["answer"]
    assert "javascript:" not in told
    assert "<script" not in told
