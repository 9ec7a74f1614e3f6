"""``python -m bench.ledger_chaos [KILLS]``: kills a process again and again while it charges turns.

Afterwards time is moved on, what nobody came back for is given back, and the ledger is compared with the
answers that were stored. Then four schedulers with clocks that differ see 400 days pass.
"""

from __future__ import annotations

import asyncio
import functools
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import LiteralString
from uuid import UUID

import psycopg
import structlog
from sqlalchemy import text

from bench import killing
from bench.killing import add_workspace, count_faults, is_well, live_and_die, read_report
from bench.ledger_clocks import DAYS, MOST_SKEW, SCHEDULERS, Outcome, run_clocks
from bench.ledger_worker import FUSES, MODEL, Orders, work
from bench.report import Figure, say
from bench.scratch import scratch_database
from helpninja_app.accounts.users import create_user
from helpninja_app.billing.at_once import LIFETIME
from helpninja_app.billing.deadlines import meet_deadlines
from helpninja_app.billing.ledger import Reason, change_anchor, database_time, open_account, post
from helpninja_app.billing.models import EntryKind, Unit
from helpninja_app.billing.plans import AGENCY, plan_in_force
from helpninja_app.billing.verification import verify_ledger
from helpninja_app.kernel.database import Database, enter_scope
from helpninja_app.kernel.embedded_postgres import Urls
from helpninja_app.kernel.queue import Queue
from helpninja_app.kernel.scope import Scope

KILLS = 1_000
# Processes overlap in their turns, so that most turns are taken again by others.
STEP = 5
# After so many processes what is reserved expires while the next one works.
EXPIRY_EVERY = 10
_MUCH = 100_000_000
_limited = functools.partial(plan_in_force, is_unlimited=False)
_ANSWERS = """
create table if not exists chaos_answers
  (turn int primary key, reservation_id uuid not null unique, used int not null);
grant select, insert on chaos_answers to public;
"""
_STORED = """
select turn::text from chaos_answers
union all select id::text from chat_messages where role = 'assistant' and state in ('complete', 'interrupted')
"""
_USAGE = "(select * from ledger_entries where kind = 'usage')"
# What a process that died had begun to write has no tokens, and what failed costs nothing.
_CHARGED = f"""
(select *, ceil((input_tokens + output_tokens) / 1000.0) * {MODEL.credits_per_1000} as used from chat_messages
 where role = 'assistant' and state in ('complete', 'interrupted') and text <> '' and input_tokens > 0)
"""
# Each counts what must not be; the names are the rows of the table.
_FAULTS: dict[str, LiteralString] = {
    "answers that are not charged what they used": f"""
        select count(*) from chaos_answers a left join {_USAGE} u using (reservation_id)
        where u.amount is distinct from -a.used""",
    "chats that are not charged what their answers used": f"""
        select count(*) from chats c where
          (select array_agg(m.used order by m.used) from {_CHARGED} m where m.chat_id = c.id)
          is distinct from (select array_agg(-u.amount::numeric order by -u.amount) from {_USAGE} u
                            where u.description = 'Chat: ' || c.title)""",
    "answers in chats that say another price": f"""
        select count(*) from chat_messages a left join {_CHARGED} m using (workspace_id, id)
        where a.credits <> coalesce(m.used, 0)""",
    "charges without an answer": f"""
        select count(*) from {_USAGE} u left join chaos_answers a using (reservation_id)
        where a.turn is null
          and not exists (select from chats c where u.description = 'Chat: ' || c.title)""",
    "answers charged twice": f"""
        select count(*) from (select reservation_id from {_USAGE} u group by 1 having count(*) > 1) twice""",
    "reservations left": "select count(*) from ledger_reservations",
    "balances that are not the sum of their entries": """
        select count(*) from ledger_accounts a where balance <> (
          select coalesce(sum(amount), 0) from ledger_entries e
          where (e.workspace_id, e.unit) = (a.workspace_id, a.unit))""",
}


@dataclass
class Toll(killing.Toll):
    """Turns and answers of chats that were ended, too, and how often what was reserved expired meanwhile."""

    answered: set[str] = field(default_factory=set)
    expired_meanwhile: int = 0


