"""Owners, and they alone, hear once a month each that three quarters, nine tenths and all are used."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text
from sqlmodel import col

from helpninja_app.accounts.models import Role
from helpninja_app.billing.deadlines import meet_deadlines
from helpninja_app.billing.models import UsageAlert
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


async def test_where_nothing_is_limited_nobody_is_told(books: Books) -> None:
    unlimited = books.on(with_credits(None))
    await unlimited.settle(await unlimited.reserve(1_000), 1_000)
    assert await noted(books) == []
