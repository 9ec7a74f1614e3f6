"""All 5,040 orders in which Stripe may tell of the seven events of a life, with duplicates: one end.

    python -m bench.stripe_orders             # all of them
    python -m bench.stripe_orders --orders N  # N of them, drawn by a seed

The life: a plan and credits are bought, half of the credits' money goes back, the plan grows and ends. Each
order is heard by a workspace of its own, whose customer the twin's is for that long.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import text

from bench.report import say
from bench.scratch import scratch_database
from helpninja_app.accounts.workspaces import create_workspace
from helpninja_app.answers.answerers import Answerers
from helpninja_app.billing.models import Unit
from helpninja_app.billing.plans import Terms
from helpninja_app.billing.stripe_inbox import keep_event
from helpninja_app.billing.stripe_objects import event_ref
from helpninja_app.billing.usage import usage_of
from helpninja_app.billing.verification import verify_ledger
from helpninja_app.jobs import tasks
from helpninja_app.kernel.database import new_id
from helpninja_app.kernel.scope import Scope
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.resources import Resources, open_resources
from helpninja_app.settings import Settings
from tests.buying import NoQueue, session_of
from tests.stripe_shop import open_stripe_shop, settings_of
from tests.twins.stripe import StripeTwin

SEED = 20_261_128

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class State:
    """What counts of a workspace once all is heard."""

    plan: str
    status: str | None
    credits_left: int | None
    topped_up: int
    messages_left: int | None
    mistakes: int


# The plan has ended; of 1,000 credits half were paid back.
AT_THE_END = State("free", "canceled", 600, 500, 100, 0)


class Life:
    """What a customer does at Stripe, step by step."""

    def __init__(self, resources: Resources, twin: StripeTwin) -> None:
        self.resources, self.twin = resources, twin
        self.gateway = resources.need_stripe().gateway
        self.customer = ""
        self._sessions: list[str] = []
        self._seven: list[Event] = []

    async def begin(self) -> UUID:
        """A workspace with a customer."""
        workspace = await self._new_workspace()
        self.customer = await self.gateway.create_customer(workspace, "Bench", "owner@example.com")
        async with self.resources.database.unit_of_work() as session:
            await session.execute(
                text("insert into stripe_customers (id, workspace_id) values (:id, :workspace)"),
                {"id": self.customer, "workspace": workspace},
            )
        return workspace

    async def buy(self, workspace: UUID, price: str, mode: str) -> None:
        url = await self.gateway.open_checkout(
            self.customer,
            workspace,
            price,
            "subscription" if mode == "subscription" else "payment",
            back="http://helpninja.test/app/billing",
            key=f"{workspace}:{price}",
        )
        self._sessions.append(session_of(url))
        self.twin.complete_checkout(self._sessions[-1])

    async def refund_half(self) -> None:
        [charge] = [each for each in self._objects("charge.succeeded") if each["amount"] == 15_00]
        self.twin.refund(charge["id"], 7_50)

    async def grow(self) -> None:
        [subscription] = self._objects("customer.subscription.created")
        item = subscription["items"]["data"][0]["id"]
        self.twin.update_subscription(
            subscription["id"], {"items": [{"id": item, "price": "price_agency_monthly"}]}
        )

    async def end(self) -> None:
        [subscription] = self._objects("customer.subscription.created")
        await self.gateway.cancel(subscription["id"])

    def seven(self) -> list[Event]:
        """One event of each kind that this life led to, oldest first."""
        if self._seven:
            return self._seven
        mine = self.events()
        paid = [each for each in mine if each["type"] == "checkout.session.completed"]
        self._seven = [
            *paid,
            *(
                [each for each in mine if each["type"] == kind][-1]
                for kind in (
                    "customer.subscription.created",
                    "invoice.paid",
                    "charge.refunded",
                    "customer.subscription.updated",
                    "customer.subscription.deleted",
                )
            ),
        ]
        return self._seven

    def events(self) -> list[Event]:
        return [
            each for each in self.twin.events() if each["data"]["object"].get("customer") == self.customer
        ]

    async def move(self) -> UUID:
        """Make everything that was bought another, new workspace's."""
        workspace = await self._new_workspace()
        async with self.resources.database.unit_of_work() as session:
            await session.execute(
                text("update stripe_customers set workspace_id = :workspace where id = :id"),
                {"id": self.customer, "workspace": workspace},
            )
            await session.execute(text("delete from stripe_events"))
        for session_id in self._sessions:
            self.twin.state.sessions[session_id]["client_reference_id"] = str(workspace)
        return workspace

    async def hear(self, event: Event, *, is_forced: bool = False) -> None:
        """Keep an event and work on it; ``is_forced`` does so although it is done."""
        async with self.resources.database.unit_of_work() as session:
            await keep_event(session, NoQueue(), event_ref(event), is_live=False)
            if is_forced:
                await session.execute(
                    text("update stripe_events set state = 'waiting' where id = :id"), {"id": event["id"]}
                )
        await self.resources.effects_of_stripe().work_on(event["id"])

    async def state(self, workspace: UUID) -> State:
        scope = Scope.members(workspace)
        async with self.resources.database.unit_of_work(scope, consistent=True) as session:
            plan = (await session.execute(text("select plan from workspaces"))).scalar_one()
            status = (await session.execute(text("select status from subscriptions"))).scalar_one_or_none()
            counted = self.resources.plan_of(Terms(plan))
            credits = await usage_of(session, workspace, Unit.CREDIT, counted)
            messages = await usage_of(session, workspace, Unit.MESSAGE, counted)
            mistakes = await verify_ledger(session, workspace)
        return State(plan, status, credits.left, credits.topped_up, messages.left, len(mistakes))

    def _objects(self, kind: str) -> list[Event]:
        return [each["data"]["object"] for each in self.events() if each["type"] == kind]

    async def _new_workspace(self) -> UUID:
        async with self.resources.database.unit_of_work() as session:
            made = await create_workspace(
                session,
                slug=f"o-{new_id().hex}",
                name="Orders",
                embedding_model=self.resources.knowledge.embedders.current.name,
                plan="free",
            )
        return made.id


