"""What the members' chat adds to its provider: time to the first word, processor time, and streams at once.

    python -m bench chat

The same paced provider is called directly, through HelpNinja, and through LiteLLM's proxy, in turns.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.litellm_peer import running_litellm
from bench.paced_provider import MODEL
from bench.report import Figure, at_least, at_most, say, show
from bench.scratch import Scratch, opened, scratch_database
from bench.server import free_port, running_server
from helpninja_app.billing.ledger import Reason, open_account, post
from helpninja_app.billing.models import EntryKind, Unit
from helpninja_app.billing.plans import AGENCY
from tests.factories import Factory

CHUNKS = 50
AT_ONCE = 10
ROUNDS = 3
STREAMS = 200
CROWD = 500
# Seconds between two that come; each has 30 to stay.
ARRIVING = 0.05
_TICKS = os.sysconf("SC_CLK_TCK")
PAGE = "# Returns\n\nBoots can be returned within sixty days of delivery for a full refund."
_QUESTION = "Within how many days of delivery can boots be returned?"


@dataclass(frozen=True, slots=True)
class Target:
    """Where to ask: an address, its credential, and what is asked there."""

    port: int
    path: str
    token: str
    body: bytes

    @property
    def request(self) -> bytes:
        return (
            f"POST {self.path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n"
            f"authorization: Bearer {self.token}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(self.body)}\r\n\r\n"
        ).encode() + self.body


@dataclass(slots=True)
class Heard:
    """One stream: seconds to its first word and to its end, and whether all of it came."""

    first: float
    whole: float
    is_complete: bool


async def hear(target: Target) -> Heard:
    """Ask over a connection of its own and read to the end."""
    started = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    first, received = 0.0, b""
    try:
        writer.write(target.request)
        while b"0\r\n\r\n" not in received[-16:]:
            if not (piece := await reader.read(65536)):
                break
            received += piece
            if not first and b"word0" in received:
                first = time.perf_counter() - started
    finally:
        writer.close()
    is_complete = received.startswith(b"HTTP/1.1 200") and f"word{CHUNKS - 1}".encode() in received
    return Heard(first, time.perf_counter() - started, is_complete)


async def hear_many(target: Target, count: int, at_once: int) -> list[Heard]:
    """``count`` streams, ``at_once`` of them at any time."""
    room = asyncio.Semaphore(at_once)

    async def one() -> Heard:
        async with room:
            return await hear(target)

    return list(await asyncio.gather(*(one() for _ in range(count))))


async def hear_arriving(target: Target, count: int, every: float) -> list[Heard]:
    """``count`` streams, one more each ``every`` seconds."""

    async def one(number: int) -> Heard:
        await asyncio.sleep(number * every)
        return await hear(target)

    return list(await asyncio.gather(*(one(number) for number in range(count))))


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and of all that it started, PostgreSQL's servers left out."""
    total = 0.0
    for each in [pid, *_children(pid)]:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / _TICKS
    return total


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                if "postgres" not in Path(f"/proc/{child}/comm").read_text():
                    found += [child, *_children(child)]
    return found


@contextmanager
def paced(first_ms: float, every_ms: float) -> Iterator[int]:
    """The provider in a process of its own; gives its port."""
    port = free_port()
    words = [str(port), str(first_ms), str(every_ms), str(CHUNKS)]
    process = subprocess.Popen([sys.executable, "-m", "bench.paced_provider", *words])
    try:
        time.sleep(1.0)
        yield port
    finally:
        process.kill()
        process.wait()


@asynccontextmanager
async def prepared(scratch: Scratch) -> AsyncIterator[tuple[str, str, dict[str, str]]]:
    """The key of a workspace with credits, the id of a document in it, and a server's settings."""
    async with opened(scratch) as resources:
        factory = Factory(resources)
        tenant = await factory.tenant()
        document = await factory.document(tenant, PAGE)
        async with resources.database.unit_of_work(tenant.scope) as session:
            account = await open_account(session, tenant.id, Unit.CREDIT, AGENCY)
            await post(session, account, Reason(EntryKind.TOPUP, "topup:bench"), topped_up=10_000_000)
        settings = {
            "DATABASE_URL": scratch.urls.app,
            "DATABASE_OWNER_URL": scratch.urls.owner,
            "OPENAI_API_KEY": "sk-bench-0123456789",
            "HELPNINJA_UNLIMITED": "0",
            "HELPNINJA_LIMIT_MEMBER": "1000000",
        }
        yield tenant.key, str(document), settings


def direct(port: int) -> Target:
    body = {
        "model": MODEL,
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [{"role": "user", "content": _QUESTION}],
    }
    return Target(port, "/v1/chat/completions", "sk-bench-0123456789", json.dumps(body).encode())


