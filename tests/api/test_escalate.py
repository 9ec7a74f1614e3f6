"""``POST /api/escalate``: by a member or a program, and by a visitor."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from helpninja_app.conversations import escalating
from helpninja_app.conversations.models import Sender, Status
from helpninja_app.conversations.threads import open_conversation
from helpninja_app.resources import Resources
from tests.api.chatting import move
from tests.api.inboxing import begin
from tests.conftest import OpenSite
from tests.deliveries import deliveries_of, integrate, say
from tests.factories import Factory, Tenant
from tests.loopback_site import Request, answer


async def _escalate(
    client: httpx.AsyncClient, headers: dict[str, str], conversation_id: object, **body: Any
) -> httpx.Response:
    wished = {"conversationId": str(conversation_id), "reason": "rule"} | body
    return await client.post("/api/escalate", json=wished, headers=headers)


async def _hello(client: httpx.AsyncClient, factory: Factory) -> tuple[Tenant, str, dict[str, str]]:
    """A conversation that needs nobody yet."""
    talk = await begin(client, factory, "Hello!")
    return talk.tenant, talk.conversation_id, talk.token


async def test_it_is_told_at_once_and_says_what_became_of_it(
    client: httpx.AsyncClient, resources: Resources, factory: Factory, open_site: OpenSite
) -> None:
    tenant, conversation_id, _ = await _hello(client, factory)
    site = await open_site({"/good": answer("ok"), "/bad": answer("no", status="404 Not Found")})
    good = await integrate(resources, tenant, f"{site.url}/good")
    bad = await integrate(resources, tenant, f"{site.url}/bad")
    response = await _escalate(client, tenant.headers, conversation_id)
    assert response.status_code == 200
    assert response.json()["ok"] is True
    first, second = response.json()["results"]
    assert first == {"integrationId": str(good), "provider": "slack", "ok": True}
    assert (second["integrationId"], second["ok"]) == (str(bad), False)
    assert "404" in second["error"]


async def test_a_repeat_sends_nothing_and_says_the_same(
    client: httpx.AsyncClient, resources: Resources, factory: Factory, open_site: OpenSite
) -> None:
    tenant, conversation_id, _ = await _hello(client, factory)
    site = await open_site({"/good": answer("ok")})
    await integrate(resources, tenant, f"{site.url}/good")
    bodies = [(await _escalate(client, tenant.headers, conversation_id)).json() for _ in range(3)]
    together = await asyncio.gather(
        *(_escalate(client, tenant.headers, conversation_id, reason="provider_error") for _ in range(4))
    )
    assert bodies[0]["ok"] is True
    assert bodies == [bodies[0]] * 3
    assert [each.json() for each in together] == [bodies[0]] * 4
    assert len(site.requests) == 2


async def test_what_takes_longer_is_queued_and_goes_on(
    client: httpx.AsyncClient,
    resources: Resources,
    factory: Factory,
    open_site: OpenSite,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(escalating, "WAITS_SECONDS", 0.3)
    tenant, conversation_id, _ = await _hello(client, factory)
    goes_on = asyncio.Event()

    async def slow(_: Request, writer: asyncio.StreamWriter) -> None:
        await goes_on.wait()
        writer.write(answer("ok"))

    site = await open_site({"/slow": slow})
    await integrate(resources, tenant, f"{site.url}/slow")
    response = await _escalate(client, tenant.headers, conversation_id)
    assert response.json()["ok"] is False
    assert response.json()["results"][0]["error"] == "queued"
    goes_on.set()
    async with asyncio.timeout(60):
        while (await deliveries_of(resources, tenant.id))[0].status != "sent":
            await asyncio.sleep(0.02)
    assert len(site.requests) == 1


async def test_without_a_destination_it_stands_in_the_inbox_all_the_same(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant, conversation_id, _ = await _hello(client, factory)
    response = await _escalate(client, tenant.headers, conversation_id)
    assert response.status_code == 200
    assert response.json() == {"ok": False, "results": [], "error": escalating.NOWHERE}
    found = await client.get(f"/api/conversations/{conversation_id}", headers=tenant.headers)
    assert found.json()["status"] == "waiting"


async def test_given_texts_count_where_nothing_is_stored(
    client: httpx.AsyncClient, resources: Resources, factory: Factory, open_site: OpenSite
) -> None:
    tenant = await factory.tenant()
    site = await open_site({"/hook": answer("ok")})
    await integrate(resources, tenant, f"{site.url}/hook", provider="webhook")
    visitor, _ = factory.visitor(tenant)
    async with resources.database.unit_of_work(visitor.scope) as session:
        conversation = await open_conversation(session, visitor)
    given = {"userMessage": "Where is it?", "assistantAnswer": "There.", "confidence": 0.2}
    response = await _escalate(client, tenant.headers, conversation.id, **given)
    assert response.json()["ok"] is True
    (request,) = site.requests
    assert b"Where is it?" in request.body
    assert b"There." in request.body
    async with resources.database.unit_of_work(visitor.scope) as session:
        await say(session, conversation, Sender.VISITOR, "Where is my stored parcel?")
    await _escalate(client, tenant.headers, conversation.id, reason="no_answer", **given)
    assert b"Where is my stored parcel?" in site.requests[1].body
    assert b"Where is it?" not in site.requests[1].body


@pytest.mark.parametrize(
    ("status", "code"), [(Status.HUMAN, 409), (Status.RESOLVED, 409), (Status.WAITING, 200)]
)
async def test_a_member_asks_where_nobody_answers_yet(
    client: httpx.AsyncClient, resources: Resources, factory: Factory, status: Status, code: int
) -> None:
    tenant, conversation_id, _ = await _hello(client, factory)
    await move(resources, tenant, conversation_id, status)
    assert (await _escalate(client, tenant.headers, conversation_id)).status_code == code


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"reason": "boredom"}, 422, "body.reason"),
        ({"conversationId": "no-id"}, 422, "body.conversationId"),
        ({"confidence": 1.5}, 422, "body.confidence"),
        ({"conversationId": str(uuid4())}, 404, None),
        ({"sessionId": "somebody-else"}, 404, None),
        ({"tenantId": "nobody"}, 404, None),
    ],
)
async def test_what_is_wrong_is_refused(
    client: httpx.AsyncClient, factory: Factory, body: dict[str, Any], code: int, field: str | None
) -> None:
    tenant, conversation_id, _ = await _hello(client, factory)
    response = await _escalate(client, tenant.headers, conversation_id, **body)
    assert response.status_code == code
    assert response.json()["ok"] is False
    assert field in {None, *(each["field"] for each in response.json().get("errors") or ())}


async def test_a_visitor_asks_for_a_person_and_learns_no_destination(
    client: httpx.AsyncClient, resources: Resources, factory: Factory, open_site: OpenSite
) -> None:
    tenant, conversation_id, token = await _hello(client, factory)
    site = await open_site({"/good": answer("ok")})
    await integrate(resources, tenant, f"{site.url}/good")
    response = await _escalate(client, token, conversation_id, reason="visitor_request")
    assert response.status_code == 200
    assert response.json() == {"ok": True, "results": []}
    # It waits for who they are.
    assert site.requests == []
    assert (await client.post("/api/widget/contact", headers=token, json={"declined": True})).is_success
    assert (await _escalate(client, token, conversation_id, reason="visitor_request")).is_success
    assert len(site.requests) == 1


async def test_a_visitor_opens_what_was_resolved(
    client: httpx.AsyncClient, resources: Resources, factory: Factory
) -> None:
    tenant, conversation_id, token = await _hello(client, factory)
    await move(resources, tenant, conversation_id, Status.RESOLVED)
    response = await _escalate(client, token, conversation_id, reason="visitor_request")
    found = await client.get(f"/api/conversations/{conversation_id}", headers=tenant.headers)
    assert response.status_code == 200
    assert found.json()["status"] == "waiting"


async def test_a_visitor_has_one_reason_and_their_own_conversation(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant, conversation_id, token = await _hello(client, factory)
    _, other = factory.visitor(tenant)
    assert (await _escalate(client, token, conversation_id, reason="rule")).status_code == 403
    assert (await _escalate(client, other, conversation_id, reason="visitor_request")).status_code == 404
    forged = {"authorization": "Bearer made.up.token"}
    assert (await _escalate(client, forged, conversation_id, reason="visitor_request")).status_code == 401
    wrong = await _escalate(client, token, conversation_id, reason="visitor_request", sessionId="another-one")
    assert wrong.status_code == 401
