"""A visitor's token and conversation: given for a new session, renewed, and refused to everybody else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from helpninja_app.accounts.visitors import RENEWAL_PERIOD, TOKEN_LIFETIME, sign_visitor
from helpninja_app.resources import Resources
from tests.api.chatting import PAGE_URL, QUESTION, ask, new_session, shop
from tests.factories import Factory, Tenant


async def open_session(client: httpx.AsyncClient, tenant: Tenant, **body: object) -> httpx.Response:
    return await client.post("/api/widget/session", json={"tenantId": tenant.workspace.public_key} | body)


async def read(client: httpx.AsyncClient, tenant: Tenant, token: str | None) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return await client.get(
        "/api/widget/conversation", params={"t": tenant.workspace.public_key}, headers=headers
    )


async def test_a_new_session_gets_an_id_and_a_token_that_works(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await shop(factory)
    given = (await open_session(client, tenant)).json()
    assert set(given) == {"token", "sessionId", "expiresAt"}
    assert (
        datetime.now(UTC) < datetime.fromisoformat(given["expiresAt"]) <= datetime.now(UTC) + TOKEN_LIFETIME
    )
    headers = {"authorization": f"Bearer {given['token']}"}
    assert (await ask(client, tenant, session_id=given["sessionId"], headers=headers)).status_code == 200


async def test_the_widget_s_own_session_id_is_kept(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant, session_id = await shop(factory), new_session()
    assert (await open_session(client, tenant, sessionId=session_id)).json()["sessionId"] == session_id


async def test_an_expired_token_is_renewed_for_the_same_session(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant, session_id = await shop(factory), new_session()
    expired = _token(resources, tenant, session_id, age=timedelta(days=30))
    assert (await read(client, tenant, expired)).status_code == 401
    renewed = await open_session(client, tenant, sessionId=session_id, token=expired)
    assert renewed.status_code == 200
    assert renewed.json()["sessionId"] == session_id
    assert (await read(client, tenant, renewed.json()["token"])).status_code == 200


@pytest.mark.parametrize("kind", ["forged", "too old", "another workspace", "another session", "garbage"])
async def test_a_token_that_does_not_count_renews_nothing(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, kind: str
) -> None:
    tenant, other, session_id = await shop(factory), await factory.tenant(), new_session()
    key = resources.settings.signing_key()
    token = {
        "forged": sign_visitor("another-key-0123456789-abcdefghijkl", tenant.id, session_id).token,
        "too old": _token(resources, tenant, session_id, age=RENEWAL_PERIOD + timedelta(days=1)),
        "another workspace": sign_visitor(key, other.id, session_id).token,
        "another session": sign_visitor(key, tenant.id, new_session()).token,
        "garbage": "x",
    }[kind]
    response = await open_session(client, tenant, sessionId=session_id, token=token)
    assert response.status_code == 401


@pytest.mark.parametrize("is_signed", [True, False])
async def test_a_session_with_a_conversation_is_given_to_nobody_without_its_token(
    client: httpx.AsyncClient, factory: Factory, is_signed: bool
) -> None:
    tenant = await shop(factory)
    visitor, token = factory.visitor(tenant)
    await ask(client, tenant, session_id=visitor.session_id, headers=token if is_signed else None)
    response = await open_session(client, tenant, sessionId=visitor.session_id)
    assert response.status_code == 401
    assert "token" not in response.json()


@pytest.mark.parametrize(
    "body", [{"sessionId": "short"}, {"sessionId": 7}, {"sessionId": "a b c d e f"}, {"token": 7}]
)
async def test_a_wrong_field_of_a_session_is_422(
    client: httpx.AsyncClient, factory: Factory, body: dict[str, object]
) -> None:
    assert (await open_session(client, await factory.tenant(), **body)).status_code == 422


async def test_a_session_of_no_workspace_is_404(client: httpx.AsyncClient) -> None:
    response = await client.post("/api/widget/session", json={"tenantId": "hn_pk_nobody"})
    assert response.status_code == 404


async def test_the_conversation_is_there_after_a_reload(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant = await shop(factory)
    given = (await open_session(client, tenant)).json()
    headers = {"authorization": f"Bearer {given['token']}"}
    empty = (await read(client, tenant, given["token"])).json()
    assert empty.pop("messages") == []
    flags = {"contactRequested": False, "csatRequested": False, "next": None}
    assert empty == {"conversationId": None, "status": "bot", **flags}
    reply = (await ask(client, tenant, session_id=given["sessionId"], headers=headers)).json()
    response = await read(client, tenant, given["token"])
    assert response.headers["cache-control"] == "no-store"
    shown = response.json()
    assert shown["conversationId"] == reply["conversationId"]
    question, answer = shown["messages"]
    assert (question["role"], question["text"]) == ("visitor", QUESTION)
    assert (answer["id"], answer["role"], answer["text"]) == (reply["messageId"], "bot", reply["answer"])
    assert answer["citations"] == reply["citations"]
    assert answer["citations"][0]["url"] == PAGE_URL


@pytest.mark.parametrize("kind", ["none", "forged", "expired", "another workspace", "secret key"])
async def test_the_conversation_is_read_by_its_own_token_only(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, kind: str
) -> None:
    tenant, other = await shop(factory), await factory.tenant()
    visitor, headers = factory.visitor(tenant)
    await ask(client, tenant, session_id=visitor.session_id, headers=headers)
    key = resources.settings.signing_key()
    token = {
        "none": None,
        "forged": sign_visitor("another-key-0123456789-abcdefghijkl", tenant.id, visitor.session_id).token,
        "expired": _token(resources, tenant, visitor.session_id, age=timedelta(hours=3)),
        "another workspace": sign_visitor(key, other.id, visitor.session_id).token,
        "secret key": tenant.key,
    }[kind]
    response = await read(client, tenant, token)
    assert response.status_code == 401
    assert QUESTION not in response.text


async def test_another_session_s_token_shows_its_own_conversation_only(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await shop(factory)
    visitor, headers = factory.visitor(tenant)
    await ask(client, tenant, session_id=visitor.session_id, headers=headers)
    _, others = factory.visitor(tenant)
    shown = await read(client, tenant, others["authorization"].removeprefix("Bearer "))
    assert shown.json()["messages"] == []


async def test_what_was_said_without_a_token_is_not_shown_to_a_later_one(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await shop(factory)
    visitor, headers = factory.visitor(tenant)
    await ask(client, tenant, session_id=visitor.session_id)
    shown = await read(client, tenant, headers["authorization"].removeprefix("Bearer "))
    assert shown.json()["messages"] == []


def _token(resources: Resources, tenant: Tenant, session_id: str, *, age: timedelta) -> str:
    key = resources.settings.signing_key()
    return sign_visitor(key, tenant.id, session_id, now=datetime.now(UTC) - age).token
