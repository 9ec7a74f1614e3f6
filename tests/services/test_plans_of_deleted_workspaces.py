"""A workspace is deleted: its open pages sell nothing more, and only what happened is told of its plan."""

from __future__ import annotations

import httpx

from helpninja_app.jobs import end_plans_of_deleted_workspaces
from tests.buying import Buyer
from tests.services.test_half_done_cancellations import actions, plan_downgrade
from tests.services.test_stripe_away import change_deletion
from tests.twins.stripe import StripeTwin


async def test_a_page_that_was_left_open_sells_nothing_to_a_deleted_workspace(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    pages = [await buyer.checkout(client), await buyer.top_up(client)]
    await change_deletion(client, buyer, is_deleted=True)
    await end_plans_of_deleted_workspaces(buyer.resources)
    assert [twin.complete_checkout(each) for each in pages] == [False, False]
    assert twin.state.charges == {}


async def test_a_page_that_was_paid_before_it_could_be_closed_is_cancelled_as_any_plan(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    page = await buyer.checkout(client)
    await change_deletion(client, buyer, is_deleted=True)
    twin.complete_checkout(page)
    await end_plans_of_deleted_workspaces(buyer.resources)
    assert [each["cancel_at_period_end"] for each in twin.state.subscriptions.values()] == [True]


async def test_of_a_change_that_has_come_it_is_not_told_that_deleting_took_it_back(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    """Its schedule stays with the subscription for one more period."""
    subscription = await plan_downgrade(client, buyer)
    twin.advance(days=31)
    await buyer.hear()
    assert subscription["schedule"] is not None
    await change_deletion(client, buyer, is_deleted=True)
    await end_plans_of_deleted_workspaces(buyer.resources)
    assert subscription["cancel_at_period_end"] is True
    assert "plan.change_dropped" not in await actions(buyer)
