"""Runs one process after another that is killed with SIGKILL on its way, and counts what they left."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import secrets
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import LiteralString, TypeVar

import psycopg
from sqlalchemy.ext.asyncio import AsyncSession

from bench.report import Figure, show
from helpninja_app.accounts.callers import WorkspaceView
from helpninja_app.accounts.workspaces import create_workspace
from helpninja_app.kernel.embedded_postgres import Urls

_PATIENCE = 180.0
_DIED = "died"
Orders = TypeVar("Orders")


class Report:
    """Lines that a process adds to a file at once, so that they are there after it was killed."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND)

    def say(self, word: str, about: object) -> None:
        os.write(self._file, f"{word} {about}\n".encode())

    def die(self, stage: str) -> None:
        """The end of this process, which was at ``stage``."""
        self.say(_DIED, stage)
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class Toll:
    """What happened: kills by what the process was doing, and faults by name."""

    kills: int = 0
    survivors: int = 0
    seconds: float = 0.0
    stages: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def figures(self, doing: str, seed: int, *found: Figure) -> list[Figure]:
        """The rows of a table: the kills of a process that was ``doing`` its work, what was found, faults."""
        stages = ", ".join(f"{count} {stage}" for stage, count in self.stages.most_common())
        ran = f"{self.kills} in {self.seconds:.0f} s (seed {seed})"
        return [
            Figure(f"kills -9 of a process that {doing}", ran),
            Figure("... while it was about to", stages),
            *found,
            *(Figure(name, str(count), "0", count == 0) for name, count in self.faults.items()),
        ]


def live_and_die(work: Callable[[Orders], None], orders: Orders, toll: Toll) -> None:
    """Have a process of its own do the ``work``, and count whether it was killed meanwhile."""
    # From one that has imported everything: to start Python takes a second.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([work.__module__, "bench.scratch"])
    process = context.Process(target=work, args=(orders,), daemon=True)
    process.start()
    process.join(_PATIENCE)
    if process.exitcode is None:
        process.kill()
        raise RuntimeError("A process stands still.")
    if process.exitcode not in {0, -signal.SIGKILL}:
        raise RuntimeError(f"A process ended with {process.exitcode}.")
    toll.kills += process.exitcode == -signal.SIGKILL
    toll.survivors += process.exitcode == 0


def read_report(report: Path, toll: Toll) -> list[tuple[str, str]]:
    """Count at which stages processes died; returns what else they said: a word and the rest of the line."""
    lines = [line.partition(" ") for line in report.read_text().splitlines()]
    toll.stages.update(rest for word, _, rest in lines if word == _DIED)
    return [(word, rest) for word, _, rest in lines if word != _DIED]


def count_faults(urls: Urls, queries: Mapping[str, LiteralString], toll: Toll) -> None:
    """Each query counts what must not be, past row-level security; its name is the row of the table."""
    with psycopg.connect(urls.superuser) as connection:
        for name, query in queries.items():
            row = connection.execute(query).fetchone()
            toll.faults[name] = int(row[0]) if row else 0


async def add_workspace(session: AsyncSession) -> WorkspaceView:
    """An empty workspace on the largest plan, without documents."""
    slug = f"chaos-{secrets.token_hex(8)}"
    return await create_workspace(session, slug=slug, name="Chaos", embedding_model="none", plan="agency")


def is_well(title: str, figures: Iterable[Figure]) -> bool:
    """Show the table; whether nothing in it is missed."""
    rows = list(figures)
    show(title, rows)
    return all(row.is_met is not False for row in rows)


def main(run: Callable[..., Awaitable[bool]], kills: int) -> None:
    """The command ``python -m bench.… [KILLS]``: ``run(kills, seed=…)`` says whether all is well."""
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    if len(sys.argv) > 2 or not all(argument.isdigit() and int(argument) for argument in sys.argv[1:]):
        sys.exit(f"usage: {Path(sys.argv[0]).stem} [KILLS]")

    async def whole() -> bool:
        return await run(int(sys.argv[1]) if len(sys.argv) == 2 else kills, seed=secrets.randbelow(10_000))

    try:
        if not asyncio.run(whole()):
            sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
