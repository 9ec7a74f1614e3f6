"""Stripe fails in the middle of a cancellation: what is told then is true, and our row as Stripe has it."""

from __future__ import annotations

from typing import Any, Literal

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.billing.checkout import HALF_DONE, UNSURE
from helpninja_app.billing.stripe_calls import AWAY
from helpninja_app.errors import Unavailable
from helpninja_app.jobs import end_plans_of_deleted_workspaces
from tests.buying import Buyer
from tests.twins.stripe import StripeTwin

RELEASE, CANCEL = "POST .*/release", "POST /v1/subscriptions/sub_"
# Once, and twice more by the client itself.
TRIES = 3


async def plan_downgrade(client: httpx.AsyncClient, buyer: Buyer) -> dict[str, Any]:
    """The subscription to agency that becomes one to starter."""
    buyer.twin.complete_checkout(await buyer.checkout(client, "agency"))
    [subscription] = buyer.twin.state.subscriptions.values()
    buyer.twin.schedule(subscription["id"], "price_starter_monthly")
    await buyer.hear()
    found = await buyer.subscription()
    assert found is not None
    assert found.next_plan == "starter"
    return subscription


@pytest.mark.parametrize(
    ("path", "told", "next_plan"), [(RELEASE, AWAY, "starter"), (CANCEL, HALF_DONE, None)]
)
async def test_what_is_told_of_a_cancellation_that_failed_is_so(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin, path: str, told: str, next_plan: str | None
) -> None:
    subscription = await plan_downgrade(client, buyer)
    cashier = buyer.resources.cashier(await buyer.caller())
    twin.fail_next(TRIES, path=path)
    with pytest.raises(Unavailable) as failed:
        await cashier.cancel_plan()
    row = await buyer.subscription()
    assert failed.value.detail == told
    assert row is not None
    assert (row.next_plan, row.cancel_at) == (next_plan, None)
    await cashier.cancel_plan()
    assert subscription["cancel_at_period_end"] is True


