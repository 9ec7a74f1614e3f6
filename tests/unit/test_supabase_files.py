"""Originals in Supabase Storage: what is put there and how, and what happens when it fails half-way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import structlog

from helpninja_app.errors import FileTooLarge, Unavailable
from helpninja_app.kernel.database import new_id
from helpninja_app.kernel.files import FolderFiles
from helpninja_app.kernel.supabase_files import (
    BATCH,
    BUCKET,
    MOST_COPIES,
    NOT_PRIVATE,
    NOT_READ,
    NOT_REMOVED,
    NOT_STORED,
    Patience,
    SupabaseFiles,
)
from tests.twins.supabase_storage import SECRET_KEY, SERVICE_ROLE_KEY, Bucket, Kind, SupabaseStorage

CONTENT = b"A whole original. " * 200_000
# What never answers costs as long; a busy machine answers within it.
IMPATIENT = Patience(connect=5.0, silence=3.0, whole=15.0, taking_back=3.0)
FAULTS: tuple[Kind, ...] = ("down", "slow", "reset", "lost", "odd")


@pytest.fixture
async def storage() -> AsyncIterator[SupabaseStorage]:
    async with SupabaseStorage() as running:
        yield running


@asynccontextmanager
async def opened(
    storage: SupabaseStorage, tmp_path: Path, key: str = SERVICE_ROLE_KEY
) -> AsyncIterator[SupabaseFiles]:
    folder = FolderFiles(tmp_path / "files")
    folder.prepare()
    made = SupabaseFiles(folder, storage.url, key, patience=IMPATIENT)
    try:
        yield made
    finally:
        await made.aclose()


@pytest.fixture
async def files(storage: SupabaseStorage, tmp_path: Path) -> AsyncIterator[SupabaseFiles]:
    async with opened(storage, tmp_path) as made:
        yield made


def arrived(files: SupabaseFiles, content: bytes = CONTENT) -> Path:
    path = files.incoming / str(new_id())
    path.write_bytes(content)
    return path


async def keep(files: SupabaseFiles, workspace_id: UUID | None = None, content: bytes = CONTENT) -> str:
    return await files.keep(arrived(files, content), workspace_id or new_id(), new_id())


async def read(files: SupabaseFiles, key: str) -> bytes:
    async with files.open(key) as path:
        return path.read_bytes()


def objects(storage: SupabaseStorage) -> dict[str, bytes]:
    return storage.buckets[BUCKET].objects if BUCKET in storage.buckets else {}


async def test_the_first_upload_makes_a_private_bucket_and_later_ones_use_it(
    storage: SupabaseStorage, files: SupabaseFiles
) -> None:
    keys = [await keep(files), await keep(files)]
    assert list(storage.buckets) == [BUCKET]
    assert not storage.buckets[BUCKET].is_public
    assert objects(storage) == dict.fromkeys(keys, CONTENT)
    assert storage.calls.count("POST bucket") == 1


async def test_processes_that_begin_together_make_one_bucket(
    storage: SupabaseStorage, files: SupabaseFiles, tmp_path: Path
) -> None:
    async with opened(storage, tmp_path) as others:
        keys = await asyncio.gather(*(keep(each) for each in (files, others) for _ in range(4)))
    assert set(objects(storage)) == set(keys)


async def test_an_object_is_named_by_ids_alone(storage: SupabaseStorage, files: SupabaseFiles) -> None:
    workspace, document = new_id(), new_id()
    named = files.incoming / "salaries of Ada.pdf"
    named.write_bytes(CONTENT)
    assert await files.keep(named, workspace, document) == f"{workspace}/{document}"
    assert not [call for call in storage.calls if "Ada" in call]


async def test_a_copy_to_read_lasts_as_long_as_it_is_read(files: SupabaseFiles) -> None:
    key = await keep(files)
    for left in files.incoming.iterdir():
        left.unlink()
    async with files.open(key) as path:
        assert path.read_bytes() == CONTENT
        assert path.stat().st_mode & 0o777 == 0o600
    assert list(files.incoming.iterdir()) == []


async def test_who_reads_slowly_fills_no_disk_and_keeps_no_other_workspace_waiting(
    files: SupabaseFiles,
) -> None:
    workspace = new_id()
    key = await files.keep(arrived(files), workspace, new_id())
    other = await files.keep(arrived(files), new_id(), new_id())
    async with AsyncExitStack() as slow:
        for _ in range(MOST_COPIES):
            await slow.enter_async_context(files.open(key))
        with pytest.raises(Unavailable, match="being read already"):
            await slow.enter_async_context(files.open(key))
        async with files.open(other) as path:
            assert path.read_bytes() == CONTENT
    async with files.open(key) as path:
        assert path.read_bytes() == CONTENT


async def test_storing_again_changes_nothing(storage: SupabaseStorage, files: SupabaseFiles) -> None:
    workspace, document = new_id(), new_id()
    keys = {await files.keep(arrived(files), workspace, document) for _ in range(2)}
    assert objects(storage) == dict.fromkeys(keys, CONTENT)


@pytest.mark.parametrize("label", ["POST object/", "GET bucket/"])
@pytest.mark.parametrize("kind", FAULTS)
async def test_a_failed_upload_is_told_and_leaves_nothing_and_the_next_one_works(
    storage: SupabaseStorage, files: SupabaseFiles, kind: Kind, label: str
) -> None:
    await keep(files)
    [first] = objects(storage)
    storage.fail(kind, label)
    with pytest.raises(Unavailable, match="try again") as failed:
        await keep(files)
    assert failed.value.detail == NOT_STORED
    assert list(objects(storage)) == [first]
    second = await keep(files)
    assert set(objects(storage)) == {first, second}


async def test_a_failed_upload_is_told_when_it_cannot_be_taken_back_either(
    storage: SupabaseStorage, files: SupabaseFiles
) -> None:
    await keep(files)
    storage.fail("lost", "POST object/")
    storage.fail("slow", "DELETE")
    with pytest.raises(Unavailable, match="could not be stored"):
        await keep(files)


@pytest.mark.parametrize("kind", ["down", "slow", "reset", "lost", "truncated"])
async def test_a_failed_download_is_told_before_a_byte_of_it_is_seen(
    storage: SupabaseStorage, files: SupabaseFiles, kind: Kind
) -> None:
    key = await keep(files)
    for left in files.incoming.iterdir():
        left.unlink()
    storage.fail(kind, "GET object/")
    with pytest.raises(Unavailable) as failed:
        await read(files, key)
    assert failed.value.detail == NOT_READ
    assert list(files.incoming.iterdir()) == []
    assert await read(files, key) == CONTENT


@pytest.mark.parametrize("kind", FAULTS)
async def test_a_removal_that_failed_is_done_the_next_time(
    storage: SupabaseStorage, files: SupabaseFiles, kind: Kind
) -> None:
    key = await keep(files)
    storage.fail(kind, "DELETE")
    with pytest.raises(Unavailable) as failed:
        await files.remove(key)
    assert failed.value.detail == NOT_REMOVED
    await files.remove(key)
    assert objects(storage) == {}
    await files.remove(key)


async def test_a_storage_that_is_not_there_is_told(tmp_path: Path) -> None:
    async with SupabaseStorage() as gone:
        pass
    async with opened(gone, tmp_path) as files:
        with pytest.raises(Unavailable, match="could not be stored"):
            await keep(files)


def of_storage(logs: list[MutableMapping[str, Any]]) -> list[MutableMapping[str, Any]]:
    """Without what a worker of other tests in this process says meanwhile."""
    return [each for each in logs if each["event"].startswith("supabase_")]


async def test_nothing_is_put_into_a_public_bucket_and_the_log_says_what_to_do(
    storage: SupabaseStorage, files: SupabaseFiles
) -> None:
    kept = await keep(files)
    storage.buckets[BUCKET].is_public = True
    with structlog.testing.capture_logs() as logs, pytest.raises(Unavailable) as refused:
        await keep(files)
    assert refused.value.detail == NOT_PRIVATE
    assert list(objects(storage)) == [kept]
    [told] = of_storage(logs)
    assert (told["event"], told["log_level"]) == ("supabase_bucket_is_public", "error")
    assert "private" in told["detail"]


async def test_a_public_bucket_is_not_made_private_behind_its_owners_back(
    storage: SupabaseStorage, files: SupabaseFiles
) -> None:
    storage.buckets[BUCKET] = Bucket(is_public=True)
    with pytest.raises(Unavailable, match="not private"):
        await keep(files)
    assert storage.calls == [f"GET bucket/{BUCKET}"]


async def test_a_file_over_the_projects_own_limit_is_refused_for_good(
    storage: SupabaseStorage, files: SupabaseFiles
) -> None:
    storage.size_limit = 1_000
    with pytest.raises(FileTooLarge, match="larger than the file storage"):
        await keep(files)
    assert objects(storage) == {}


async def test_what_is_not_there_is_no_outage(storage: SupabaseStorage, files: SupabaseFiles) -> None:
    with pytest.raises(FileNotFoundError):
        await read(files, f"{new_id()}/{new_id()}")
    await files.remove(f"{new_id()}/{new_id()}")
    await files.remove_workspace(new_id())
    assert storage.buckets == {}


async def test_a_gateway_that_finds_nothing_does_not_mean_that_a_file_is_gone(
    storage: SupabaseStorage, files: SupabaseFiles, tmp_path: Path
) -> None:
    key = await keep(files)
    wrong = SupabaseFiles(files.folder, f"{storage.url}/wrong", SERVICE_ROLE_KEY, patience=IMPATIENT)
    with pytest.raises(Unavailable):
        await wrong.remove(key)
    with pytest.raises(Unavailable):
        await read(wrong, key)
    await wrong.aclose()


async def test_a_workspace_is_emptied_and_no_other_one(
    storage: SupabaseStorage, files: SupabaseFiles
) -> None:
    one, other = new_id(), new_id()
    kept = await keep(files, other)
    for _ in range(BATCH + 1):
        objects(storage)[f"{one}/{new_id()}"] = b"x"
    storage.fail("down", "DELETE")
    with pytest.raises(Unavailable):
        await files.remove_workspace(one)
    await files.remove_workspace(one)
    assert list(objects(storage)) == [kept]


async def test_what_was_kept_in_the_folder_before_is_read_and_removed_there(
    storage: SupabaseStorage, files: SupabaseFiles
) -> None:
    workspace = new_id()
    before, later = [
        await files.folder.keep(arrived(files), workspace, new_id()),
        await files.folder.keep(arrived(files), workspace, new_id()),
    ]
    assert await read(files, before) == CONTENT
    assert storage.calls == []
    await files.remove(before)
    assert not files.folder.has(before)
    await files.remove_workspace(workspace)
    assert not files.folder.has(later)


@pytest.mark.parametrize("key", [SERVICE_ROLE_KEY, SECRET_KEY])
async def test_both_kinds_of_key_work_and_are_seen_nowhere(
    storage: SupabaseStorage, tmp_path: Path, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    storage.key = key
    caplog.set_level(logging.DEBUG)
    async with opened(storage, tmp_path, key) as files:
        kept = await keep(files)
        storage.key = "another one"
        told = []
        with structlog.testing.capture_logs() as logs:
            for attempt in (keep(files), read(files, kept), files.remove(kept)):
                with pytest.raises(Unavailable) as refused:
                    await attempt
                told.append(f"{refused.value!r} {refused.value.__cause__!r}")
        shown = f"{told} {logs} {caplog.text} {files!r} {files._bucket!r} {files._storage!r}"
    assert key not in shown
    assert {each["status"] for each in of_storage(logs)} == {"403"}
