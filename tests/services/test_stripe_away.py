"""Stripe is down, or cut off in the middle: 503, nothing half made, and what was missed is fetched later."""

from __future__ import annotations

import time
from typing import Any, Literal

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import NoResultFound

from helpninja_app.billing import stripe_calls, stripe_inbox
from helpninja_app.billing.stripe_inbox import HANDLED, catch_up, replay, try_again
from helpninja_app.billing_commands import replay_events
from helpninja_app.errors import Unavailable
from helpninja_app.jobs import end_plans_of_deleted_workspaces, remove_expired_workspaces
from tests.buying import Buyer, make_buyer
from tests.conftest import OpenResources
from tests.factories import Factory
from tests.stripe_shop import settings_of
from tests.twins.stripe import StripeTwin
from tests.twins.stripe.api import Fault


@pytest.fixture(autouse=True)
def nobody_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker of other settings may run in the same process, and would look at another Stripe."""

    async def leave(*_: object) -> None: ...

    monkeypatch.setattr(stripe_inbox, "_work_on", leave)


async def buy(client: httpx.AsyncClient, buyer: Buyer) -> httpx.Response:
    return await client.post("/api/billing/checkout", headers=buyer.headers, json={"plan": "pro"})


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_stripe_is_down(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin, status: Literal[429, 500, 503]
) -> None:
    twin.fail_next(9, status=status, path="checkout")
    refused = await buy(client, buyer)
    assert refused.status_code == 503
    assert "try again" in refused.json()["detail"]
    twin.api.faults.clear()
    assert (await buy(client, buyer)).status_code == 200
    assert len(twin.state.customers) == 1


@pytest.mark.parametrize("path", ["customers", "POST .*checkout"])
async def test_an_answer_that_was_lost_is_asked_for_again_and_nothing_made_twice(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin, path: str
) -> None:
    twin.drop_connection_after_commit(path)
    assert (await buy(client, buyer)).status_code == 200
    assert (len(twin.state.customers), len(twin.state.sessions)) == (1, 1)


async def test_an_error_that_stripe_keeps_for_a_key_stands_in_the_way_for_minutes_alone(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin.fail_next(path="POST /v1/customers$", is_kept=True)
    assert (await buy(client, buyer)).status_code == 503
    assert (await buy(client, buyer)).status_code == 503
    later = time.time() + stripe_calls.KEY_SECONDS
    monkeypatch.setattr("helpninja_app.billing.stripe_calls.time.time", lambda: later)
    assert (await buy(client, buyer)).status_code == 200


@pytest.mark.parametrize("days", [0, 2])
async def test_a_customer_whose_row_was_lost_is_not_made_again(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin, days: int
) -> None:
    """Stripe forgets an idempotency key after a day, and its search knows what is older than a minute."""
    twin.add_customer("other@example.com", {"workspace_id": "01980000-0000-7000-8000-000000000000"})
    await buyer.top_up(client)
    made = await buyer.customer()
    twin.advance(days=days)
    async with buyer.resources.database.unit_of_work() as session:
        await session.execute(text("delete from stripe_customers where id = :id"), {"id": made})
    await buyer.top_up(client)
    assert await buyer.customer() == made
    assert len(twin.state.customers) == 2


@pytest.mark.parametrize("is_named", [True, False])
async def test_what_was_ignored_while_the_customer_was_lost_is_worked_on_when_asked(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin, *, is_named: bool
) -> None:
    twin.complete_checkout(await buyer.top_up(client))
    [paid] = [each for each in await buyer.events() if each["type"] == "checkout.session.completed"]
    async with buyer.resources.database.unit_of_work() as session:
        await session.execute(text("delete from stripe_customers where id = :id"), {"id": paid_by(paid)})
    await buyer.hear([paid])
    assert (await buyer.detail(paid))[0] == "ignored"
    await buyer.top_up(client)
    settings, said = buyer.resources.settings, list[str]()
    # By itself it is left alone: an account that sells other things has many of these.
    await replay_events(settings, None, said.append)
    assert (await buyer.detail(paid))[0] == "ignored"
    await replay_events(settings, [paid["id"]] if is_named else None, said.append, with_ignored=not is_named)
    assert f"{paid['id']}: done. 1,000 credits were added." in said
    assert (await buyer.usage()).topped_up == 1_000


def paid_by(event: dict[str, Any]) -> str:
    return str(event["data"]["object"]["customer"])


async def test_where_stripe_does_not_search_a_customer_is_made_all_the_same(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    twin.api.faults.append(Fault("status", "customers/search", 400))
    assert await buyer.top_up(client)
    assert len(twin.state.customers) == 1


async def test_no_post_goes_without_an_idempotency_key_of_ours(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    twin.complete_checkout(await buyer.checkout(client))
    await buyer.hear()
    cashier = buyer.resources.cashier(await buyer.caller())
    await cashier.cancel_plan()
    await cashier.keep_plan()
    await cashier.portal_link()
    await cashier.buy_plan("agency", "year")
    assert (twin.state.posts_without_key, twin.state.posts_with_random_key) == ([], [])


async def test_a_key_that_is_wrong_is_told_to_the_log_alone(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources, twin: StripeTwin
) -> None:
    wrong = settings_of(twin) | {"stripe_secret_key": SecretStr("sk_test_wrong")}
    async with with_resources(**wrong) as opened:
        buyer = await make_buyer(factory, opened, twin)
        refused = await buy(client, buyer)
    assert refused.status_code == 503
    assert "sk_test" not in refused.text


async def test_a_workspace_that_is_removed_pays_no_more(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    twin.complete_checkout(await buyer.checkout(client))
    await buyer.hear()
    await buyer.expire()
    twin.fail_next(9, status=500)
    await remove_expired_workspaces(buyer.resources)
    assert await buyer.plan() == "pro"
    twin.api.faults.clear()
    await remove_expired_workspaces(buyer.resources)
    assert [each["status"] for each in twin.state.subscriptions.values()] == ["canceled"]
    with pytest.raises(NoResultFound):
        await buyer.plan()


async def test_a_workspace_that_is_removed_pays_for_nothing_that_somebody_added_by_hand(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    twin.complete_checkout(await buyer.checkout(client))
    await buyer.hear()
    twin.add_subscription(await buyer.customer(), "price_agency_monthly")
    await buyer.expire()
    await remove_expired_workspaces(buyer.resources)
    assert [each["status"] for each in twin.state.subscriptions.values()] == ["canceled", "canceled"]


async def test_of_a_deleted_workspace_nothing_that_is_paid_is_renewed(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    twin.complete_checkout(await buyer.checkout(client))
    await buyer.hear()
    # The newest counts.
    twin.advance(seconds=60)
    twin.add_subscription(await buyer.customer(), "price_agency_monthly")
    # Stripe cancels none with a change ahead.
    twin.schedule(next(iter(twin.state.subscriptions)), "price_starter_monthly")
    seen = []
    for is_deleted in (True, False):
        await change_deletion(client, buyer, is_deleted=is_deleted)
        await end_plans_of_deleted_workspaces(buyer.resources)
        seen.append([each["cancel_at_period_end"] for each in twin.state.subscriptions.values()])
    # What was paid beside the plan that counts stays cancelled.
    assert seen == [[True, True], [True, False]]


async def change_deletion(client: httpx.AsyncClient, buyer: Buyer, *, is_deleted: bool) -> None:
    path, slug = f"/api/workspaces/{buyer.tenant.id}", buyer.tenant.workspace.slug
    changed = await (
        client.request("DELETE", path, json={"confirm": slug}, headers=buyer.headers)
        if is_deleted
        else client.post(f"{path}/restore", headers=buyer.headers)
    )
    assert changed.status_code == 200


async def test_the_plan_of_a_deleted_workspace_is_not_renewed_unless_it_is_brought_back(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    twin.complete_checkout(await buyer.checkout(client))
    await buyer.hear()
    [subscription] = twin.state.subscriptions.values()
    for is_deleted in (True, False, True):
        await change_deletion(client, buyer, is_deleted=is_deleted)
        # Of this one alone: those that other tests deleted would be tried for minutes.
        twin.fail_next(100, status=500, path=subscription["id"])
        await end_plans_of_deleted_workspaces(buyer.resources)
        assert subscription["cancel_at_period_end"] is not is_deleted
        twin.api.faults.clear()
        await end_plans_of_deleted_workspaces(buyer.resources)
        assert subscription["cancel_at_period_end"] is is_deleted
        calls = len(twin.state.calls)
        await end_plans_of_deleted_workspaces(buyer.resources)
        assert len(twin.state.calls) == calls


async def test_a_change_that_deleting_took_back_is_told_to_whoever_brings_the_workspace_back(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    twin.complete_checkout(await buyer.checkout(client, "agency"))
    await buyer.hear()
    [subscription] = twin.state.subscriptions.values()
    twin.schedule(subscription["id"], "price_starter_monthly")
    await buyer.hear()
    for is_deleted in (True, False):
        await change_deletion(client, buyer, is_deleted=is_deleted)
        await end_plans_of_deleted_workspaces(buyer.resources)
        assert subscription["cancel_at_period_end"] is is_deleted
    assert subscription["schedule"] is None
    answer = await client.get(f"/api/workspaces/{buyer.tenant.id}/audit", headers=buyer.headers)
    told = [(each["action"], each["subject"], each["actorName"]) for each in answer.json()["events"]]
    assert ("plan.change_dropped", "starter", "Billing") in told


async def test_a_plan_that_its_owner_had_cancelled_stays_so_when_the_workspace_is_brought_back(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    twin.complete_checkout(await buyer.checkout(client))
    await buyer.hear()
    await buyer.resources.cashier(await buyer.caller()).cancel_plan()
    for is_deleted in (True, False):
        await change_deletion(client, buyer, is_deleted=is_deleted)
        await end_plans_of_deleted_workspaces(buyer.resources)
    assert [each["cancel_at_period_end"] for each in twin.state.subscriptions.values()] == [True]


async def test_an_event_that_failed_waits_and_is_worked_on_again(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    twin.complete_checkout(await buyer.checkout(client))
    [paid] = [each for each in await buyer.events() if each["type"] == "checkout.session.completed"]
    twin.fail_next(9, status=500)
    with pytest.raises(Unavailable):
        await buyer.hear([paid])
    assert (await buyer.detail(paid))[0] == "waiting"
    twin.api.faults.clear()
    await buyer.hear([paid])
    assert (await buyer.detail(paid))[0] == "done"
    assert await buyer.plan() == "pro"


async def test_what_nobody_could_take_is_fetched_from_stripe(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    twin.complete_checkout(await buyer.checkout(client))
    said: list[str] = []
    stripe = buyer.resources.need_stripe()
    new = await catch_up(buyer.resources.database, buyer.resources.queue, stripe)
    again = await catch_up(buyer.resources.database, buyer.resources.queue, stripe)
    await replay_events(buyer.resources.settings, None, said.append)
    assert (new > 0, again) == (True, 0)
    assert await buyer.plan() == "pro"
    assert said[-1].endswith("events were worked on.")


async def fetch(buyer: Buyer) -> int:
    """What was missed; that nothing is missed any more is asked as well."""
    stripe, database = buyer.resources.need_stripe(), buyer.resources.database
    new = await catch_up(database, buyer.resources.queue, stripe)
    assert await catch_up(database, buyer.resources.queue, stripe) == 0
    return new


async def kept(buyer: Buyer) -> list[str]:
    async with buyer.resources.database.unit_of_work() as session:
        found = await session.execute(text("select id from stripe_events"))
        return list(found.scalars())


def pages_read(twin: StripeTwin) -> int:
    """Of the list of events, since the last time."""
    read = sum(call.path.endswith("/events") for call in twin.state.calls)
    twin.state.calls.clear()
    return read


@pytest.fixture
async def long_ago(client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin) -> Buyer:
    """Who bought a plan three weeks ago, which is known, and cancelled it while nobody was there."""
    twin.clock.shift = -21 * 86_400
    twin.complete_checkout(await buyer.checkout(client))
    async with buyer.resources.database.unit_of_work() as session:
        await session.execute(text("delete from stripe_events"))
    await buyer.hear([each for each in await buyer.events() if each["type"] in HANDLED])
    twin.clock.shift = -20 * 86_400
    [subscription] = twin.state.subscriptions
    await buyer.resources.need_stripe().gateway.cancel(subscription)
    return buyer


async def test_what_was_sent_during_weeks_in_which_nobody_was_there_is_fetched(
    long_ago: Buyer, twin: StripeTwin
) -> None:
    twin.clock.shift = 0
    # The first that comes again tells nothing of what was before.
    new = twin.update_subscription(next(iter(twin.state.subscriptions)), {"metadata": {"w": "1"}})
    await long_ago.hear([twin.events("customer.subscription.updated")[-1]])
    assert new["status"] == "canceled"
    assert await fetch(long_ago) == 1
    [ended] = twin.events("customer.subscription.deleted")
    assert ended["id"] in await kept(long_ago)


async def test_what_is_older_than_the_first_event_that_came_is_left_alone(
    long_ago: Buyer, twin: StripeTwin
) -> None:
    async with long_ago.resources.database.unit_of_work() as session:
        await session.execute(text("delete from stripe_events"))
    assert await fetch(long_ago) == 0


@pytest.mark.parametrize("stops_after", [None, 150])
async def test_weeks_are_fetched_page_by_page_and_what_is_known_is_not_looked_through_again(
    long_ago: Buyer, twin: StripeTwin, monkeypatch: pytest.MonkeyPatch, stops_after: int | None
) -> None:
    [subscription] = twin.state.subscriptions
    for number in range(350):
        twin.clock.shift = (-20 * 86_400) + number * 3_600
        twin.update_subscription(subscription, {"metadata": {"w": str(number)}})
    twin.clock.shift = 0
    pages_read(twin)
    if stops_after is not None:
        await break_off_after(long_ago, monkeypatch, stops_after)
        assert pages_read(twin) == 4
    missed = 351 - (stops_after or 0)
    assert await catch_up_once(long_ago) == missed
    # All that is older than three days is known: a page of it is enough.
    pages_read(twin)
    assert await catch_up_once(long_ago) == 0
    assert pages_read(twin) == 1


async def catch_up_once(buyer: Buyer) -> int:
    own = buyer.resources
    return await catch_up(own.database, own.queue, own.need_stripe())


async def break_off_after(buyer: Buyer, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Catch up until the process dies after so many events."""
    keep, calls = stripe_inbox.keep_event, iter(range(count))

    async def keep_some(*arguments: Any, **named: Any) -> bool:
        if next(calls, None) is None:
            raise RuntimeError("killed")
        return await keep(*arguments, **named)

    with monkeypatch.context() as patched:
        patched.setattr(stripe_inbox, "keep_event", keep_some)
        with pytest.raises(RuntimeError, match="killed"):
            await catch_up_once(buyer)


async def test_parked_events_are_tried_again_after_a_while_or_when_asked(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    twin.complete_checkout(await buyer.checkout(client))
    [paid] = [each for each in await buyer.events() if each["type"] == "checkout.session.completed"]
    await buyer.hear([paid])
    resources = buyer.resources
    async with resources.database.unit_of_work() as session:
        await session.execute(text("update stripe_events set state = 'parked' where id = :id"), paid)
        soon = await try_again(session, resources.queue)
        await session.execute(
            text("update stripe_events set finished_at = now() - interval '11 minutes' where id = :id"), paid
        )
        later = await try_again(session, resources.queue)
        await session.execute(text("update stripe_events set state = 'parked' where id = :id"), paid)
        asked = await replay(session, resources.queue, [paid["id"]], is_live=False)
    assert (soon, later, asked) == (0, 1, 1)
