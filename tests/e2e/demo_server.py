"""A whole HelpNinja with its demo workspace, as a process of its own, for the time of a block."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from helpninja_app.demo.workspace import KEY_FILE, OWNER, PASSWORD_FILE
from helpninja_app.kernel.embedded_postgres import EmbeddedPostgres

PROJECT = Path(__file__).parents[2]
READY_WITHIN = 240.0
STOP_WITHIN = 30.0
# What a developer's own shell may hold and would make this another installation.
_NOT_PASSED_ON = (
    "HELPNINJA_",
    "DATABASE_",
    "OPENAI_",
    "ANTHROPIC_",
    "REDIS_",
    "SUPABASE_",
    "STRIPE_",
    "MAKE",
    "HOST",
)


@dataclass(frozen=True)
class DemoServer:
    """A running server: its origin without a trailing slash, and its data folder."""

    url: str
    data: Path
    said: _Said

    def mailed_link(self, address: str, path: str = "") -> str:
        """The link to there of a mail to an address; without SMTP it stands in the log."""
        until = time.monotonic() + 60
        pattern = re.compile(rf"link='?([^\s']+)'?.*to='?{re.escape(address)}")
        while time.monotonic() < until:
            found = [match[1] for line in list(self.said.lines) if (match := pattern.search(line))]
            if wanted := [link for link in found if path in link]:
                return wanted[0]
            time.sleep(0.1)
        raise AssertionError(f"No mail to {address} was logged.")

    @property
    def email(self) -> str:
        return OWNER

    @property
    def password(self) -> str:
        return (self.data / PASSWORD_FILE).read_text().strip()

    @property
    def api_key(self) -> str:
        return (self.data / KEY_FILE).read_text().strip()


@contextmanager
def running_demo(**settings: str) -> Iterator[DemoServer]:
    """Start ``helpninja serve`` with an empty data folder; stop it and delete everything at the end.

    ``settings`` are environment variables of its own.
    """
    folder = Path(tempfile.mkdtemp(prefix="helpninja-demo-"))
    # The embedded server runs as another user where we are root, and has to reach its files below this one.
    folder.chmod(0o711)
    data = folder / "data"
    port = a_free_port()
    process = _start(port, data, settings)
    said = _Said(process)
    try:
        _wait_until_ready(process, said)
        yield DemoServer(f"http://127.0.0.1:{port}", data, said)
    finally:
        _stop(process)
        said.join()
        _delete(data)
        shutil.rmtree(folder, ignore_errors=True)


def own_environment() -> dict[str, str]:
    """Ours without what would make it another installation."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_NOT_PASSED_ON)}


def _start(port: int, data: Path, settings: Mapping[str, str]) -> subprocess.Popen[str]:
    environment = own_environment() | {
        "PORT": str(port),
        "HELPNINJA_DATA": str(data),
        "HELPNINJA_ENV": "development",
        # It then stops by itself when we are killed, as below make.
        "MAKELEVEL": "1",
        # Every test signs in anew, and all visitors come from one address.
        "HELPNINJA_LIMIT_SIGN_IN": "1000",
        "HELPNINJA_LIMIT_SIGN_IN_ADDRESS": "1000",
        "HELPNINJA_LIMIT_ADDRESS": "1000",
        # On a quick machine all tests of one member do more than a person does.
        "HELPNINJA_LIMIT_MEMBER": "10000",
        **settings,
    }
    return subprocess.Popen(
        [Path(sys.executable).with_name("helpninja"), "serve"],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


class _Said(threading.Thread):
    """Reads what the server prints, to its end: a pipe that nobody reads would stop it when it is full."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        super().__init__(daemon=True)
        self.lines: list[str] = []
        self.is_ready = threading.Event()
        self._process = process
        self.start()

    def run(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as printed:
            for line in printed:
                self.lines.append(line)
                if line.startswith("HelpNinja is ready at"):
                    self.is_ready.set()


def _wait_until_ready(process: subprocess.Popen[str], said: _Said) -> None:
    until = time.monotonic() + READY_WITHIN
    while not said.is_ready.wait(0.2):
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError("The demo server did not start:\n" + "".join(said.lines[-40:]))


def _stop(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _delete(data: Path) -> None:
    """The database too, wherever it lies: it only knows while it runs."""
    if (data / "postgres" / "server.json").exists():
        postgres = EmbeddedPostgres(data / "postgres")
        postgres.start()
        postgres.destroy()


def a_free_port() -> int:
    """Below those that connections get at their other end: a server that starts again needs its own."""
    for port in random.sample(range(20_000, 30_000), 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("There is no free port between 20,000 and 30,000.")
