"""A process that asks for people and tells them, until it is killed; ``bench.delivery_chaos`` starts them."""

from __future__ import annotations

import asyncio
import faulthandler
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID, uuid4

from bench.killing import Report
from helpninja_app.accounts.callers import VisitorCaller
from helpninja_app.accounts.workspaces import load_workspace
from helpninja_app.conversations.delivering import Courier, Send
from helpninja_app.conversations.delivery_records import Fallbacks
from helpninja_app.conversations.handoff import escalate
from helpninja_app.conversations.models import Contact, Reason
from helpninja_app.conversations.threads import open_conversation
from helpninja_app.integrations.packet import Packet
from helpninja_app.kernel.database import Database
from helpninja_app.kernel.live import Live
from helpninja_app.kernel.mail import LogMailer
from helpninja_app.kernel.rate_limits import RateLimiter
from helpninja_app.kernel.safe_http import SafeHttp
from helpninja_app.kernel.scope import Scope

KEY = "a-key-of-the-benchmark-0123456789-abcdef"
ROUNDS = 6
# The next process takes over what this one held almost at once.
LEASE_SECONDS = 0.2
_LONGEST_LIFE = 1.5


@dataclass(frozen=True, slots=True)
class Orders:
    """``report`` is a file that it adds lines to; the destinations are in there what takes a message."""

    url: str
    workspace_id: UUID
    seed: int
    report: str


class Life:
    """What the process is doing just now; a thread kills it, whatever that is."""

    def __init__(self, report: Report) -> None:
        self.stage, self.report = "start", report

    def end(self) -> None:
        self.report.die(self.stage)


def work(orders: Orders) -> None:
    """The whole life of a process."""
    faulthandler.dump_traceback_later(60)
    asyncio.run(_work(orders, random.Random(orders.seed)))


def make_courier(database: Database, http: SafeHttp, send: Send, *, lease_seconds: float) -> Courier:
    return Courier(
        database=database,
        live=Live(database.url),
        http=http,
        mailer=LogMailer(),
        send=send,
        keys=[KEY],
        fallbacks=Fallbacks(),
        origin="http://helpninja.test",
        lease_seconds=lease_seconds,
        limiter=RateLimiter(None),
    )


async def _work(orders: Orders, chance: random.Random) -> None:
    report = Report(orders.report)
    life = Life(report)

    async def send(provider: str, credentials: Mapping[str, str], packet: Packet, **_: object) -> None:
        life.stage = "send"
        await asyncio.sleep(chance.random() / 50)
        report.say("taken", packet.delivery_id)
        life.stage = "note what was sent"
        await asyncio.sleep(chance.random() / 50)

    database = Database(orders.url, pool_size=4)
    scope = Scope.members(orders.workspace_id)
    async with SafeHttp(user_agent="bench") as http:
        courier = make_courier(database, http, send, lease_seconds=LEASE_SECONDS)
        async with database.unit_of_work(scope) as session:
            workspace = await load_workspace(session, orders.workspace_id)
        fuse = threading.Timer(chance.uniform(0.02, _LONGEST_LIFE), life.end)
        fuse.daemon = True
        fuse.start()
        for _ in range(ROUNDS):
            life.stage = "write"
            visitor = VisitorCaller(workspace, f"session-{uuid4().hex}", is_signed=True)
            async with database.unit_of_work(visitor.scope) as session:
                conversation = await open_conversation(session, visitor)
                conversation.contact = Contact.DECLINED.value
                await escalate(session, conversation, Reason.RULE, topic="Is anybody there?")
            report.say("committed", conversation.id)
            life.stage = "send what is committed"
            await asyncio.sleep(chance.random() / 20)
            await courier.deliver_due()
        fuse.cancel()
    await database.close()
