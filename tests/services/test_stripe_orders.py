"""Whatever the order and the number of deliveries, a life at Stripe comes to one state here."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from bench.stripe_orders import AT_THE_END, SEED, hear_in_order, hear_meanwhile, live, some_orders
from helpninja_app.resources import Resources
from tests.twins.stripe import StripeTwin

OpenOthers = Callable[..., AbstractAsyncContextManager[Resources]]

ORDERS = 100
LIVES = 10


@pytest.fixture
async def limited(with_resources: OpenOthers) -> AsyncIterator[Resources]:
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