async def run_kills(urls: Urls, folder: Path, kills: int, *, seed: int) -> Toll:
    """Kill so many processes, then look at what they left. The database has to have no other workspace."""
    toll, started = Toll(), time.perf_counter()
    with psycopg.connect(urls.superuser, autocommit=True) as connection:
        connection.execute(_ANSWERS)
    report = folder / "ledger-chaos.txt"
    report.touch()
    database, queue = Database(urls.app, pool_size=2), Queue(urls.app)
    try:
        workspace_id, user_id = await _prepare(database)
        first = Orders(urls.app, workspace_id, user_id, 0, 0, str(report))
        with structlog.testing.capture_logs() as logs:
            for number, orders in enumerate(_one_after_another(first, seed)):
                if toll.kills == kills:
                    break
                living = asyncio.to_thread(live_and_die, work, orders, toll)
                if number % EXPIRY_EVERY == EXPIRY_EVERY - 1:
                    await asyncio.gather(living, _expire(database, queue))
                    toll.expired_meanwhile += 1
                else:
                    await living
                if toll.kills % 100 == 0:
                    say(f"kill {toll.kills} of {kills}")
            await _expire(database, queue)
        toll.faults["deadlines not met"] = sum(line["event"] == "deadline_not_met" for line in logs)
        reported = {rest for word, rest in read_report(report, toll) if word == "answered"}
        await _compare(database, first, reported, toll)
        count_faults(urls, _FAULTS, toll)
    finally:
        await database.close()
    toll.seconds = time.perf_counter() - started
    return toll


async def _prepare(database: Database) -> tuple[UUID, UUID]:
    """A workspace with many credits, and somebody who chats there."""
    async with database.unit_of_work() as session:
        workspace = await add_workspace(session)
        user = await create_user(session, email="owner@example.com", password_hash="")
        await enter_scope(session, Scope.members(workspace.id))
        account = await open_account(session, workspace.id, Unit.CREDIT, AGENCY)
        # A month that begins now: what is reserved in one and settled in the next is charged otherwise.
        moment = await database_time(session)
        await change_anchor(session, account, AGENCY, moment, moment)
        await post(session, account, Reason(EntryKind.TOPUP, "topup:chaos"), topped_up=_MUCH)
        return workspace.id, user.id


def _one_after_another(first: Orders, seed: int) -> Iterator[Orders]:
    """What each process is to do, without end; they die at another stage each time."""
    chance, number = random.Random(seed), 0
    while True:
        stage, awaits = FUSES[number % len(FUSES)]
        yield replace(
            first, first_turn=number * STEP, seed=chance.getrandbits(32), stage=stage, awaits=awaits
        )
        number += 1


async def _expire(database: Database, queue: Queue) -> None:
    """The clock of a process for which so much time went by that nobody comes back any more."""
    async with database.unit_of_work() as session:
        moment = await database_time(session) + LIFETIME + timedelta(minutes=1)
    await meet_deadlines(database, queue, _limited, moment=moment)


async def _compare(database: Database, orders: Orders, reported: set[str], toll: Toll) -> None:
    scope = Scope.members(orders.workspace_id, orders.user_id)
    async with database.unit_of_work(scope, consistent=True) as session:
        mistakes = await verify_ledger(session, orders.workspace_id)
        toll.faults["mistakes by `helpninja ledger verify`"] = len(mistakes)
        toll.answered = set((await session.execute(text(_STORED))).scalars())
    toll.faults["answers that were reported and are not stored"] = len(reported - toll.answered)


def _figures(toll: Toll, outcome: Outcome, seed: int) -> list[Figure]:
    return [
        *toll.figures(
            "charges turns",
            seed,
            Figure("turns answered", f"{len(toll.answered):,}"),
            Figure(
                "times that what was reserved expired while a process worked", str(toll.expired_meanwhile)
            ),
        ),
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
            outcome = await run_clocks(database, queue, _limited, seed=seed)
        finally:
            await database.close()
    for fault in outcome.faults:
        say(fault)
    figures = _figures(toll, outcome, seed)
    return is_well(f"Ledger: {toll.kills} kills -9, and {DAYS} days of {SCHEDULERS} schedulers", figures)


if __name__ == "__main__":
    killing.main(run, KILLS)
