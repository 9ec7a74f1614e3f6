"""``/api/documents`` and ``/api/rag``: who sees, changes and deletes what was uploaded, and what is left."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.accounts.models import Role
from helpninja_app.accounts.permissions import Permission
from helpninja_app.kernel.database import new_id
from helpninja_app.kernel.scope import Audience, Scope
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.knowledge.embedding.protocol import Vector
from helpninja_app.resources import Resources
from tests.api.uploading import FILES, SENTENCE, count, finished, found, stored_files, upload, uploaded
from tests.factories import Factory
from tests.unit.document_factory import docx, paragraph

pytestmark = pytest.mark.usefixtures("worker")


async def test_an_upload_is_for_members_until_it_is_made_public_and_again_after(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    document_id = await uploaded(client, tenant)
    url = f"/api/documents/{document_id}"
    for _ in range(3):
        assert await found(resources, tenant) == [document_id]
        assert await found(resources, tenant, Audience.VISITORS) == []
        changed = await client.patch(url, json={"audience": "visitors"}, headers=tenant.headers)
        assert (changed.status_code, changed.json()["audience"]) == (200, "visitors")
        for audience in Audience:
            # A word that the vectors alone would find, and one that only BM25 tells apart.
            assert await found(resources, tenant, audience, "tent in the rain") == [document_id]
            assert await found(resources, tenant, audience, "quokka") == [document_id]
        scope = Scope.visitors(tenant.id)
        async with resources.database.unit_of_work(scope) as session:
            for table in ("chunks", "embeddings", "lexical_postings"):
                seen = (await session.execute(text(f"select count(*) from {table}"))).scalar_one()
                assert seen > 0, table
        changed = await client.patch(url, json={"audience": "members"}, headers=tenant.headers)
        assert changed.json()["audience"] == "members"
    assert await found(resources, tenant, Audience.VISITORS) == []
    assert await count(resources, tenant, "chunks") == await count(resources, tenant, "embeddings") == 1


async def test_rag_answers_as_the_contract_has_it(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    document_id = await uploaded(client, tenant)

    async def rag(body: Any, headers: dict[str, str]) -> httpx.Response:
        return await client.post("/api/rag", json=body, headers=headers)

    wanted = {"documentId": document_id}
    assert (await rag(wanted, {})).status_code == 401
    assert (await rag({"documentId": "nonsense"}, tenant.headers)).status_code == 400
    assert (await rag({"documentId": ""}, tenant.headers)).status_code == 400
    assert (await rag({"documentId": str(new_id())}, tenant.headers)).status_code == 404
    assert (await rag(wanted, other.headers)).status_code == 404
    _, agent = await factory.member(tenant, Role.AGENT)
    assert (await rag(wanted, agent)).status_code == 403
    wrong: tuple[Any, ...] = ({}, {"documentId": None}, {"documentId": 5}, [], None)
    for body in wrong:
        assert (await rag(body, tenant.headers)).status_code in (400, 422), body
    accepted = await rag(wanted, tenant.headers)
    assert accepted.status_code == 200
    assert accepted.json()["success"] is True
    # What it holds stays searchable meanwhile, and afterwards it is there once.
    assert await found(resources, tenant) == [document_id]
    assert (await finished(client, tenant, document_id))["status"] == "completed"
    assert await found(resources, tenant) == [document_id]
    assert await count(resources, tenant, "chunks") == 1
    mine = (await upload(client, agent)).json()["documentId"]
    assert (await rag({"documentId": mine}, agent)).status_code == 200


async def test_what_a_file_says_that_no_text_can_hold_is_left_out(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    content = docx(paragraph("Tents", "Heading1") + paragraph(SENTENCE), title="Our \0tents")
    document_id = (await upload(client, tenant.headers, "tent.docx", content)).json()["documentId"]
    document = await finished(client, tenant, document_id)
    assert (document["status"], document["title"]) == ("completed", "Our tents")
    assert await found(resources, tenant) == [document_id]


async def test_lists_are_filtered_paged_and_never_clamped(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    for number in range(5):
        await factory.document(tenant, f"Text {number}.", title=f"Page 100% {number}")
    await factory.document(tenant, "Internal.", title="Internal", audience=Audience.MEMBERS)
    await factory.document(other, "Foreign.", title="Page of others")

    async def listed(**params: Any) -> Any:
        response = await client.get("/api/documents", params=params, headers=tenant.headers)
        assert response.status_code == 200, response.text
        body = response.json()
        return body["total"], [document["title"] for document in body["documents"]]

    assert (await listed())[0] == 6
    assert await listed(limit=2) == (6, ["Internal", "Page 100% 4"])
    assert await listed(limit=2, offset=4) == (6, ["Page 100% 1", "Page 100% 0"])
    assert await listed(offset=6) == (6, [])
    assert await listed(audience="members") == (1, ["Internal"])
    assert (await listed(status="failed"))[0] == 0
    assert await listed(q="page 100% 3") == (1, ["Page 100% 3"])
    assert (await listed(q="_"))[0] == 0
    for params in (
        {"limit": 0},
        {"limit": 201},
        {"limit": -1},
        {"limit": "many"},
        {"offset": -1},
        {"status": "done"},
        {"audience": "all"},
        {"q": "a\x00b"},
    ):
        response = await client.get("/api/documents", params=params, headers=tenant.headers)
        assert response.status_code == 422, params
    assert (await client.get("/api/documents")).status_code == 401
    foreign = {"tenantId": other.workspace.slug}
    assert (await client.get("/api/documents", params=foreign, headers=tenant.headers)).status_code == 404


async def test_a_change_is_checked_and_foreign_documents_are_not_there(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    document_id = await factory.document(tenant, SENTENCE)
    url = f"/api/documents/{document_id}"
    for method in ("GET", "PATCH", "DELETE"):
        body = {"title": "New"} if method == "PATCH" else None
        assert (await client.request(method, url, json=body)).status_code == 401
        assert (await client.request(method, url, json=body, headers=other.headers)).status_code == 404
        malformed = await client.request(method, "/api/documents/x", json=body, headers=tenant.headers)
        assert malformed.status_code == 400
    reader = await factory.key(tenant, frozenset({Permission.READ_KNOWLEDGE}))
    assert (await client.patch(url, json={"title": "New"}, headers=reader)).status_code == 403
    assert (await client.get(url, headers=reader)).status_code == 200
    wrong: tuple[Any, ...] = (
        {"audience": "all"},
        {"title": ""},
        {"title": 5},
        {"title": "a" * 501},
        {"status": "completed"},
        [],
        "x",
    )
    for change in wrong:
        response = await client.patch(url, json=change, headers=tenant.headers)
        assert response.status_code == 422, change
    renamed = await client.patch(url, json={"title": "New"}, headers=tenant.headers)
    assert (renamed.status_code, renamed.json()["title"]) == (200, "New")


async def test_deleting_takes_passages_index_and_vectors_with_it_and_leaves_its_file_to_the_bin(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    kept = await uploaded(client, tenant, "tent.txt")
    document_id = await uploaded(client, tenant)
    url = f"/api/documents/{document_id}"
    assert len(stored_files(resources, tenant)) == 2
    assert (await client.delete(url, headers=tenant.headers)).status_code == 200
    assert await found(resources, tenant) == [kept]
    for table in ("documents", "chunks", "embeddings", "lexical_tombstones", "deleted_documents"):
        assert await count(resources, tenant, table) == 1, table
    assert {path.name for path in stored_files(resources, tenant)} == {kept, document_id}
    assert (await client.get(f"{url}/file", headers=tenant.headers)).status_code == 404
    assert (await client.get(url, headers=tenant.headers)).status_code == 404
    assert (await client.delete(url, headers=tenant.headers)).status_code == 404


async def test_an_agent_deletes_only_what_they_uploaded(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant = await factory.tenant()
    _, one = await factory.member(tenant, Role.AGENT)
    _, two = await factory.member(tenant, Role.AGENT)
    document_id = (await upload(client, one)).json()["documentId"]
    url = f"/api/documents/{document_id}"
    assert (await client.delete(url, headers=two)).status_code == 403
    assert (await client.patch(url, json={"audience": "visitors"}, headers=one)).status_code == 403
    await finished(client, tenant, document_id)
    assert (await client.delete(url, headers=one)).status_code == 200


async def test_who_may_only_read_by_now_changes_nothing_of_what_they_uploaded(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    _, headers = await factory.member(tenant, Role.AGENT)
    kept, gone = [(await upload(client, headers)).json()["documentId"] for _ in range(2)]
    for document_id in (kept, gone):
        await finished(client, tenant, document_id)
    assert (await client.delete(f"/api/documents/{gone}", headers=headers)).status_code == 200
    async with resources.database.unit_of_work(tenant.scope) as session:
        await session.execute(
            text("update members set role = 'viewer' where workspace_id = :id and role = 'agent'"),
            {"id": tenant.id},
        )
    asked = (
        await client.delete(f"/api/documents/{kept}", headers=headers),
        await client.post(f"/api/documents/{gone}/restore", headers=headers),
        await client.post("/api/rag", json={"documentId": kept}, headers=headers),
    )
    assert [response.status_code for response in asked] == [403, 403, 403]
    assert all("documents:upload" in response.json()["error"] for response in asked)


async def test_a_file_comes_as_a_download_and_for_members_only(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    document_id = await uploaded(client, tenant, "tent.html")
    url = f"/api/documents/{document_id}/file"
    response = await client.get(url, headers=tenant.headers)
    assert response.content == FILES["tent.html"]
    assert response.headers["content-disposition"] == 'attachment; filename="tent.html"'
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "no-store" in response.headers["cache-control"]
    assert (await client.get(url)).status_code == 401
    assert (await client.get(url, headers=factory.visitor(tenant)[1])).status_code == 401
    assert (await client.get(url, headers=other.headers)).status_code == 404
    uploader = await factory.key(tenant, frozenset({Permission.UPLOAD_DOCUMENTS}))
    assert (await client.get(url, headers=uploader)).status_code == 403
    page = await factory.document(tenant, SENTENCE)
    assert (await client.get(f"/api/documents/{page}/file", headers=tenant.headers)).status_code == 404


async def test_a_title_given_while_a_file_is_read_stays(
    client: httpx.AsyncClient, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant, embed = await factory.tenant(), HashingEmbedder.embed_passages
    reached, go = asyncio.Event(), asyncio.Event()

    async def wait(self: HashingEmbedder, texts: Any) -> Vector:
        reached.set()
        await go.wait()
        return await embed(self, texts)

    monkeypatch.setattr(HashingEmbedder, "embed_passages", wait)
    document = (await upload(client, tenant.headers)).json()["documentId"]
    await asyncio.wait_for(reached.wait(), 60)
    url = f"/api/documents/{document}"
    await client.patch(url, json={"title": "Our tents"}, headers=tenant.headers)
    go.set()
    read = await finished(client, tenant, document)
    assert (read["status"], read["title"]) == ("completed", "Our tents")
