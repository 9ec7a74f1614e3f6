"""A workspace is deleted: its open pages sell nothing more, and only what happened is told of its plan."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from helpninja_app.jobs import end_plans_of_deleted_workspaces, remove_expired_workspaces
from tests.buying import Buyer
from tests.services.test_half_done_cancellations import CANCEL, TRIES, actions, plan_downgrade
from tests.services.test_stripe_away import change_deletion
from tests.twins.stripe import StripeTwin


async def on_a_plan(client: httpx.AsyncClient, buyer: Buyer) -> dict[str, Any]:
    """The subscription, paid and heard of."""
    buyer.twin.complete_checkout(await buyer.checkout(client))
    await buyer.hear()
    [subscription] = buyer.twin.state.subscriptions.values()
    return subscription


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


@pytest.mark.parametrize("looks_again", [True, False])
async def test_what_deleting_cancelled_goes_on_though_nobody_was_told_that_it_was(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin, *, looks_again: bool
) -> None:
    subscription = await on_a_plan(client, buyer)
    await change_deletion(client, buyer, is_deleted=True)
    for _ in range(TRIES):
        twin.drop_connection_after_commit(CANCEL)
    await end_plans_of_deleted_workspaces(buyer.resources)
    assert subscription["cancel_at_period_end"] is True
    if looks_again:
        await end_plans_of_deleted_workspaces(buyer.resources)
    await change_deletion(client, buyer, is_deleted=False)
    await end_plans_of_deleted_workspaces(buyer.resources)
    assert subscription["cancel_at_period_end"] is False
    # What the owner cancels after that is the owner's.
    await buyer.resources.cashier(await buyer.caller()).cancel_plan()
    for is_deleted in (True, False):
        await change_deletion(client, buyer, is_deleted=is_deleted)
        await end_plans_of_deleted_workspaces(buyer.resources)
    assert subscription["cancel_at_period_end"] is True


async def test_a_plan_of_which_stripe_knows_nothing_is_not_taken_for_one_that_has_ended(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    """As with the key of another account, for as long as it takes to notice."""
    subscription = await on_a_plan(client, buyer)
    customer = twin.state.customers.pop(subscription["customer"])
    await change_deletion(client, buyer, is_deleted=True)
    await end_plans_of_deleted_workspaces(buyer.resources)
    await buyer.expire()
    await remove_expired_workspaces(buyer.resources)
    assert (await buyer.terms()).plan == "pro"
    twin.state.customers[customer["id"]] = customer
    await end_plans_of_deleted_workspaces(buyer.resources)
    assert subscription["cancel_at_period_end"] is True
    await remove_expired_workspaces(buyer.resources)
    assert subscription["status"] == "canceled"


async def test_a_plan_that_is_kept_on_a_page_of_before_the_deletion_is_cancelled_again(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    subscription = await on_a_plan(client, buyer)
    page = await buyer.resources.cashier(await buyer.caller()).portal_link()
    await change_deletion(client, buyer, is_deleted=True)
    await end_plans_of_deleted_workspaces(buyer.resources)
    twin.use_portal(page, "renew")
    await buyer.hear()
    assert subscription["cancel_at_period_end"] is False
    await end_plans_of_deleted_workspaces(buyer.resources)
    assert subscription["cancel_at_period_end"] is True


async def test_what_is_kept_on_such_a_page_is_the_owner_s_to_cancel_once_the_workspace_is_back(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    subscription = await on_a_plan(client, buyer)
    page = await buyer.resources.cashier(await buyer.caller()).portal_link()
    await change_deletion(client, buyer, is_deleted=True)
    await end_plans_of_deleted_workspaces(buyer.resources)
    twin.use_portal(page, "renew")
    await change_deletion(client, buyer, is_deleted=False)
    await end_plans_of_deleted_workspaces(buyer.resources)
    assert subscription["cancel_at_period_end"] is False
    twin.use_portal(await buyer.resources.cashier(await buyer.caller()).portal_link(), "cancel")
    for is_deleted in (True, False):
        await change_deletion(client, buyer, is_deleted=is_deleted)
        await end_plans_of_deleted_workspaces(buyer.resources)
    assert subscription["cancel_at_period_end"] is True
