"""Owners, and they alone, hear once a month each that three quarters, nine tenths and all are used."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text
from sqlmodel import col

from helpninja_app.accounts.models import Role
from helpninja_app.billing.deadlines import meet_deadlines
from helpninja_app.billing.models import Unit, UsageAlert
from helpninja_app.billing.plans import AGENCY, FREE, PRO, STARTER, Plan
from helpninja_app.resources import Resources
from tests.factories import Factory, Tenant
from tests.ledgers import Books, with_credits
from tests.mailbox import Mailbox


@pytest.fixture
async def tenant(later: Resources) -> Tenant:
    return await Factory(later).tenant(plan="free")


@pytest.fixture
async def books(later: Resources, tenant: Tenant) -> Books:
    """The credits of a workspace on the free plan, which has 100."""
    return Books(later.database, tenant.id)


@pytest.fixture
async def owner(later: Resources, tenant: Tenant) -> str:
    return (await Factory(later).member(tenant))[0]


async def work(later: Resources) -> None:
    """What waits in the queue, to its end."""
    await later.queue.app.run_worker_async(
        concurrency=2,
        wait=False,
        install_signal_handlers=False,
        delete_jobs="successful",
        additional_context={"resources": later},
    )


async def tick(later: Resources) -> None:
    await meet_deadlines(later.database, later.queue, later.plan_of)


async def noted(books: Books) -> list[int]:
    async with books.database.unit_of_work(books.scope) as session:
        found = await session.execute(select(col(UsageAlert.threshold)).order_by(col(UsageAlert.threshold)))
        return list(found.scalars())


async def unmailed(books: Books) -> list[int]:
    async with books.database.unit_of_work(books.scope) as session:
        found = await session.execute(
            select(col(UsageAlert.threshold)).where(col(UsageAlert.mailed_at).is_(None))
        )
        return list(found.scalars())


def subjects(mailbox: Mailbox, address: str) -> list[str]:
    return [mail.subject.removeprefix("Test workspace has used ") for mail in mailbox.of(address)]


async def test_owners_are_told_once_at_each_threshold(
    later: Resources, books: Books, owner: str, mailbox: Mailbox
) -> None:
    seen = []
    for amount in (74, 1, 1, 14, 1, 9):
        await books.use(amount)
        await tick(later)
        await work(later)
        seen.append(len(mailbox.of(owner)))
    assert seen == [0, 1, 1, 2, 2, 3]
    assert subjects(mailbox, owner) == [f"{each} % of this month's credits" for each in (75, 90, 100)]
    assert await noted(books) == [75, 90, 100]


async def test_of_several_thresholds_at_once_the_highest_is_told(
    later: Resources, books: Books, owner: str, mailbox: Mailbox
) -> None:
    await books.use(95)
    await tick(later)
    await work(later)
    assert subjects(mailbox, owner) == ["90 % of this month's credits"]
    assert await noted(books) == [75, 90]
    mail = mailbox.of(owner)[0]
    assert "has used 95 of the 100 credits that the free plan has" in mail.text
    assert mail.link == "http://helpninja.test/app/billing"


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.OWNER])
async def test_nobody_but_owners_is_told(
    later: Resources, tenant: Tenant, books: Books, owner: str, mailbox: Mailbox, role: Role
) -> None:
    other, _ = await Factory(later).member(tenant, role)
    second, _ = await Factory(later).member(tenant)
    await books.use(100)
    await tick(later)
    await work(later)
    assert [len(mailbox.of(each)) for each in (owner, second, other)] == [1, 1, 0]


async def test_the_next_month_is_told_of_again(
    later: Resources, books: Books, owner: str, mailbox: Mailbox
) -> None:
    await books.use(80)
    await tick(later)
    await work(later)
    await books.next_month()
    await books.use(80)
    await tick(later)
    await work(later)
    assert len(mailbox.of(owner)) == 2


async def test_what_is_not_so_any_more_is_not_told(
    later: Resources, books: Books, owner: str, mailbox: Mailbox
) -> None:
    await books.use(80)
    await tick(later)
    await books.next_month()
    await work(later)
    assert mailbox.of(owner) == []


async def test_a_larger_plan_that_began_meanwhile_is_not_nearly_used(
    later: Resources, tenant: Tenant, books: Books, owner: str, mailbox: Mailbox
) -> None:
    await books.use(100)
    await tick(later)
    async with later.database.unit_of_work(tenant.scope) as session:
        await session.execute(text("update workspaces set plan = 'pro' where id = :id"), {"id": tenant.id})
    await work(later)
    assert mailbox.of(owner) == []


async def follow(later: Resources, tenant: Tenant, books: Books, plan: Plan) -> Books:
    """As if the workspace's plan had become another one, and the clock had looked at it since."""
    async with later.database.unit_of_work(tenant.scope) as session:
        await session.execute(
            text("update workspaces set plan = :plan where id = :id"), {"plan": plan.name, "id": tenant.id}
        )
    books = books.on(plan)
    await books.open()
    await tick(later)
    await work(later)
    return books


