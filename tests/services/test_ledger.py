"""Use is reserved, settled, released and refunded, each once; entries stay, and are nobody else's."""

from __future__ import annotations

import asyncio
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from helpninja_app.billing.models import EntryKind, Unit
from helpninja_app.billing.plans import AGENCY, UNLIMITED
from helpninja_app.billing.reservations import release, settle
from helpninja_app.billing.usage import usage_of
from helpninja_app.errors import Conflict, LimitUsedUp
from helpninja_app.kernel.scope import Scope
from helpninja_app.resources import Resources
from tests.factories import Factory
from tests.ledgers import Books

TABLES = ("ledger_accounts", "ledger_entries", "ledger_reservations", "usage_alerts")


@pytest.fixture
async def books(factory: Factory) -> Books:
    """The credits of a workspace on the free plan, which has 100."""
    tenant = await factory.tenant(plan="free")
    return Books(factory.resources.database, tenant.id)


@pytest.mark.parametrize(("used", "left"), [(0, 100), (4, 96), (10, 90), (25, 75), (1_000, 0)])
async def test_what_is_settled_is_taken_whatever_was_reserved(books: Books, used: int, left: int) -> None:
    reservation = await books.reserve(10)
    assert await books.balance() == 90
    assert await books.settle(reservation, used) == 100 - left
    account = await books.account()
    assert (account.balance, account.used) == (left, 100 - left)
    assert await books.held() == []
    assert await books.is_right()


async def test_every_step_is_an_entry_with_the_balance_after_it(books: Books) -> None:
    await books.settle(await books.reserve(10), 4)
    assert [
        (entry.position, entry.kind, entry.amount, entry.balance_after) for entry in await books.entries()
    ] == [
        (1, EntryKind.GRANT, 100, 100),
        (2, EntryKind.RESERVATION, -10, 90),
        (3, EntryKind.RELEASE, 10, 100),
        (4, EntryKind.USAGE, -4, 96),
    ]


async def test_settling_twice_is_settling_once(books: Books) -> None:
    reservation = await books.reserve(10)
    assert [await books.settle(reservation, used) for used in (4, 4, 9)] == [4, 4, 4]
    assert await books.balance() == 96
    assert await books.is_right()


async def test_what_is_released_is_given_back_once(books: Books) -> None:
    reservation = await books.reserve(10)
    await books.release(reservation)
    await books.release(reservation)
    account = await books.account()
    assert (account.balance, account.used) == (100, 0)
    assert await books.amounts(EntryKind.RELEASE) == [10]
    assert await books.is_right()


async def test_what_is_settled_cannot_be_released(books: Books) -> None:
    reservation = await books.use(10)
    await books.release(reservation)
    assert await books.balance() == 90
    assert await books.is_right()


async def test_the_same_key_is_the_same_reservation_while_it_is_open(books: Books) -> None:
    first, again = await books.reserve(10, key="turn"), await books.reserve(30, key="turn")
    assert again == first
    assert await books.balance() == 90
    await books.settle(first, 10)
    with pytest.raises(Conflict):
        await books.reserve(10, key="turn")
    assert await books.balance() == 90
    assert await books.is_right()


async def test_the_same_key_at_once_reserves_once(books: Books) -> None:
    made = await asyncio.gather(*(books.reserve(10, key="turn") for _ in range(8)))
    assert len(set(made)) == 1
    assert await books.balance() == 90


async def test_the_same_key_in_another_unit_is_another_reservation(books: Books) -> None:
    messages = Books(books.database, books.workspace_id, Unit.MESSAGE)
    first, other = await books.reserve(1, key="turn"), await messages.reserve(1, key="turn")
    assert first.id != other.id
    assert (await books.balance(), await messages.balance()) == (99, 99)
    assert len(await books.held()) == 2


