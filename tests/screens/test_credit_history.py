"""The history of credits on the billing page: what changed them, filtered and in pages."""

from __future__ import annotations

from helpninja_app.accounts.models import Role
from helpninja_app.billing.ledger import Reason, open_account, post
from helpninja_app.billing.models import EntryKind, Unit
from helpninja_app.billing.plans import PLANS
from helpninja_app.billing.reservations import reserve, settle
from helpninja_app.resources import Resources
from helpninja_app.screens.billing.credits_state import CreditsState
from tests.factories import Factory, Tenant
from tests.screens.test_home import call, signed_in_tab


async def answer(resources: Resources, tenant: Tenant, times: int = 1) -> None:
    """Let the chat answer so many times, for 3 credits each."""
    async with resources.database.unit_of_work(tenant.scope) as session:
        for _ in range(times):
            held = await reserve(session, tenant.id, PLANS["agency"], Unit.CREDIT, 10)
            await settle(session, tenant.id, held, 3, description="gpt-4o-mini")


async def test_a_use_is_one_row_and_what_was_reserved_for_it_is_left_out(
    resources: Resources, factory: Factory
) -> None:
    tenant = await factory.tenant()
    await answer(resources, tenant)
    page = await signed_in_tab(CreditsState, factory, tenant)
    await call(page, "open_credits")
    assert [(row.what, row.amount, row.balance) for row in page.rows] == [
        ("Used", "−3", "9,997"),
        ("Allowance changed", "+10,000", "10,000"),
    ]
    assert page.rows[0].description == "gpt-4o-mini"


async def test_the_history_is_filtered_by_type(resources: Resources, factory: Factory) -> None:
    tenant = await factory.tenant()
    await answer(resources, tenant)
    async with resources.database.unit_of_work(tenant.scope) as session:
        account = await open_account(session, tenant.id, Unit.CREDIT, PLANS["agency"])
        await post(session, account, Reason(EntryKind.TOPUP, "topup:1", "1,000 bought"), topped_up=1_000)
    page = await signed_in_tab(CreditsState, factory, tenant)
    for kind, shown in (
        ("topup", ["Bought"]),
        ("reservation", ["Reserved"]),
        ("refund", []),
        ("all", ["Bought", "Used", "Given back", "Reserved", "Allowance changed"]),
        ("'; drop table ledger_entries", ["Bought", "Used", "Allowance changed"]),
        (["all"], ["Bought", "Used", "Allowance changed"]),
    ):
        await call(page, "choose_kind", kind)
        assert [row.what for row in page.rows] == shown, kind
    assert page.rows[0].amount == "+1,000"


async def test_fifty_entries_are_a_page(resources: Resources, factory: Factory) -> None:
    tenant = await factory.tenant()
    await answer(resources, tenant, times=60)
    page = await signed_in_tab(CreditsState, factory, tenant)
    await call(page, "open_credits")
    assert (len(page.rows), page.shown, page.is_last) == (50, "1 to 50 of 61", False)
    await call(page, "turn_page", 1)
    assert (len(page.rows), page.shown, page.is_last) == (11, "51 to 61 of 61", True)
    await call(page, "choose_kind", "grant")
    assert (page.page, len(page.rows)) == (0, 1)


async def test_only_owners_see_it(resources: Resources, factory: Factory) -> None:
    tenant = await factory.tenant()
    await answer(resources, tenant)
    page = await signed_in_tab(CreditsState, factory, tenant, Role.ADMIN)
    await call(page, "open_credits")
    assert page.rows == []
    assert "billing:manage" in page.failure
