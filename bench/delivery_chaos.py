"""``python -m bench.delivery_chaos [KILLS]``: kills a process again and again while it tells of escalations.

Afterwards whoever comes last sends what is left, and what is stored is compared with what was taken.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import LiteralString
from uuid import UUID

from sqlalchemy import text

from bench import killing
from bench.delivery_worker import KEY, Orders, make_courier, work
from bench.killing import add_workspace, count_faults, is_well, live_and_die, read_report
from bench.report import Figure, say
from bench.scratch import scratch_database
from helpninja_app.integrations.credentials import Secrets, seal
from helpninja_app.integrations.models import Integration, Provider
from helpninja_app.integrations.packet import Packet
from helpninja_app.kernel.database import Database, enter_scope, new_id
from helpninja_app.kernel.embedded_postgres import Urls
from helpninja_app.kernel.safe_http import SafeHttp
from helpninja_app.kernel.scope import Scope

KILLS = 200
DESTINATIONS = 2
# Each counts what must not be; the names are the rows of the table.
_FAULTS: dict[str, LiteralString] = {
    "escalations that were not meant for every destination": """
        select count(*) from escalations e where 2 <> (
          select count(*) from deliveries d where d.escalation_id = e.id)""",
    "deliveries that are not sent": "select count(*) from deliveries where status <> 'sent'",
    "deliveries that still wait": "select count(*) from due_deliveries",
}


@dataclass
class Toll(killing.Toll):
    """Messages by how often they were taken, too, and the conversations that asked for a person."""

    taken: Counter[str] = field(default_factory=Counter)
    committed: set[str] = field(default_factory=set)

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
        workspace_id = await _prepare(database)
        while toll.kills < kills:
            orders = Orders(urls.app, workspace_id, chance.getrandbits(32), str(report))
            await asyncio.to_thread(live_and_die, work, orders, toll)
            if toll.kills % 50 == 0:
                say(f"kill {toll.kills} of {kills}")
        await _send_the_rest(database, toll)
        for word, rest in read_report(report, toll):
            if word == "taken":
                toll.taken[rest] += 1
            else:
                toll.committed.add(rest)
        await _compare(database, workspace_id, toll)
        count_faults(urls, _FAULTS, toll)
    finally:
        await database.close()
    toll.seconds = time.perf_counter() - started
    return toll


async def _prepare(database: Database) -> UUID:
    """A workspace that tells its destinations of escalations."""
    async with database.unit_of_work() as session:
        workspace = await add_workspace(session)
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


async def _send_the_rest(database: Database, toll: Toll) -> None:
    """One more process, which is not killed."""

    async def send(provider: str, credentials: Mapping[str, str], packet: Packet, **_: object) -> None:
        toll.taken[str(packet.delivery_id)] += 1

    # Whatever the killed ones held is free by then.
    await asyncio.sleep(1)
    async with SafeHttp(user_agent="bench") as http:
        await make_courier(database, http, send, lease_seconds=60).deliver_due()


async def _compare(database: Database, workspace_id: UUID, toll: Toll) -> None:
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


def _figures(toll: Toll, seed: int) -> list[Figure]:
    return toll.figures(
        "tells of escalations",
        seed,
        Figure("messages taken, each at least once", f"{len(toll.taken):,}"),
        Figure("... of these twice, as their sender died before it could note them", str(toll.doubled)),
    )


async def run(kills: int, *, seed: int) -> bool:
    """Whether all is well."""
    with scratch_database() as scratch:
        toll = await run_kills(scratch.urls, scratch.folder, kills, seed=seed)
    return is_well(f"Deliveries: {toll.kills} kills -9", _figures(toll, seed))


if __name__ == "__main__":
    killing.main(run, KILLS)