async def test_granted_credits_are_spent_before_those_topped_up(books: Books) -> None:
    await books.top_up(50)
    await books.use(70)
    reservation = await books.reserve(50)
    held = (await books.held())[0]
    assert (held.granted, held.topped_up) == (30, 20)
    # What is used less than reserved is what was topped up.
    await books.settle(reservation, 35)
    account = await books.account()
    assert (account.granted, account.topped_up) == (0, 45)
    assert await books.is_right()


async def test_what_another_turn_gave_back_is_spent_before_what_was_topped_up(books: Books) -> None:
    await books.top_up(50)
    first, second = await books.reserve(100), await books.reserve(50)
    await books.release(first)
    await books.settle(second, 50)
    account = await books.account()
    assert (account.granted, account.topped_up) == (50, 50)


async def test_the_day_on_which_a_month_ends_is_that_of_the_workspace_s_clocks(factory: Factory) -> None:
    zone = "America/New_York"
    tenant = await factory.tenant(plan="free", time_zone=zone)
    books = Books(factory.resources.database, tenant.id)
    await books.use(100)
    end = (await books.account()).period_end.astimezone(ZoneInfo(zone))
    with pytest.raises(LimitUsedUp, match=rf"for the month up to {end:%Y-%m-%d}\."):
        await books.reserve(1)


async def test_more_than_there_is_is_refused_with_limit_and_used(books: Books) -> None:
    await books.use(93)
    with pytest.raises(LimitUsedUp) as refused:
        await books.reserve(8)
    end = f"{(await books.account()).period_end:%Y-%m-%d}"
    assert (refused.value.status, refused.value.limit, refused.value.used) == (402, 100, 93)
    assert refused.value.detail == (
        f"Only 7 credits are left of the 100 that the free plan has for the month up to {end}."
        " An owner can top up credits or change the plan under Billing."
    )
    await books.use(7)
    with pytest.raises(LimitUsedUp, match="All credits are used of the 100") as refused:
        await books.reserve(1)
    assert refused.value.used == 100
    assert await books.is_right()


async def test_messages_cannot_be_topped_up_so_nobody_says_so(books: Books) -> None:
    messages = Books(books.database, books.workspace_id, Unit.MESSAGE)
    with pytest.raises(LimitUsedUp) as refused:
        await messages.reserve(101)
    assert refused.value.detail is not None
    assert refused.value.detail.startswith("Only 100 messages are left of the 100")
    assert "topped up" not in refused.value.detail


async def test_what_there_is_is_taken_if_that_is_enough(books: Books) -> None:
    await books.use(93)
    reservation = await books.reserve(30, at_least=7)
    assert (reservation.amount, await books.balance()) == (7, 0)
    await books.release(reservation)
    with pytest.raises(LimitUsedUp):
        await books.reserve(30, at_least=8)
    assert await books.balance() == 7


async def test_nothing_is_never_enough(books: Books) -> None:
    await books.use(100)
    with pytest.raises(LimitUsedUp):
        await books.reserve(5, at_least=0)
    assert await books.held() == []


async def test_without_a_limit_use_is_counted_and_nothing_is_taken(books: Books) -> None:
    unlimited = books.on(UNLIMITED)
    reservation = await unlimited.reserve(1_000_000)
    assert reservation.amount == 0
    assert await unlimited.settle(reservation, 1_000) == 0
    await unlimited.release(await unlimited.reserve(5))
    async with books.database.unit_of_work(books.scope) as session:
        usage = await usage_of(session, books.workspace_id, Unit.CREDIT, UNLIMITED)
    assert (usage.used, usage.allowance, usage.left) == (1_000, None, None)
    # With limits again, the month's allowance is there; what was free is not charged afterwards.
    assert (await books.open()).balance == 100
    assert await books.is_right()


async def test_what_costs_nothing_is_never_refused(books: Books) -> None:
    await books.use(100)
    reservation = await books.reserve(0)
    assert await books.settle(reservation, 0) == 0
    assert await books.is_right()


async def test_an_expired_reservation_is_given_back_once(books: Books) -> None:
    reservation = await books.reserve(10)
    assert [await books.expire(), await books.expire()] == [1, 0]
    await books.release(reservation)
    assert await books.balance() == 100
    assert await books.is_right()


