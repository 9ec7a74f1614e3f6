"""How soon a person's reply is in the visitor's open widget: from the member's request to the event.

python -m bench replies
"""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import numpy as np

from bench.report import at_most, say, show
from bench.scratch import opened, scratch_database
from bench.server import free_port, running_server
from helpninja_app.accounts.models import Role
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from tests.factories import Factory

# So many widgets are open at a time, each with a conversation that a member has.
PANELS = 100
REPLIES = 200
MOST_MS = 1_000.0


class Panel:
    """A visitor whose widget is open, and when it heard which text."""

    def __init__(self, client: httpx.AsyncClient, tenant: str) -> None:
        self._client, self._tenant = client, tenant
        self.conversation = ""
        self.heard: dict[str, asyncio.Future[float]] = {}

    async def begin(self) -> None:
        """Ask for a person, as the widget does."""
        made = await self._client.post("/api/widget/session", json={"tenantId": self._tenant})
        session = made.raise_for_status().json()
        self._token = {"authorization": f"Bearer {session['token']}"}
        body = {"tenantId": self._tenant, "sessionId": session["sessionId"], "message": "A person, please."}
        asked = await self._client.post("/api/chat", json=body, headers=self._token)
        self.conversation = asked.raise_for_status().json()["conversationId"]

    async def listen(self, is_open: asyncio.Event) -> None:
        """Hear the events until cancelled."""
        path = f"/api/widget/events?t={self._tenant}"
        async with self._client.stream("GET", path, headers=self._token, timeout=None) as events:
            async for line in events.aiter_lines():
                is_open.set()
                if line.startswith("data:"):
                    waiting = self.heard.get(json.loads(line[5:]).get("text", ""))
                    if waiting is not None and not waiting.done():
                        waiting.set_result(time.perf_counter())


async def run() -> None:
    """See the module."""
    chance = random.Random(20_261_130)
    with scratch_database() as scratch, tempfile.TemporaryDirectory() as folder:
        async with opened(scratch, embedder=HashingEmbedder()) as resources:
            factory = Factory(resources)
            tenant = await factory.tenant()
            _, headers = await factory.member(tenant, Role.AGENT)
        settings = {
            "DATABASE_URL": scratch.urls.app,
            "DATABASE_OWNER_URL": scratch.urls.owner,
            "HELPNINJA_LIMIT_MEMBER": "1000000",
        }
        with running_server(Path(folder) / "data", free_port(), **settings) as server:
            taken = await _replies(server.url, tenant.workspace.public_key, headers, chance)
    p50, p99 = (float(np.quantile(taken, share)) * 1000 for share in (0.5, 0.99))
    title = f"A person's reply in the visitor's open widget, {PANELS} of them open, {REPLIES} replies"
    show(
        title,
        [at_most(f"until it is there, p99 (p50 {p50:,.0f} ms)", p99, MOST_MS, "ms")],
    )


async def _replies(url: str, tenant: str, headers: dict[str, str], chance: random.Random) -> list[float]:
    limits = httpx.Limits(max_connections=2 * PANELS, max_keepalive_connections=PANELS)
    async with (
        httpx.AsyncClient(base_url=url, limits=limits, timeout=30) as client,
        AsyncExitStack() as stack,
    ):
        panels = [Panel(client, tenant) for _ in range(PANELS)]
        tasks = []
        for panel in panels:
            await panel.begin()
            taken = await client.post(
                f"/api/conversations/{panel.conversation}/take-over", headers=headers | {"origin": url}
            )
            taken.raise_for_status()
            is_open = asyncio.Event()
            tasks.append(asyncio.create_task(panel.listen(is_open)))
            stack.callback(tasks[-1].cancel)
            await asyncio.wait_for(is_open.wait(), 10)
        say(f"{len(tasks)} widgets are open")
        seconds = []
        for number in range(REPLIES):
            panel, text = chance.choice(panels), f"This is reply {number}."
            panel.heard[text] = asyncio.get_running_loop().create_future()
            started = time.perf_counter()
            replied = await client.post(
                f"/api/conversations/{panel.conversation}/reply",
                json={"text": text},
                headers=headers | {"origin": url},
            )
            replied.raise_for_status()
            seconds.append(await asyncio.wait_for(panel.heard[text], 10) - started)
            await asyncio.sleep(0.02)
        return seconds
