"""A process that charges turns until it dies at an await; ``bench.ledger_chaos`` starts one after another."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import random
import signal
import types
from collections.abc import Coroutine, Generator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from helpninja_app.billing.models import Unit
from helpninja_app.billing.plans import AGENCY
from helpninja_app.billing.reservations import release, reserve, settle
from helpninja_app.errors import Conflict
from helpninja_app.kernel.database import Database
from helpninja_app.kernel.scope import Scope

TURNS = 12
AT_ONCE = 4
# Of twelve turns; most processes die before they are through.
MOST_AWAITS = 700

_STAGE: ContextVar[str] = ContextVar("stage", default="start")
# As a chat stores its answer: in the transaction that charges it.
_STORE_ANSWER = text("insert into chaos_answers (turn, reservation_id, used) values (:turn, :id, :used)")


@dataclass(frozen=True, slots=True)
class Orders:
    """What a process is to do; ``report`` is a file that it adds lines to."""

    url: str
    workspace_id: UUID
    first_turn: int
    seed: int
    report: str


class _Fuse:
    """Counts awaits, and kills the process at a random one."""

    def __init__(self, awaits: int, report: int) -> None:
        self.awaits, self.report = awaits, report

    def burn(self) -> None:
        self.awaits -= 1
        if self.awaits <= 0:
            os.write(self.report, f"died {_STAGE.get()}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)


@types.coroutine
def _mortal(work: Coroutine[Any, Any, None], fuse: _Fuse) -> Generator[Any, Any, None]:
    """``work``, which dies before or after one of the moments at which it waits for something."""
    while True:
        try:
            awaited = work.send(None)
        except StopIteration:
            return
        fuse.burn()
        yield awaited
        fuse.burn()


def work(orders: Orders) -> None:
    """The whole life of a process."""
    faulthandler.dump_traceback_later(60)
    chance = random.Random(orders.seed)
    report = os.open(orders.report, os.O_WRONLY | os.O_APPEND)
    asyncio.run(_work(orders, _Fuse(chance.randint(1, MOST_AWAITS), report), report))


async def _work(orders: Orders, fuse: _Fuse, report: int) -> None:
    database, door = Database(orders.url, pool_size=AT_ONCE), asyncio.Semaphore(AT_ONCE)

    async def take(number: int) -> None:
        async with door:
            await _take_turn(database, orders, number, report)

    async def live(number: int) -> None:
        await _mortal(take(number), fuse)

    await asyncio.gather(*(live(orders.first_turn + number) for number in range(TURNS)))
    await database.close()


async def _take_turn(database: Database, orders: Orders, number: int, report: int) -> None:
    """Reserve, ask, and settle or release.

    Half of the turns have a key, with which whoever takes one again gets the same reservation; the others are
    taken in one statement, as those of chats are, and by whoever takes one again anew.
    """
    chance, scope = random.Random(number), Scope.members(orders.workspace_id)
    amount, used, fails = chance.randint(1, 20), chance.randint(0, 25), chance.random() < 0.2
    key = f"turn:{number}" if number % 2 else None
    _STAGE.set("reserve")
    try:
        async with database.unit_of_work(scope) as session:
            reservation = await reserve(session, orders.workspace_id, AGENCY, Unit.CREDIT, amount, key=key)
    except Conflict:
        return
    _STAGE.set("provider")
    for _ in range(3):
        await asyncio.sleep(0.002)
    if fails:
        _STAGE.set("release")
        async with database.unit_of_work(scope) as session:
            await release(session, orders.workspace_id, reservation)
        return
    _STAGE.set("settle")
    try:
        async with database.unit_of_work(scope) as session:
            answer = {"turn": number, "id": reservation.id, "used": used}
            await session.execute(_STORE_ANSWER, answer)
            await settle(session, orders.workspace_id, reservation, used)
    except IntegrityError:
        # Whoever took this turn before was not so dead that its answer had not been stored.
        return
    os.write(report, f"answered {number}\n".encode())
