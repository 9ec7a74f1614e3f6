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
from tests.ledgers import Books
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


def credits_of(buyer: Buyer) -> Books:
    """The account that the payment is taken back from: 100 of the free plan's, and the 1,000."""
    return Books(buyer.resources.database, buyer.tenant.id)


async def test_what_an_answer_under_way_holds_goes_back_with_its_money(
    buyer: Buyer, charge: ChargeState
) -> None:
    books = credits_of(buyer)
    held = await books.reserve(1_100)
    read_at = await moment(buyer)
    told = await follow(buyer, replace(charge, refunded=charge.amount), read_at)
    assert told == "The payment of 1,000 credits went back."
    await books.release(held)
    usage = await buyer.usage()
    assert (usage.topped_up, usage.left) == (0, 100)
    assert await books.expire() == 0
    assert await buyer.mistakes() == []
    await follow(buyer, charge, read_at + SECOND)
    assert (await buyer.usage()).topped_up == 1_000


async def test_an_answer_whose_credits_went_back_is_charged_as_far_as_there_are_others(
    buyer: Buyer, charge: ChargeState
) -> None:
    books = credits_of(buyer)
    held = await books.reserve(1_100)
    await follow(buyer, replace(charge, disputed=charge.amount), await moment(buyer))
    assert await books.settle(held, 300) == 100
    usage = await buyer.usage()
    assert (usage.topped_up, usage.left) == (0, 0)
    assert await buyer.mistakes() == []


async def test_no_more_answers_lose_what_they_hold_than_the_money_takes(
    buyer: Buyer, charge: ChargeState
) -> None:
    books = credits_of(buyer)
    oldest, newer = await books.reserve(400), await books.reserve(300)
    await follow(buyer, replace(charge, refunded=charge.amount // 2), await moment(buyer))
    assert [each.id for each in await books.held()] == [newer.id]
    assert await books.settle(oldest, 150) == 150
    assert await books.settle(newer, 300) == 300
    assert (await buyer.usage()).topped_up == 150
    assert await buyer.mistakes() == []


async def test_what_was_spent_is_told_and_not_taken(buyer: Buyer, charge: ChargeState) -> None:
    books = credits_of(buyer)
    await books.use(700)
    held = await books.reserve(100)
    told = await follow(buyer, replace(charge, refunded=charge.amount), await moment(buyer))
    assert told == "The payment of 1,000 credits went back; 600 of them were spent."
    await books.release(held)
    assert (await buyer.usage()).left == 0
    assert await buyer.mistakes() == []
