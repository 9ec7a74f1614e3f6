"""Private files: the originals of uploads, on disk, reachable only through this module."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from pathlib import Path
from uuid import UUID

from helpninja_app.errors import Unavailable

ABANDONED_SECONDS = 3600

_NO_SPACE = "The file could not be stored: there is no space left or the folder cannot be written."


class FileStore:
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

    def path(self, key: str) -> Path:
        """Where a stored file lies. Keys are made by ``keep`` only."""
        return self.folder / key

    async def keep(self, incoming: Path, workspace_id: UUID, document_id: UUID) -> str:
        """Move a finished upload to its place; returns its key. ``Unavailable`` on a full disk."""
        key = f"{workspace_id}/{document_id}"
        try:
            await asyncio.to_thread(self._move, incoming, self.path(key))
        except OSError as error:
            raise Unavailable(_NO_SPACE) from error
        return key

    async def remove(self, key: str) -> None:
        await asyncio.to_thread(self.path(key).unlink, missing_ok=True)

    async def remove_workspace(self, workspace_id: UUID) -> None:
        await asyncio.to_thread(shutil.rmtree, self.folder / str(workspace_id), ignore_errors=True)

    @staticmethod
    def _move(source: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with source.open("rb") as file:
            os.fsync(file.fileno())
        source.replace(target)
