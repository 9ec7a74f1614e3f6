"""What `helpninja serve` refuses before it touches anything."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from helpninja_app.errors import Unavailable
from helpninja_app.kernel.embedded_postgres import EmbeddedPostgres, Urls
from helpninja_app.serving import database
from helpninja_app.settings import SettingsRefused
from tests.conftest import make_settings


def serve(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from helpninja_app.cli import main; main()", "serve"],
        cwd=folder,
        env=os.environ | {"HELPNINJA_DATA": str(folder / "data")} | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_taken_port_is_said_before_anything_is_touched(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = serve(tmp_path, PORT=str(port))
    assert answer.returncode == 1
    assert answer.stderr.startswith(f"Port {port} is taken")
    assert len(answer.stderr.splitlines()) == 1
    assert not (tmp_path / "data").exists()


def test_unsafe_settings_are_listed_all_at_once_before_anything_is_touched(tmp_path: Path) -> None:
    answer = serve(tmp_path, HELPNINJA_ENV="production", HELPNINJA_PUBLIC_URL="help.example.com")
    assert answer.returncode == 1
    assert "HELPNINJA_SECRET_KEY" in answer.stderr
    assert "HELPNINJA_PUBLIC_URL" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(("role", "reason"), [("superuser", "is a superuser"), ("owner", "owns tables")])
def test_a_role_that_row_level_security_does_not_bind_is_refused(
    postgres: EmbeddedPostgres, database_urls: Urls, tmp_path: Path, role: str, reason: str
) -> None:
    name = database_urls.app.rpartition("/")[2]
    superuser = postgres.urls.superuser.rpartition("/")[0] + f"/{name}"
    url = superuser if role == "superuser" else database_urls.owner
    settings = make_settings(
        database_urls,
        tmp_path,
        database_url=url,
        database_owner_url=f"{database_urls.owner}?application_name=x",
    )
    with pytest.raises(SettingsRefused, match=reason), database(settings, print):
        pytest.fail("It was let in.")


def test_a_database_that_is_not_there_is_one_sentence(tmp_path: Path, database_urls: Urls) -> None:
    away = "postgresql://hn_app:secret@127.0.0.1:1/helpninja"
    settings = make_settings(database_urls, tmp_path, database_url=away)
    with pytest.raises(Unavailable, match="cannot be reached") as told, database(settings, print):
        pytest.fail("It was let in.")
    assert "secret" not in told.value.detail
