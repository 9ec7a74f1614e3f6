"""LiteLLM's proxy as the peer: in a virtual environment of its own, as it wants other SDKs than we have."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.paced_provider import MODEL
from bench.report import say
from bench.server import free_port

PINNED = "litellm[proxy]==1.100.0"
KEY = "sk-peer-0123456789"
_READY_WITHIN = 180.0


@dataclass(frozen=True, slots=True)
class Peer:
    port: int
    key: str
    pid: int


@contextmanager
def running_litellm(folder: Path, provider: int) -> Iterator[Peer]:
    """One worker of the proxy before the provider on port ``provider``; its key is asked for, as ours is."""
    say(f"installing {PINNED}")
    python = folder / "litellm" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", folder / "litellm"], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", PINNED], check=True)
    config = folder / "litellm.json"
    params = {"model": f"openai/{MODEL}", "api_base": f"http://127.0.0.1:{provider}/v1", "api_key": "sk-x"}
    config.write_text(
        json.dumps(
            {
                "model_list": [{"model_name": MODEL, "litellm_params": params}],
                "general_settings": {"master_key": KEY},
            }
        )
    )
    port = free_port()
    environment = dict(os.environ) | {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_PROXY": "127.0.0.1"}
    command = [str(folder / "litellm" / "bin" / "litellm"), "--config", str(config), "--port", str(port)]
    with (folder / "litellm.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--telemetry", "False"],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait(process, port, folder / "litellm.log")
            yield Peer(port, KEY, process.pid)
        finally:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/liveliness", timeout=5):
                return
        except (OSError, urllib.error.URLError):
            time.sleep(0.5)
    lines = log.read_text(errors="replace").splitlines()[-20:]
    raise RuntimeError("LiteLLM did not get ready; it said:\n" + "\n".join(lines))
