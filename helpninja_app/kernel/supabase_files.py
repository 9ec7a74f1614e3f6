"""Originals in a private bucket of Supabase Storage (https://supabase.com/docs/guides/storage)."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import httpx
import structlog
from storage3 import AsyncStorageClient
from storage3.exceptions import StorageApiError
from storage3.types import FileOptions
from storage3.utils import StorageException

from helpninja_app.errors import FileTooLarge, HelpNinjaError, Unavailable
from helpninja_app.kernel.database import new_id
from helpninja_app.kernel.files import NO_SPACE, FolderFiles, key_of

log = structlog.get_logger(__name__)

BUCKET = "helpninja-originals"
# How many files one request removes.
BATCH = 100
CHUNK_BYTES = 1_000_000
# Of one workspace's files at a time, in this process.
MOST_COPIES = 5

NOT_STORED = "The file could not be stored: the file storage cannot be reached. Please try again in a moment."
NOT_READ = "The file cannot be read now: the file storage cannot be reached. Please try again in a moment."
BUSY = "Several files of this workspace are being read already. Please try again in a moment."
NOT_REMOVED = "The file could not be removed: the file storage cannot be reached."
NOT_PRIVATE = (
    "The file could not be stored: the file storage of this installation is not private. Whoever runs the"
    " installation finds in its log what to do."
)
TOO_LARGE = "This file is larger than the file storage of this installation takes."

# How Storage itself says that something is not there, where a server in between would say 404 as well.
_GONE = frozenset({"not_found", "NoSuchKey", "Bucket not found", "NoSuchBucket"})
_EXISTS = frozenset({"Duplicate", "BucketAlreadyExists", "ResourceAlreadyExists"})
# No cache between here and there keeps what was removed.
_OPTIONS: FileOptions = {
    "content-type": "application/octet-stream",
    "cache-control": "0",
    "upsert": "true",
}


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait: for a connection, for the next sign of life, for a whole step, for taking one back."""

    connect: float = 5.0
    silence: float = 30.0
    whole: float = 120.0
    taking_back: float = 5.0


