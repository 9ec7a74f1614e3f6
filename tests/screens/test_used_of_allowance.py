"""That all is used stands on the pages when it is so, and with what comes then."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import text

from helpninja_app.billing.models import Unit
from helpninja_app.billing.plans import FREE, PRO, STARTER, UNLIMITED
from helpninja_app.screens.billing.state import BillingState
from helpninja_app.screens.shell.state import ShellState
from tests.conftest import OpenResources
from tests.factories import Factory, Tenant
from tests.ledgers import Books
from tests.screens.billing_shop import Shop, open_shop
from tests.screens.test_home import call, signed_in_tab

pytestmark = pytest.mark.usefixtures("no_waiting")


@pytest.fixture
async def shop(with_resources: OpenResources) -> AsyncIterator[Shop]:
    async with open_shop(with_resources) as opened:
        yield opened


@pytest.fixture
async def tenant(factory: Factory) -> Tenant:
    return await factory.tenant(plan="free")


@pytest.fixture
async def books(shop: Shop, tenant: Tenant) -> Books:
    return Books(shop.resources.database, tenant.id)


@pytest.fixture
async def page(shop: Shop, factory: Factory, tenant: Tenant) -> BillingState:
    return await signed_in_tab(BillingState, factory, tenant)


@pytest.fixture
async def shell(shop: Shop, factory: Factory, tenant: Tenant) -> ShellState:
    return await signed_in_tab(ShellState, factory, tenant)


async def look(page: BillingState, shell: ShellState) -> None:
    await call(page, "open_billing")
    await call(shell, "open_shell")


async def test_credits_that_were_bought_and_used_are_not_of_a_larger_plan(
    books: Books, page: BillingState, shell: ShellState, tenant: Tenant
) -> None:
    starter = books.on(STARTER)
    await starter.open()
    await starter.use(1_000)
    await starter.top_up(500)
    await starter.use(500)
    async with books.database.unit_of_work(tenant.scope) as session:
        await session.execute(text("update workspaces set plan = 'pro' where id = :id"), {"id": tenant.id})
    pro = books.on(PRO)
    await pro.open()
    await pro.use(1_000)
    await look(page, shell)
    assert (page.used[1].counts, page.used[1].percent) == ("2,000 of 2,500", 80)
    assert page.notices[0].startswith("80 % of this month's chat credits are used: 2,000 of 2,500.")
    assert shell.usage == page.notices[0]
    assert (page.is_used_up, shell.is_used_up) == (False, False)
    await pro.use(500)
    await look(page, shell)
    assert page.notices[0].startswith("All 2,500 chat credits of this month are used.")
    assert "the chat answers with the offline model only, which costs no credits." in page.notices[0]
    assert (page.is_used_up, shell.is_used_up) == (True, True)


@pytest.mark.parametrize("unit", list(Unit))
async def test_what_was_used_before_anything_was_limited_is_not_of_the_plan(
    books: Books, page: BillingState, shell: ShellState, unit: Unit
) -> None:
    books = replace(books, unit=unit)
    unlimited = books.on(UNLIMITED)
    await unlimited.open()
    await unlimited.settle(await unlimited.reserve(5_000), 5_000)
    await books.on(FREE).open()
    await look(page, shell)
    assert [(row.counts, row.percent) for row in page.used[:2]] == [("0 of 100", 0)] * 2
    assert (page.notices, shell.usage) == ([], "")


async def test_what_an_answer_under_way_may_take_is_not_used_yet(
    books: Books, page: BillingState, shell: ShellState
) -> None:
    held = await books.reserve(60)
    await books.use(40)
    await look(page, shell)
    assert (page.used[1].counts, page.notices, shell.usage) == ("40 of 100", [], "")
    await books.settle(held, 60)
    await look(page, shell)
    assert (page.used[1].counts, page.is_used_up, shell.is_used_up) == ("100 of 100", True, True)


async def test_a_smaller_plan_says_what_was_used_of_it_as_its_mail_does(
    books: Books, page: BillingState, shell: ShellState
) -> None:
    larger = books.on(PRO)
    await larger.open()
    await larger.use(300)
    await books.open()
    await look(page, shell)
    assert (page.used[1].counts, page.used[1].percent) == ("300 of 100", 100)
    assert page.is_used_up
