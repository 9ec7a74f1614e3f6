"""``/api/upload``: which files are taken, from whom, and that a refused one leaves nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from functools import partial
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from api_routes.app import create_api
from helpninja_app.accounts.members import add_member
from helpninja_app.accounts.models import Role
from helpninja_app.accounts.permissions import Permission
from helpninja_app.billing import plans
from helpninja_app.kernel.scope import Audience
from helpninja_app.knowledge.extraction.extracted import Limits
from helpninja_app.resources import Resources
from tests.api.chatting import ask, shop
from tests.api.uploading import (
    FILES,
    SENTENCE,
    count,
    finished,
    found,
    incoming,
    stored_files,
    upload,
    uploaded,
)
from tests.factories import Factory
from tests.plan_words import assert_shows_the_way
from tests.unit.document_factory import docx, locked_pdf, paragraph, pdf, pdf_of_empty_pages
from tests.unit.hostile_texts import slow_page

pytestmark = pytest.mark.usefixtures("worker")


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


async def test_an_upload_may_be_public_from_the_start(
    client: httpx.AsyncClient, factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    document_id = await uploaded(client, tenant, audience="visitors")
    assert await found(resources, tenant, Audience.VISITORS) == [document_id]


async def test_a_file_whose_text_comes_after_many_line_breaks_is_not_called_empty(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await factory.tenant()
    response = await upload(client, tenant.headers, "late.txt", b"\n" * 1_000_000 + SENTENCE.encode())
    assert response.status_code == 200
    document = await finished(client, tenant, response.json()["documentId"])
    assert (document["status"], document["chunks"]) == ("completed", 1)


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
        assert path.resolve().is_relative_to((resources.settings.data_dir / "files").resolve())


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
    assert_shows_the_way(refused)
    assert await count(resources, tenant, "documents") == len(stored_files(resources, tenant)) == 2


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


async def test_neighbours_search_and_chat_while_hostile_files_are_read(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("helpninja_app.knowledge.uploads.LOOK_SECONDS", 0.0)
    monkeypatch.setattr("helpninja_app.knowledge.uploads.Limits", partial(Limits, cpu_seconds=1.0))
    neighbour, attacker = await shop(factory), await factory.tenant()
    uploads = [await upload(client, attacker.headers, f"{n}.html", slow_page()) for n in range(3)]
    ids = [response.json()["documentId"] for response in uploads]
    reply = await ask(client, neighbour)
    passages = await found(resources, neighbour, question="boots returned")
    documents = [await client.get(f"/api/documents/{each}", headers=attacker.headers) for each in ids]
    assert reply.status_code == 200
    assert "sixty days" in reply.json()["answer"]
    assert passages
    assert "processing" in {response.json()["status"] for response in documents}
    for each in ids:
        assert "takes too long to read" in (await finished(client, attacker, each))["reason"]


def _limit(monkeypatch: pytest.MonkeyPatch, **limits: int) -> None:
    changed = (
        {name: getattr(plans.UNLIMITED, name) for name in plans.Plan.__dataclass_fields__}
        | {"name": "free"}
        | limits
    )
    monkeypatch.setattr(plans, "UNLIMITED", plans.Plan(**changed))