def ours(port: int, key: str, document: str | None) -> Target:
    body: dict[str, object] = {"modelId": MODEL, "messages": [{"role": "user", "content": _QUESTION}]}
    if document is not None:
        body["documentIds"] = [document]
    return Target(port, "/api/chat", key, json.dumps(body).encode())


async def run() -> None:
    """See the module."""
    with (
        scratch_database() as scratch,
        tempfile.TemporaryDirectory() as folder,
        paced(50, 20) as provider,
        paced(200, 600) as slow,
        running_litellm(Path(folder), provider) as litellm,
    ):
        async with prepared(scratch) as (key, document, settings):
            port = free_port()
            with running_server(
                Path(folder) / "data", port, OPENAI_BASE_URL=f"http://127.0.0.1:{provider}/v1", **settings
            ) as server:
                peer = Target(litellm.port, "/v1/chat/completions", litellm.key, direct(0).body)
                targets = {
                    "provider": (direct(provider), 0),
                    "from a document": (ours(port, key, document), server.pid),
                    "from the model alone": (ours(port, key, None), server.pid),
                    "LiteLLM": (peer, litellm.pid),
                }
                figures = await _compare(targets)
            port = free_port()
            with running_server(
                Path(folder) / "data", port, OPENAI_BASE_URL=f"http://127.0.0.1:{slow}/v1", **settings
            ) as server:
                figures += await _crowd(ours(port, key, None))
    show("members' chat", figures)


async def _compare(targets: dict[str, tuple[Target, int]]) -> list[Figure]:
    """Each in turn, ``ROUNDS`` times; times to the first word are beyond the provider's own median."""
    for target, pid in targets.values():
        await hear_many(target, 2 * AT_ONCE, AT_ONCE)
        await _settled(pid)
    firsts: dict[str, list[float]] = {name: [] for name in targets}
    cpu: dict[str, list[float]] = {name: [] for name in targets}
    for number in range(ROUNDS):
        for name, (target, pid) in targets.items():
            before = cpu_seconds(pid) if pid else 0.0
            heard = await hear_many(target, STREAMS, AT_ONCE)
            used = (cpu_seconds(pid) if pid else 0.0) - before
            if lost := sum(not each.is_complete for each in heard):
                raise RuntimeError(f"{lost} of {STREAMS} streams of {name} did not come to their end.")
            firsts[name] += [each.first * 1000 for each in heard]
            cpu[name].append(used / STREAMS * 1000)
            say(f"round {number + 1}, {name}: first word {np.median(firsts[name]):.1f} ms")
    own = float(np.median(firsts["provider"]))

    def beyond(name: str, share: float) -> float:
        return float(np.quantile(firsts[name], share)) - own

    peer = statistics.median(cpu["LiteLLM"])
    spent = statistics.median(cpu["from the model alone"])
    return (
        [
            at_most(
                f"first word beyond the provider's, {name}, {AT_ONCE} at once, {word}",
                beyond(name, share),
                target,
                "ms",
                peer=f"LiteLLM {beyond('LiteLLM', share):.1f}",
            )
            for name in ("from a document", "from the model alone")
            for word, share, target in (("p50", 0.5, 25.0), ("p99", 0.99, 80.0))
        ]
        + [
            at_most(
                f"processor time of a stream of {CHUNKS} chunks, {name}",
                statistics.median(cpu[name]),
                12.0,
                "ms",
                peer=f"LiteLLM {peer:.1f}",
            )
            for name in ("from the model alone", "from a document")
        ]
        + [at_least("LiteLLM's processor time by ours", peer / spent, 1.0, "times")]
    )


async def _settled(pid: int) -> None:
    """What a process does at its start is not what is measured: reading the demo's pages, for instance."""
    for _ in range(60):
        before = cpu_seconds(pid)
        await asyncio.sleep(1)
        if cpu_seconds(pid) - before < 0.1:
            return


async def _crowd(target: Target) -> list[Figure]:
    """All at once, each with its pauses."""
    await hear_many(target, AT_ONCE, AT_ONCE)
    # The last comes before the first has ended: then all of them are there.
    heard = await hear_arriving(target, CROWD, ARRIVING)
    open_at_once = heard[0].whole > CROWD * ARRIVING
    say(
        f"{CROWD} streams, the longest {max(each.whole for each in heard):.1f} s, all at once: {open_at_once}"
    )
    whole = sum(each.is_complete for each in heard)
    return [at_least(f"of {CROWD} paced streams at once, whole", whole, CROWD, "")]
