"""Telling without a lock that nothing is left: never where a reservation would still be given."""

from __future__ import annotations

import asyncio

import pytest

from helpninja_app.billing.ledger import lock_account
from helpninja_app.billing.models import Unit
from helpninja_app.billing.plans import FREE, PLANS
from helpninja_app.billing.reservations import find_refusal
from helpninja_app.errors import LimitUsedUp
from helpninja_app.resources import Resources
from tests.factories import Factory
from tests.ledgers import Books, with_credits


@pytest.fixture
async def books(factory: Factory, resources: Resources) -> Books:
    tenant = await factory.tenant(plan="free")
    return Books(resources.database, tenant.id, plan=FREE)


async def refusal(books: Books) -> LimitUsedUp | None:
    async with books.database.unit_of_work(books.scope) as session:
        return await find_refusal(session, books.workspace_id, books.plan, books.unit)


async def test_who_has_used_everything_is_told_what_a_reservation_tells(books: Books) -> None:
    await books.use(100)
    with pytest.raises(LimitUsedUp) as raised:
        await books.reserve(1)
    told = await refusal(books)
    assert told is not None
    assert (told.detail, told.limit, told.used) == (raised.value.detail, 100, 100)


async def test_what_is_only_reserved_is_not_left_either_until_it_is_released(books: Books) -> None:
    held = await books.reserve(100)
    assert await refusal(books) is not None
    await books.release(held)
    assert await refusal(books) is None


async def test_who_has_never_used_anything_is_not_refused(books: Books) -> None:
    assert await refusal(books) is None


async def test_who_has_one_left_is_not_refused(books: Books) -> None:
    await books.use(99)
    assert await refusal(books) is None


async def test_who_has_topped_up_is_not_refused(books: Books) -> None:
    await books.use(100)
    await books.top_up(1)
    assert await refusal(books) is None


async def test_who_has_more_used_than_a_smaller_plan_has_is_refused_but_not_what_was_bought(
    books: Books,
) -> None:
    await books.use(100)
    smaller = books.on(with_credits(10))
    await smaller.open()
    assert await refusal(smaller) is not None
    await smaller.top_up(1)
    assert await refusal(smaller) is None
    await smaller.reserve(1)


async def test_who_has_a_larger_plan_since_is_not_refused(books: Books) -> None:
    await books.use(100)
    assert await refusal(books.on(PLANS["pro"])) is None


async def test_who_has_a_plan_without_a_limit_is_not_refused(books: Books) -> None:
    await books.use(100)
    assert await refusal(books.on(with_credits(None))) is None


async def test_who_has_a_new_month_is_not_refused(books: Books) -> None:
    await books.use(100)
    await books.end_month()
    assert await refusal(books) is None
    await books.reserve(1)


async def test_credits_and_messages_are_not_taken_for_each_other(books: Books) -> None:
    await books.use(100)
    messages = Books(books.database, books.workspace_id, Unit.MESSAGE)
    assert await refusal(messages) is None


async def test_one_workspace_is_not_refused_for_another(books: Books, factory: Factory) -> None:
    await books.use(100)
    other = await factory.tenant(plan="free")
    assert await refusal(Books(books.database, other.id)) is None


async def test_it_is_told_while_somebody_holds_the_account(books: Books) -> None:
    await books.use(100)
    async with books.database.unit_of_work(books.scope) as session:
        await lock_account(session, books.workspace_id, books.unit)
        assert await asyncio.wait_for(refusal(books), 60) is not None
