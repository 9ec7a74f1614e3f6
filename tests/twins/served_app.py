"""The application as it is served, pages apart, in a process of its own, and a hand-written websocket client.

with serving(settings) as server:
    async with connected(server) as stranger:
        said = await stranger.fire("reflex___state____state.hydrate")
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import websockets

from helpninja_app.settings import Settings

PROJECT = Path(__file__).parents[2]
READY_WITHIN = 60.0
# After the last message of an event nothing more comes for this long.
QUIET_SECONDS = 0.4
AWAITED_SECONDS = 20.0
NAMESPACE = "/_event"
# What a developer's own shell may hold and would make this another installation.
_NOT_PASSED_ON = ("HELPNINJA_", "DATABASE_", "OPENAI_", "ANTHROPIC_", "REDIS_", "SUPABASE_", "REFLEX_")


@dataclass(frozen=True, slots=True)
class Server:
    """``routes``, ``events`` and ``messages`` are what Reflex mounted and takes in a websocket."""

    url: str
    routes: dict[str, list[str]]
    events: frozenset[str]
    messages: frozenset[str]


@dataclass(slots=True)
class Stranger:
    """Speaks Socket.IO 5 over Engine.IO 4, as Reflex' own script does."""

    _socket: websockets.ClientConnection

    async def fire(self, name: str, *, until: str = "", **payload: Any) -> str:
        """Have an event handled on the page ``/app``; returns all that comes back, as one text.

        Waits for ``until``, and then for whatever comes after it.
        """
        page = {"pathname": "/app", "asPath": "/app", "query": {}}
        event = {"name": name, "payload": payload, "router_data": page}
        return await self.send("event", event, until=until)

    async def send(self, message: str, *content: object, until: str = "") -> str:
        """Send a message of any kind; returns all that comes back."""
        await self._socket.send(f"42{NAMESPACE},{json.dumps([message, *content])}")
        said = ""
        while True:
            patience = QUIET_SECONDS if until in said else AWAITED_SECONDS
            try:
                said += str(await asyncio.wait_for(self._socket.recv(), patience))
            except TimeoutError:
                return said


@asynccontextmanager
async def connected(server: Server, cookie: str = "") -> AsyncIterator[Stranger]:
    """A new tab of a browser with that cookie."""
    address = f"{server.url.replace('http', 'ws', 1)}{NAMESPACE}/?EIO=4&transport=websocket"
    async with websockets.connect(
        f"{address}&token={secrets.token_hex(8)}",
        origin=websockets.Origin(server.url),
        additional_headers={"cookie": cookie} if cookie else {},
    ) as socket:
        await socket.recv()
        await socket.send(f"40{NAMESPACE},")
        await socket.recv()
        yield Stranger(socket)


@contextmanager
def serving(settings: Settings, port: int) -> Iterator[Server]:
    """Serve the database of ``settings``, without a worker, until the end of the block."""
    with tempfile.TemporaryDirectory() as folder:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_PASSED_ON)}
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.twins.app_process", str(port)],
            cwd=PROJECT,
            env=kept
            | {
                "HELPNINJA_DATA": folder,
                "HELPNINJA_ENV": "production",
                "HELPNINJA_SECRET_KEY": settings.signing_key(),
                "HELPNINJA_WORKERS": "0",
                "DATABASE_URL": settings.database_url or "",
                "DATABASE_OWNER_URL": settings.database_owner_url or "",
                "REFLEX_ENV_MODE": "prod",
                "__REFLEX_SKIP_COMPILE": "true",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert process.stdout is not None
            registered = json.loads(process.stdout.readline())
            url = f"http://127.0.0.1:{port}"
            _wait_until_ready(process, url)
            yield Server(
                url,
                registered["routes"],
                frozenset(registered["events"]),
                frozenset(registered["messages"]),
            )
        finally:
            process.terminate()
            process.communicate(timeout=30)


def _wait_until_ready(process: subprocess.Popen[str], url: str) -> None:
    until = time.monotonic() + READY_WITHIN
    while process.poll() is None and time.monotonic() < until:
        try:
            if httpx.get(f"{url}/api/health/live").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError("The application did not start.")
