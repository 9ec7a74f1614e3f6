"""What a month's end, another plan, a trial and a failed payment do to what is left."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlmodel import col

from helpninja_app.accounts.models import Workspace
from helpninja_app.billing.at_once import LIFETIME
from helpninja_app.billing.deadlines import meet_deadline
from helpninja_app.billing.ledger import change_anchor, lock_account
from helpninja_app.billing.models import BillingDeadline, EntryKind, Subscription, Unit
from helpninja_app.billing.periods import CALENDAR, period_of
from helpninja_app.billing.plans import FREE, PRO, STARTER
from helpninja_app.billing.subscriptions import GRACE, TRIAL_LEEWAY, apply_subscription
from helpninja_app.kernel.columns import now
from helpninja_app.resources import Resources
from tests.factories import Factory
from tests.ledgers import Books, with_credits

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def books(later: Resources) -> Books:
    """The credits of a workspace on the free plan, which has 100."""
    tenant = await Factory(later).tenant(plan="free")
    return Books(later.database, tenant.id)


async def tick(later: Resources, books: Books, moment: datetime) -> bool:
    """As the clock does at that moment, in this workspace alone: others keep their time."""
    if await due_at(books) > moment:
        return False
    return await meet_deadline(later.database, later.queue, later.plan_of, books.workspace_id, moment=moment)


async def plan_of(books: Books) -> str:
    async with books.database.unit_of_work(books.scope) as session:
        found = await session.execute(
            select(col(Workspace.plan)).where(col(Workspace.id) == books.workspace_id)
        )
        return found.scalar_one()


async def due_at(books: Books) -> datetime:
    async with books.database.unit_of_work() as session:
        found = await session.execute(
            select(col(BillingDeadline.due_at)).where(col(BillingDeadline.workspace_id) == books.workspace_id)
        )
        return found.scalar_one()


async def left_alone_since_the_month_began(books: Books) -> None:
    """What is reserved should have been settled then: so its time is up in this month whatever the day is."""
    values = {"id": books.workspace_id, "moment": (await books.account()).period_start}
    async with books.database.unit_of_work(books.scope) as session:
        for update in (
            "update ledger_reservations set expires_at = :moment where workspace_id = :id",
            "update billing_deadlines set due_at = :moment where workspace_id = :id",
        ):
            await session.execute(text(update), values)


async def subscribe(later: Resources, books: Books, moment: datetime | None = None, **what: Any) -> None:
    """What Stripe says of a subscription, put in and applied."""
    started = now() - timedelta(days=3)
    given: dict[str, Any] = {
        "id": "sub_1",
        "status": "active",
        "plan": "starter",
        "interval": "month",
        "anchor": started,
        "period_start": started,
        "period_end": started + timedelta(days=30),
        "read_at": now(),
    }
    async with books.database.unit_of_work(books.scope) as session:
        await session.merge(Subscription(workspace_id=books.workspace_id, **(given | what)))
        await session.flush()
        await apply_subscription(session, books.workspace_id, later.plan_of, moment or now())


@pytest.mark.parametrize(
    ("anchor", "moment", "start", "end"),
    [
        (CALENDAR, "2026-11-28T12:00", "2026-11-01T00:00", "2026-12-01T00:00"),
        (CALENDAR, "2026-12-01T00:00", "2026-12-01T00:00", "2027-01-01T00:00"),
        (datetime(2026, 1, 31, 9, tzinfo=UTC), "2026-02-28T08:59", "2026-01-31T09:00", "2026-02-28T09:00"),
        (datetime(2026, 1, 31, 9, tzinfo=UTC), "2026-02-28T09:00", "2026-02-28T09:00", "2026-03-31T09:00"),
        (datetime(2026, 1, 31, 9, tzinfo=UTC), "2028-02-29T10:00", "2028-02-29T09:00", "2028-03-31T09:00"),
        (datetime(2026, 5, 14, 9, tzinfo=UTC), "2026-05-01T00:00", "2026-04-14T09:00", "2026-05-14T09:00"),
    ],
)
def test_a_month_begins_on_the_anchors_day(anchor: datetime, moment: str, start: str, end: str) -> None:
    found = period_of(anchor, datetime.fromisoformat(moment).replace(tzinfo=UTC))
    assert tuple(f"{each:%Y-%m-%dT%H:%M}" for each in found) == (start, end)


async def test_a_new_month_brings_the_allowance_and_leaves_what_was_topped_up(books: Books) -> None:
    await books.top_up(50)
    await books.use(120)
    account = await books.next_month()
    assert (account.granted, account.topped_up, account.used) == (100, 30, 0)
    await books.use(10)
    account = await books.next_month()
    assert (account.granted, account.topped_up, account.used) == (100, 30, 0)
    assert await books.amounts(EntryKind.RESET) == [100, 10]
    assert await books.is_right()


async def test_months_only_go_forward(books: Books) -> None:
    account = await books.next_month()
    assert (await books.open(account.period_start - timedelta(days=20))).period_start == account.period_start
    assert len(await books.amounts(EntryKind.RESET)) == 1


async def test_the_first_to_ask_in_a_new_month_need_not_wait_for_the_clock(books: Books) -> None:
    await books.use(100)
    await books.end_month()
    await asyncio.gather(*(books.use(10) for _ in range(4)))
    assert await books.balance() == 60
    assert await books.amounts(EntryKind.RESET) == [100]
    assert await books.is_right()


@pytest.mark.parametrize(("used", "topped_up"), [(0, 50), (20, 50), (45, 35), (1_000, 30)])
async def test_what_was_reserved_before_the_month_ended_is_that_months(
    books: Books, used: int, topped_up: int
) -> None:
    await books.top_up(50)
    await books.use(70)
    reservation = await books.reserve(50)
    await books.next_month()
    await books.use(40)
    # 30 were of the old month's allowance, which is over, and 20 topped up.
    assert await books.settle(reservation, used) == min(used, 50)
    account = await books.account()
    assert (account.granted, account.topped_up) == (60, topped_up)
    assert await books.is_right()


async def test_what_is_released_after_the_month_ended_gives_back_what_was_topped_up(books: Books) -> None:
    await books.top_up(50)
    reservation = await books.reserve(120)
    await books.next_month()
    await books.use(40)
    await books.release(reservation)
    account = await books.account()
    assert (account.granted, account.topped_up) == (60, 50)
    assert await books.is_right()


async def test_another_plan_gives_no_allowance_twice(books: Books) -> None:
    await books.use(80)
    small, large = books.on(with_credits(50)), books.on(with_credits(1_000))
    balances = [(await each.open()).balance for each in (large, small, large, books, small, books, large)]
    assert balances == [920, 0, 920, 20, 0, 20, 920]
    assert await books.is_right()


async def test_what_a_smaller_plan_cut_off_does_not_go_below_nothing(books: Books) -> None:
    await books.on(with_credits(1_000)).use(700)
    await books.top_up(30)
    assert (await books.open()).balance == 30
    await books.use(10)
    account = await books.next_month()
    assert (account.granted, account.topped_up) == (100, 20)
    assert await books.is_right()


async def test_what_was_reserved_on_the_larger_plan_is_charged_after_the_smaller_one_began(
    books: Books,
) -> None:
    large = books.on(with_credits(1_000))
    await books.top_up(50)
    await large.use(300)
    reservation = await large.reserve(500)
    assert (await books.open()).balance == 50
    assert await books.settle(reservation, 400) == 400
    account = await books.account()
    # Not from what was topped up: nothing of that was reserved.
    assert (account.granted, account.topped_up, account.used) == (0, 50, 700)
    assert (await large.open()).granted == 300
    assert await books.is_right()


async def test_a_clock_that_is_late_does_not_begin_a_month_again(books: Books) -> None:
    account = await books.next_month()
    begun = account.period_start
    anchor = period_of(CALENDAR, begun - timedelta(days=80))[0]
    async with books.database.unit_of_work(books.scope) as session:
        account = await lock_account(session, books.workspace_id, Unit.CREDIT)
        await change_anchor(session, account, FREE, anchor, begun - MINUTE)
    assert (await books.account()).period_end == period_of(CALENDAR, begun)[1]
    assert (await books.open(begun + MINUTE)).period_start == begun
    assert len(await books.amounts(EntryKind.RESET)) == 1


async def test_the_clock_ends_the_month_and_gives_back_what_nobody_settled(
    later: Resources, books: Books
) -> None:
    await books.use(60)
    reservation = await books.reserve(10)
    assert await due_at(books) <= now() + LIFETIME
    await left_alone_since_the_month_began(books)
    end = (await books.account()).period_end
    await tick(later, books, end - 2 * MINUTE)
    assert await books.balance() == 40
    assert await due_at(books) == end
    await tick(later, books, end - MINUTE)
    assert (await books.account()).period_end == end
    assert await tick(later, books, end)
    account = await books.account()
    assert (account.period_start, account.balance) == (end, 100)
    await books.settle(reservation, 10)
    assert await books.balance() == 90
    assert await books.is_right()


async def test_the_clock_looks_at_both_units(later: Resources, books: Books) -> None:
    messages = replace(books, unit=Unit.MESSAGE)
    await messages.use(5)
    end = (await messages.account()).period_end
    await tick(later, books, end)
    assert await messages.balance() == 100
    assert (await books.account()).period_start == end
    assert await books.is_right()


async def test_a_plan_goes_on_for_seven_days_after_a_payment_failed(later: Resources, books: Books) -> None:
    started = now() - timedelta(days=6, hours=23)
    await subscribe(later, books, status="past_due", anchor=started, past_due_since=started)
    assert await due_at(books) <= started + GRACE
    await books.on(STARTER).use(300)
    await tick(later, books, started + GRACE - MINUTE)
    assert await plan_of(books) == "starter"
    await tick(later, books, started + GRACE + MINUTE)
    assert await plan_of(books) == "free"
    account = await books.account()
    assert (account.allowance, account.anchor) == (100, CALENDAR)
    assert await books.is_right()


async def test_a_payment_in_time_ends_the_grace(later: Resources, books: Books) -> None:
    started = now() - timedelta(days=1)
    await subscribe(later, books, status="past_due", anchor=started, past_due_since=started)
    await subscribe(later, books, status="active", anchor=started, past_due_since=None)
    await tick(later, books, started + GRACE + MINUTE)
    assert await plan_of(books) == "starter"


@pytest.mark.parametrize("days", [1, 2, 8, 15, 22, 29])
async def test_a_trial_keeps_what_was_used_whatever_the_day(
    later: Resources, books: Books, days: int
) -> None:
    await books.use(40)
    ends = now() + timedelta(days=days)
    await subscribe(later, books, status="trialing", plan="pro", anchor=ends, trial_end=ends)
    assert await books.balance() == (PRO.credits or 0) - 40


async def test_a_trial_ends_by_itself_a_day_after_its_time(later: Resources, books: Books) -> None:
    ends = now() + timedelta(days=2)
    await books.use(40)
    await subscribe(later, books, status="trialing", plan="pro", anchor=ends, trial_end=ends)
    account = await books.account()
    assert (await plan_of(books), account.balance) == ("pro", (PRO.credits or 0) - 40)
    await tick(later, books, ends + TRIAL_LEEWAY - MINUTE)
    assert await plan_of(books) == "pro"
    await tick(later, books, ends + TRIAL_LEEWAY + MINUTE)
    assert await plan_of(books) == "free"
    assert (await books.account()).allowance == 100
    assert await books.is_right()


@pytest.mark.parametrize("status", ["canceled", "unpaid", "incomplete", "incomplete_expired", "paused"])
async def test_a_subscription_that_is_not_paid_counts_for_nothing(
    later: Resources, books: Books, status: str
) -> None:
    await subscribe(later, books)
    assert await plan_of(books) == "starter"
    await books.on(STARTER).use(300)
    await subscribe(later, books, status=status)
    assert (await plan_of(books), await books.balance()) == ("free", 0)
    assert await books.is_right()


async def test_somebody_who_pays_has_a_month_of_their_own_at_once(later: Resources, books: Books) -> None:
    await books.use(100)
    began = now()
    await subscribe(later, books, anchor=began, period_start=began)
    account = await books.account()
    assert (account.granted, account.used) == (1_000, 0)
    assert account.period_end - account.period_start > timedelta(days=27)
    assert await books.is_right()


async def test_who_writes_in_the_workspace_while_the_clock_looks_at_it_is_not_stopped(
    later: Resources, books: Books
) -> None:
    await subscribe(later, books)
    lock = text("select 1 from workspaces where id = :id for key share")
    async with books.database.unit_of_work(books.scope) as session:
        # As a row that refers to the workspace does, before its writer reserves.
        await session.execute(lock, {"id": books.workspace_id})
        looking = asyncio.create_task(
            meet_deadline(later.database, later.queue, later.plan_of, books.workspace_id)
        )
        await asyncio.wait({looking}, timeout=0.5)
        await lock_account(session, books.workspace_id, Unit.CREDIT)
    await looking


async def test_the_clock_and_stripes_word_do_not_wait_for_each_other(later: Resources, books: Books) -> None:
    await subscribe(later, books)
    lock = text("select 1 from workspaces where id = :id for no key update")
    async with books.database.unit_of_work(books.scope) as session:
        await session.execute(lock, {"id": books.workspace_id})
        looking = asyncio.create_task(
            meet_deadline(later.database, later.queue, later.plan_of, books.workspace_id)
        )
        await asyncio.wait({looking}, timeout=0.5)
        await apply_subscription(session, books.workspace_id, later.plan_of, now())
    await looking
