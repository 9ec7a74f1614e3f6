"""Whatever the order and the number of deliveries, a life at Stripe comes to one state here."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import AsyncIterator

import pytest

import bench.stripe_orders
from bench.stripe_orders import AT_THE_END, SEED, hear_in_order, hear_meanwhile, live, run, some_orders
from helpninja_app.resources import Resources
from tests.conftest import OpenResources
from tests.twins.stripe import StripeTwin

ORDERS = 100
LIVES = 10


@pytest.fixture
async def limited(with_resources: OpenResources) -> AsyncIterator[Resources]:
    async with with_resources(unlimited=False) as opened:
        yield opened


@pytest.mark.timeout(300)
async def test_a_hundred_orders_of_seven_events_end_in_one_state(
    limited: Resources, stripe_twin: StripeTwin
) -> None:
    life, chance = await live(limited, stripe_twin), random.Random(SEED)
    states = {await hear_in_order(life, order, chance) for order in some_orders(ORDERS)}
    assert states == {AT_THE_END}


@pytest.mark.timeout(300)
async def test_what_is_heard_while_life_goes_on_ends_in_the_same_state(
    limited: Resources, stripe_twin: StripeTwin
) -> None:
    chance = random.Random(SEED)
    states = {await hear_meanwhile(limited, stripe_twin, chance) for _ in range(LIVES)}
    assert states == {AT_THE_END}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("is_well", [True, False])
async def test_the_bench_says_whether_an_order_ended_otherwise(
    monkeypatch: pytest.MonkeyPatch, *, is_well: bool
) -> None:
    end = AT_THE_END if is_well else dataclasses.replace(AT_THE_END, plan="pro")
    monkeypatch.setattr(bench.stripe_orders, "AT_THE_END", end)
    assert await run(2) is is_well
