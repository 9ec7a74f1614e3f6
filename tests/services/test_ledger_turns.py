"""Hundreds of turns at once for the last credits: as many reach the model as there are, and no more."""

from __future__ import annotations

import asyncio

import pytest

from helpninja_app.billing.models import EntryKind
from helpninja_app.errors import LimitUsedUp
from helpninja_app.resources import Resources
from tests.factories import Factory
from tests.ledgers import Books

TURNS = 500
LEFT = 7
# How many turns are in the database at a time; the others wait for a connection.
AT_ONCE = 12


class Model:
    """Counts who asks it, and takes a moment."""

    def __init__(self) -> None:
        self.calls = 0

    async def answer(self) -> None:
        self.calls += 1
        await asyncio.sleep(0.01)


async def turn(books: Books, model: Model, door: asyncio.Semaphore) -> bool:
    """Whether it was answered."""
    async with door:
        try:
            reservation = await books.reserve(1)
        except LimitUsedUp:
            return False
    await model.answer()
    async with door:
        assert await books.settle(reservation, 1) == 1
    return True


@pytest.mark.parametrize("_repeat", range(20))
async def test_of_five_hundred_turns_at_once_for_seven_credits_seven_are_answered(
    factory: Factory, resources: Resources, _repeat: int
) -> None:
    books = Books(resources.database, (await factory.tenant(plan="free")).id)
    await books.use(100 - LEFT)
    model, door = Model(), asyncio.Semaphore(AT_ONCE)
    answered = await asyncio.gather(*(turn(books, model, door) for _ in range(TURNS)))
    assert (model.calls, sum(answered), answered.count(False)) == (LEFT, LEFT, TURNS - LEFT)
    account = await books.account()
    assert (account.balance, account.used) == (0, 100)
    assert (await books.amounts(EntryKind.USAGE))[-LEFT:] == [-1] * LEFT
    assert await books.held() == []
    assert await books.is_right()


async def test_of_turns_at_once_those_that_fail_leave_their_credit_to_others(
    factory: Factory, resources: Resources
) -> None:
    books = Books(resources.database, (await factory.tenant(plan="free")).id)
    await books.use(100 - LEFT)
    door = asyncio.Semaphore(AT_ONCE)

    async def failing() -> None:
        async with door:
            try:
                reservation = await books.reserve(1)
            except LimitUsedUp:
                return
        async with door:
            await books.release(reservation)

    await asyncio.gather(*(failing() for _ in range(100)))
    assert await books.balance() == LEFT
    model = Model()
    answered = [await turn(books, model, door) for _ in range(LEFT + 1)]
    assert answered == [True] * LEFT + [False]
    assert await books.is_right()