async def test_what_is_settled_after_it_expired_is_charged_all_the_same(books: Books) -> None:
    reservation = await books.reserve(10)
    await books.expire()
    assert [await books.settle(reservation, 10) for _ in range(2)] == [10, 10]
    assert await books.balance() == 90
    assert await books.is_right()


async def test_what_is_settled_after_it_expired_takes_what_there_is(books: Books) -> None:
    reservation = await books.reserve(10)
    await books.expire()
    await books.use(97)
    assert await books.settle(reservation, 10) == 3
    assert await books.balance() == 0
    assert await books.is_right()


@pytest.mark.parametrize(
    "change",
    [
        "update ledger_entries set description = 'Never mind'",
        "update ledger_entries set balance_after = 1000",
        "delete from ledger_entries",
        "truncate ledger_entries",
    ],
)
async def test_the_product_itself_cannot_change_an_entry(books: Books, change: str) -> None:
    await books.use(10)
    with pytest.raises(DBAPIError, match="permission denied"):
        async with books.database.unit_of_work(books.scope) as session:
            await session.execute(text(change))
    assert await books.is_right()


async def test_another_workspace_sees_none_of_it(
    books: Books, factory: Factory, resources: Resources
) -> None:
    await books.use(80)
    await books.reserve(1)
    other = await factory.tenant()
    for scope in (other.scope, Scope.visitors(other.id), Scope()):
        async with resources.database.unit_of_work(scope) as session:
            for table in TABLES:
                found = await session.execute(
                    text(f"select count(*) from {table} where workspace_id = :other"),
                    {"other": books.workspace_id},
                )
                assert found.scalar_one() == 0, (table, scope)


async def test_another_workspace_cannot_touch_it(
    books: Books, factory: Factory, resources: Resources
) -> None:
    reservation = await books.reserve(20)
    other = await factory.tenant()
    async with resources.database.unit_of_work(other.scope) as session:
        await settle(session, other.id, reservation, 0)
        await release(session, other.id, reservation)
        for table in ("ledger_accounts", "ledger_reservations", "usage_alerts"):
            changed = await session.execute(
                text(f"delete from {table} where workspace_id = :other"), {"other": books.workspace_id}
            )
            assert changed.rowcount == 0, table  # type: ignore[attr-defined]
    assert await books.balance() == 80
    assert [held.id for held in await books.held()] == [reservation.id]
    assert await books.is_right()


async def test_nobody_writes_an_entry_for_another_workspace(
    books: Books, factory: Factory, resources: Resources
) -> None:
    await books.open()
    other = await factory.tenant()
    with pytest.raises(DBAPIError, match="row-level security"):
        async with resources.database.unit_of_work(other.scope) as session:
            await session.execute(
                text(
                    "insert into ledger_entries (workspace_id, id, unit, position, kind, granted, topped_up,"
                    " balance_after, idempotency_key)"
                    " values (:other, gen_random_uuid(), 'credit', 2, 'topup', 0, 1000, 1100, 'gift')"
                ),
                {"other": books.workspace_id},
            )
    assert await books.balance() == 100


@pytest.mark.parametrize(
    ("unit", "way", "is_by_plan"),
    [
        (Unit.CREDIT, "An owner can top up credits under Billing.", True),
        (Unit.MESSAGE, "whoever runs this installation can agree more with this workspace.", False),
    ],
)
async def test_the_largest_plan_says_what_there_is_in_place_of_a_larger_one(
    factory: Factory, unit: Unit, way: str, is_by_plan: bool
) -> None:
    tenant = await factory.tenant(plan="agency")
    books = Books(factory.resources.database, tenant.id, unit, AGENCY)
    with pytest.raises(LimitUsedUp) as refused:
        await books.reserve(50_001)
    assert refused.value.detail.endswith(way)
    assert refused.value.is_by_plan is is_by_plan
