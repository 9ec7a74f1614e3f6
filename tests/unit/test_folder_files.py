"""Originals in a folder: what cannot be removed is told, and tried again by whoever asked for it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from helpninja_app.errors import Unavailable
from helpninja_app.kernel.database import new_id
from helpninja_app.kernel.files import FolderFiles


@pytest.fixture
def files(tmp_path: Path) -> FolderFiles:
    made = FolderFiles(tmp_path / "files")
    made.prepare()
    return made


def arrived(files: FolderFiles) -> Path:
    path = files.incoming / str(new_id())
    path.write_bytes(b"An original.")
    return path


async def test_what_is_gone_already_is_no_error(files: FolderFiles) -> None:
    await files.remove(f"{new_id()}/{new_id()}")
    await files.remove_workspace(new_id())


async def test_a_folder_that_takes_nothing_away_is_told_and_nothing_is_lost(
    files: FolderFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = new_id()
    key = await files.keep(arrived(files), workspace, new_id())

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("Read-only file system")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "unlink", refuse)
        broken.setattr(shutil, "rmtree", refuse)
        with pytest.raises(Unavailable):
            await files.remove(key)
        with pytest.raises(Unavailable):
            await files.remove_workspace(workspace)
    assert files.has(key)
    await files.remove_workspace(workspace)
    assert not files.has(key)
