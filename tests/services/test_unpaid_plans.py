"""A plan that was not paid is over once another one is: nobody pays for it afterwards."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from helpninja_app.errors import Unavailable
from tests.buying import Buyer
from tests.twins.stripe import StripeTwin
from tests.twins.stripe.errors import StripeError

Obj = dict[str, Any]


async def lapsed(client: httpx.AsyncClient, buyer: Buyer) -> Obj:
    """A subscription to Starter whose second month nobody paid, however often it was tried."""
    buyer.twin.after_retries = "unpaid"
    # What Stripe begins lies in the past for the clock here.
    buyer.twin.clock.shift -= 70 * 24 * 3600
    buyer.twin.complete_checkout(await buyer.checkout(client, "starter"))
    customer = await buyer.customer()
    buyer.twin.cards[customer] = "declining"
    buyer.twin.advance(days=55)
    await buyer.hear()
    [found] = buyer.twin.state.subscriptions.values()
    assert (found["status"], await buyer.plan()) == ("unpaid", "free")
    buyer.twin.cards[customer] = "good"
    return found


def open_invoices(twin: StripeTwin) -> list[Obj]:
    return [each for each in twin.state.invoices.values() if each["status"] == "open"]


def statuses(twin: StripeTwin) -> list[str]:
    return [each["status"] for each in twin.state.subscriptions.values()]


async def test_an_unpaid_plan_ends_once_another_one_is_paid_and_its_invoice_with_it(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    await lapsed(client, buyer)
    [invoice] = open_invoices(twin)
    twin.complete_checkout(await buyer.checkout(client, "pro"))
    for _ in range(2):
        await buyer.hear()
    assert (statuses(twin), invoice["status"]) == (["canceled", "active"], "void")
    with pytest.raises(StripeError, match="cannot be paid"):
        twin.pay_invoice(invoice["id"])
    assert await buyer.plan() == "pro"
    assert list(twin.state.refunds.values()) == []
    answer = await client.get(f"/api/workspaces/{buyer.tenant.id}/audit", headers=buyer.headers)
    ended = [each for each in answer.json()["events"] if each["action"] == "plan.unpaid_ended"]
    assert [(each["subject"], each["actorName"]) for each in ended] == [("starter", "Billing")]


async def test_an_unpaid_plan_can_be_paid_as_long_as_no_other_one_is(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    await lapsed(client, buyer)
    [invoice] = open_invoices(twin)
    assert await buyer.checkout(client, "pro")
    twin.pay_invoice(invoice["id"])
    await buyer.hear()
    assert (statuses(twin), await buyer.plan()) == (["active"], "starter")


async def test_a_plan_that_is_paused_ends_too(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    twin.complete_checkout(await buyer.checkout(client, "starter"))
    [paused] = twin.state.subscriptions.values()
    twin.set_status(paused["id"], "paused")
    await buyer.hear()
    twin.complete_checkout(await buyer.checkout(client, "pro"))
    await buyer.hear()
    assert (statuses(twin), await buyer.plan()) == (["canceled", "active"], "pro")
    # What was paid for it before was used.
    assert list(twin.state.refunds.values()) == []


async def test_what_somebody_made_by_hand_is_left_alone(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    await buyer.checkout(client, "pro")
    by_hand = twin.add_subscription(await buyer.customer(), "price_starter_monthly")
    twin.set_status(by_hand["id"], "unpaid")
    twin.complete_checkout(await buyer.checkout(client, "pro"))
    await buyer.hear()
    assert (statuses(twin), await buyer.plan()) == (["unpaid", "active"], "pro")


@pytest.mark.parametrize(
    "path", ["invoices/in_[^/]+/void", "DELETE .*subscriptions/sub_", "GET /v1/invoices$"]
)
async def test_ending_an_unpaid_plan_goes_on_where_stripe_failed(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin, path: str
) -> None:
    await lapsed(client, buyer)
    [invoice] = open_invoices(twin)
    twin.complete_checkout(await buyer.checkout(client, "pro"))
    new = [each for each in await buyer.events() if each["type"] == "checkout.session.completed"][-1:]
    twin.fail_next(3, path=path)
    with pytest.raises(Unavailable):
        await buyer.hear(new)
    # What was paid counts all the same.
    assert await buyer.plan() == "pro"
    twin.api.faults.clear()
    await buyer.hear()
    assert (statuses(twin), invoice["status"]) == (["canceled", "active"], "void")
    assert await buyer.plan() == "pro"
