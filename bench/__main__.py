"""``python -m bench [NAME ...]``: runs the benchmarks named, or all that need no arguments."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from bench import (
    answers,
    chat,
    chats,
    evaluation,
    identity,
    inbox,
    ingest,
    leaving,
    neighbours,
    pdf,
    person,
    replies,
    rules,
    search,
)
from bench.report import say

BENCHMARKS: Mapping[str, Callable[[], Awaitable[None]]] = {
    "pdf": pdf.run,
    "search": search.run,
    "answers": answers.run,
    "ingest": ingest.run,
    "identity": identity.run,
    "chat": chat.run,
    "chats": chats.run,
    "leaving": leaving.run,
    "inbox": inbox.run,
    "neighbours": neighbours.run,
    "person": person.run,
    "replies": replies.run,
    "rules": rules.run,
}
USAGE = f"""usage: python -m bench [{" | ".join(BENCHMARKS)} ...]   all of them when none is named
       python -m bench evaluation DIR ...        labelled sets: corpus.jsonl and queries.jsonl
       python -m bench.chaos [KILLS]             kill -9 of a worker during ingests (50)"""


def main() -> None:
    # One way out: what SIGINT cleans up, SIGTERM does as well.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    names = sys.argv[1:]
    if names[:1] == ["evaluation"]:
        folders = [Path(name) for name in names[1:]]
        if not folders or not all(folder.is_dir() for folder in folders):
            sys.exit(USAGE)
        asyncio.run(evaluation.run(folders))
        return
    if unknown := [name for name in names if name not in BENCHMARKS]:
        sys.exit(f"There is no benchmark called {unknown[0]}.\n{USAGE}")
    for name in names or BENCHMARKS:
        say(f"benchmark: {name}")
        asyncio.run(_run(BENCHMARKS[name]))


async def _run(benchmark: Callable[[], Awaitable[None]]) -> None:
    await benchmark()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
