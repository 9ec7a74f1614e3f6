"""What is used of a month's allowance is neither what was bought, nor what was used while nothing was
limited, nor what an answer under way may take yet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from helpninja_app.billing.models import Unit
from helpninja_app.billing.plans import FREE, PRO, STARTER, UNLIMITED
from helpninja_app.resources import Resources
from tests.factories import Factory, Tenant
from tests.ledgers import Books
from tests.mailbox import Mailbox
from tests.services.test_ledger_alerts import follow, noted, subjects, tick, work

UNITS = pytest.mark.parametrize("unit", list(Unit))


@pytest.fixture
async def tenant(later: Resources) -> Tenant:
    return await Factory(later).tenant(plan="starter")


@pytest.fixture
async def books(later: Resources, tenant: Tenant) -> Books:
    """The credits of a workspace on the starter plan, which has 1,000."""
    return Books(later.database, tenant.id, plan=STARTER)


@pytest.fixture
async def owner(later: Resources, tenant: Tenant) -> str:
    return (await Factory(later).member(tenant))[0]


async def use_while_unlimited(books: Books, amount: int) -> None:
    unlimited = books.on(UNLIMITED)
    await unlimited.open()
    await unlimited.settle(await unlimited.reserve(amount), amount)


async def test_what_was_bought_is_not_of_the_allowance(
    later: Resources, tenant: Tenant, books: Books, owner: str, mailbox: Mailbox
) -> None:
    await books.use(1_000)
    await books.top_up(500)
    await books.use(500)
    await tick(later)
    await work(later)
    books = await follow(later, tenant, books, PRO)
    assert (await books.usage()).used == 1_000
    seen = []
    for amount in (870, 10, 360, 10, 240, 10):
        await books.use(amount)
        await tick(later)
        await work(later)
        seen.append(len(mailbox.of(owner)) - 1)
    assert seen == [0, 1, 1, 2, 2, 3]
    percents = (100, 75, 90, 100)
    assert subjects(mailbox, owner) == [f"{each} % of this month's credits" for each in percents]
    assert "has used 2,500 of the 2,500 credits" in mailbox.of(owner)[-1].text
    assert (await books.usage()).left == 0


@UNITS
async def test_what_was_used_while_nothing_was_limited_is_not_of_the_allowance(
    later: Resources, tenant: Tenant, books: Books, owner: str, mailbox: Mailbox, unit: Unit
) -> None:
    books = replace(books, unit=unit)
    await use_while_unlimited(books, 5_000)
    books = await follow(later, tenant, books, FREE)
    assert (await books.usage()).used == 0
    await books.use(74)
    await tick(later)
    await work(later)
    assert mailbox.of(owner) == []
    await books.use(1)
    await tick(later)
    await work(later)
    assert subjects(mailbox, owner) == [f"75 % of this month's {unit.value}s"]
    assert f"has used 75 of the 100 {unit.value}s" in mailbox.of(owner)[0].text


async def test_what_an_answer_under_way_holds_is_not_used_yet(
    later: Resources, tenant: Tenant, books: Books, owner: str, mailbox: Mailbox
) -> None:
    await use_while_unlimited(books, 5_000)
    books = await follow(later, tenant, books, FREE)
    held = await books.reserve(70)
    await books.use(20)
    assert (await books.usage()).used == 20
    await books.settle(held, 55)
    assert await noted(books) == [75]
    assert (await books.usage()).used == 75
    slow = await books.reserve(25)
    await books.settle(await books.reserve(0), 10)
    await tick(later)
    await work(later)
    assert "When all are used, the chat" in mailbox.of(owner)[0].text
    await books.release(slow)
    assert (await books.usage()).left == 25


async def test_what_is_held_while_the_plan_changes_is_not_used_yet(
    later: Resources, tenant: Tenant, books: Books
) -> None:
    held = await books.reserve(90)
    books = await follow(later, tenant, books, FREE)
    assert await noted(books) == []
    await books.settle(held, 80)
    assert await noted(books) == [75]
    assert (await books.usage()).used == 80


async def test_a_month_that_begins_has_nothing_used_of_it(books: Books) -> None:
    held = await books.reserve(900)
    await books.use(100)
    await books.next_month()
    assert (await books.usage()).used == 0
    await books.settle(held, 900)
    usage = await books.usage()
    assert (usage.used, usage.left) == (0, 1_000)


async def test_a_month_that_nobody_began_yet_has_nothing_used_of_it(books: Books) -> None:
    await books.use(100)
    await books.reserve(100)
    await books.end_month()
    usage = await books.usage()
    assert (usage.used, usage.left) == (0, 1_000)
