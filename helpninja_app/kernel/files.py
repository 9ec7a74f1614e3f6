"""Private files: the originals of uploads, reachable only through this module; here those in a folder."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol
from uuid import UUID

from helpninja_app.errors import Unavailable

ABANDONED_SECONDS = 3600

NOT_REMOVED = "A file could not be removed. It is tried again later."
NO_SPACE = "The file could not be stored: there is no space left or the folder cannot be written."


def key_of(workspace_id: UUID, document_id: UUID) -> str:
    """What a document's original is found by: made of ids only, never of what somebody wrote."""
    return f"{workspace_id}/{document_id}"


class Files(Protocol):
    """Originals by the keys that ``keep`` gives; what cannot be done now raises ``Unavailable``."""

    @property
    def incoming(self) -> Path:
        """A folder on this machine for what is on its way."""
        ...

    async def keep(self, incoming: Path, workspace_id: UUID, document_id: UUID) -> str:
        """Store a finished upload and give its key; ``incoming`` is its owner's to remove if still there."""
        ...

    def open(self, key: str) -> AbstractAsyncContextManager[Path]:
        """A path to read the file at for as long as the context lasts; ``FileNotFoundError`` without one."""
        ...

    async def remove(self, key: str) -> None:
        """A file that is gone already is no error."""
        ...

    async def remove_workspace(self, workspace_id: UUID) -> None:
        """Everything of a workspace, whatever is known of it."""
        ...

    async def aclose(self) -> None: ...


class FolderFiles:
    """Files by workspace and id below one folder that no web server serves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.incoming = folder / "incoming"

    def prepare(self) -> None:
        """Make the folders and remove what interrupted uploads left behind."""
        self.incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Only old ones: another process may be taking in an upload right now.
        for left in self.incoming.iterdir():
            if time.time() - left.stat().st_mtime > ABANDONED_SECONDS:
                left.unlink(missing_ok=True)

    async def keep(self, incoming: Path, workspace_id: UUID, document_id: UUID) -> str:
        """``Unavailable`` on a full disk."""
        key = key_of(workspace_id, document_id)
        try:
            await asyncio.to_thread(self._move, incoming, self.folder / key)
        except OSError as error:
            raise Unavailable(NO_SPACE) from error
        return key

    def has(self, key: str) -> bool:
        return (self.folder / key).is_file()

    @asynccontextmanager
    async def open(self, key: str) -> AsyncIterator[Path]:
        if not self.has(key):
            raise FileNotFoundError(key)
        yield self.folder / key

    async def remove(self, key: str) -> None:
        try:
            await asyncio.to_thread((self.folder / key).unlink, missing_ok=True)
        except OSError as error:
            raise Unavailable(NOT_REMOVED) from error

    async def remove_workspace(self, workspace_id: UUID) -> None:
        try:
            await asyncio.to_thread(shutil.rmtree, self.folder / str(workspace_id))
        except FileNotFoundError:
            return
        except OSError as error:
            raise Unavailable(NOT_REMOVED) from error

    async def aclose(self) -> None:
        """Nothing is open."""

    @staticmethod
    def _move(source: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with source.open("rb") as file:
            os.fsync(file.fileno())
        source.replace(target)
