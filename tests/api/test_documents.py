"""``/api/upload``, ``/api/rag`` and ``/api/documents``: from a file to what members and visitors find."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from api_routes.app import create_api
from helpninja_app.accounts.authentication import add_member
from helpninja_app.accounts.models import Role
from helpninja_app.accounts.permissions import Permission
from helpninja_app.billing import plans
from helpninja_app.kernel.database import new_id
from helpninja_app.kernel.scope import Audience, Scope
from helpninja_app.knowledge.search import search_question
from helpninja_app.resources import Resources
from tests.factories import Factory, Tenant
from tests.unit.document_factory import docx, help_page, locked_pdf, paragraph, pdf, pdf_of_empty_pages

pytestmark = pytest.mark.usefixtures("worker")

SENTENCE = "The quokka tent weighs two kilograms and keeps the rain out for a whole night."
FILES = {
    "tent.pdf": pdf(SENTENCE, title="Tents"),
    "tent.docx": docx(paragraph("Tents", "Heading1") + paragraph(SENTENCE)),
    "tent.md": f"# Tents\n\n{SENTENCE}\n".encode(),
    "tent.txt": SENTENCE.encode(),
    "tent.html": help_page(f"<h1>Tents</h1><p>{SENTENCE}</p>"),
    "tent.csv": b"name,weight\nquokka tent,two kilograms\nwombat tent,three kilograms\n",
}


async def upload(
    client: httpx.AsyncClient,
    headers: dict[str, str],
    name: str = "tent.md",
    content: bytes | None = None,
    media_type: str | None = None,
    **fields: str,
) -> httpx.Response:
    body = FILES[name] if content is None else content
    part = (name, body, media_type) if media_type else (name, body)
    return await client.post("/api/upload", files={"file": part}, data=fields, headers=headers)


async def finished(client: httpx.AsyncClient, tenant: Tenant, document_id: str) -> dict[str, Any]:
    async with asyncio.timeout(40):
        while True:
            response = await client.get(f"/api/documents/{document_id}", headers=tenant.headers)
            document: dict[str, Any] = response.json()
            if document["status"] != "processing":
                return document
            await asyncio.sleep(0.05)


async def uploaded(
    client: httpx.AsyncClient, tenant: Tenant, name: str = "tent.md", audience: str = "members"
) -> str:
    response = await upload(client, tenant.headers, name, audience=audience)
    assert response.status_code == 200, response.text
    document_id = str(response.json()["documentId"])
    assert (await finished(client, tenant, document_id))["status"] == "completed"
    return document_id


async def found(
    resources: Resources, tenant: Tenant, audience: Audience = Audience.MEMBERS, question: str = "quokka tent"
) -> list[str]:
    embedder = resources.knowledge.embedders.current
    scope = Scope(workspace_id=tenant.id, audience=audience)
    result = await search_question(resources.database, embedder, scope, question)
    return [str(passage.document_id) for passage in result.passages]


def incoming(resources: Resources) -> list[Path]:
    return list(resources.knowledge.files.incoming.iterdir())


def stored_files(resources: Resources, tenant: Tenant) -> list[Path]:
    return list((resources.knowledge.files.folder / str(tenant.id)).glob("*"))


async def count(resources: Resources, tenant: Tenant, table: str) -> int:
    async with resources.database.unit_of_work(tenant.scope) as session:
        return int((await session.execute(text(f"select count(*) from {table}"))).scalar_one())


@pytest.mark.parametrize("name", FILES)
async def test_a_file_of_each_kind_becomes_searchable(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, name: str
) -> None:
    tenant = await factory.tenant()
    response = await upload(client, tenant.headers, name)
    assert response.status_code == 200
    body = response.json()
    assert body == {"documentId": body["documentId"], "filename": name, "status": "processing"}
    document = await finished(client, tenant, body["documentId"])
    assert (document["status"], document["reason"], document["audience"]) == ("completed", None, "members")
    assert document["chunks"] == document["embedded"] == 1
    assert document["size"] == len(FILES[name])
    assert await found(resources, tenant) == [body["documentId"]]
    assert incoming(resources) == []


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


async def test_an_upload_may_be_public_from_the_start(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    document_id = await uploaded(client, tenant, audience="visitors")
    assert await found(resources, tenant, Audience.VISITORS) == [document_id]


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("run.exe", b"MZ\x90\x00" + b"\0" * 100, "application/x-msdownload"),
        ("run.md", b"MZ\x90\x00" + b"\0" * 100, None),
        ("image.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "image/png"),
        ("page.pdf", b"<html><body>not a pdf</body></html>", "application/pdf"),
        ("text.txt", pdf(SENTENCE), "text/plain"),
        ("word.docx", b"PK\x03\x04 not really", None),
        ("word.docx", SENTENCE.encode(), None),
        ("empty.md", b"", None),
        ("blank.txt", b" \n\t\n ", None),
        ("blank.pdf", pdf_of_empty_pages(3), None),
        ("locked.pdf", locked_pdf(SENTENCE, user_password="secret"), None),
        ("locked.docx", docx(paragraph(SENTENCE), locked=True), None),
        ("cut.pdf", pdf(SENTENCE)[:200], None),
        ("script.html", b"<html><body><script>alert(1)</script></body></html>", None),
        ("noending", b"\x00\x01\x02", None),
        ("..", SENTENCE.encode(), None),
        ("/", SENTENCE.encode(), None),
        ("bomb.docx", docx(paragraph(SENTENCE), extra={"word/bomb.xml": b"\0" * (300 << 20)}), None),
    ],
)
async def test_a_file_that_cannot_be_used_is_a_400_that_leaves_nothing(
    client: httpx.AsyncClient,
    factory: Factory,
    resources: Resources,
    name: str,
    content: bytes,
    media_type: str | None,
) -> None:
    tenant = await factory.tenant()
    response = await upload(client, tenant.headers, name, content, media_type)
    assert response.status_code == 400, response.text
    assert response.json()["error"]
    assert await count(resources, tenant, "documents") == await count(resources, tenant, "sources") == 0
    assert stored_files(resources, tenant) == incoming(resources) == []


async def test_a_request_without_one_file_is_a_400(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant = await factory.tenant()

    async def status(**request: Any) -> int:
        return (await client.post("/api/upload", headers=tenant.headers, **request)).status_code

    document = ("a.md", SENTENCE.encode())
    assert await status(files={"other": document}) == 400
    assert await status(files=[("file", document), ("file", document)]) == 400
    assert await status(files={"audience": (None, "members")}) == 400
    assert await status(files={"file": (None, "just a field")}) == 400
    assert await status(json={"file": "text"}) == 415
    boundary = {"content-type": "multipart/form-data; boundary=x"} | tenant.headers
    for content in (
        b"",
        b"--x",
        b"--x\r\n\r\n",
        b"nonsense",
        b'--x\r\nContent-Disposition: form-data; name="file"',
    ):
        response = await client.post("/api/upload", headers=boundary, content=content)
        assert response.status_code == 400, content
    without = {"content-type": "multipart/form-data"} | tenant.headers
    assert (await client.post("/api/upload", headers=without, content=b"--x--")).status_code == 400


async def test_a_path_in_the_name_is_not_believed(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    for name in ("../../etc/passwd.txt", "C:\\Windows\\passwd.txt", "/etc/passwd.txt", "a/../passwd.txt"):
        response = await upload(client, tenant.headers, name, SENTENCE.encode())
        assert (response.status_code, response.json()["filename"]) == (200, "passwd.txt")
    long = await upload(client, tenant.headers, "a" * 400 + ".txt", SENTENCE.encode())
    assert len(long.json()["filename"]) == 255
    assert long.json()["filename"].endswith(".txt")
    for path in stored_files(resources, tenant):
        assert path.resolve().is_relative_to(resources.knowledge.files.folder.resolve())


async def test_a_file_over_the_plans_size_is_refused_early_and_late(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await factory.tenant()
    _limit(monkeypatch, upload_bytes=1_000_000)
    for size in (1_000_001, 1_200_000):
        response = await upload(client, tenant.headers, "big.txt", b"word " * (size // 5) + b"x" * (size % 5))
        assert response.status_code == 400
        assert "1 MB" in response.json()["error"]
    assert incoming(resources) == stored_files(resources, tenant) == []
    assert (await upload(client, tenant.headers, "fits.txt", b"word " * 200_000)).status_code == 200


async def test_a_stream_without_a_length_is_cut_at_the_limit(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await factory.tenant()
    _limit(monkeypatch, upload_bytes=1_000_000)
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        while True:
            sent += 100_000
            yield b"a" * 100_000

    headers = tenant.headers | {"content-type": "multipart/form-data; boundary=x"}
    response = await client.post("/api/upload", headers=headers, content=endless())
    assert response.status_code == 400
    assert sent < 2_000_000
    assert incoming(resources) == []


async def test_a_client_that_leaves_half_way_leaves_nothing_behind(
    factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    start = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n' + b"a" * 3_000_000
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": start, "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return messages.pop(0) if len(messages) > 1 else messages[0]

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    headers = tenant.headers | {"content-type": "multipart/form-data; boundary=x", "host": "helpninja.test"}
    await create_api()(
        {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/api/upload",
            "raw_path": b"/api/upload",
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("helpninja.test", 80),
        },
        receive,
        send,
    )
    assert all(message.get("status", 400) < 500 for message in sent)
    assert await count(resources, tenant, "documents") == 0
    assert incoming(resources) == stored_files(resources, tenant) == []


async def test_a_full_disk_is_a_503_and_nothing_is_half_stored(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await factory.tenant()

    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for target in ("helpninja_app.kernel.files.os.fsync", "api_routes.uploads.shutil.copyfileobj"):
        with monkeypatch.context() as broken:
            broken.setattr(target, no_space)
            response = await upload(client, tenant.headers)
        assert response.status_code == 503
        assert "no space" in response.json()["error"]
        assert await count(resources, tenant, "documents") == await count(resources, tenant, "sources") == 0
        assert incoming(resources) == stored_files(resources, tenant) == []
    assert (await upload(client, tenant.headers)).status_code == 200


async def test_a_database_that_refuses_takes_the_file_with_it(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await factory.tenant()

    async def away(*_: object, **__: object) -> None:
        raise RuntimeError("the queue is gone")

    monkeypatch.setattr(type(resources.queue), "enqueue", away)
    response = await upload(client, tenant.headers)
    assert response.status_code == 500
    assert "queue" not in response.text
    assert await count(resources, tenant, "documents") == await count(resources, tenant, "sources") == 0
    assert incoming(resources) == stored_files(resources, tenant) == []


async def test_who_may_upload_and_where(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    assert (await upload(client, {})).status_code == 401
    assert (await upload(client, factory.visitor(tenant)[1])).status_code == 401
    foreign = await upload(client, tenant.headers, tenantId=other.workspace.public_key)
    assert foreign.status_code == 404
    reader = await factory.key(tenant, frozenset({Permission.READ_KNOWLEDGE}))
    assert (await upload(client, reader)).status_code == 403
    _, viewer = await factory.member(tenant, Role.VIEWER)
    assert (await upload(client, viewer)).status_code == 403
    _, agent = await factory.member(tenant, Role.AGENT)
    assert (await upload(client, agent)).status_code == 200
    assert (await upload(client, agent, audience="visitors")).status_code == 403
    assert (await upload(client, tenant.headers, audience="everybody")).status_code == 422


async def test_naming_another_workspace_of_theirs_gives_nobody_more_rights_there(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    own, other = await factory.tenant(), await factory.tenant()
    email, owner = await factory.member(own)
    async with resources.database.unit_of_work(other.scope) as session:
        user_id = (
            await session.execute(
                text("select user_id from user_emails where email = :email"), {"email": email}
            )
        ).scalar_one()
        await add_member(session, other.id, user_id, Role.VIEWER)
    for tenant_id in (other.workspace.public_key, other.workspace.slug, str(other.id)):
        response = await upload(client, owner, tenantId=tenant_id)
        assert response.status_code == 403
    assert await count(resources, other, "documents") == 0
    assert (await upload(client, owner, tenantId=own.workspace.slug)).status_code == 200


async def test_the_limit_of_documents_holds_for_uploads_at_the_same_time(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await factory.tenant()
    _limit(monkeypatch, documents=2)
    responses = await asyncio.gather(
        *(upload(client, tenant.headers, f"{number}.txt", SENTENCE.encode()) for number in range(5))
    )
    assert sorted(response.status_code for response in responses) == [200, 200, 402, 402, 402]
    refused = next(response for response in responses if response.status_code == 402).json()
    assert (refused["limit"], refused["used"]) == (2, 2)
    assert await count(resources, tenant, "documents") == len(stored_files(resources, tenant)) == 2


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


async def test_deleting_takes_passages_index_vectors_and_file_with_it(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    kept = await uploaded(client, tenant, "tent.txt")
    document_id = await uploaded(client, tenant)
    url = f"/api/documents/{document_id}"
    assert len(stored_files(resources, tenant)) == 2
    assert (await client.delete(url, headers=tenant.headers)).status_code == 200
    assert await found(resources, tenant) == [kept]
    for table in ("documents", "sources", "chunks", "embeddings", "lexical_tombstones"):
        assert await count(resources, tenant, table) == 1, table
    assert [path.name for path in stored_files(resources, tenant)] == [kept]
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


async def test_what_is_only_found_later_fails_with_its_reason(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await factory.tenant()
    monkeypatch.setattr("helpninja_app.knowledge.uploads.LOOK_SECONDS", 0.0)
    response = await upload(
        client, tenant.headers, "locked.pdf", locked_pdf(SENTENCE, user_password="secret")
    )
    assert response.status_code == 200
    document = await finished(client, tenant, response.json()["documentId"])
    assert document["status"] == "failed"
    assert "password" in document["reason"].lower() or "encrypted" in document["reason"].lower()
    assert await count(resources, tenant, "chunks") == 0


def _limit(monkeypatch: pytest.MonkeyPatch, **limits: int) -> None:
    changed = {name: getattr(plans.UNLIMITED, name) for name in plans.Plan.__dataclass_fields__} | limits
    monkeypatch.setattr(plans, "UNLIMITED", plans.Plan(**changed))
