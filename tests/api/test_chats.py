"""Saved chats over HTTP: listing, searching, renaming, deleting and bringing back, exporting."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.accounts.models import Role
from helpninja_app.answers.providers.fake import FakeProvider, spoken
from helpninja_app.chats.library import purge_chat
from helpninja_app.kernel import undo
from helpninja_app.kernel.database import new_id
from helpninja_app.resources import Resources
from tests.api.chatting import answering
from tests.api.member_chatting import ask
from tests.conftest import OpenResources
from tests.factories import Factory, Tenant


async def _chat(
    client: httpx.AsyncClient,
    tenant: Tenant,
    with_resources: OpenResources,
    question: str = "What is a kestrel?",
    answer: str = "A small falcon.",
) -> str:
    async with with_resources(answerers=answering(FakeProvider([spoken(answer)]))):
        response = await ask(client, tenant.headers, question)
    chat_id: str = response.headers["x-chat-id"]
    return chat_id


ROUTES = [
    ("GET", "/api/chats"),
    ("GET", "/api/chats/{}"),
    ("PATCH", "/api/chats/{}"),
    ("DELETE", "/api/chats/{}"),
    ("POST", "/api/chats/{}/restore"),
    ("POST", "/api/chats/{}/stop"),
    ("GET", "/api/chats/{}/export"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_chats_need_a_credential(client: httpx.AsyncClient, method: str, path: str) -> None:
    response = await client.request(method, path.format(new_id()), json={"title": "Mine"})
    assert response.status_code == 401


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_viewers_have_no_chats(
    client: httpx.AsyncClient, factory: Factory, method: str, path: str
) -> None:
    _, headers = await factory.member(await factory.tenant(), Role.VIEWER)
    headers |= {"origin": "http://helpninja.test"}
    response = await client.request(method, path.format(new_id()), json={"title": "Mine"}, headers=headers)
    assert response.status_code == 403


@pytest.mark.parametrize(("method", "path"), ROUTES[1:])
async def test_chats_of_others_are_not_found(
    client: httpx.AsyncClient,
    factory: Factory,
    with_resources: OpenResources,
    method: str,
    path: str,
) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    chat_id = await _chat(client, tenant, with_resources)
    response = await client.request(
        method, path.format(chat_id), json={"title": "Mine"}, headers=other.headers
    )
    assert response.status_code == 404


@pytest.mark.parametrize(("method", "path"), ROUTES[1:])
async def test_an_id_that_is_none_is_malformed(
    client: httpx.AsyncClient, factory: Factory, method: str, path: str
) -> None:
    tenant = await factory.tenant()
    response = await client.request(
        method, path.format("no-id"), json={"title": "Mine"}, headers=tenant.headers
    )
    assert response.status_code == 400


async def test_the_latest_chat_comes_first_page_by_page(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    made = [await _chat(client, tenant, with_resources, f"Question {n}") for n in range(3)]
    pages = [
        (await client.get("/api/chats", params={"limit": 2, "offset": n}, headers=tenant.headers)).json()
        for n in (0, 2)
    ]
    assert [chat["id"] for page in pages for chat in page["chats"]] == made[::-1]
    assert [page["total"] for page in pages] == [3, 3]


@pytest.mark.parametrize(
    ("words", "is_found"),
    [
        ("kestrel", True),
        ("KESTREL", True),
        ("falcon", True),
        ("falc", True),
        ("kestrel hov", True),
        ("falc kestrel", False),
        ("ostrich", False),
        ("a & !zebra | <-> :*", False),
        ("bird hov", True),
        ("'; drop table chats; --", False),
        ("%", False),
        ("hovers & kestrel:", True),
        ("12.50", True),
        ("12.5", True),
        ("ana@birds.example", True),
        ("ana@bir", True),
        ("birds.example/guide", True),
        ("wing_span", True),
        ("wing_span kestrel", True),
        ("span_wing_tail", False),
        ("zit's\\", False),
    ],
)
async def test_chats_are_found_by_the_words_in_them(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources, words: str, is_found: bool
) -> None:
    tenant = await factory.tenant()
    chat_id = await _chat(
        client,
        tenant,
        with_resources,
        "Which bird is it?",
        "The kestrel, a falcon that hovers: 12.50 at ana@birds.example,"
        " see https://birds.example/guide and `wing_span`.",
    )
    await _chat(client, tenant, with_resources, "What is a tent?", "A shelter.")
    found = await client.get("/api/chats", params={"q": words}, headers=tenant.headers)
    assert found.status_code == 200
    assert [chat["id"] for chat in found.json()["chats"]] == ([chat_id] if is_found else [])


async def test_search_finds_nothing_of_others(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    await _chat(client, tenant, with_resources)
    found = await client.get("/api/chats", params={"q": "kestrel"}, headers=other.headers)
    assert found.json()["total"] == 0


async def test_a_chat_is_renamed(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    path = f"/api/chats/{await _chat(client, tenant, with_resources)}"
    renamed = await client.patch(path, json={"title": "  Birds \n of prey "}, headers=tenant.headers)
    empty = await client.patch(path, json={"title": " \u200b"}, headers=tenant.headers)
    long = await client.patch(path, json={"title": "x" * 201}, headers=tenant.headers)
    kept = await client.get(path, headers=tenant.headers)
    assert renamed.json()["title"] == "Birds of prey"
    assert [empty.status_code, long.status_code] == [422, 422]
    assert kept.json()["title"] == "Birds of prey"


async def test_a_deleted_chat_is_gone_and_can_be_brought_back(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    chat_id = await _chat(client, tenant, with_resources)
    path = f"/api/chats/{chat_id}"
    deleted = await client.delete(path, headers=tenant.headers)
    seen = await client.get(path, headers=tenant.headers)
    listed = await client.get("/api/chats", headers=tenant.headers)
    asked = await ask(client, tenant.headers, modelId="offline", chatId=chat_id)
    twice = await client.delete(path, headers=tenant.headers)
    restored = await client.post(f"{path}/restore", headers=tenant.headers)
    again = await client.get(path, headers=tenant.headers)
    assert deleted.json() == {"ok": True}
    assert [each.status_code for each in (seen, asked, twice)] == [404, 404, 404]
    assert listed.json()["total"] == 0
    assert restored.json()["id"] == chat_id
    assert len(again.json()["messages"]) == 2


async def test_what_is_not_brought_back_in_time_is_gone_for_good(
    client: httpx.AsyncClient,
    factory: Factory,
    resources: Resources,
    with_resources: OpenResources,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tenant = await factory.tenant()
    chat_id = await _chat(client, tenant, with_resources)
    kept = await _chat(client, tenant, with_resources)
    await client.delete(f"/api/chats/{chat_id}", headers=tenant.headers)
    async with resources.database.unit_of_work(tenant.scope) as session:
        await purge_chat(session, tenant.id, UUID(chat_id))
        early = await session.execute(text("select count(*) from chats"))
        assert early.scalar_one() == 2
    monkeypatch.setattr(undo, "UNDO_PERIOD", timedelta(0))
    async with resources.database.unit_of_work(tenant.scope) as session:
        await purge_chat(session, tenant.id, UUID(chat_id))
        await purge_chat(session, tenant.id, UUID(kept))
        left = await session.execute(text("select id::text from chats"))
        assert list(left.scalars()) == [kept]
    restored = await client.post(f"/api/chats/{chat_id}/restore", headers=tenant.headers)
    assert restored.status_code == 404


async def test_deleting_leaves_a_job_that_removes_it(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    chat_id = await _chat(client, tenant, with_resources)
    await client.delete(f"/api/chats/{chat_id}", headers=tenant.headers)
    async with resources.database.unit_of_work() as session:
        found = await session.execute(
            text(
                "select extract(epoch from scheduled_at - now()) from procrastinate_jobs"
                " where task_name = 'helpninja:purge_chat' and args ->> 'chat_id' = :chat"
            ),
            {"chat": chat_id},
        )
        # Later than the hour: a clock that is behind would else keep it for ever.
        assert 3640 < float(found.scalar_one()) <= 3660


async def test_a_chat_is_exported_as_markdown(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    chat_id = await _chat(client, tenant, with_resources, 'Is "ü/..\\" a kestrel?')
    response = await client.get(f"/api/chats/{chat_id}/export", headers=tenant.headers)
    assert response.headers["content-type"].startswith("text/markdown")
    disposition = response.headers["content-disposition"]
    assert disposition == "attachment; filename*=UTF-8''Is-%C3%BC-a-kestrel.md"
    assert response.text.startswith('# Is "ü/..\\" a kestrel?\n')
    assert "A small falcon." in response.text


async def test_a_chat_is_exported_as_json(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    tenant = await factory.tenant()
    chat_id = await _chat(client, tenant, with_resources)
    path = f"/api/chats/{chat_id}/export"
    response = await client.get(path, params={"format": "json"}, headers=tenant.headers)
    unknown = await client.get(path, params={"format": "pdf"}, headers=tenant.headers)
    exported = json.loads(response.text)
    assert exported["id"] == chat_id
    assert [each["content"] for each in exported["messages"]] == ["What is a kestrel?", "A small falcon."]
    assert unknown.status_code == 422
