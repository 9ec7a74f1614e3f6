"""How fast Stripe's webhooks are acknowledged: 2,000 mixed deliveries, a tenth of them forged.

    python -m bench.webhooks

They go over HTTP to ``helpninja serve``, which works on what it takes meanwhile: new events, such that came
before, and forgeries of each kind of ``tests.mixed_deliveries``, one after the other.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from uuid import UUID

import httpx
from sqlalchemy import text

from bench.report import Figure, at_most, show
from bench.scratch import Scratch, opened, scratch_database
from bench.server import free_port, running_server
from bench.stripe_orders import AT_THE_END, Life, live
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.resources import Resources
from tests.buying import session_of
from tests.mixed_deliveries import Checkouts, Posted, mixed
from tests.screens.billing_shop import environment_of
from tests.stripe_shop import open_stripe_shop, settings_of
from tests.twins.stripe import StripeTwin

DELIVERIES = 2_000
NEW = 0.5
MOST_MS = 50.0


@contextmanager
def serving(scratch: Scratch, twin: StripeTwin) -> Iterator[str]:
    """The address of a server on that database which sells there."""
    database = {"DATABASE_URL": scratch.urls.app, "DATABASE_OWNER_URL": scratch.urls.owner}
    settings = environment_of(twin) | database | {"HELPNINJA_UNLIMITED": "0"}
    with running_server(scratch.folder / "data", free_port(), **settings) as server:
        yield server.url


async def open_page(life: Life, names: UUID) -> str:
    """A checkout of the life's customer that names a workspace; nobody has paid yet."""
    url = await life.gateway.open_checkout(
        life.customer, names, "price_topup_5000", "payment", back="http://bench.test", key=life.customer
    )
    return session_of(url)


async def post_all(url: str, posted: Iterable[Posted]) -> tuple[list[float], int]:
    """Milliseconds of each delivery, and how many were answered otherwise than they should."""
    took, wrong = [], 0
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        for each in posted:
            started = time.perf_counter()
            answer = await client.post("/api/webhooks/stripe", content=each.body, headers=each.headers)
            took.append((time.perf_counter() - started) * 1_000)
            wrong += answer.status_code != each.wanted
    return took, wrong


async def states(resources: Resources, *, forged: bool) -> Counter[str]:
    """How many of the kept events are in which state."""
    async with resources.database.unit_of_work() as session:
        found = await session.execute(
            text(
                "select state, count(*) from stripe_events"
                " where (id like 'evt_forged%') = :forged group by state"
            ),
            {"forged": forged},
        )
        return Counter({str(state): int(count) for state, count in found})


async def measure() -> bool:
    """Show how fast it was and what became of it; whether nothing went wrong."""
    with scratch_database() as scratch, open_stripe_shop() as twin, serving(scratch, twin) as url:
        changes = settings_of(twin) | {"unlimited": False}
        async with opened(scratch, embedder=HashingEmbedder(), **changes) as resources:
            mine, other = await live(resources, twin), await live(resources, twin)
            workspace = await mine.move()
            about = Checkouts(
                await open_page(mine, workspace), await open_page(other, workspace), other.customer
            )
            twin.complete_checkout(about.misdirected)
            times, wrong = await post_all(url, mixed(twin, mine.events(), about, DELIVERIES, new=NEW))
            load, begun = os.getloadavg()[0], time.perf_counter()
            while (await states(resources, forged=False))["waiting"]:
                await asyncio.sleep(0.5)
            worked = time.perf_counter() - begun
            is_right = await mine.state(workspace) == AT_THE_END
            kept, forged = await states(resources, forged=False), await states(resources, forged=True)
    cuts = statistics.quantiles(times, n=100)
    kept_words = ", ".join(f"{count:,} {name}" for name, count in kept.most_common())
    forged_words = ", ".join(f"{count:,} {name}" for name, count in forged.most_common())
    figures = [
        Figure(f"deliveries, one after the other, at load {load:.1f}", f"{len(times):,}"),
        Figure("acknowledged, p50 and p95", f"{cuts[49]:.1f} and {cuts[94]:.1f} ms"),
        at_most("acknowledged, p99", cuts[98], MOST_MS, "ms"),
        Figure("all of them worked on after", f"{worked:.0f} s: {kept_words}"),
        Figure("of the forged, kept as what they are", forged_words),
        Figure("answered otherwise than they should be", str(wrong), "0", wrong == 0),
        Figure("ended otherwise than it should", str(int(not is_right)), "0", is_right),
    ]
    show("Stripe's webhooks over HTTP, a tenth of them forged", figures)
    # Who else works on the machine decides on the times: they are judged by their line alone.
    return not wrong and is_right


if __name__ == "__main__":
    sys.exit(not asyncio.run(measure()))
