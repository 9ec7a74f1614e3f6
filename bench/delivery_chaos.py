"""``python -m bench.delivery_chaos [KILLS]``: kills a process again and again while it tells of escalations.

Afterwards whoever comes last sends what is left, and what is stored is compared with what was taken.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import secrets
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import LiteralString
from uuid import UUID

import psycopg
from sqlalchemy import text

from bench.delivery_worker import KEY, Orders, make_courier, work
from bench.report import Figure, say, show
from bench.scratch import scratch_database
from helpninja_app.accounts.workspaces import create_workspace
from helpninja_app.integrations.credentials import Secrets, seal
from helpninja_app.integrations.models import Integration, Provider
from helpninja_app.integrations.packet import Packet
from helpninja_app.kernel.database import Database, enter_scope, new_id
from helpninja_app.kernel.embedded_postgres import Urls
from helpninja_app.kernel.safe_http import SafeHttp
from helpninja_app.kernel.scope import Scope

KILLS = 200
DESTINATIONS = 2
_PATIENCE = 120.0
# Each counts what must not be; the names are the rows of the table.
_FAULTS: dict[str, LiteralString] = {
    "escalations that were not meant for every destination": """
        select count(*) from escalations e where 2 <> (
          select count(*) from deliveries d where d.escalation_id = e.id)""",
    "deliveries that are not sent": "select count(*) from deliveries where status <> 'sent'",
    "deliveries that still wait": "select count(*) from due_deliveries",
}


@dataclass
class Toll:
    """What happened: kills by what the process was doing, messages by how often they were taken."""

    kills: int = 0
    survivors: int = 0
    seconds: float = 0.0
    stages: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    committed: set[str] = field(default_factory=set)
    faults: Counter[str] = field(default_factory=Counter)

    @property
    def doubled(self) -> int:
        return sum(count - 1 for count in self.taken.values())


async def run_kills(urls: Urls, folder: Path, kills: int, *, seed: int) -> Toll:
    """Kill so many processes, then look at what they left. The database has to have no other workspace."""
    toll, chance, started = Toll(), random.Random(seed), time.perf_counter()
    report = folder / "delivery-chaos.txt"
    report.touch()
    database = Database(urls.app, pool_size=4)
    try:
        workspace_id = await _make_workspace(database)
        while toll.kills < kills:
            orders = Orders(urls.app, workspace_id, chance.getrandbits(32), str(report))
            await asyncio.to_thread(_live_and_die, orders, toll)
            if toll.kills % 50 == 0:
                say(f"kill {toll.kills} of {kills}")
        await _send_the_rest(database, toll)
        _read(report, toll)
        await _compare(database, urls, workspace_id, toll)
    finally:
        await database.close()
    toll.seconds = time.perf_counter() - started
    return toll


async def _make_workspace(database: Database) -> UUID:
    async with database.unit_of_work() as session:
        workspace = await create_workspace(
            session, slug=f"chaos-{secrets.token_hex(8)}", name="Chaos", embedding_model="none", plan="agency"
        )
        await enter_scope(session, Scope.members(workspace.id))
        for number in range(DESTINATIONS):
            id = new_id()
            values = Secrets({"webhook_url": f"https://hooks.example/{number}"})
            session.add(
                Integration(
                    workspace_id=workspace.id,
                    id=id,
                    provider=Provider.SLACK.value,
                    name=f"Destination {number}",
                    credentials=seal([KEY], workspace.id, id, values),
                )
            )
        return workspace.id


def _live_and_die(orders: Orders, toll: Toll) -> None:
    # Processes of their own, from one that has imported everything: to start Python takes a second.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bench.delivery_worker", "bench.scratch"])
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


async def _send_the_rest(database: Database, toll: Toll) -> None:
    """One more process, which is not killed."""

    async def send(provider: str, credentials: Mapping[str, str], packet: Packet, **_: object) -> None:
        toll.taken[str(packet.delivery_id)] += 1

    # Whatever the killed ones held is free by then.
    await asyncio.sleep(1)
    async with SafeHttp(user_agent="bench") as http:
        await make_courier(database, http, send, lease_seconds=60).deliver_due()


def _read(report: Path, toll: Toll) -> None:
    for line in report.read_text().splitlines():
        word, _, rest = line.partition(" ")
        match word:
            case "taken":
                toll.taken[rest] += 1
            case "committed":
                toll.committed.add(rest)
            case _:
                toll.stages[rest] += 1


async def _compare(database: Database, urls: Urls, workspace_id: UUID, toll: Toll) -> None:
    async with database.unit_of_work(Scope.members(workspace_id)) as session:
        stored = {str(each) for each in (await session.execute(text("select id from deliveries"))).scalars()}
        escalated = await session.execute(text("select conversation_id from escalations"))
        conversations = {str(each) for each in escalated.scalars()}
    toll.faults["escalations that were committed and are gone"] = len(toll.committed - conversations)
    toll.faults["messages that never were taken"] = len(stored - set(toll.taken))
    toll.faults["messages about nothing that is stored"] = len(set(toll.taken) - stored)
    toll.faults["messages doubled beyond one for each kill and destination"] = max(
        0, toll.doubled - toll.kills * DESTINATIONS
    )
    with psycopg.connect(urls.superuser) as connection:
        for name, query in _FAULTS.items():
            row = connection.execute(query).fetchone()
            toll.faults[name] = int(row[0]) if row else 0


def _figures(toll: Toll, seed: int) -> list[Figure]:
    stages = ", ".join(f"{count} {stage}" for stage, count in toll.stages.most_common())
    ran = f"{toll.kills} in {toll.seconds:.0f} s (seed {seed})"
    return [
        Figure("kills -9 of a process that tells of escalations", ran),
        Figure("... while it was", stages),
        Figure("messages taken, each at least once", f"{len(toll.taken):,}"),
        Figure("... of these twice, as their sender died before it could note them", str(toll.doubled)),
        *(Figure(name, str(count), "0", count == 0) for name, count in toll.faults.items()),
    ]


async def run(kills: int, *, seed: int) -> bool:
    """Whether all is well."""
    with scratch_database() as scratch:
        toll = await run_kills(scratch.urls, scratch.folder, kills, seed=seed)
    figures = _figures(toll, seed)
    show(f"Deliveries: {toll.kills} kills -9", figures)
    return all(figure.is_met is not False for figure in figures)


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    if len(sys.argv) > 2 or not all(argument.isdigit() and int(argument) for argument in sys.argv[1:]):
        sys.exit("usage: python -m bench.delivery_chaos [KILLS]")
    kills = int(sys.argv[1]) if len(sys.argv) == 2 else KILLS
    if not asyncio.run(run(kills, seed=secrets.randbelow(10_000))):
        sys.exit(1)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