async def test_an_allowance_that_shrinks_below_what_is_used_is_told_at_once(
    later: Resources, tenant: Tenant, books: Books, owner: str, mailbox: Mailbox
) -> None:
    books = await follow(later, tenant, books, PRO)
    await books.use(300)
    books = await follow(later, tenant, books, FREE)
    assert subjects(mailbox, owner) == ["100 % of this month's credits"]
    said = mailbox.of(owner)[0].text
    assert "has used 300 of the 100 credits that the free plan has" in said
    assert "That is 300 per cent." in said


async def test_plans_that_go_down_and_up_tell_each_threshold_once(
    later: Resources, tenant: Tenant, books: Books, owner: str, mailbox: Mailbox
) -> None:
    await books.use(80)
    books = await follow(later, tenant, books, FREE)
    for plan in (PRO, FREE, PRO, FREE):
        books = await follow(later, tenant, books, plan)
    assert subjects(mailbox, owner) == ["75 % of this month's credits"]
    await books.use(10)
    for plan in (FREE, PRO, FREE):
        books = await follow(later, tenant, books, plan)
    assert subjects(mailbox, owner) == [f"{each} % of this month's credits" for each in (75, 90)]


async def test_of_a_larger_plan_each_threshold_is_told_again_when_it_is_reached(
    later: Resources, tenant: Tenant, books: Books, owner: str, mailbox: Mailbox
) -> None:
    await books.use(80)
    await tick(later)
    await work(later)
    books = await follow(later, tenant, books, STARTER)
    await books.use(600)
    await tick(later)
    await work(later)
    assert subjects(mailbox, owner) == ["75 % of this month's credits"]
    for amount in (100, 100, 20):
        await books.use(amount)
        await tick(later)
        await work(later)
    assert subjects(mailbox, owner) == [f"{each} % of this month's credits" for each in (75, 75, 90)]


async def test_a_threshold_that_a_larger_allowance_has_reached_too_is_not_told_again(
    later: Resources, tenant: Tenant, books: Books, owner: str, mailbox: Mailbox
) -> None:
    await books.use(95)
    await tick(later)
    await work(later)
    books = books.on(with_credits(120))
    await books.use(1)
    assert await noted(books) == [75, 90]
    assert await unmailed(books) == []
    await books.use(14)
    assert await unmailed(books) == [90]


async def test_a_mail_says_what_comes_when_all_are_used(
    later: Resources, tenant: Tenant, books: Books, owner: str, mailbox: Mailbox
) -> None:
    await books.use(80)
    await tick(later)
    await work(later)
    await books.top_up(1_000)
    await books.use(15)
    await tick(later)
    await work(later)
    without, goes_on = [mail.text for mail in mailbox.of(owner)]
    assert (
        "When all are used, the chat answers with the offline model only, which costs no credits" in without
    )
    assert "When all are used, the chat goes on with the credits that were bought: 1,000 are left." in goes_on
    assert "offline" not in goes_on


async def test_a_mail_of_the_last_message_says_what_is_so_now(
    later: Resources, tenant: Tenant, books: Books, owner: str, mailbox: Mailbox
) -> None:
    await replace(books, unit=Unit.MESSAGE).use(100)
    await tick(later)
    await work(later)
    assert (
        "The widget now offers visitors the contact form in place of an answer." in mailbox.of(owner)[0].text
    )


async def test_where_nothing_is_limited_nobody_is_told(books: Books) -> None:
    unlimited = books.on(with_credits(None))
    await unlimited.settle(await unlimited.reserve(1_000), 1_000)
    assert await noted(books) == []


async def test_a_mail_names_the_day_on_the_workspace_s_clocks(
    later: Resources, tenant: Tenant, books: Books, owner: str, mailbox: Mailbox
) -> None:
    zone = "America/New_York"
    async with later.database.unit_of_work(tenant.scope) as session:
        await session.execute(text("update workspaces set time_zone = :zone"), {"zone": zone})
    await books.use(80)
    await tick(later)
    await work(later)
    end = (await books.account()).period_end.astimezone(ZoneInfo(zone))
    assert f"which ends on {end:%Y-%m-%d}." in mailbox.of(owner)[0].text


@pytest.mark.parametrize(
    ("plan", "unit", "said"),
    [
        (FREE, Unit.CREDIT, "A larger plan has more:\n\nhttp"),
        (AGENCY, Unit.CREDIT, "More credits can be bought here:\n\nhttp"),
        (AGENCY, Unit.MESSAGE, "can agree more with this workspace. What is used is shown here:\n\nhttp"),
    ],
)
async def test_the_mail_leads_to_no_larger_plan_that_does_not_exist(
    later: Resources, plan: Plan, unit: Unit, said: str, mailbox: Mailbox
) -> None:
    tenant = await Factory(later).tenant(plan=plan.name)
    email, _ = await Factory(later).member(tenant)
    books = Books(later.database, tenant.id, unit, plan)
    allowance = plan.credits if unit is Unit.CREDIT else plan.messages
    await books.use(allowance or 0)
    await tick(later)
    await work(later)
    assert said in mailbox.of(email)[-1].text
