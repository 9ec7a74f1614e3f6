"""``/api/search``: what the assistant would find, with the scores of both legs and what would come of it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from helpninja_app.answers import explained as explaining
from helpninja_app.answers import pipeline
from helpninja_app.answers.answerers import Answerers, ProviderKey
from helpninja_app.kernel.scope import Audience
from tests.api.test_curated_answers import written
from tests.conftest import OpenResources
from tests.factories import Factory, Tenant

PAGE = "# Returns\n\nBoots can be returned within sixty days of delivery for a full refund."
KEY = ProviderKey("sk-test-of-searches-0123456789")
QUESTION = "Within how many days of delivery can boots be returned for a refund?"


async def explained(client: httpx.AsyncClient, tenant: Tenant, query: str, **fields: str) -> dict[str, Any]:
    response = await client.post("/api/search", json={"query": query} | fields, headers=tenant.headers)
    assert response.status_code == 200, response.text
    return dict(response.json())


async def test_a_passage_comes_with_the_scores_of_both_legs(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await factory.tenant()
    document = await factory.document(tenant, PAGE, title="Returns", url="https://shop.example/returns")
    found = await explained(client, tenant, QUESTION)
    [passage] = found["passages"]
    assert (passage["documentId"], passage["url"]) == (str(document), "https://shop.example/returns")
    assert "sixty days" in passage["text"]
    assert passage["audience"] == "visitors"
    assert 0 < passage["dense"] <= 1 < 1 + passage["lexical"]
    assert (passage["score"], found["degraded"], found["curated"]) == (
        pytest.approx(1, abs=0.01),
        False,
        None,
    )
    body = {"tenantId": tenant.workspace.public_key, "sessionId": "explained-session", "message": QUESTION}
    told = (await client.post("/api/chat", json=body)).json()
    assert told["confidence"] == pytest.approx(found["confidence"], abs=0.001)


async def test_members_find_what_visitors_do_not(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant = await factory.tenant()
    await factory.document(tenant, PAGE, audience=Audience.MEMBERS)
    assert (await explained(client, tenant, QUESTION))["passages"] == []
    [kept] = (await explained(client, tenant, QUESTION, audience="members"))["passages"]
    assert kept["audience"] == "members"


async def test_the_verdict_is_what_the_assistant_would_do(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    sure, never_sure = (
        await factory.tenant(confidence_threshold=0.0),
        await factory.tenant(confidence_threshold=1.0),
    )
    for tenant in (sure, never_sure):
        await factory.document(tenant, PAGE, title="Returns")
    assert (await explained(client, sure, QUESTION))["verdict"] == "answer"
    assert (await explained(client, never_sure, QUESTION))["verdict"] == "answer_and_hand_over"
    assert (await explained(client, sure, "Hello!"))["verdict"] == "small_talk"
    assert (await explained(client, sure, "I want to talk to a person"))["verdict"] == "person"
    assert (await explained(client, await factory.tenant(), QUESTION))["verdict"] == "hand_over"
    made = await written(client, sure, question=QUESTION, answer="Sixty.")
    found = await explained(client, sure, QUESTION)
    assert (found["verdict"], found["curated"]["id"]) == ("curated", made["id"])
    assert found["curated"]["score"] == pytest.approx(1, abs=0.01)


async def test_a_verdict_for_members_is_what_their_chat_would_do(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    """It calls nobody, and is told what is curated for members too."""
    tenant = await factory.tenant(confidence_threshold=1.0)
    assert (await explained(client, tenant, QUESTION, audience="members"))["verdict"] == "nothing_found"
    for number in range(7):
        text = f"{PAGE} That is rule {number}."
        await factory.document(tenant, text, title=f"Returns {number}", audience=Audience.MEMBERS)
    found = await explained(client, tenant, QUESTION, audience="members")
    assert (found["verdict"], found["curated"], len(found["passages"])) == ("answer", None, 7)
    made = await written(client, tenant, question=QUESTION, answer="Sixty.", audience="members")
    found = await explained(client, tenant, QUESTION, audience="members")
    assert (found["verdict"], found["curated"]["id"]) == ("curated", made["id"])


async def test_what_is_too_far_to_be_quoted_is_not_said_to_be_answered(
    client: httpx.AsyncClient, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a model an answer is a quotation, for which more is asked than for a model's passages."""
    tenant = await factory.tenant(confidence_threshold=0.0)
    await factory.document(tenant, PAGE, title="Returns")
    assert (await explained(client, tenant, QUESTION))["verdict"] == "answer"
    for module in (explaining, pipeline):
        monkeypatch.setattr(module, "QUOTABLE", 1.01)
    assert (await explained(client, tenant, QUESTION))["verdict"] == "hand_over"
    assert (await explained(client, tenant, QUESTION, audience="members"))["verdict"] == "nothing_found"
    body = {"tenantId": tenant.workspace.public_key, "sessionId": "explained-session", "message": QUESTION}
    told = (await client.post("/api/chat", json=body)).json()
    assert told["reason"] == "no_answer"


@pytest.mark.parametrize(
    ("configured", "far", "hello"),
    [
        # Visitors have a model, and the chat, which takes OpenAI's unless another is chosen, has none.
        ({"anthropic": KEY}, "nothing_found", "small_talk"),
        # Visitors get quotations by the setting, which says nothing of the chat.
        ({"openai": KEY, "model": "offline"}, "answer", "answer"),
    ],
)
async def test_a_verdict_for_members_is_of_the_model_their_chat_takes_and_not_of_the_visitors(
    client: httpx.AsyncClient,
    factory: Factory,
    with_resources: OpenResources,
    monkeypatch: pytest.MonkeyPatch,
    configured: dict[str, Any],
    far: str,
    hello: str,
) -> None:
    monkeypatch.setattr(explaining, "QUOTABLE", 1.01)
    tenant = await factory.tenant()
    await factory.document(tenant, PAGE, title="Returns", audience=Audience.MEMBERS)
    async with with_resources(answerers=Answerers(**configured)):
        found = await explained(client, tenant, QUESTION, audience="members")
        greeted = await explained(client, tenant, "Hello!", audience="members")
    assert found["verdict"] == far
    assert greeted["verdict"] == hello


@pytest.mark.parametrize(
    "body", [{}, {"query": ""}, {"query": "a" * 1001}, {"query": "a", "audience": "all"}]
)
async def test_what_is_no_question_is_refused(
    client: httpx.AsyncClient, factory: Factory, body: dict[str, str]
) -> None:
    tenant = await factory.tenant()
    assert (await client.post("/api/search", json=body, headers=tenant.headers)).status_code == 422
