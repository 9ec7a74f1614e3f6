"""Stores what came of an answer, also when the database is away for some seconds just then."""

from __future__ import annotations

import asyncio

from helpninja_app.accounts.callers import StaffCaller
from helpninja_app.chats.at_once import finish_at_once
from helpninja_app.chats.turns import Begun, Written, charge_of_stored, finish_turn
from helpninja_app.errors import Unavailable
from helpninja_app.kernel.database import Database

# Whoever asked waits for so long until the answer counts as failed.
STORE_SECONDS = 15.0
# Nobody waits for it to be marked as failed, which gives its credits back; less than a reservation lives.
CLOSE_SECONDS = 300.0
NOT_STORED = "The answer could not be stored and costs nothing. Please ask again in a moment."
# Whoever does not hear from the database cannot tell whether it has done what it was asked.
MAYBE_STORED = (
    "The answer may not be stored. Look at the chat in a moment: if it is not there, it costs nothing. Please"
    " ask again then."
)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 3.0


async def store_answer(
    database: Database, caller: StaffCaller, begun: Begun, written: Written, credits: int
) -> int:
    """``finish_turn``, tried again while the database is away; raises ``Unavailable`` when it stays away.

    What was tried may have been done although nobody heard of it, so whoever tries again looks first.
    """
    try:
        charged = await finish_at_once(database, caller, begun, written, credits)
        if charged is not None:
            return charged
        async with database.unit_of_work(caller.scope) as session:
            return await finish_turn(session, caller, begun, written, credits)
    except Unavailable:
        return await _store_later(database, caller, begun, written, credits, seconds=STORE_SECONDS)


async def close_answer(database: Database, caller: StaffCaller, begun: Begun, written: Written) -> None:
    """Store as failed, for nothing, what ``store_answer`` could not store; what it did store stays."""
    await _store_later(database, caller, begun, written, 0, seconds=CLOSE_SECONDS)


async def _store_later(
    database: Database, caller: StaffCaller, begun: Begun, written: Written, credits: int, *, seconds: float
) -> int:
    loop = asyncio.get_running_loop()
    deadline, pause = loop.time() + seconds, _FIRST_PAUSE
    while True:
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
        try:
            async with database.unit_of_work(caller.scope) as session:
                charged = await charge_of_stored(session, caller, begun)
                if charged is not None:
                    return charged
                return await finish_turn(session, caller, begun, written, credits)
        except Unavailable:
            if loop.time() + pause > deadline:
                raise
