"""A member with 10,000 saved chats of four messages: listing them, and searching through what was said.

python -m bench chats
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Awaitable, Callable

import numpy as np
from sqlalchemy import text

from bench.report import at_most, say, show
from bench.scratch import opened, scratch_database
from bench.texts import passage
from helpninja_app.accounts.callers import KeyCaller
from helpninja_app.accounts.identity import Credentials, identify
from helpninja_app.chats.library import list_chats
from helpninja_app.resources import Resources
from tests.factories import Factory

CHATS = 10_000
ASKED = 100
_SEED = 20_261_128
_PAGE = 50
_WORD = re.compile(r"[a-z]{3,}")

_FILL_CHATS = text(
    "insert into chats (workspace_id, id, key_id, title, updated_at)"
    " select :workspace, gen_random_uuid(), :key, title, now() - number * interval '1 minute'"
    " from unnest(cast(:titles as text[])) with ordinality as given (title, number)"
)
_FILL_MESSAGES = text(
    "insert into chat_messages (workspace_id, id, chat_id, position, role, text, state)"
    " select :workspace, gen_random_uuid(), chats.id, place,"
    " case when place % 2 = 1 then 'user' else 'assistant' end,"
    " (cast(:texts as text[]))[1 + (abs(hashtext(chats.id::text || place)) % :count)], 'complete'"
    " from chats, generate_series(1, 4) as place where chats.workspace_id = :workspace"
)


async def run() -> None:
    """See the module."""
    chance = random.Random(_SEED)
    with scratch_database() as scratch:
        async with opened(scratch) as resources:
            tenant = await Factory(resources).tenant()
            async with resources.database.unit_of_work() as session:
                caller = await identify(session, Credentials(bearer=tenant.key))
            if not isinstance(caller, KeyCaller):
                raise TypeError("The bench asks with a key.")
            texts = [passage(chance, 90) for _ in range(2_000)]
            say(f"storing {CHATS:,} chats")
            async with resources.database.unit_of_work(caller.scope) as session:
                titles = [" ".join(chance.choice(texts).split()[:8]) for _ in range(CHATS)]
                values = {"workspace": tenant.id, "key": caller.key_id, "titles": titles}
                await session.execute(_FILL_CHATS, values)
                values = {"workspace": tenant.id, "texts": texts, "count": len(texts)}
                await session.execute(_FILL_MESSAGES, values)
            words = [chance.choice(_WORD.findall(chance.choice(texts))) for _ in range(ASKED)]
            # An index that is not analysed yet is what a member with a fresh import has.
            listing = await _timed(lambda n: _list(resources, caller, offset=n * _PAGE))
            searching = await _timed(lambda n: _list(resources, caller, contains=words[n]))
    show(
        f"{CHATS:,} chats of a member",
        [
            at_most("a page of 50, p50", float(np.quantile(listing, 0.5)), 100.0, "ms"),
            at_most("a page of 50, p95", float(np.quantile(listing, 0.95)), 100.0, "ms"),
            at_most("search for a word, p50", float(np.quantile(searching, 0.5)), 100.0, "ms"),
            at_most("search for a word, p95", float(np.quantile(searching, 0.95)), 100.0, "ms"),
        ],
    )


async def _list(
    resources: Resources, caller: KeyCaller, *, offset: int = 0, contains: str | None = None
) -> None:
    async with resources.database.unit_of_work(caller.scope) as session:
        page = await list_chats(session, caller, limit=_PAGE, offset=offset, contains=contains)
    if not page.total:
        raise RuntimeError(f"Nothing was found for {contains}.")


async def _timed(ask: Callable[[int], Awaitable[None]]) -> list[float]:
    await ask(0)
    taken = []
    for number in range(ASKED):
        started = time.perf_counter()
        await ask(number)
        taken.append((time.perf_counter() - started) * 1000)
    return taken
