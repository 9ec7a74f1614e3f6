"""The billing page's own state: what it says of a plan, the way to Stripe and back, and who may see it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from helpninja_app import resources as resources_of_the_process
from helpninja_app.accounts.models import Role
from helpninja_app.billing.custom_limits import set_custom_limits
from helpninja_app.billing.models import Subscription, Unit
from helpninja_app.billing.plans import PLANS, Plan
from helpninja_app.billing.reservations import reserve, settle
from helpninja_app.billing.subscriptions import subscription_of
from helpninja_app.screens.billing import figures
from helpninja_app.screens.billing.invoices_state import InvoicesState
from helpninja_app.screens.billing.state import BillingState
from helpninja_app.screens.home.state import HomeState
from helpninja_app.screens.shell.state import ShellState
from helpninja_app.screens.team.state import TeamState
from helpninja_app.screens.workspace_settings.page import settings_page
from helpninja_app.screens.workspace_settings.state import SettingsState
from tests.conftest import OpenResources
from tests.factories import Factory, Tenant
from tests.screens.billing_shop import Shop, open_shop
from tests.screens.events import fire, tab_at
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
async def page(shop: Shop, factory: Factory, tenant: Tenant) -> BillingState:
    """The page as the owner of a free workspace sees it."""
    opened = await signed_in_tab(BillingState, factory, tenant)
    await call(opened, "open_billing")
    return opened


async def use(shop: Shop, tenant: Tenant, unit: Unit, amount: int, plan: Plan = PLANS["free"]) -> None:
    async with shop.resources.database.unit_of_work(tenant.scope) as session:
        held = await reserve(session, tenant.id, plan, unit, amount)
        await settle(session, tenant.id, held, amount)


async def buy(shop: Shop, page: BillingState, plan: str = "pro") -> None:
    await call(page, "buy_plan", plan, "month")
    shop.pay()
    await shop.take_events()
    await call(page, "open_billing")


async def test_a_free_workspace_reads_what_it_has_and_what_it_may_buy(page: BillingState) -> None:
    assert (page.plan, page.badge) == ("Free", "Free")
    assert [(row.label, row.counts) for row in page.used] == [
        ("Visitor messages", "0 of 100"),
        ("Chat credits", "0 of 100"),
        ("Websites", "0 of 1"),
        ("Documents", "0 of 100"),
        ("Integrations", "0 of 1"),
        ("Members", "1 of 2"),
    ]
    assert page.actions["free:month"] == "Current plan"
    assert page.actions["pro:year"] == "Upgrade to Pro"
    assert page.packs == ["1000", "5000"]
    assert (page.may_cancel, page.keep, page.has_customer) == (False, "", False)


async def test_buying_leads_to_a_page_of_stripe_and_twice_to_the_same(shop: Shop, page: BillingState) -> None:
    first, again = [await fire(page, "buy_plan", "pro", "month") for _ in range(2)]
    assert shop.twin.url in str(first.events[0].args)
    assert str(first.events[0].args) == str(again.events[0].args)
    assert len(shop.twin.state.sessions) == 1
    assert page.going_to == ""


async def test_while_a_link_is_fetched_other_presses_do_nothing(shop: Shop, page: BillingState) -> None:
    goes_on = shop.twin.hold(path="/v1/checkout/sessions")
    slow = asyncio.create_task(call(page, "buy_plan", "pro", "month"))
    while page.going_to != "pro":
        await asyncio.sleep(0.01)
    assert await call(page, "buy_credits", 1000) is None
    goes_on.set()
    assert "_redirect" in str(await slow)
    assert len(shop.twin.state.sessions) == 1


async def test_a_payment_that_lands_while_the_page_is_read_is_seen_whole_or_not_yet(
    shop: Shop, page: BillingState, monkeypatch: pytest.MonkeyPatch
) -> None:
    await call(page, "buy_plan", "pro", "month")
    shop.pay()

    async def land_first(session: AsyncSession, workspace_id: UUID) -> Subscription | None:
        await shop.take_events()
        return await subscription_of(session, workspace_id)

    monkeypatch.setattr(figures, "subscription_of", land_first)
    await call(page, "open_billing")
    assert page.plan == "Free"
    assert "costs nothing" in page.sentence
    monkeypatch.undo()
    await call(page, "open_billing")
    assert page.plan == "Pro"


async def test_what_was_agreed_is_said_and_counts_in_the_bars(
    shop: Shop, page: BillingState, tenant: Tenant
) -> None:
    await buy(shop, page, "agency")
    assert page.agreed == ""
    async with shop.resources.database.unit_of_work(tenant.scope) as session:
        wanted = {"messages": 200_000, "documents": 500_000}
        await set_custom_limits(session, tenant.id, wanted, shop.resources.plan_of)
    await call(page, "open_billing")
    assert page.agreed == "Agreed for this workspace: 200,000 visitor messages a month, 500,000 documents."
    assert page.used[0].counts == "0 of 200,000"


async def test_credits_that_were_bought_stand_beside_those_of_the_month(
    shop: Shop, page: BillingState
) -> None:
    await call(page, "buy_credits", 5000)
    shop.pay()
    await shop.take_events()
    await call(page, "open_billing")
    credits = page.used[1]
    assert (credits.counts, credits.note) == ("0 of 100", "and 5,000 bought, which do not expire")


async def test_a_plan_is_cancelled_until_it_is_kept(shop: Shop, page: BillingState) -> None:
    await buy(shop, page)
    assert "100 visitor messages a month instead of 10,000" in page.losses
    until = page.losses.removeprefix("Pro stays until ").partition(".")[0]
    await call(page, "cancel_plan")
    assert page.badge == f"Ends on {until}"
    assert (page.keep, page.may_cancel) == ("Keep Pro", False)
    assert set(page.actions.values()) == {"", "Current plan"}
    await call(page, "keep_plan")
    assert (page.badge, page.keep, page.may_cancel) == ("Active", "", True)
    assert page.actions["agency:month"] == "Upgrade to Agency"


async def test_a_smaller_plan_begins_when_what_is_paid_for_is_used(shop: Shop, page: BillingState) -> None:
    await buy(shop, page, "agency")
    assert page.actions["pro:month"] == "Switch to Pro"
    assert page.actions["agency:year"] == "Switch to yearly"
    answer = await fire(page, "buy_plan", "pro", "month")
    assert page.problem == ""
    link = str(answer.events[0].args)
    shop.twin.use_portal(next(url for url in _urls(shop) if url in link), "confirm")
    await shop.take_events()
    await call(page, "follow_payment")
    assert (page.badge, page.keep) == ("Changes to Pro", "Keep Agency")
    assert set(page.actions.values()) == {"", "Current plan"}


async def test_a_failed_payment_tells_until_when_the_plan_goes_on(shop: Shop, page: BillingState) -> None:
    await buy(shop, page)
    subscription = next(iter(shop.twin.state.subscriptions))
    shop.twin.set_status(subscription, "past_due")
    await shop.take_events()
    await call(page, "open_billing")
    assert page.badge == "Payment failed"
    assert page.sentence.startswith("The last payment failed. Pro goes on until")


async def test_a_month_that_is_nearly_used_is_told_on_every_page_to_owners_and_admins(
    shop: Shop, page: BillingState, factory: Factory, tenant: Tenant
) -> None:
    await use(shop, tenant, Unit.MESSAGE, 80)
    await call(page, "open_billing")
    assert [said.split(":")[0] for said in page.notices] == ["80 % of this month's visitor messages are used"]
    told = {}
    for role in Role:
        shell = await signed_in_tab(ShellState, factory, tenant, role)
        await call(shell, "open_shell")
        told[role] = (bool(shell.usage), shell.is_used_up, shell.may_manage_billing)
    assert told[Role.OWNER] == (True, False, True)
    assert told[Role.ADMIN] == (True, False, False)
    assert told[Role.AGENT] == told[Role.VIEWER] == (False, False, False)
    await use(shop, tenant, Unit.MESSAGE, 20)
    await call(page, "open_billing")
    assert "the widget offers visitors the contact form" in page.notices[0]
    assert page.is_used_up


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.OWNER])
async def test_others_are_told_who_can(shop: Shop, factory: Factory, tenant: Tenant, role: Role) -> None:
    email, _ = await factory.member(tenant)
    page = await signed_in_tab(BillingState, factory, tenant, role)
    await call(page, "open_billing")
    assert page.who_can == f"Ask an owner of this workspace: {email}."
    assert (page.plan, page.used) == ("", [])
    await call(page, "buy_plan", "pro", "month")
    assert "does not allow" in page.problem
    assert shop.twin.state.sessions == {}


async def test_while_stripe_is_away_the_page_says_so_and_the_rest_of_it_works(
    shop: Shop, page: BillingState
) -> None:
    await buy(shop, page)
    shop.twin.fail_next(60, status=503)
    await call(page, "buy_credits", 1000)
    assert page.problem.startswith("Stripe cannot be reached right now")
    assert (page.plan, page.failure) == ("Pro", "")
    invoices = await tab_at(InvoicesState, page.router.headers.cookie)
    await call(invoices, "open_invoices")
    assert invoices.failure.startswith("Stripe cannot be reached right now")
    shop.twin.api.faults.clear()
    await call(invoices, "open_invoices")
    assert [(row.amount, row.status) for row in invoices.rows] == [("$99", "Paid")]
    [invoice] = shop.twin.state.invoices.values()
    assert invoices.rows[0].url == invoice["hosted_invoice_url"]
    assert invoices.rows[0].pdf == invoice["invoice_pdf"]
    invoice |= {"hosted_invoice_url": "javascript:alert(1)", "invoice_pdf": "javascript:alert(1)"}
    await call(invoices, "open_invoices")
    assert (invoices.rows[0].url, invoices.rows[0].pdf) == ("", "")


async def test_every_invoice_can_be_come_to(shop: Shop, page: BillingState) -> None:
    await buy(shop, page)
    kept = shop.twin.state.invoices
    [first] = kept.values()
    for number in range(120):
        kept[f"in_more{number}"] = first | {"id": f"in_more{number}", "number": f"MORE-{number}"}
    invoices = await tab_at(InvoicesState, page.router.headers.cookie)
    await call(invoices, "open_invoices")
    assert (invoices.shown, invoices.rows[0].number) == ("1 to 50 of 121", "MORE-119")
    for _ in range(3):
        await call(invoices, "turn_page", 1)
    assert (invoices.shown, invoices.is_last) == ("101 to 121 of 121", True)
    assert invoices.rows[-1].number == first["number"]


async def test_what_a_hand_written_client_asks_for_is_not_for_sale(shop: Shop, page: BillingState) -> None:
    for handler, arguments in (
        ("buy_plan", ("free", "month")),
        ("buy_plan", ("pro", "week")),
        ("buy_plan", ({"x": 1}, ["month"])),
        ("buy_credits", (7,)),
        ("buy_credits", ("1000",)),
        ("open_portal", ()),
        ("cancel_plan", ()),
        ("keep_plan", ()),
    ):
        await call(page, handler, *arguments)
        assert page.problem, (handler, arguments)
    assert shop.twin.state.sessions == {}
    await fire(page, "choose_interval", "century")
    assert page.interval == "month"


@pytest.mark.parametrize("is_unlimited", [True, False])
async def test_without_stripe_nothing_is_for_sale(
    with_resources: OpenResources, factory: Factory, tenant: Tenant, is_unlimited: bool
) -> None:
    async with with_resources(stripe_secret_key=None, unlimited=is_unlimited):
        page = await signed_in_tab(BillingState, factory, tenant)
        await call(page, "open_billing")
        invoices = await tab_at(InvoicesState, page.router.headers.cookie)
        await call(invoices, "open_invoices")
    assert (page.has_payments, page.is_unlimited) == (False, is_unlimited)
    assert set(page.actions.values()) == {"", "Current plan"}
    assert (page.packs, page.has_customer, page.may_cancel) == ([], False, False)
    assert page.used[0].is_limited is not is_unlimited
    assert (invoices.failure, invoices.rows) == ("", [])


def _urls(shop: Shop) -> list[str]:
    return [session["url"] for session in shop.twin.state.portal_sessions.values()]


async def test_home_says_when_the_plan_has_no_room_for_another_document(
    shop: Shop, factory: Factory, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = await signed_in_tab(HomeState, factory, tenant)
    await call(home, "open_page")
    assert home.documents_full == ""
    await factory.document(tenant, "# Boots")
    one = replace(PLANS["free"], documents=1)
    monkeypatch.setattr(resources_of_the_process, "plan_in_force", lambda *_, **__: one)
    await call(home, "open_page")
    assert home.documents_full.startswith("All 1 documents of the plan are used")


async def test_home_says_when_the_plan_has_no_room_for_another_website(
    shop: Shop, factory: Factory, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = await signed_in_tab(HomeState, factory, tenant)
    await factory.document(await factory.tenant(), "# Boots", url="https://another.example/boots")
    await call(home, "open_page")
    assert home.sites_full == ""
    await factory.document(tenant, "# Boots", url="https://shop.example/boots")
    await call(home, "open_page")
    assert home.sites_full.startswith("1 of the 1 website that the free plan includes is in use.")
    assert "another website only with a larger plan" in home.sites_full
    plan = replace(PLANS["free"], sites=2)
    monkeypatch.setattr(resources_of_the_process, "plan_in_force", lambda *_, **__: plan)
    await call(home, "open_page")
    assert home.sites_full == ""
    await factory.document(tenant, "# Shoes", url="https://shoes.example/all")
    await call(home, "open_page")
    assert home.sites_full.startswith("2 of the 2 websites that the free plan includes are in use.")


async def test_where_websites_are_not_limited_home_says_nothing_of_them(shop: Shop, factory: Factory) -> None:
    tenant = await factory.tenant(plan="agency")
    await factory.document(tenant, "# Boots", url="https://shop.example/boots")
    home = await signed_in_tab(HomeState, factory, tenant)
    await call(home, "open_page")
    assert (home.sites_full, home.is_loaded) == ("", True)


async def test_an_invite_beyond_the_plan_offers_a_larger_one(
    shop: Shop, factory: Factory, tenant: Tenant
) -> None:
    await factory.member(tenant, Role.VIEWER)
    team = await signed_in_tab(TeamState, factory, tenant)
    await call(team, "send_invite", {"email": "", "role": "viewer"})
    assert "The free plan includes 2 members" in team.problem
    assert team.is_at_limit
    await call(team, "open_team")
    assert (team.problem, team.is_at_limit) == ("", False)


async def test_who_deletes_a_workspace_is_told_what_was_paid_for_and_is_not_paid_back(
    shop: Shop, page: BillingState, factory: Factory, tenant: Tenant
) -> None:
    async def lost(role: Role = Role.OWNER) -> str:
        settings = await signed_in_tab(SettingsState, factory, tenant, role)
        await call(settings, "open_settings")
        return settings.deletion_loss

    assert await lost() == ""
    await call(page, "buy_credits", 1000)
    shop.pay()
    await shop.take_events()
    assert await lost() == "1,000 bought credits are not paid back."
    await buy(shop, page)
    until = page.losses.removeprefix("Pro stays until ").partition(".")[0]
    assert await lost() == (
        f"Pro is paid until {until}; what is left of it and 1,000 bought credits are not paid back."
    )
    assert await lost(Role.ADMIN) == ""


def test_the_question_before_a_workspace_is_deleted_says_so() -> None:
    assert str(settings_page().render()).count("deletion_loss") > 0


async def test_on_the_largest_plan_no_page_leads_to_a_larger_one(
    shop: Shop, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await factory.tenant(plan="agency")
    plan = replace(PLANS["agency"], messages=100, credits=100, documents=1)
    monkeypatch.setattr(resources_of_the_process, "plan_in_force", lambda *_, **__: plan)
    await use(shop, tenant, Unit.CREDIT, 80, plan)
    shell = await signed_in_tab(ShellState, factory, tenant)
    home = await signed_in_tab(HomeState, factory, tenant)
    await call(shell, "open_shell")
    assert not shell.has_larger_plan
    assert shell.usage_more == "An owner can top up credits under Billing."
    await use(shop, tenant, Unit.MESSAGE, 80, plan)
    await factory.document(tenant, "# Boots")
    await call(shell, "open_shell")
    await call(home, "open_page")
    agree = "There is no larger plan: whoever runs this installation can agree more with this workspace."
    assert shell.usage_more == f"An owner can top up credits under Billing. {agree}"
    assert home.documents_full.endswith(agree)
