"""Plans whose price the settings no longer name, and customers whom somebody deleted at Stripe."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.answers.answerers import Answerers
from helpninja_app.errors import Conflict
from helpninja_app.jobs import tasks
from helpninja_app.kernel.embedded_postgres import Urls
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.resources import open_resources
from tests.buying import Buyer
from tests.conftest import make_settings
from tests.stripe_shop import settings_of
from tests.twins.stripe import StripeTwin

Obj = dict[str, Any]


OpenRaised = Callable[[], AbstractAsyncContextManager[Buyer]]


@pytest.fixture
def open_raised(file_urls: Urls, twin: StripeTwin, buyer: Buyer, tmp_path: Path) -> OpenRaised:
    """The buyer, in an installation that sells pro at another price by now."""

    @asynccontextmanager
    async def opening() -> AsyncIterator[Buyer]:
        twin.add_price("price_pro_raised", 9_900, "month", name="HelpNinja pro")
        prices = {"stripe_price_pro_monthly": "price_pro_raised", "unlimited": False}
        settings = make_settings(file_urls, tmp_path, **settings_of(twin) | prices)
        async with open_resources(
            settings, file_urls.app, tasks=tasks, embedder=HashingEmbedder(), answerers=Answerers()
        ) as opened:
            yield replace(buyer, resources=opened)

    return opening


async def on_pro(client: httpx.AsyncClient, buyer: Buyer) -> Obj:
    """The subscription, heard of."""
    buyer.twin.complete_checkout(await buyer.checkout(client, "pro"))
    await buyer.hear()
    assert await buyer.plan() == "pro"
    [found] = buyer.twin.state.subscriptions.values()
    return found


@pytest.mark.parametrize("status", ["canceled", "unpaid", "incomplete_expired", "paused"])
async def test_a_plan_at_an_old_price_ends_as_any_other(
    client: httpx.AsyncClient, buyer: Buyer, open_raised: OpenRaised, twin: StripeTwin, status: str
) -> None:
    subscription = await on_pro(client, buyer)
    twin.set_status(subscription["id"], status)
    async with open_raised() as raised:
        await raised.hear()
        assert await raised.plan() == "free"
        found = await raised.subscription()
        assert found is not None
        assert found.status == status


async def test_what_was_sold_goes_on_at_its_old_price(
    client: httpx.AsyncClient, buyer: Buyer, open_raised: OpenRaised, twin: StripeTwin
) -> None:
    before = await on_pro(client, buyer)
    twin.advance(days=32)
    async with open_raised() as raised:
        await raised.hear()
        found = await raised.subscription()
        assert found is not None
        assert (found.plan, found.status, found.price) == ("pro", "active", "price_pro_monthly")
        assert found.period_end.timestamp() == before["items"]["data"][0]["current_period_end"]
        assert found.period_start.timestamp() > before["created"]


async def test_what_was_sold_before_prices_were_stored_goes_on_too(
    client: httpx.AsyncClient, buyer: Buyer, open_raised: OpenRaised, twin: StripeTwin
) -> None:
    await on_pro(client, buyer)
    async with buyer.resources.database.unit_of_work(buyer.tenant.scope) as session:
        await session.execute(text("update subscriptions set price = ''"))
    twin.advance(days=32)
    async with open_raised() as raised:
        await raised.hear()
        found = await raised.subscription()
    assert found is not None
    assert (found.plan, found.status, found.price) == ("pro", "active", "price_pro_monthly")


async def test_a_change_that_was_planned_to_a_price_that_is_sold_no_more_comes_all_the_same(
    client: httpx.AsyncClient, buyer: Buyer, open_raised: OpenRaised, twin: StripeTwin
) -> None:
    twin.complete_checkout(await buyer.checkout(client, "agency"))
    [subscription] = twin.state.subscriptions.values()
    twin.schedule(subscription["id"], "price_pro_monthly")
    await buyer.hear()
    async with open_raised() as raised:
        twin.update_subscription(subscription["id"], {"metadata": {"noted": "yes"}})
        await raised.hear()
        before = await raised.subscription()
        assert before is not None
        assert (before.plan, before.next_plan) == ("agency", "pro")
        twin.advance(days=32)
        await raised.hear()
        found = await raised.subscription()
        assert found is not None
        assert (found.plan, found.next_plan, found.price) == ("pro", None, "price_pro_monthly")
        assert await raised.plan() == "pro"


async def test_the_plan_that_one_has_at_an_old_price_is_not_bought_again(
    client: httpx.AsyncClient, buyer: Buyer, open_raised: OpenRaised
) -> None:
    await on_pro(client, buyer)
    async with open_raised() as raised:
        with pytest.raises(Conflict, match="on the pro plan already"):
            await raised.resources.cashier(await raised.caller()).buy_plan("pro", "month")


async def test_a_plan_that_was_not_paid_is_not_changed_into_another(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    """What is given back for the rest of an unpaid month would pay for the other plan."""
    twin.set_status((await on_pro(client, buyer))["id"], "past_due")
    with pytest.raises(Conflict, match="Pay its invoice first"):
        await buyer.resources.cashier(await buyer.caller()).buy_plan("starter", "year")


async def test_who_never_had_an_old_price_gets_no_plan_for_it(
    client: httpx.AsyncClient, buyer: Buyer, open_raised: OpenRaised, twin: StripeTwin
) -> None:
    twin.complete_checkout(await buyer.checkout(client, "pro"))
    async with open_raised() as raised:
        await raised.hear()
        assert await raised.plan() == "free"
        told = [await raised.detail(each) for each in await raised.events()]
        assert ("parked", "The price price_pro_monthly belongs to no plan in the settings.") in told


async def test_a_customer_deleted_at_stripe_has_no_plan_and_may_buy_again(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    subscription = await on_pro(client, buyer)
    deleted, before = subscription["customer"], await buyer.events()
    twin.delete_customer(deleted)
    heard = [each for each in await buyer.events() if each not in before]
    assert "customer.subscription.deleted" in {each["type"] for each in heard}
    await buyer.hear(heard)
    assert await buyer.plan() == "free"
    twin.complete_checkout(await buyer.checkout(client, "starter"))
    assert await buyer.customer() != deleted
    await buyer.hear()
    assert await buyer.plan() == "starter"
    assert await buyer.mistakes() == []


async def test_the_plan_of_a_deleted_customer_ends_with_the_next_purchase_at_the_latest(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    subscription = await on_pro(client, buyer)
    twin.delete_customer(subscription["customer"])
    await buyer.checkout(client, "starter")
    assert await buyer.plan() == "free"


async def test_what_a_deleted_customer_paid_is_still_followed_and_ends_no_later_plan(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    subscription = await on_pro(client, buyer)
    twin.complete_checkout(await buyer.top_up(client, 1000))
    await buyer.hear()
    assert (await buyer.usage()).topped_up == 1_000
    [charge] = [
        each["data"]["object"]["id"]
        for each in twin.events("charge.succeeded")
        if each["data"]["object"]["amount"] == 15_00
    ]
    before = twin.events()
    twin.delete_customer(subscription["customer"])
    twin.complete_checkout(await buyer.checkout(client, "starter"))
    await buyer.hear()
    twin.refund(charge)
    await buyer.hear([each for each in twin.events() if each not in before])
    assert (await buyer.plan(), (await buyer.usage()).topped_up) == ("starter", 0)
    assert await buyer.mistakes() == []


async def test_a_deleted_customer_may_buy_credits_and_a_second_click_makes_no_second_one(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    await buyer.top_up(client, 5000)
    deleted = await buyer.customer()
    twin.delete_customer(deleted)
    first = await buyer.top_up(client)
    made = await buyer.customer()
    assert made != deleted
    assert await buyer.top_up(client) == first
    assert await buyer.customer() == made
    assert len(twin.state.customers) == 2


async def test_a_deleted_customer_has_nothing_to_manage_or_to_cancel(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    subscription = await on_pro(client, buyer)
    twin.delete_customer(subscription["customer"])
    cashier = buyer.resources.cashier(await buyer.caller())
    with pytest.raises(Conflict):
        await cashier.cancel_plan()
    with pytest.raises(Conflict):
        await cashier.portal_link()
    assert await cashier.invoices() == []


async def test_a_customer_whom_stripe_does_not_know_keeps_the_plan(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    """As with the key of another account, for as long as it takes to notice."""
    subscription = await on_pro(client, buyer)
    customer = twin.state.customers.pop(subscription["customer"])
    refused = await client.post("/api/billing/checkout", headers=buyer.headers, json={"plan": "agency"})
    assert refused.status_code == 503
    assert await buyer.customer() == customer["id"]
    assert await buyer.plan() == "pro"
