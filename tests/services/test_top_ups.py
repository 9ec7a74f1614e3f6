"""What became of a top-up's payment is read at some time: the latest reading counts, whoever comes first."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import httpx
import pytest

from helpninja_app.billing.ledger import database_time
from helpninja_app.billing.stripe_objects import ChargeState
from helpninja_app.billing.top_ups import follow_charge
from tests.buying import Buyer
from tests.twins.stripe import StripeTwin

NEWER = "Something newer is known already."
SECOND = timedelta(seconds=1)


@pytest.fixture
async def charge(client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin) -> ChargeState:
    """The payment of 1,000 credits, which the workspace has."""
    twin.complete_checkout(await buyer.top_up(client, 1000))
    await buyer.hear()
    [paid] = [each for each in await buyer.events() if each["type"] == "charge.succeeded"]
    return await buyer.resources.need_stripe().gateway.read_charge(paid["data"]["object"]["id"])


async def moment(buyer: Buyer) -> datetime:
    async with buyer.resources.database.unit_of_work() as session:
        return await database_time(session)


async def follow(buyer: Buyer, charge: ChargeState, read_at: datetime) -> str:
    async with buyer.resources.database.unit_of_work(buyer.tenant.scope) as session:
        return await follow_charge(session, buyer.tenant.id, charge, read_at)


async def test_an_older_reading_of_a_payment_changes_nothing(buyer: Buyer, charge: ChargeState) -> None:
    read_at = await moment(buyer)
    await follow(buyer, replace(charge, refunded=charge.amount), read_at)
    assert (await buyer.usage()).topped_up == 0
    assert await follow(buyer, charge, read_at - SECOND) == NEWER
    assert (await buyer.usage()).topped_up == 0
    await follow(buyer, charge, read_at + SECOND)
    assert (await buyer.usage()).topped_up == 1_000
    assert await buyer.mistakes() == []


async def test_of_two_readings_at_once_the_older_one_waits_and_then_changes_nothing(
    buyer: Buyer, charge: ChargeState
) -> None:
    read_at = await moment(buyer)
    half = replace(charge, refunded=charge.amount // 2)
    async with buyer.resources.database.unit_of_work(buyer.tenant.scope) as session:
        await follow_charge(
            session, buyer.tenant.id, replace(charge, refunded=charge.amount), read_at + SECOND
        )
        older = asyncio.create_task(follow(buyer, half, read_at))
        await asyncio.wait([older], timeout=1)
        assert not older.done()
    assert await older == NEWER
    assert (await buyer.usage()).topped_up == 0
    assert await buyer.mistakes() == []
