"""How fast Stripe's webhooks are acknowledged: 2,000 mixed deliveries, a tenth of them forged.

    python -m bench.webhooks

Each is a POST to the API in this process (ASGI, no network) on PostgreSQL as the product runs it; new events,
duplicates, and forged ones that end at the signature, in random order, one after the other.
"""

from __future__ import annotations

import asyncio
import copy
import os
import random
import statistics
import tempfile
import time
from pathlib import Path

import httpx

from api_routes.app import create_api
from bench.report import say
from bench.scratch import scratch_database
from bench.stripe_orders import live
from helpninja_app.answers.answerers import Answerers
from helpninja_app.jobs import tasks
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.resources import open_resources
from helpninja_app.settings import Settings
from tests.stripe_shop import open_stripe_shop, settings_of

DELIVERIES = 2_000
SEED = 20_261_128


async def measure() -> tuple[list[float], int]:
    """Milliseconds of each delivery, and how many were answered otherwise than they should."""
    with scratch_database() as scratch, open_stripe_shop() as twin, tempfile.TemporaryDirectory() as folder:
        values = {
            "env": "development",
            "data_dir": Path(folder),
            "database_url": scratch.urls.app,
            **settings_of(twin),
        }
        settings = Settings.model_construct(**(Settings.model_construct().model_dump() | values))
        async with open_resources(
            settings, scratch.urls.app, tasks=tasks, embedder=HashingEmbedder(), answerers=Answerers()
        ) as resources:
            events = (await live(resources, twin)).events()
            chance, took, wrong = random.Random(SEED), [], 0
            transport = httpx.ASGITransport(app=create_api())
            async with httpx.AsyncClient(transport=transport, base_url="http://helpninja.test") as client:
                for number in range(DELIVERIES):
                    event, wanted, secret = copy.deepcopy(chance.choice(events)), 200, None
                    if number % 10 == 0:
                        wanted, secret = 400, "whsec_forged"
                    elif chance.random() < 0.5:
                        event["id"] = f"evt_{number}"
                    body, headers = twin.signed(event, secret=secret)
                    started = time.perf_counter()
                    answer = await client.post("/api/webhooks/stripe", content=body, headers=headers)
                    took.append((time.perf_counter() - started) * 1_000)
                    wrong += answer.status_code != wanted
    return took, wrong


if __name__ == "__main__":
    times, wrong = asyncio.run(measure())
    cuts = statistics.quantiles(times, n=100)
    say(f"{len(times)} deliveries at load {os.getloadavg()[0]:.1f}: {wrong} answered wrongly")
    say(f"acknowledged in p50 {cuts[49]:.1f} ms, p95 {cuts[94]:.1f} ms, p99 {cuts[98]:.1f} ms")
