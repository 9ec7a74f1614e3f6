"""Members' chat, one stream at a time: how soon the provider's first byte is passed on, and how soon the
provider is left when the caller leaves.

    python -m bench leaving
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np

from bench.chat import Target, direct, hear, ours, paced, prepared
from bench.paced_provider import HEAD, chunk_of
from bench.report import Figure, at_most, show
from bench.scratch import scratch_database
from bench.server import free_port, running_server

TIMES = 100
WARM_UP = 10
_PATIENCE = 30.0


@asynccontextmanager
async def _silent_provider() -> AsyncIterator[tuple[int, asyncio.Queue[float]]]:
    """Says one word and nothing more; gives its port, and the moments at which it was left."""
    left: asyncio.Queue[float] = asyncio.Queue()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.split(b":")[1]))
        writer.write(HEAD + chunk_of("word0 "))
        await reader.read()
        left.put_nowait(time.perf_counter())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], left


async def _leave(target: Target, left: asyncio.Queue[float]) -> float:
    """Seconds from closing the connection at the first word until the provider is left too."""
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    writer.write(target.request)
    received = b""
    while b"word0" not in received:
        if not (piece := await reader.read(65536)):
            raise RuntimeError(received.decode(errors="replace"))
        received += piece
    closed = time.perf_counter()
    writer.close()
    async with asyncio.timeout(_PATIENCE):
        return await left.get() - closed


async def _first_bytes(targets: dict[str, Target]) -> list[Figure]:
    """In turns, so that each meets the same machine; beyond the median of the provider's own."""
    firsts: dict[str, list[float]] = {name: [] for name in targets}
    for turn in range(TIMES + WARM_UP):
        for name, target in targets.items():
            heard = await hear(target)
            if turn >= WARM_UP:
                firsts[name].append(heard.first * 1000)
    own = float(np.median(firsts.pop("provider")))
    return [
        at_most(f"first byte beyond the provider's, {name}, {word}", float(value) - own, 30.0, "ms")
        for name, found in firsts.items()
        for word, value in (("p50", np.median(found)), ("p95", np.quantile(found, 0.95)))
    ]


async def run() -> None:
    """See the module."""
    with (
        scratch_database() as scratch,
        tempfile.TemporaryDirectory() as folder,
        paced(50, 1) as provider,
    ):
        async with prepared(scratch) as (key, document, settings), _silent_provider() as (silent, left):
            with running_server(
                Path(folder) / "data",
                port := free_port(),
                OPENAI_BASE_URL=f"http://127.0.0.1:{provider}/v1",
                **settings,
            ):
                targets = {
                    "provider": direct(provider),
                    "from a document": ours(port, key, document),
                    "from the model alone": ours(port, key, None),
                }
                figures = await _first_bytes(targets)
            with running_server(
                Path(folder) / "data",
                port := free_port(),
                OPENAI_BASE_URL=f"http://127.0.0.1:{silent}/v1",
                **settings,
            ):
                target = ours(port, key, None)
                await _leave(target, left)
                waits = [await _leave(target, left) * 1000 for _ in range(TIMES)]
    figures += [
        at_most(f"provider left after its caller, {word}", float(np.quantile(waits, share)), 1000.0, "ms")
        for word, share in (("p50", 0.5), (f"the slowest of {TIMES}", 1.0))
    ]
    show("members' chat, one at a time", figures)
