"""Starts ``helpninja serve`` as a newcomer does, with a data folder and a port of its own, and ends it."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PROJECT = Path(__file__).parents[1]
_COMMAND = Path(sys.executable).parent / "helpninja"
_READY_WITHIN = 300.0
_STOPPED_WITHIN = 30.0
_LAST_LINES = 30
# Settings of whoever runs the benchmark must not decide what is measured.
_NOT_PASSED_ON = ("HELPNINJA_", "OPENAI_", "ANTHROPIC_", "DATABASE_", "REDIS_", "MAKE", "MFLAGS")


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers everything; ``seconds`` from the command to that."""

    url: str
    seconds: float
    pid: int


@contextmanager
def running_server(folder: Path, port: int, **settings: str) -> Iterator[Server]:
    """The demo on ``port``, its data in ``folder``, without limits on visitors; ``settings`` go beyond."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_PASSED_ON)}
    environment |= {
        "PORT": str(port),
        "HOST": "127.0.0.1",
        "HELPNINJA_ENV": "development",
        "HELPNINJA_DATA": str(folder),
        "HELPNINJA_EMBEDDER": "minilm",
        "HELPNINJA_ANSWER_MODEL": "offline",
        "HELPNINJA_LIMIT_ADDRESS": "1000000",
        "HELPNINJA_LIMIT_SESSION": "1000000",
        "HELPNINJA_LIMIT_WORKSPACE": "1000000",
        "HELPNINJA_LOG_LEVEL": "warning",
        **settings,
    }
    log = folder.parent / f"{folder.name}.log"
    with log.open("ab") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            [_COMMAND, "serve"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=_PROJECT,
            # Ctrl-C is for the benchmark, which then ends the server.
            start_new_session=True,
        )
        try:
            _wait_until_ready(process, port, log)
            yield Server(f"http://127.0.0.1:{port}", time.perf_counter() - started, process.pid)
        finally:
            _end(process)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/api/health/ready")
            if connection.getresponse().status == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(0.1)
    lines = log.read_text(errors="replace").splitlines()[-_LAST_LINES:]
    raise RuntimeError("The server did not get ready; it said:\n" + "\n".join(lines))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOPPED_WITHIN)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
