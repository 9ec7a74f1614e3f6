"""A turn whose plan was read before another one began takes by the new one, and undoes nothing."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.billing.custom_limits import set_custom_limits
from helpninja_app.billing.ledger import open_account
from helpninja_app.billing.models import EntryKind
from helpninja_app.billing.plans import AGENCY, FREE, PRO, Plan, plan_in_force
from helpninja_app.errors import LimitUsedUp
from tests.factories import Factory, Tenant
from tests.ledgers import Books


@pytest.fixture
async def tenant(factory: Factory) -> Tenant:
    return await factory.tenant(plan="free")


@pytest.fixture
async def books(factory: Factory, tenant: Tenant) -> Books:
    return Books(factory.resources.database, tenant.id)


async def change(session: AsyncSession, books: Books, plan: Plan) -> None:
    """As billing does: the workspace's plan and its accounts in one transaction."""
    await session.execute(
        text("update workspaces set plan = :plan where id = :id"),
        {"plan": plan.name, "id": books.workspace_id},
    )
    await open_account(session, books.workspace_id, books.unit, plan)


async def change_plan(books: Books, plan: Plan) -> None:
    async with books.database.unit_of_work(books.scope) as session:
        await change(session, books, plan)


async def test_a_larger_plan_counts_for_the_turn_that_began_before_it(books: Books) -> None:
    await books.use(100)
    await change_plan(books, PRO)
    reservation = await books.reserve(10)
    account = await books.account()
    assert (reservation.amount, account.allowance, account.spent) == (10, 2_500, 110)
    assert await books.amounts(EntryKind.GRANT) == [100, 2_400]
    assert await books.is_right()


async def test_a_smaller_plan_counts_for_the_turn_that_began_before_it(books: Books) -> None:
    await change_plan(books, PRO)
    await change_plan(books, FREE)
    with pytest.raises(LimitUsedUp) as refused:
        await books.on(PRO).reserve(101)
    assert (refused.value.limit, "the free plan" in refused.value.detail) == (100, True)
    assert (await books.account()).allowance == 100


async def test_a_month_that_such_a_turn_begins_is_one_of_the_new_plan(books: Books) -> None:
    await books.use(100)
    await change_plan(books, PRO)
    await books.end_month()
    await books.reserve(10)
    account = await books.account()
    assert (account.allowance, account.spent) == (2_500, 10)


async def test_a_turn_that_waits_for_the_change_sees_it(books: Books) -> None:
    await books.use(100)
    async with books.database.unit_of_work(books.scope) as session:
        await change(session, books, PRO)
        turn = asyncio.create_task(books.reserve(10))
        await asyncio.wait([turn], timeout=0.5)
        assert not turn.done()
    assert (await turn).amount == 10
    assert await books.amounts(EntryKind.GRANT) == [100, 2_400]


async def test_limits_that_were_agreed_meanwhile_count_for_the_turn_that_began_before(
    books: Books,
) -> None:
    await change_plan(books, AGENCY)
    async with books.database.unit_of_work(books.scope) as session:
        await set_custom_limits(
            session,
            books.workspace_id,
            {"credits": 200},
            lambda terms: plan_in_force(terms, is_unlimited=False),
        )
    await books.on(AGENCY).reserve(10)
    assert (await books.account()).allowance == 200
