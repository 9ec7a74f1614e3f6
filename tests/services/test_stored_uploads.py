"""An installation that keeps originals in Supabase Storage: uploads, downloads, and the jobs that purge."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from starlette.types import Message

from api_routes import documents
from api_routes.app import create_api
from api_routes.downloads import send_original
from helpninja_app.accounts.models import Role
from helpninja_app.answers.answerers import Answerers
from helpninja_app.errors import Unavailable
from helpninja_app.jobs import remove_expired_workspaces, tasks
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.embedded_postgres import Urls
from helpninja_app.kernel.files import FolderFiles
from helpninja_app.kernel.supabase_files import BUCKET, NOT_READ, NOT_STORED, SupabaseFiles
from helpninja_app.knowledge.bin import KEPT
from helpninja_app.knowledge.deadlines import meet_knowledge_deadline
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.knowledge.uploads import add_upload
from helpninja_app.resources import Resources, make_files, open_resources
from tests.api.uploading import FILES, count, found, incoming, upload
from tests.conftest import make_settings
from tests.factories import Factory, Tenant
from tests.twins.supabase_storage import SECRET_KEY, Fault, SupabaseStorage


@dataclass(frozen=True)
class Installation:
    storage: SupabaseStorage
    resources: Resources
    client: httpx.AsyncClient

    @property
    def factory(self) -> Factory:
        return Factory(self.resources)

    @property
    def objects(self) -> dict[str, bytes]:
        return self.storage.buckets[BUCKET].objects if BUCKET in self.storage.buckets else {}

    async def work_off(self) -> None:
        """Run what waits in the queue, and end."""
        await self.resources.queue.app.run_worker_async(
            wait=False,
            install_signal_handlers=False,
            delete_jobs="successful",
            additional_context={"resources": self.resources},
        )

    async def uploaded(self, tenant: Tenant) -> str:
        """A document whose original was stored and read."""
        response = await upload(self.client, tenant.headers)
        assert response.status_code == 200, response.text
        await self.work_off()
        return str(response.json()["documentId"])

    async def download(self, document: str, headers: dict[str, str]) -> httpx.Response:
        return await self.client.get(f"/api/documents/{document}/file", headers=headers)

    async def purge(self, tenant: Tenant) -> None:
        tools = self.resources.knowledge
        moment = now() + KEPT + timedelta(minutes=1)
        await meet_knowledge_deadline(tools.database, tools.queue, tools.files, tenant.id, moment)


@pytest.fixture
async def here(file_urls: Urls, tmp_path: Path) -> AsyncIterator[Installation]:
    async with SupabaseStorage(key=SECRET_KEY) as storage:
        settings = make_settings(
            file_urls,
            tmp_path,
            supabase_url=storage.url,
            supabase_service_role_key=SecretStr(SECRET_KEY),
        )
        transport = httpx.ASGITransport(app=create_api(), raise_app_exceptions=False)
        async with (
            open_resources(
                settings, file_urls.app, tasks=tasks, embedder=HashingEmbedder(), answerers=Answerers()
            ) as resources,
            httpx.AsyncClient(transport=transport, base_url="http://helpninja.test", timeout=60) as client,
        ):
            yield Installation(storage, resources, client)


async def test_an_upload_is_stored_read_and_downloaded_by_its_members_alone(here: Installation) -> None:
    tenant, other = await here.factory.tenant(), await here.factory.tenant()
    document = await here.uploaded(tenant)
    assert here.objects == {f"{tenant.id}/{document}": FILES["tent.md"]}
    assert await found(here.resources, tenant) == [document]
    assert incoming(here.resources) == []
    _, viewer = await here.factory.member(tenant, Role.VIEWER)
    for headers in (tenant.headers, viewer):
        response = await here.download(document, headers)
        assert (response.status_code, response.content) == (200, FILES["tent.md"])
        assert response.headers["content-disposition"] == 'attachment; filename="tent.md"'
    calls = list(here.storage.calls)
    for headers, status in ((other.headers, 404), ({}, 401), (here.factory.visitor(tenant)[1], 401)):
        refused = await here.download(document, headers)
        assert refused.status_code == status
        assert FILES["tent.md"] not in refused.content
    assert here.storage.calls == calls
    assert incoming(here.resources) == []


async def test_an_upload_that_storage_does_not_take_leaves_no_document_and_can_be_tried_again(
    here: Installation,
) -> None:
    tenant = await here.factory.tenant()
    for fault in (
        Fault("down", "GET bucket/"),
        Fault("reset", "POST object/"),
        Fault("lost", "POST object/"),
    ):
        here.storage.faults.append(fault)
        response = await upload(here.client, tenant.headers)
        assert (response.status_code, response.json()["error"]) == (503, NOT_STORED)
        assert await count(here.resources, tenant, "documents") == 0
        assert here.objects == {}
        assert incoming(here.resources) == []
    assert (await upload(here.client, tenant.headers)).status_code == 200


async def test_what_a_database_refuses_is_told_also_when_storage_is_away_by_then(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await here.factory.tenant()

    async def away(*_: object, **__: object) -> None:
        here.storage.fail("down", "DELETE")
        raise RuntimeError("the queue is gone")

    monkeypatch.setattr(type(here.resources.queue), "enqueue", away)
    response = await upload(here.client, tenant.headers)
    assert response.status_code == 500
    assert await count(here.resources, tenant, "documents") == 0


async def test_an_upload_whose_storing_was_not_heard_of_keeps_its_file(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection goes with the answer to COMMIT: the document is there."""
    tenant = await here.factory.tenant()
    database = type(here.resources.database)
    whole = database.unit_of_work
    is_added: list[bool] = []

    @asynccontextmanager
    async def unheard(*given: Any, **more: Any) -> AsyncIterator[Any]:
        async with whole(*given, **more) as session:
            yield session
        if is_added and is_added.pop():
            raise Unavailable("The database is away.")

    async def adding(*given: Any, **more: Any) -> None:
        await add_upload(*given, **more)
        is_added.append(True)

    with monkeypatch.context() as broken:
        broken.setattr(database, "unit_of_work", unheard)
        broken.setattr(documents, "add_upload", adding)
        assert (await upload(here.client, tenant.headers)).status_code == 503
    assert await count(here.resources, tenant, "documents") == 1
    await here.work_off()
    [document] = await found(here.resources, tenant)
    assert (await here.download(document, tenant.headers)).content == FILES["tent.md"]


