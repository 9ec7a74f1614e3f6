"""What the widget's form of ``/api/chat`` answers, as JSON and as a stream, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest

from helpninja_app.answers.providers.fake import FakeProvider, spoken
from helpninja_app.conversations.models import Status
from helpninja_app.resources import Resources
from tests.api.chatting import (
    PAGE_URL,
    QUESTION,
    UNRELATED,
    answering,
    ask,
    ask_streaming,
    conversations_of,
    messages_of,
    new_session,
    shop,
)
from tests.conftest import OpenResources
from tests.factories import Factory

JSON = {"content-type": "application/json"}

REPLY_FIELDS = {
    "answer": str,
    "refs": list,
    "confidence": float,
    "conversationId": str,
    "messageId": str,
    "handledBy": str,
    "escalated": bool,
    "contactRequested": bool,
    "citations": list,
    "reason": type(None),
    "model": str,
}


async def test_a_get_says_that_the_chat_is_there(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/chat")
    assert response.status_code == 200
    assert response.json() == {"message": "Chat API is working"}


async def test_an_answer_has_every_field_of_the_contract(client: httpx.AsyncClient, factory: Factory) -> None:
    reply = (await ask(client, await shop(factory))).json()
    for name, kind in REPLY_FIELDS.items():
        assert type(reply[name]) is kind, name
    assert "sixty days" in reply["answer"]
    assert reply["refs"] == [PAGE_URL]
    assert 0 <= reply["confidence"] <= 1
    assert (reply["handledBy"], reply["escalated"], reply["contactRequested"]) == ("bot", False, False)
    [citation] = reply["citations"]
    assert set(citation) == {"n", "title", "url", "snippet"}
    assert (citation["n"], citation["url"]) == (1, PAGE_URL)
    assert "sixty days" in citation["snippet"]
    assert "[1]" in reply["answer"]


async def test_an_uploaded_file_is_cited_without_an_address(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await factory.tenant(confidence_threshold=0.0)
    await factory.document(tenant, "Boots can be returned within sixty days of delivery for a refund.")
    reply = (await ask(client, tenant)).json()
    assert reply["refs"] == []
    assert [citation["url"] for citation in reply["citations"]] == [None]


async def test_question_and_answer_are_stored_as_they_were_shown(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await shop(factory)
    reply = (await ask(client, tenant)).json()
    question, answer = await messages_of(resources, tenant, reply["conversationId"])
    assert (question.role, question.text) == ("visitor", QUESTION)
    assert (answer.role, answer.text, str(answer.id)) == ("bot", reply["answer"], reply["messageId"])
    # Members also see how well each passage matched.
    shown = [{name: each[name] for name in each if name != "score"} for each in answer.citations]
    assert shown == reply["citations"]


async def test_a_workspace_is_found_by_public_key_id_and_slug(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await shop(factory)
    for handle in (tenant.workspace.public_key, str(tenant.id), tenant.workspace.slug):
        assert (await ask(client, tenant, tenantId=handle)).status_code == 200, handle


async def test_the_stream_ends_with_the_same_reply_as_json(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await shop(factory)
    events = await ask_streaming(client, tenant)
    names = [event.name for event in events]
    assert names == ["token"] * (len(events) - 2) + ["citations", "done"]
    done = events[-1].data
    assert set(REPLY_FIELDS) <= set(done)
    assert "".join(event.data["text"] for event in events[:-2]).strip() == done["answer"]
    assert events[-2].data == {"citations": done["citations"]}
    plain = (await ask(client, tenant)).json()
    assert (plain["answer"], plain["refs"]) == (done["answer"], done["refs"])


async def test_a_stream_is_neither_cached_nor_buffered(client: httpx.AsyncClient, factory: Factory) -> None:
    response = await ask(client, await shop(factory), headers={"accept": "text/event-stream"})
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-accel-buffering"] == "no"


async def test_each_voice_reaches_the_model_and_the_workspace_s_own_is_the_default(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await shop(factory, voice="formal")
    fake = FakeProvider([spoken("Sixty days [1]."), spoken("Sixty days [1].")])
    async with with_resources(answerers=answering(fake)):
        assert (await ask(client, tenant)).status_code == 200
        assert (await ask(client, tenant, voice="casual")).status_code == 200
    assert "Write formally" in fake.requests[0].system
    assert "Write relaxed" in fake.requests[1].system


async def test_another_workspace_s_pages_are_never_answered_from(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    await shop(factory)
    reply = (await ask(client, await factory.tenant())).json()
    assert reply["refs"] == []
    assert "sixty" not in reply["answer"]


@pytest.mark.parametrize("tenant", ["hn_pk_nobody", "", "../../etc", "%00", "no such", "x" * 5000, "ünïcode"])
async def test_an_unknown_tenant_is_404_before_anything_else_is_judged(
    client: httpx.AsyncClient, tenant: str
) -> None:
    response = await client.post("/api/chat", json={"tenantId": tenant, "message": "", "sessionId": 5})
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


async def test_an_id_that_no_workspace_has_is_404(client: httpx.AsyncClient) -> None:
    body = {"tenantId": str(UUID(int=7)), "message": "Hi", "sessionId": new_session()}
    assert (await client.post("/api/chat", json=body)).status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"message": None}, "body.message"),
        ({"message": ""}, "body.message"),
        ({"message": " \n\t "}, "body.message"),
        ({"message": "\u200b\u2060\ufeff"}, "body.message"),
        ({"message": 42}, "body.message"),
        ({"message": ["Hi"]}, "body.message"),
        ({"message": "x" * 4001}, "body.message"),
        ({"message": "x" * 5000}, "body.message"),
        ({"sessionId": None}, "body.sessionId"),
        ({"sessionId": 12345678}, "body.sessionId"),
        ({"sessionId": "short"}, "body.sessionId"),
        ({"sessionId": "a" * 129}, "body.sessionId"),
        ({"sessionId": "with blank"}, "body.sessionId"),
        ({"sessionId": "line-feed\n"}, "body.sessionId"),
        ({"voice": "pirate"}, "body.voice"),
        ({"voice": 1}, "body.voice"),
        ({"pageUrl": "x" * 2001}, "body.pageUrl"),
    ],
)
async def test_a_wrong_field_is_422_and_named(
    client: httpx.AsyncClient,
    factory: Factory,
    resources: Resources,
    change: dict[str, object],
    field: str,
) -> None:
    tenant = await factory.tenant()
    body = {"tenantId": tenant.workspace.public_key, "sessionId": new_session(), "message": "Hi"} | change
    response = await client.post("/api/chat", json=body)
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert await conversations_of(resources, tenant) == []


@pytest.mark.parametrize("missing", ["tenantId", "sessionId", "message"])
async def test_a_missing_field_is_422_and_named(
    client: httpx.AsyncClient, factory: Factory, missing: str
) -> None:
    tenant = await factory.tenant()
    body = {"tenantId": tenant.workspace.public_key, "sessionId": new_session(), "message": "Hi"}
    del body[missing]
    response = await client.post("/api/chat", json=body)
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [f"body.{missing}"]


async def test_a_tenant_that_is_no_text_is_422(client: httpx.AsyncClient) -> None:
    body = {"tenantId": 7, "sessionId": new_session(), "message": "Hi"}
    assert (await client.post("/api/chat", json=body)).status_code == 422


async def test_a_message_of_4000_characters_is_answered(client: httpx.AsyncClient, factory: Factory) -> None:
    response = await ask(client, await shop(factory), ("Boots? " * 572)[:4000])
    assert response.status_code == 200


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe{}",
        b"[" * 100_000,
        b'{"tenantId": ' + b"1" * 5000 + b"}",
        b'{"tenantId": NaN}',
        b'{"message": "x", "confidence": 1e999}',
    ],
    ids=["empty", "cut off", "list", "null", "text", "no UTF-8", "too deep", "long number", "NaN", "endless"],
)
async def test_what_is_no_json_object_is_422(client: httpx.AsyncClient, raw: bytes) -> None:
    response = await client.post("/api/chat", content=raw, headers=JSON)
    assert response.status_code == 422
    assert response.json()["errors"]


@pytest.mark.parametrize("text", ["nul \x00 inside", "half \ud83d a pair"])
@pytest.mark.parametrize("field", ["message", "tenantId", "pageUrl", "something-else"])
async def test_text_that_the_database_cannot_hold_is_422(
    client: httpx.AsyncClient, factory: Factory, field: str, text: str
) -> None:
    tenant = await factory.tenant()
    body = {"tenantId": tenant.workspace.public_key, "sessionId": new_session(), "message": "Hi"}
    raw = json.dumps(body | {field: text}).encode()
    assert (await client.post("/api/chat", content=raw, headers=JSON)).status_code == 422


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_another_content_type_is_415(client: httpx.AsyncClient, kind: str) -> None:
    response = await client.post("/api/chat", content=b"{}", headers={"content-type": kind})
    assert response.status_code == 415


@pytest.mark.parametrize("is_declared", [True, False])
async def test_a_body_of_ten_megabytes_is_413(client: httpx.AsyncClient, is_declared: bool) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(160):
            yield b" " * 65536

    content = b" " * 10_485_760 if is_declared else chunks()
    response = await client.post("/api/chat", content=content, headers=JSON)
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"


async def test_what_is_not_in_the_pages_is_declined_and_says_so(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    reply = (await ask(client, tenant, UNRELATED)).json()
    assert "could not find an answer" in reply["answer"]
    assert (reply["refs"], reply["citations"], reply["escalated"]) == ([], [], True)
    [conversation] = await conversations_of(resources, tenant)
    assert conversation.status == Status.WAITING.value


async def test_markup_in_a_message_is_answered_as_text(client: httpx.AsyncClient, factory: Factory) -> None:
    reply = (await ask(client, await shop(factory), "<script>alert(1)</script> boots refund days?")).json()
    assert "<script" not in reply["answer"] + reply["html"]
