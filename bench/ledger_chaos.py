"""``python -m bench.ledger_chaos [KILLS]``: kills a process again and again while it charges turns.

Afterwards time is moved on, what nobody came back for is given back, and the ledger is compared with the
answers that were stored. Then four schedulers with clocks that differ see 400 days pass.
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
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import LiteralString
from uuid import UUID

import psycopg
import structlog
from sqlalchemy import text

from bench.ledger_clocks import DAYS, MOST_SKEW, SCHEDULERS, Outcome, run_clocks
from bench.ledger_worker import Orders, work
from bench.report import Figure, say, show
from bench.scratch import scratch_database
from helpninja_app.accounts.workspaces import create_workspace
from helpninja_app.billing.at_once import LIFETIME
from helpninja_app.billing.deadlines import meet_deadlines
from helpninja_app.billing.ledger import Reason, database_time, open_account, post
from helpninja_app.billing.models import EntryKind, Unit
from helpninja_app.billing.plans import AGENCY, PLANS
from helpninja_app.billing.verification import verify_ledger
from helpninja_app.kernel.database import Database
from helpninja_app.kernel.embedded_postgres import Urls
from helpninja_app.kernel.queue import Queue
from helpninja_app.kernel.scope import Scope

KILLS = 1_000
# Processes overlap in their turns, so that most turns are taken again by others.
STEP = 5
# After so many processes what is reserved expires while the next one works.
EXPIRY_EVERY = 10
_MUCH = 100_000_000
_PATIENCE = 180.0
_ANSWERS = """
create table if not exists chaos_answers
  (turn int primary key, reservation_id uuid not null unique, used int not null);
