"""Who a visitor is: what a session id alone gives, what its token gives, and what no token gives."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import jwt
import pytest

from helpninja_app.accounts.visitors import TOKEN_LIFETIME, sign_visitor
from helpninja_app.answers.providers.fake import FakeProvider, spoken
from helpninja_app.resources import Resources
from tests.api.chatting import answering, ask, conversations_of, new_session, shop
from tests.conftest import OpenResources
from tests.factories import Factory, Tenant

SECRET = "My boots arrived broken and my number is SK-4711."


async def test_a_session_without_a_token_may_start_a_conversation(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    assert (await ask(client, await shop(factory))).status_code == 200


async def test_a_signed_session_goes_on_with_its_conversation(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await shop(factory)
    visitor, token = factory.visitor(tenant)
    first = (await ask(client, tenant, session_id=visitor.session_id, headers=token)).json()
    second = (await ask(client, tenant, session_id=visitor.session_id, headers=token)).json()
    assert first["conversationId"] == second["conversationId"]


async def test_an_unsigned_session_cannot_go_on_with_a_signed_conversation_nor_have_the_model_tell_it(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await shop(factory)
    visitor, token = factory.visitor(tenant)
    fake = FakeProvider([spoken("Sixty days [1]."), spoken("Sixty days [1].")])
    async with with_resources(answerers=answering(fake)):
        message = f"{SECRET} Within how many days of delivery can boots be returned for a refund?"
        mine = await ask(client, tenant, message, session_id=visitor.session_id, headers=token)
        theirs = await ask(client, tenant, session_id=visitor.session_id)
    assert mine.json()["conversationId"] != theirs.json()["conversationId"]
    assert "SK-4711" in str(fake.requests[0].messages)
    assert "SK-4711" not in str(fake.requests[1])


async def test_the_token_does_not_bring_in_what_somebody_said_without_it(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await shop(factory)
    visitor, token = factory.visitor(tenant)
    fake = FakeProvider([spoken("Sixty days [1]."), spoken("Sixty days [1].")])
    async with with_resources(answerers=answering(fake)):
        message = f"{SECRET} Within how many days of delivery can boots be returned for a refund?"
        await ask(client, tenant, message, session_id=visitor.session_id)
        await ask(client, tenant, session_id=visitor.session_id, headers=token)
    assert "SK-4711" not in str(fake.requests[1])


async def test_the_same_session_id_in_another_workspace_is_another_conversation(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    mine, theirs, session_id = await shop(factory), await shop(factory), new_session()
    fake = FakeProvider([spoken("Sixty days [1]."), spoken("Sixty days [1].")])
    async with with_resources(answerers=answering(fake)):
        message = f"{SECRET} Within how many days of delivery can boots be returned for a refund?"
        await ask(client, mine, message, session_id=session_id)
        await ask(client, theirs, session_id=session_id)
    assert "SK-4711" not in str(fake.requests[1])


async def test_another_session_s_token_is_401_and_nothing_is_stored(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await shop(factory)
    _, token = factory.visitor(tenant)
    assert (await ask(client, tenant, session_id=new_session(), headers=token)).status_code == 401
    assert await conversations_of(resources, tenant) == []


async def test_another_workspace_s_token_is_401(client: httpx.AsyncClient, factory: Factory) -> None:
    mine, theirs = await shop(factory), await shop(factory)
    visitor, token = factory.visitor(theirs)
    response = await ask(client, mine, session_id=visitor.session_id, headers=token)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "kind", ["forged", "unsigned", "bare key", "expired", "garbage", "secret key", "no UTF-8"]
)
async def test_a_token_that_does_not_count_is_401_even_where_none_is_needed(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, kind: str
) -> None:
    tenant = await shop(factory)
    session_id = new_session()
    token = _bad_token(kind, tenant, session_id, resources)
    response = await client.post(
        "/api/chat",
        json={"tenantId": tenant.workspace.public_key, "sessionId": session_id, "message": "Hi"},
        headers=httpx.Headers([(b"authorization", b"Bearer " + token)]),
    )
    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"


async def test_the_last_six_messages_reach_the_model_oldest_first(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant, session_id = await shop(factory), new_session()
    fake = FakeProvider([spoken(f"Sixty days, said {n} [1].") for n in range(5)])
    async with with_resources(answerers=answering(fake)):
        for n in range(5):
            question = f"Question {n}: within how many days of delivery can boots be returned for a refund?"
            assert (await ask(client, tenant, question, session_id=session_id)).status_code == 200
    told = fake.requests[-1].messages
    assert [turn.role for turn in told] == ["user", "assistant"] * 3 + ["user"]
    assert [turn.text[:10] for turn in told[::2]] == [f"Question {n}" for n in (1, 2, 3, 4)]
    assert [turn.text[:18] for turn in told[1::2]] == [f"Sixty days, said {n}" for n in (1, 2, 3)]


def _bad_token(kind: str, tenant: Tenant, session_id: str, resources: Resources) -> bytes:
    key = resources.settings.signing_key()
    good = sign_visitor(key, tenant.id, session_id).token
    claims = jwt.decode(good, options={"verify_signature": False})
    long_ago = datetime.now(UTC) - 2 * TOKEN_LIFETIME
    made = {
        "forged": sign_visitor("another-key-0123456789-abcdefghijkl", tenant.id, session_id).token,
        "unsigned": jwt.encode(claims, "", algorithm="none"),
        "bare key": jwt.encode(claims, key, algorithm="HS256"),
        "expired": sign_visitor(key, tenant.id, session_id, now=long_ago).token,
        "garbage": "a.b.c",
        "secret key": tenant.key,
        "no UTF-8": "\xff\xfe",
    }[kind]
    return made.encode("latin-1")
