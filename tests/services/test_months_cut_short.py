"""A change of interval begins a month in the middle of another: who flips between two plans gains nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select
from sqlmodel import col

from helpninja_app.billing.ledger import lock_account
from helpninja_app.billing.models import Unit, UsageAlert
from helpninja_app.billing.periods import CALENDAR, period_of
from helpninja_app.billing.plans import AGENCY, FREE, PRO, STARTER, Plan
from helpninja_app.billing.reservations import reserve, settle
from helpninja_app.kernel.columns import now
from helpninja_app.resources import Resources
from tests.buying import Buyer
from tests.factories import Factory
from tests.ledgers import Books
from tests.twins.stripe import StripeTwin

DAY = timedelta(days=1)


async def change_to(client: httpx.AsyncClient, buyer: Buyer, plan: str, interval: str) -> None:
    """Two seconds later, confirmed in the portal and heard of."""
    buyer.twin.advance(seconds=2)
    asked = {"plan": plan, "interval": interval}
    answer = await client.post("/api/billing/checkout", headers=buyer.headers, json=asked)
    assert answer.status_code == 200, answer.text
    buyer.twin.use_portal(answer.json()["url"], "confirm")
    await buyer.hear()


async def use_up(buyer: Buyer, unit: Unit) -> int:
    """Use all that is left; how much that was."""
    plan = buyer.resources.plan_of(await buyer.terms())
    if not (left := (await buyer.usage(unit)).left):
        return 0
    async with buyer.resources.database.unit_of_work(buyer.tenant.scope) as session:
        held = await reserve(session, buyer.tenant.id, plan, unit, left)
        return await settle(session, buyer.tenant.id, held, left)


async def has_been_here_before(buyer: Buyer) -> None:
    """What is bought in the past of the clock here lies in a month of theirs, on the first of one too."""
    async with buyer.resources.database.unit_of_work(buyer.tenant.scope) as session:
        for unit in Unit:
            account = await lock_account(session, buyer.tenant.id, unit)
            account.period_start -= 31 * DAY


@pytest.mark.parametrize(("yearly", "monthly"), [(STARTER, PRO), (PRO, AGENCY)], ids=lambda plan: plan.name)
async def test_a_larger_month_that_is_used_up_is_not_given_back_for_the_year_of_before(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin, yearly: Plan, monthly: Plan
) -> None:
    # What Stripe begins lies in the past for the clock here.
    twin.clock.shift -= int((10 * DAY).total_seconds())
    twin.complete_checkout(await buyer.checkout(client, yearly.name, "year"))
    await buyer.hear()
    used = {unit: [await use_up(buyer, unit)] for unit in Unit}
    await change_to(client, buyer, monthly.name, "month")
    for unit in Unit:
        used[unit].append(await use_up(buyer, unit))
    for unit, of_month in ((Unit.CREDIT, monthly.credits), (Unit.MESSAGE, monthly.messages)):
        assert of_month is not None
        # As if the larger plan had been bought alone; and what is given for the seconds that a plan was paid.
        assert of_month <= sum(used[unit]) <= of_month + 2
    asked = {"plan": yearly.name, "interval": "year"}
    answer = await client.post("/api/billing/checkout", headers=buyer.headers, json=asked)
    assert answer.status_code == 409
    assert answer.json()["error"].startswith(f"Change to {yearly.name.capitalize()} by the month first")
    await change_to(client, buyer, yearly.name, "month")
    stored = await buyer.subscription()
    assert stored is not None
    assert (stored.plan, stored.next_plan, stored.next_interval) == (monthly.name, yearly.name, "month")
    assert {unit: await use_up(buyer, unit) for unit in Unit} == dict.fromkeys(Unit, 0)
    assert await buyer.mistakes() == []


async def test_who_has_used_no_more_than_the_days_that_were_paid_has_a_whole_month_after_a_change(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    await has_been_here_before(buyer)
    twin.clock.shift -= int((20 * DAY).total_seconds())
    twin.complete_checkout(await buyer.checkout(client, "pro"))
    await buyer.hear()
    async with buyer.resources.database.unit_of_work(buyer.tenant.scope) as session:
        held = await reserve(session, buyer.tenant.id, PRO, Unit.CREDIT, 1_000)
        await settle(session, buyer.tenant.id, held, 1_000)
    twin.advance(days=15)
    await change_to(client, buyer, "pro", "year")
    usage = await buyer.usage()
    assert (usage.used, usage.left) == (0, PRO.credits)
    assert usage.period_end > now() + 20 * DAY
    assert await buyer.mistakes() == []


@pytest.fixture
async def books(later: Resources) -> Books:
    """The credits of a workspace in its first month on Pro, which has 2,500."""
    tenant = await Factory(later).tenant(plan="pro")
    books = Books(later.database, tenant.id, plan=PRO)
    start = (await books.account()).period_end + DAY
    await books.move(start, start)
    return books


async def cut(books: Books, days: int) -> int:
    """Have another month begin when that many days have passed; what of the allowance those had."""
    begun = await books.account()
    start = begun.period_start + days * DAY
    await books.move(start, start)
    return int(begun.allowance * (days * DAY / (begun.period_end - begun.period_start)))


async def test_what_goes_beyond_the_days_that_passed_is_used_of_the_month_that_begins(books: Books) -> None:
    await books.use(2_000)
    before = (await books.account()).period_start
    yearly = books.on(replace(STARTER, credits=3_000))
    more = 2_000 - await cut(yearly, 6)
    account = await books.account()
    assert account.period_start == before + 6 * DAY
    assert (account.allowance, account.spent, account.used) == (3_000, more, 0)
    assert (await yearly.usage()).used == more
    last = (await books.entries())[-1]
    assert last.description.endswith(f": 3,000 on the starter plan, of which {more:,} were taken before.")
    assert await books.is_right()


async def test_bought_credits_are_not_touched_by_it(books: Books) -> None:
    await books.top_up(500)
    await books.use(2_700)
    more = 2_500 - await cut(books, 3)
    account = await books.account()
    assert (account.spent, account.topped_up) == (more, 300)
    assert await books.is_right()


@pytest.mark.parametrize("used", [0, 40, 100, 150])
async def test_an_answer_under_way_is_charged_to_the_month_that_begins(books: Books, used: int) -> None:
    held = await books.reserve(100)
    await cut(books, 10)
    assert (await books.account()).granted == 2_400
    assert await books.settle(held, used) == used
    account = await books.account()
    assert (account.granted, account.spent) == (2_500 - used, used)
    assert await books.is_right()


async def test_owners_are_told_of_a_month_that_begins_nearly_used(books: Books) -> None:
    await books.use(2_500)
    await cut(books, 2)
    begun = (await books.account()).period_start
    async with books.database.unit_of_work(books.scope) as session:
        found = await session.execute(
            select(col(UsageAlert.threshold)).where(col(UsageAlert.period_start) == begun)
        )
        assert set(found.scalars()) == {75, 90}


@pytest.mark.parametrize("days_later", [0, 1, 40])
async def test_a_month_that_is_over_takes_nothing_with_it(books: Books, days_later: int) -> None:
    await books.use(2_500)
    start = (await books.account()).period_end + days_later * DAY
    await books.move(start, start)
    account = await books.account()
    assert (account.period_start, account.spent) == (start, 0)
    assert await books.is_right()


async def test_a_free_month_and_a_trial_take_nothing_into_the_first_month_that_is_paid(
    later: Resources,
) -> None:
    tenant = await Factory(later).tenant(plan="free")
    free = Books(later.database, tenant.id, plan=FREE)
    start = (await free.next_month()).period_start
    await free.use(100)
    await free.on(PRO).move(start + 20 * DAY, start + 5 * DAY)
    await free.on(PRO).use(2_000)
    await free.on(STARTER).move(start + 6 * DAY, start + 6 * DAY)
    account = await free.account()
    assert (account.period_start, account.allowance, account.spent) == (start + 6 * DAY, 1_000, 0)
    assert await free.is_right()


async def test_who_pays_no_more_has_the_free_plan_s_month_whole(books: Books) -> None:
    await books.use(2_500)
    first = period_of(CALENDAR, (await books.account()).period_end - timedelta(seconds=1))[0]
    await books.on(FREE).move(CALENDAR, first)
    account = await books.account()
    assert (account.period_start, account.allowance, account.spent) == (first, 100, 0)
    assert await books.is_right()
