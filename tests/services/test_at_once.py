"""What is done in one round trip does what the steps do: transactions, and the ledger's two functions."""

from __future__ import annotations

import random
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app.billing import reservations
from helpninja_app.billing.at_once import reservation_at_once, settlement_at_once
from helpninja_app.billing.models import Unit
from helpninja_app.errors import LimitUsedUp, Unavailable
from helpninja_app.kernel.database import Database, Statement, new_id, run
from helpninja_app.kernel.scope import Scope
from helpninja_app.resources import Resources
from tests.factories import Factory
from tests.ledgers import Books, with_credits

STEPS = 40


class NeverAtOnce:
    """Takes the place of ``run`` for the ledger's functions: as if every turn were out of the ordinary."""

    def __init__(self) -> None:
        self.is_on = False
        self.taken = 0

    async def __call__(self, session: AsyncSession, statement: Statement) -> Any:
        if self.is_on:
            return SimpleNamespace(taken=None)
        row = await run(session, statement)
        self.taken += row.taken is not None
        return row


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> NeverAtOnce:
    made = NeverAtOnce()
    monkeypatch.setattr(reservations, "run", made)
    return made


async def life(books: Books, seed: int) -> list[object]:
    """What came of each step of a made-up life of an account."""
    chance, outcomes, known = random.Random(seed), list[object](), list[reservations.Reservation]()
    for number in range(STEPS):
        kind = chance.choice(
            ["reserve"] * 4 + ["settle"] * 4 + ["release", "top up", "plan", "month", "expire"]
        )
        amount, place = chance.randrange(1, 40), chance.randrange(len(known)) if known else 0
        at_least = chance.choice([None, 0, 1, amount // 2])
        if kind == "reserve":
            try:
                known.append(await books.reserve(amount, at_least=at_least))
                outcomes.append(known[-1].amount)
            except LimitUsedUp as error:
                outcomes.append((error.detail, error.limit, error.used))
        elif kind == "settle" and known:
            outcomes.append(await books.settle(known[place], chance.randrange(0, 60)))
        elif kind == "release" and known:
            await books.release(known[place])
        elif kind == "top up":
            await books.top_up(amount, key=f"topup:{number}")
        elif kind == "plan":
            books = books.on(with_credits(chance.choice([20, 100, 150])))
        elif kind == "month" and number % 5 == 0:
            await books.next_month()
        elif kind == "expire":
            outcomes.append(await books.expire())
    return outcomes


async def told(books: Books) -> list[object]:
    """All that is stored of an account, without ids and times."""
    account = await books.account()
    entries = [
        (each.position, each.kind, each.granted, each.topped_up, each.balance_after, each.description)
        for each in await books.entries()
    ]
    held = sorted((each.granted, each.topped_up) for each in await books.held())
    async with books.database.unit_of_work(books.scope) as session:
        alerts = await session.execute(text("select threshold, allowance from usage_alerts order by 1"))
        noted = [tuple(each) for each in alerts]
        return [account.spent, account.topped_up, account.used, account.position, entries, held, noted]


@pytest.mark.parametrize("seed", range(6))
async def test_the_functions_of_the_database_do_what_the_steps_do(
    factory: Factory, ways: NeverAtOnce, seed: int
) -> None:
    database = factory.resources.database
    first = Books(database, (await factory.tenant(plan="free")).id)
    second = Books(database, (await factory.tenant(plan="free")).id)
    outcomes = await life(first, seed)
    assert ways.taken >= 5
    ways.is_on = True
    assert await life(second, seed) == outcomes
    assert await told(second) == await told(first)
    assert await first.is_right()


async def test_an_account_of_another_workspace_is_out_of_reach(factory: Factory) -> None:
    database = factory.resources.database
    books = Books(database, (await factory.tenant(plan="free")).id)
    held = await books.reserve(10)
    stranger = (await factory.tenant()).scope
    reserving = reservation_at_once(
        books.workspace_id, new_id(), Unit.CREDIT, 100, wanted=5, at_least=5, description=""
    )
    settling = settlement_at_once(books.workspace_id, held.id, Unit.CREDIT, 10, description="")
    rows = await database.at_once(stranger, reserving, settling)
    assert [row.taken for row in rows] == [None, None]
    assert await books.balance() == 90


async def test_alerts_are_due_as_soon_as_they_are_noted(factory: Factory) -> None:
    books = Books(factory.resources.database, (await factory.tenant(plan="free")).id)
    await books.use(75)
    async with books.database.unit_of_work(books.scope) as session:
        due = await session.execute(
            text("select due_at <= clock_timestamp() from billing_deadlines where workspace_id = :id"),
            {"id": books.workspace_id},
        )
        assert due.scalar_one() is True


async def test_it_is_one_transaction_in_the_scope_that_was_named(factory: Factory) -> None:
    tenant = await factory.tenant()
    asked = Statement(
        "select current_setting('app.workspace') as workspace, txid_current() as id, %(n)s::int as n",
        {"n": 7},
    )
    first, second = await factory.resources.database.at_once(tenant.scope, asked, asked)
    assert (first.workspace, first.n) == (str(tenant.id), 7)
    assert first.id == second.id
    (after,) = await factory.resources.database.at_once(None, asked)
    assert after.workspace == ""


async def test_when_one_statement_fails_none_counts(factory: Factory, resources: Resources) -> None:
    tenant = await factory.tenant()
    change = Statement(
        "update workspaces set name = 'Other' where id = %(id)s returning id", {"id": tenant.id}
    )
    wrong = Statement("select 1 / %(zero)s::int", {"zero": 0})
    with pytest.raises(psycopg.errors.DivisionByZero):
        await resources.database.at_once(tenant.scope, change, wrong)
    name = Statement("select name from workspaces where id = %(id)s", {"id": tenant.id})
    (row,) = await resources.database.at_once(tenant.scope, name)
    assert row.name == tenant.workspace.name


async def test_what_was_sent_before_the_rest_could_not_be_does_not_count(
    factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    renaming = Statement(
        "update workspaces set name = 'Other' where id = %(id)s returning id", {"id": tenant.id}
    )
    # No text of PostgreSQL's, which is seen when the first is on its way.
    unsendable = Statement("select %(name)s::text as name", {"name": "a\x00b"})
    with pytest.raises(psycopg.DataError):
        await resources.database.at_once(tenant.scope, renaming, unsendable)
    name = Statement("select name from workspaces where id = %(id)s", {"id": tenant.id})
    (row,) = await resources.database.at_once(tenant.scope, name)
    assert row.name == tenant.workspace.name


async def test_whoever_has_the_connection_next_can_still_roll_back(
    factory: Factory, resources: Resources
) -> None:
    tenant = await factory.tenant()
    database = Database(resources.database.url, pool_size=1)
    pid = Statement("select pg_backend_pid() as pid", {})
    (before,) = await database.at_once(None, pid)
    with suppress(LookupError):
        async with database.unit_of_work(tenant.scope) as session:
            assert (await session.execute(text("select pg_backend_pid()"))).scalar_one() == before.pid
            await session.execute(text("update workspaces set name = 'Other'"))
            raise LookupError
    name = Statement("select name from workspaces where id = %(id)s", {"id": tenant.id})
    (row,) = await database.at_once(tenant.scope, name)
    await database.close()
    assert row.name == tenant.workspace.name


async def end_connection(resources: Resources, pid: int) -> None:
    async with resources.database.unit_of_work() as session:
        await session.execute(text("select pg_terminate_backend(:pid, 5000)"), {"pid": pid})


async def test_connections_that_the_database_closed_are_not_handed_out(resources: Resources) -> None:
    database = Database(resources.database.url)
    pid = Statement("select pg_backend_pid() as pid", {})
    (first,) = await database.at_once(Scope(), pid)
    await end_connection(resources, first.pid)
    (second,) = await database.at_once(Scope(), pid)
    assert second.pid != first.pid
    await end_connection(resources, second.pid)
    async with database.unit_of_work() as session:
        assert (await session.execute(text("select pg_backend_pid()"))).scalar_one() != second.pid
    await database.close()


async def test_a_connection_that_breaks_while_it_is_used_is_told_plainly(resources: Resources) -> None:
    database = Database(resources.database.url)
    with pytest.raises(Unavailable):
        await database.at_once(
            None, Statement("select pg_terminate_backend(pg_backend_pid())::text as gone", {})
        )
    (row,) = await database.at_once(None, Statement("select 1 as one", {}))
    assert row.one == 1
    await database.close()