grant select, insert on chaos_answers to public;
"""
_USAGE = "(select * from ledger_entries where kind = 'usage')"
# Each counts what must not be; the names are the rows of the table.
_FAULTS: dict[str, LiteralString] = {
    "answers that are not charged what they used": f"""
        select count(*) from chaos_answers a left join {_USAGE} u using (reservation_id)
        where u.amount is distinct from -a.used""",
    "charges without an answer": f"""
        select count(*) from {_USAGE} u left join chaos_answers a using (reservation_id)
        where a.turn is null""",
    "answers charged twice": f"""
        select count(*) from (select reservation_id from {_USAGE} u group by 1 having count(*) > 1) twice""",
    "reservations left": "select count(*) from ledger_reservations",
    "balances that are not the sum of their entries": """
        select count(*) from ledger_accounts a where balance <> (
          select coalesce(sum(amount), 0) from ledger_entries e
          where (e.workspace_id, e.unit) = (a.workspace_id, a.unit))""",
}


@dataclass
class Toll:
    """What happened: kills by what the process was doing, turns by what became of them, faults by name."""

    kills: int = 0
    survivors: int = 0
    seconds: float = 0.0
    answered: set[int] = field(default_factory=set)
    stages: Counter[str] = field(default_factory=Counter)
    expired_meanwhile: int = 0
    faults: Counter[str] = field(default_factory=Counter)


async def run_kills(urls: Urls, folder: Path, kills: int, *, seed: int) -> Toll:
    """Kill so many processes, then look at what they left. The database has to have no other workspace."""
    toll, chance, started = Toll(), random.Random(seed), time.perf_counter()
    with psycopg.connect(urls.superuser, autocommit=True) as connection:
        connection.execute(_ANSWERS)
    report = folder / "ledger-chaos.txt"
    report.touch()
    database, queue = Database(urls.app, pool_size=2), Queue(urls.app)
    try:
        workspace_id = await _make_workspace(database)
        with structlog.testing.capture_logs() as logs:
            number = 0
            while toll.kills < kills:
                orders = Orders(urls.app, workspace_id, number * STEP, chance.getrandbits(32), str(report))
                living = asyncio.to_thread(_live_and_die, orders, toll)
                if number % EXPIRY_EVERY == EXPIRY_EVERY - 1:
                    await asyncio.gather(living, _expire(database, queue))
                    toll.expired_meanwhile += 1
                else:
                    await living
                number += 1
                if toll.kills % 100 == 0:
                    say(f"kill {toll.kills} of {kills}")
            await _expire(database, queue)
        toll.faults["deadlines not met"] = sum(line["event"] == "deadline_not_met" for line in logs)
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
        account = await open_account(session, workspace.id, Unit.CREDIT, AGENCY)
        await post(session, account, Reason(EntryKind.TOPUP, "topup:chaos"), topped_up=_MUCH)
        return workspace.id


def _live_and_die(orders: Orders, toll: Toll) -> None:
    # Processes of their own, from one that has imported everything: to start Python takes a second.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bench.ledger_worker", "bench.ledger_clocks", "bench.scratch"])
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


async def _expire(database: Database, queue: Queue) -> None:
    """The clock of a process for which so much time went by that nobody comes back any more."""
    async with database.unit_of_work() as session:
        moment = await database_time(session) + LIFETIME + timedelta(minutes=1)
    await meet_deadlines(database, queue, PLANS.__getitem__, moment=moment)


def _read(report: Path, toll: Toll) -> None:
    for line in report.read_text().splitlines():
        word, _, rest = line.partition(" ")
        if word == "answered":
            toll.answered.add(int(rest))
        else:
            toll.stages[rest] += 1


async def _compare(database: Database, urls: Urls, workspace_id: UUID, toll: Toll) -> None:
    async with database.unit_of_work(Scope.members(workspace_id), consistent=True) as session:
        toll.faults["mistakes by `helpninja ledger verify`"] = len(await verify_ledger(session, workspace_id))
        stored = set((await session.execute(text("select turn from chaos_answers"))).scalars())
    toll.faults["answers that were reported and are not stored"] = len(toll.answered - stored)
    with psycopg.connect(urls.superuser) as connection:
        for name, query in _FAULTS.items():
            row = connection.execute(query).fetchone()
            toll.faults[name] = int(row[0]) if row else 0
    toll.answered = stored


def _figures(toll: Toll, outcome: Outcome, seed: int) -> list[Figure]:
    stages = ", ".join(f"{count} {stage}" for stage, count in toll.stages.most_common())
    ran = f"{toll.kills} in {toll.seconds:.0f} s (seed {seed})"
    return [
        Figure("kills -9 of a process that charges turns", ran),
        Figure("... while it was about to", stages),
        Figure("turns answered", f"{len(toll.answered):,}"),
        Figure("times that what was reserved expired while a process worked", str(toll.expired_meanwhile)),
        *(Figure(name, str(count), "0", count == 0) for name, count in toll.faults.items()),
        Figure(
            f"calls of {SCHEDULERS} schedulers over {DAYS} days, clocks off by up to"
            f" {MOST_SKEW.total_seconds() / 3600:.0f} h",
            f"{outcome.ticks:,}",
        ),
        Figure("months that began, of either unit", str(outcome.resets)),
        Figure(
            "months begun twice, left out or out of order",
            str(len(outcome.faults)),
            "0",
            not outcome.faults,
        ),
    ]


async def run(kills: int, *, seed: int) -> bool:
    """Both, each on a database of its own; whether all is well."""
    with scratch_database() as scratch:
        toll = await run_kills(scratch.urls, scratch.folder, kills, seed=seed)
    with scratch_database() as scratch:
        database, queue = Database(scratch.urls.app), Queue(scratch.urls.app)
        try:
            outcome = await run_clocks(database, queue, PLANS.__getitem__, seed=seed)
        finally:
            await database.close()
    for fault in outcome.faults:
        say(fault)
    figures = _figures(toll, outcome, seed)
    show(f"Ledger: {toll.kills} kills -9, and {DAYS} days of {SCHEDULERS} schedulers", figures)
    return all(figure.is_met is not False for figure in figures)


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    if len(sys.argv) > 2 or not all(argument.isdigit() and int(argument) for argument in sys.argv[1:]):
        sys.exit("usage: python -m bench.ledger_chaos [KILLS]")
    kills = int(sys.argv[1]) if len(sys.argv) == 2 else KILLS
    if not asyncio.run(run(kills, seed=secrets.randbelow(10_000))):
        sys.exit(1)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