async def live(resources: Resources, twin: StripeTwin) -> Life:
    """A whole life, of which nothing is heard yet."""
    life = Life(resources, twin)
    workspace = await life.begin()
    await life.buy(workspace, "price_pro_monthly", "subscription")
    await life.buy(workspace, "price_topup_1000", "one-time")
    await life.refund_half()
    await life.grow()
    await life.end()
    return life


async def hear_in_order(life: Life, order: Sequence[int], chance: random.Random) -> State:
    """What a workspace comes to that hears of the life in this order, of some events twice."""
    workspace, events = await life.move(), life.seven()
    told = [events[place] for place in order]
    for again in chance.sample(told, 3):
        told.insert(chance.randrange(len(told) + 1), again)
    for event in told:
        await life.hear(event, is_forced=chance.random() < 0.5)
    return await life.state(workspace)


async def hear_meanwhile(resources: Resources, twin: StripeTwin, chance: random.Random) -> State:
    """What a workspace comes to that hears of some events while life goes on, and of the rest afterwards."""
    life = Life(resources, twin)
    workspace = await life.begin()
    steps: tuple[Callable[[], Awaitable[None]], ...] = (
        lambda: life.buy(workspace, "price_pro_monthly", "subscription"),
        lambda: life.buy(workspace, "price_topup_1000", "one-time"),
        life.refund_half,
        life.grow,
        life.end,
    )
    for step in steps:
        await step()
        happened = life.events()
        for event in chance.sample(happened, chance.randrange(len(happened) + 1)):
            await life.hear(event)
    rest = life.events()
    chance.shuffle(rest)
    for event in rest:
        await life.hear(event)
    return await life.state(workspace)


def some_orders(count: int | None) -> list[tuple[int, ...]]:
    """All orders of seven, or ``count`` of them."""
    everything = list(itertools.permutations(range(7)))
    return everything if count is None else random.Random(SEED).sample(everything, count)


async def run(count: int | None) -> bool:
    """Hear of the life in all orders, or in ``count`` of them; whether all ended in one state."""
    with scratch_database() as scratch, open_stripe_shop() as twin, tempfile.TemporaryDirectory() as folder:
        values = {
            "env": "development",
            "data_dir": Path(folder),
            "database_url": scratch.urls.app,
            **settings_of(twin),
            "unlimited": False,
        }
        settings = Settings.model_construct(**(Settings.model_construct().model_dump() | values))
        async with open_resources(
            settings, scratch.urls.app, tasks=tasks, embedder=HashingEmbedder(), answerers=Answerers()
        ) as resources:
            life, chance = await live(resources, twin), random.Random(SEED)
            orders, wrong, started = some_orders(count), 0, time.perf_counter()
            for number, order in enumerate(orders, 1):
                state = await hear_in_order(life, order, chance)
                wrong += state != AT_THE_END
                if number % 500 == 0:
                    say(f"{number} orders, {wrong} of them ended otherwise")
            seconds = time.perf_counter() - started
            say(f"{len(orders)} orders in {seconds:.0f} s: {wrong} ended otherwise than {AT_THE_END}")
    return wrong == 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--orders", type=int, default=None)
    if not asyncio.run(run(parser.parse_args().orders)):
        sys.exit(1)