async def test_a_change_that_has_come_is_not_told_as_taken_back(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    subscription = await plan_downgrade(client, buyer)
    twin.advance(days=31)
    await buyer.hear()
    assert subscription["schedule"] is not None
    twin.fail_next(TRIES, path=CANCEL)
    with pytest.raises(Unavailable) as failed:
        await buyer.resources.cashier(await buyer.caller()).cancel_plan()
    assert failed.value.detail == AWAY


async def test_who_cannot_know_what_was_changed_says_so(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    await plan_downgrade(client, buyer)
    cashier = buyer.resources.cashier(await buyer.caller())
    twin.fail_next(TRIES, path=CANCEL)
    # The first look is before anything is changed.
    twin.hang(0, path="GET /v1/subscriptions$")
    twin.fail_next(TRIES, path="GET /v1/subscriptions$")
    with pytest.raises(Unavailable) as failed:
        await cashier.cancel_plan()
    assert failed.value.detail == UNSURE


async def test_a_deleted_workspace_with_a_planned_change_is_cancelled_when_stripe_is_back(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    subscription = await plan_downgrade(client, buyer)
    deleted = await client.request(
        "DELETE",
        f"/api/workspaces/{buyer.tenant.id}",
        json={"confirm": buyer.tenant.workspace.slug},
        headers=buyer.headers,
    )
    assert deleted.status_code == 200
    twin.fail_next(TRIES, path=CANCEL)
    await end_plans_of_deleted_workspaces(buyer.resources)
    assert (subscription["schedule"], subscription["cancel_at_period_end"]) == (None, False)
    await end_plans_of_deleted_workspaces(buyer.resources)
    assert subscription["cancel_at_period_end"] is True


async def subscribe(client: httpx.AsyncClient, buyer: Buyer) -> None:
    buyer.twin.complete_checkout(await buyer.checkout(client, "pro"))
    await buyer.hear()


async def actions(buyer: Buyer) -> list[str]:
    async with buyer.resources.database.unit_of_work(buyer.tenant.scope) as session:
        found = await session.execute(text("select action from audit_events order by created_at"))
        return list(found.scalars())


@pytest.mark.parametrize("way", ["cancel_at_period_end", "cancel_at"])
async def test_what_was_cancelled_in_the_portal_in_either_way_can_be_kept(
    client: httpx.AsyncClient,
    buyer: Buyer,
    twin: StripeTwin,
    way: Literal["cancel_at_period_end", "cancel_at"],
) -> None:
    await subscribe(client, buyer)
    cashier = buyer.resources.cashier(await buyer.caller())
    twin.portal_cancels_by = way
    twin.use_portal(await cashier.portal_link(), "cancel")
    await cashier.keep_plan()
    row = await buyer.subscription()
    assert row is not None
    assert row.cancel_at is None
    [subscription] = twin.state.subscriptions.values()
    assert subscription["cancel_at"] is None
    assert (await actions(buyer))[-1] == "plan.kept"


async def test_a_date_that_was_set_beside_the_end_of_the_period_is_taken_back_too(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    await subscribe(client, buyer)
    [subscription] = twin.state.subscriptions.values()
    subscription |= {"cancel_at": subscription["created"] + 9 * 86_400, "cancel_at_period_end": False}
    await buyer.resources.cashier(await buyer.caller()).keep_plan()
    assert subscription["cancel_at"] is None


async def test_a_cancellation_whose_answer_was_lost_is_told_as_done(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    await subscribe(client, buyer)
    for _ in range(TRIES):
        twin.drop_connection_after_commit(CANCEL)
    await buyer.resources.cashier(await buyer.caller()).cancel_plan()
    row = await buyer.subscription()
    assert row is not None
    assert row.cancel_at is not None
    assert (await actions(buyer))[-1] == "plan.cancelled"


async def test_a_cancellation_that_cannot_be_read_again_is_told_as_done_and_shown_when_stripe_tells(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    await subscribe(client, buyer)
    # The first look is before anything is changed.
    twin.hang(0, path="GET /v1/subscriptions$")
    twin.fail_next(TRIES, path="GET /v1/subscriptions$")
    await buyer.resources.cashier(await buyer.caller()).cancel_plan()
    assert (await actions(buyer))[-1] == "plan.cancelled"
    row = await buyer.subscription()
    assert row is not None
    assert row.cancel_at is None
    await buyer.hear()
    row = await buyer.subscription()
    assert row is not None
    assert row.cancel_at is not None


async def test_a_plan_kept_after_all_whose_answer_was_lost_is_told_as_kept(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    await subscribe(client, buyer)
    cashier = buyer.resources.cashier(await buyer.caller())
    await cashier.cancel_plan()
    for _ in range(TRIES):
        twin.drop_connection_after_commit(CANCEL)
    await cashier.keep_plan()
    row = await buyer.subscription()
    assert row is not None
    assert row.cancel_at is None
    assert (await actions(buyer))[-1] == "plan.kept"


async def subjects(buyer: Buyer) -> list[tuple[str, str]]:
    """What the owner did, and to which plan."""
    async with buyer.resources.database.unit_of_work(buyer.tenant.scope) as session:
        found = await session.execute(
            text(
                "select action, subject from audit_events where action in ('plan.cancelled', 'plan.kept')"
                " order by created_at"
            )
        )
        return [(action, subject) for action, subject in found]


async def test_the_audit_log_names_the_plan_that_was_cancelled_and_not_the_one_that_counts(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    await subscribe(client, buyer)
    [subscription] = twin.state.subscriptions.values()
    twin.set_status(subscription["id"], "past_due")
    await buyer.hear()
    async with buyer.resources.database.unit_of_work(buyer.tenant.scope) as session:
        await session.execute(text("update subscriptions set past_due_since = now() - interval '8 days'"))
    await buyer.resources.effects_of_stripe().follow_subscription(await buyer.customer())
    assert await buyer.plan() == "free"
    await buyer.resources.cashier(await buyer.caller()).cancel_plan()
    assert await subjects(buyer) == [("plan.cancelled", "pro")]


async def test_the_audit_log_tells_what_changed_and_nothing_that_was_so_before(
    client: httpx.AsyncClient, buyer: Buyer
) -> None:
    await subscribe(client, buyer)
    cashier = buyer.resources.cashier(await buyer.caller())
    for act in (cashier.keep_plan, cashier.cancel_plan, cashier.cancel_plan, cashier.keep_plan):
        await act()
    assert await subjects(buyer) == [("plan.cancelled", "pro"), ("plan.kept", "pro")]


async def test_a_change_that_is_taken_back_is_told_as_a_plan_that_is_kept(
    client: httpx.AsyncClient, buyer: Buyer
) -> None:
    await plan_downgrade(client, buyer)
    await buyer.resources.cashier(await buyer.caller()).keep_plan()
    assert await subjects(buyer) == [("plan.kept", "agency")]


async def test_a_cancellation_that_nobody_could_know_of_is_told_when_it_is_asked_for_again(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    await subscribe(client, buyer)
    cashier = buyer.resources.cashier(await buyer.caller())
    for _ in range(TRIES):
        twin.drop_connection_after_commit(CANCEL)
    # The first look is before anything is changed.
    twin.hang(0, path="GET /v1/subscriptions$")
    twin.fail_next(TRIES, path="GET /v1/subscriptions$")
    with pytest.raises(Unavailable) as unsure:
        await cashier.cancel_plan()
    assert (unsure.value.detail, await subjects(buyer)) == (UNSURE, [])
    await cashier.cancel_plan()
    assert await subjects(buyer) == [("plan.cancelled", "pro")]