async def test_a_public_bucket_takes_no_upload(here: Installation) -> None:
    tenant = await here.factory.tenant()
    await here.uploaded(tenant)
    here.storage.buckets[BUCKET].is_public = True
    response = await upload(here.client, tenant.headers)
    assert response.status_code == 503
    assert "not private" in response.json()["error"]
    assert len(here.objects) == 1


async def test_a_download_that_fails_is_a_sentence_and_no_half_file(here: Installation) -> None:
    tenant = await here.factory.tenant()
    document = await here.uploaded(tenant)
    for kind in ("down", "truncated"):
        here.storage.fail(kind, "GET object/")
        response = await here.download(document, tenant.headers)
        assert (response.status_code, response.json()["error"]) == (503, NOT_READ)
    here.objects.clear()
    assert (await here.download(document, tenant.headers)).status_code == 404


async def test_a_server_that_sends_files_itself_is_given_the_bytes(here: Installation) -> None:
    tenant = await here.factory.tenant()
    key = f"{tenant.id}/{await here.uploaded(tenant)}"
    response = await send_original(here.resources.knowledge.files, key, "tent.md")
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        **{"type": "http", "method": "GET", "headers": []},
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "extensions": {"http.response.pathsend": {}},
    }
    await response(scope, receive, send)
    assert b"".join(message.get("body", b"") for message in sent) == FILES["tent.md"]


