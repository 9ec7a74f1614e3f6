"""What `helpninja serve` refuses before it touches anything."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path


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
