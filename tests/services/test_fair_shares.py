"""A workspace whose receivers are slow leaves slots for those of others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from helpninja_app.integrations.packet import Packet
from helpninja_app.kernel import outbox
from helpninja_app.kernel.outbox import SHARE, SLOTS
from helpninja_app.resources import Resources
from tests.deliveries import Channel, ask_for_a_person, courier_of, integrate
from tests.factories import Factory, Tenant
from tests.hooks import hooked


@pytest.fixture(autouse=True)
def nobody_looks_untold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is served is so because somebody was told, or because something ended."""
    monkeypatch.setattr(outbox, "POLL_SECONDS", 600)


class SlowPlace:
    """Takes nothing before it is told to."""

    def __init__(self, channel: Channel, name: str) -> None:
        self.url = f"https://hooks.example/slow-{name}"
        self.under_way = 0
        self.goes_on = asyncio.Event()
        channel.plan[self.url] = [self._hang] * 100

    async def _hang(self, _: Packet) -> None:
        self.under_way += 1
        await self.goes_on.wait()


async def _flood(resources: Resources, tenant: Tenant, place: SlowPlace, count: int) -> None:
    await integrate(resources, tenant, place.url)
    for _ in range(count):
        await ask_for_a_person(resources, tenant)


async def _until(is_so: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not is_so():
            await asyncio.sleep(0.02)


@asynccontextmanager
async def _running(resources: Resources, channel: Channel, *slow: SlowPlace) -> AsyncIterator[None]:
    running = asyncio.create_task(courier_of(resources, channel).run())
    try:
        yield
    finally:
        for place in slow:
            place.goes_on.set()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_one_that_floods_a_slow_receiver_holds_up_nobody_else(
    resources: Resources, factory: Factory
) -> None:
    channel, flooding, other = Channel(), await factory.tenant(), await factory.tenant()
    slow = SlowPlace(channel, "one")
    await _flood(resources, flooding, slow, SLOTS + 5)
    async with _running(resources, channel, slow):
        # Alone it has all but those that are kept for others.
        await _until(lambda: slow.under_way == SLOTS - SHARE)
        url = "https://hooks.example/quick"
        await integrate(resources, other, url)
        for _ in range(SHARE + 2):
            await ask_for_a_person(resources, other)
        await _until(lambda: len(channel.to(url)) == SHARE + 2)
        assert slow.under_way == SLOTS - SHARE


async def test_two_that_flood_have_the_same_and_a_third_is_served_at_once(
    resources: Resources, factory: Factory
) -> None:
    channel, tenants = Channel(), [await factory.tenant() for _ in range(3)]
    slow = [SlowPlace(channel, name) for name in ("first", "second")]
    for tenant, place in zip(tenants[:2], slow, strict=True):
        await _flood(resources, tenant, place, SLOTS)
    async with _running(resources, channel, *slow):
        half = (SLOTS - SHARE) // 2
        await _until(lambda: [place.under_way for place in slow] == [half, half])
        url = "https://hooks.example/third"
        await integrate(resources, tenants[2], url)
        await ask_for_a_person(resources, tenants[2])
        await _until(lambda: channel.to(url))
        assert [place.under_way for place in slow] == [half, half]


async def test_what_ends_goes_to_who_has_less_than_their_share(
    resources: Resources, factory: Factory
) -> None:
    channel, older, newer = Channel(), await factory.tenant(), await factory.tenant()
    first, second = SlowPlace(channel, "older"), SlowPlace(channel, "newer")
    await _flood(resources, older, first, 2 * SLOTS)
    async with _running(resources, channel, first, second):
        await _until(lambda: first.under_way == SLOTS - SHARE)
        await _flood(resources, newer, second, SLOTS)
        await _until(lambda: second.under_way == SHARE)
        assert first.under_way == SLOTS - SHARE


async def test_a_workspace_with_many_slow_endpoints_leaves_slots_for_others(
    resources: Resources, factory: Factory
) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    async with (
        hooked(resources, tenant) as hook,
        hooked(resources, tenant),
        hooked(resources, tenant),
        hooked(resources, tenant),
        hooked(resources, tenant),
        hooked(resources, other) as theirs,
    ):
        for number in range(6):
            await hook.say(f"message {number}")
        async with resources.database.unit_of_work() as session:
            taken = await hook.courier.take(session, SLOTS)
        assert [each.workspace_id for each in taken] == [tenant.id] * (SLOTS - SHARE)
        assert [each.endpoint_id for each in taken].count(hook.id) <= 4
        await theirs.say()
        async with resources.database.unit_of_work() as session:
            taken = await theirs.courier.take(session, SHARE)
        assert [each.endpoint_id for each in taken] == [theirs.id]