async def test_whoever_leaves_during_a_download_leaves_no_copy(here: Installation) -> None:
    tenant = await here.factory.tenant()
    key = f"{tenant.id}/{await here.uploaded(tenant)}"
    response = await send_original(here.resources.knowledge.files, key, "tent.md")
    assert len(incoming(here.resources)) == 1

    async def nobody() -> Message:
        return {"type": "http.disconnect"}

    async def gone(_: Message) -> None:
        raise OSError("the client has left")

    with pytest.raises(OSError, match="has left"):
        await response({"type": "http", "method": "GET", "headers": []}, nobody, gone)
    assert incoming(here.resources) == []


async def test_a_document_is_read_when_storage_is_back(here: Installation) -> None:
    tenant = await here.factory.tenant()
    document = (await upload(here.client, tenant.headers)).json()["documentId"]
    # Jobs that other tests left ask as well.
    here.storage.fail("down", "GET object/", times=20)
    await here.work_off()
    assert await found(here.resources, tenant) == []
    here.storage.faults.clear()
    async with here.resources.database.unit_of_work() as session:
        await session.execute(text("update procrastinate_jobs set scheduled_at = null"))
    await here.work_off()
    assert await found(here.resources, tenant) == [document]


async def test_a_purge_that_storage_did_not_do_is_done_the_next_time(here: Installation) -> None:
    tenant = await here.factory.tenant()
    for _ in range(2):
        document = await here.uploaded(tenant)
        await here.client.delete(f"/api/documents/{document}", headers=tenant.headers)
    here.storage.fail("down", "DELETE")
    await here.purge(tenant)
    assert await count(here.resources, tenant, "deleted_documents") == len(here.objects) == 2
    await here.purge(tenant)
    assert await count(here.resources, tenant, "deleted_documents") == len(here.objects) == 0


async def test_a_workspace_is_removed_with_its_originals_or_not_yet(here: Installation) -> None:
    tenant, other = await here.factory.tenant(), await here.factory.tenant()
    await here.uploaded(tenant)
    kept = await here.uploaded(other)
    async with here.resources.database.unit_of_work() as session:
        await session.execute(
            text(
                "update workspace_handles set expires_at = now() - interval '1 second'"
                " where workspace_id = :id"
            ),
            {"id": tenant.id},
        )
    here.storage.fail("down", "DELETE")
    await remove_expired_workspaces(here.resources)
    assert await count(here.resources, tenant, "workspaces") == 1
    await remove_expired_workspaces(here.resources)
    assert await count(here.resources, tenant, "workspaces") == 0
    assert list(here.objects) == [f"{other.id}/{kept}"]


async def test_files_of_before_the_change_are_still_there(here: Installation) -> None:
    tenant = await here.factory.tenant()
    folder = here.resources.settings.data_dir / "files"
    document = await here.uploaded(tenant)
    key = f"{tenant.id}/{document}"
    (folder / key).parent.mkdir()
    (folder / key).write_bytes(here.objects.pop(key))
    assert (await here.download(document, tenant.headers)).content == FILES["tent.md"]
    await here.client.delete(f"/api/documents/{document}", headers=tenant.headers)
    await here.purge(tenant)
    assert not (folder / key).exists()


async def test_storage_is_used_where_both_settings_are_there_and_changes_no_sign_in(
    here: Installation,
) -> None:
    both = here.resources.settings
    assert isinstance(here.resources.knowledge.files, SupabaseFiles)
    assert here.resources.supabase is None
    assert not both.is_supabase_sign_in
    for missing in ("supabase_url", "supabase_service_role_key"):
        assert isinstance(make_files(both.model_copy(update={missing: None})), FolderFiles)


async def test_the_key_is_in_no_answer(here: Installation) -> None:
    tenant = await here.factory.tenant()
    here.storage.key = "sb_secret_another"
    response = await upload(here.client, tenant.headers)
    assert response.status_code == 503
    assert SECRET_KEY not in f"{response.text} {response.headers} {here.resources.settings!r}"
    with pytest.raises(Unavailable) as refused:
        await here.resources.knowledge.files.remove("a/b")
    assert SECRET_KEY not in f"{refused.value!r} {refused.value.__cause__!r}"