class SupabaseFiles:
    """Files in the project's bucket; what was kept in ``folder`` before is still read and removed there.

    ``key`` is the project's secret or service_role key: it opens every bucket, and stays in this object.
    """

    def __init__(self, folder: FolderFiles, url: str, key: str, *, patience: Patience | None = None) -> None:
        self.folder = folder
        self.incoming = folder.incoming
        self._patience = patience or Patience()
        self._copies: Counter[str] = Counter()
        self._url = f"{url}/storage/v1"
        # A redirect could take the key to another server. It stands in this client alone: the library's
        # objects show their headers when they are printed.
        self._http = httpx.AsyncClient(
            headers=_headers(key),
            timeout=httpx.Timeout(self._patience.silence, connect=self._patience.connect),
            follow_redirects=False,
        )
        self._storage = AsyncStorageClient(f"{self._url}/", {}, http_client=self._http)
        self._bucket = self._storage.from_(BUCKET)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def keep(self, incoming: Path, workspace_id: UUID, document_id: UUID) -> str:
        """``FileTooLarge`` over the bucket's own limit. Nothing is put into a bucket that is public."""
        key = key_of(workspace_id, document_id)
        async with self._asking(NOT_STORED):
            await self._need_private_bucket()
        try:
            async with self._asking(NOT_STORED):
                await self._bucket.upload(key, incoming, _OPTIONS)
        except BaseException:
            # Its answer may have been lost after the work was done.
            with suppress(HelpNinjaError, TimeoutError):
                async with asyncio.timeout(self._patience.taking_back):
                    await self.remove(key)
            raise
        return key

    @asynccontextmanager
    async def open(self, key: str) -> AsyncIterator[Path]:
        """A copy on this machine: whole before anybody reads it, and removed afterwards."""
        if self.folder.has(key):
            async with self.folder.open(key) as path:
                yield path
            return
        with self._one_more_copy(key.partition("/")[0]):
            copy = self.incoming / str(new_id())
            try:
                async with self._asking(NOT_READ):
                    await self._fetch(key, copy)
                yield copy
            finally:
                copy.unlink(missing_ok=True)

    @contextmanager
    def _one_more_copy(self, workspace: str) -> Iterator[None]:
        """A copy lies here as long as somebody takes to read it: nobody fills the disk by reading slowly."""
        if self._copies[workspace] >= MOST_COPIES:
            raise Unavailable(BUSY)
        self._copies[workspace] += 1
        try:
            yield
        finally:
            self._copies[workspace] -= 1
            if not self._copies[workspace]:
                del self._copies[workspace]

    async def remove(self, key: str) -> None:
        async with self._asking(NOT_REMOVED):
            await self._remove([key])
        await self.folder.remove(key)

    async def remove_workspace(self, workspace_id: UUID) -> None:
        while True:
            async with self._asking(NOT_REMOVED):
                found = await self._list(str(workspace_id))
                if not found:
                    break
                if not await self._remove(found):
                    log.error("supabase_storage_removes_nothing", bucket=BUCKET, workspace=str(workspace_id))
                    raise Unavailable(NOT_REMOVED)
        await self.folder.remove_workspace(workspace_id)

    async def _need_private_bucket(self) -> None:
        """Asked before each upload, since a bucket can be made public at any time."""
        try:
            bucket = await self._storage.get_bucket(BUCKET)
        except StorageApiError as error:
            if error.code not in _GONE:
                raise
            await self._make_bucket()
            bucket = await self._storage.get_bucket(BUCKET)
        if bucket.public:
            log.error(
                "supabase_bucket_is_public",
                bucket=BUCKET,
                detail="Nothing is stored in it: make this bucket private in the dashboard of Supabase.",
            )
            raise Unavailable(NOT_PRIVATE)

    async def _make_bucket(self) -> None:
        try:
            await self._storage.create_bucket(BUCKET, options={"public": False})
        except StorageApiError as error:
            # Another process was faster.
            if error.code not in _EXISTS:
                raise

    async def _fetch(self, key: str, copy: Path) -> None:
        """The library would hold the whole file in memory."""
        async with self._http.stream("GET", f"{self._url}/object/authenticated/{BUCKET}/{key}") as answer:
            if not answer.is_success:
                refusal = _refusal(answer.status_code, await answer.aread())
                raise FileNotFoundError(key) if refusal.code in _GONE else refusal
            try:
                with await asyncio.to_thread(_private_file, copy) as file:
                    async for chunk in answer.aiter_bytes(CHUNK_BYTES):
                        await asyncio.to_thread(file.write, chunk)
            except OSError as error:
                raise Unavailable(NO_SPACE) from error

    async def _list(self, folder: str) -> list[str]:
        try:
            found = await self._bucket.list(folder, {"limit": BATCH})
        except StorageApiError as error:
            if error.code in _GONE:
                return []
            raise
        return [f"{folder}/{each['name']}" for each in found]

    async def _remove(self, keys: list[str]) -> int:
        """How many were there."""
        try:
            return len(await self._bucket.remove(keys))
        except StorageApiError as error:
            if error.code in _GONE:
                return 0
            raise

    @asynccontextmanager
    async def _asking(self, sentence: str) -> AsyncIterator[None]:
        """What goes wrong with Storage becomes ours: ``sentence`` for the user, the rest in the log."""
        try:
            async with asyncio.timeout(self._patience.whole):
                yield
        except StorageApiError as error:
            status, code = str(error.status), str(error.code)[:60]
            log.warning("supabase_storage_refused", bucket=BUCKET, status=status, code=code)
            if status == "413":
                raise FileTooLarge(TOO_LARGE) from error
            raise Unavailable(sentence) from error
        except (StorageException, httpx.HTTPError, TimeoutError, ValueError, KeyError, TypeError) as error:
            # The last three are what the library makes of answers that are not Storage's.
            log.warning("supabase_storage_failed", bucket=BUCKET, error=type(error).__name__)
            raise Unavailable(sentence) from error


def _headers(key: str) -> dict[str, str]:
    # The newer keys (sb_secret_…) are no tokens and must not be sent as one.
    bearer = {} if key.startswith("sb_") else {"authorization": f"Bearer {key}"}
    return {"apikey": key, **bearer}


def _private_file(path: Path) -> BinaryIO:
    file = path.open("xb")
    path.chmod(0o600)
    return file


def _refusal(status: int, body: bytes) -> StorageApiError:
    """The error that the library would have made of an answer."""
    try:
        said = json.loads(body)
        return StorageApiError(str(said["message"]), str(said["error"]), str(said["statusCode"]))
    except (ValueError, KeyError, TypeError):
        return StorageApiError("", "InternalError", status)
