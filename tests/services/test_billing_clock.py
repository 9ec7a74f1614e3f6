"""What billing does by the clock alone: months begin, and what Stripe sent or nobody did is taken up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from sqlalchemy import text

from helpninja_app import jobs
from helpninja_app.billing.deadlines import meet_deadlines
from helpninja_app.billing.ledger import lock_account
from helpninja_app.billing.models import Unit
from helpninja_app.billing.plans import HasPlan, Plan
from helpninja_app.billing.stripe_inbox import finish, keep_event
from helpninja_app.billing.stripe_objects import event_ref
from helpninja_app.resources import Resources
from tests.buying import Buyer, NoQueue, make_buyer
from tests.factories import Factory
from tests.twins.stripe import StripeTwin

PAID = "checkout.session.completed"


async def pay(client: httpx.AsyncClient, buyer: Buyer) -> dict[str, Any]:
    """The event of a plan that was paid, which nobody told."""
    buyer.twin.complete_checkout(await buyer.checkout(client))
    [paid] = [each for each in await buyer.events() if each["type"] == PAID]
    return paid


async def make_due(buyer: Buyer, minutes: int) -> None:
    """Have something due in the buyer's workspace for so long."""
    async with buyer.resources.database.unit_of_work(buyer.tenant.scope) as session:
        await lock_account(session, buyer.tenant.id, Unit.CREDIT)
        await session.execute(
            text(
                "update billing_deadlines set due_at = now() - make_interval(mins => :minutes)"
                " where workspace_id = :id"
            ),
            {"minutes": minutes, "id": buyer.tenant.id},
        )


async def is_due(buyer: Buyer) -> bool:
    return await asked(buyer, "select due_at < now() from billing_deadlines where workspace_id = :id") is True


async def asked(buyer: Buyer, query: str, **named: object) -> object:
    async with buyer.resources.database.unit_of_work() as session:
        found = await session.execute(text(query), {"id": buyer.tenant.id} | named)
        return found.scalar_one_or_none()


async def jobs_of(buyer: Buyer, event: dict[str, Any]) -> object:
    return await asked(
        buyer, "select count(*) from procrastinate_jobs where args->>'event_id' = :event", event=event["id"]
    )


async def until(happened: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(30):
        while not await happened():
            await asyncio.sleep(0.05)


async def test_months_begin_and_what_stripe_sent_comes_by_the_clock_alone(
    client: httpx.AsyncClient, buyer: Buyer, monkeypatch: Any
) -> None:
    paid = await pay(client, buyer)
    # Long ago: where a month has begun for all that other tests left behind, this workspace is the first.
    await make_due(buyer, 2_000_000)
    # As often as this test can wait for.
    monkeypatch.setattr(jobs, "TICKS", tuple((tick, 0.2) for tick, _ in jobs.TICKS))
    clock = jobs.make_clock(buyer.resources)
    clock.start()
    try:
        await until(lambda: jobs_of(buyer, paid))
        await until(lambda: _not(is_due(buyer)))
    finally:
        clock.shutdown(wait=False)
    assert await jobs_of(buyer, paid) == 1


async def _not(asked_for: Awaitable[bool]) -> bool:
    return not await asked_for


async def test_of_two_clocks_that_tick_at_once_one_does_the_work(buyer: Buyer) -> None:
    begun, go_on, calls = asyncio.Event(), asyncio.Event(), list[Resources]()

    async def work(resources: Resources) -> None:
        calls.append(resources)
        begun.set()
        if len(calls) == 1:
            await go_on.wait()

    first = asyncio.create_task(jobs._tick(buyer.resources, work))
    await begun.wait()
    await jobs._tick(buyer.resources, work)
    assert len(calls) == 1
    go_on.set()
    await first
    await jobs._tick(buyer.resources, work)
    assert len(calls) == 2


async def test_an_event_whose_job_was_lost_is_worked_on_after_ten_minutes(
    client: httpx.AsyncClient, buyer: Buyer
) -> None:
    paid = await pay(client, buyer)
    async with buyer.resources.database.unit_of_work() as session:
        await keep_event(session, NoQueue(), event_ref(paid), is_live=False)
    await jobs.fetch_stripe_events(buyer.resources)
    assert await jobs_of(buyer, paid) == 0
    async with buyer.resources.database.unit_of_work() as session:
        await session.execute(
            text("update stripe_events set received_at = now() - interval '11 minutes' where id = :id"), paid
        )
    await jobs.fetch_stripe_events(buyer.resources)
    assert await jobs_of(buyer, paid) == 1


async def test_an_event_that_is_done_stays_done_when_another_try_of_it_fails_later(
    client: httpx.AsyncClient, buyer: Buyer
) -> None:
    paid = await pay(client, buyer)
    await buyer.hear([paid])
    async with buyer.resources.database.unit_of_work() as session:
        await finish(session, paid["id"], "parked", "Stripe cannot be reached right now.")
    assert await buyer.detail(paid) == ("done", "active: the pro plan counts.")


async def test_a_workspace_whose_deadline_fails_keeps_no_other_waiting(
    buyer: Buyer, twin: StripeTwin
) -> None:
    other = await make_buyer(Factory(buyer.resources), buyer.resources, twin)
    await make_due(buyer, 2_000_000)
    await make_due(other, 1_000_000)
    calls = list[HasPlan]()

    def plan_of(terms: HasPlan) -> Plan:
        calls.append(terms)
        if len(calls) == 1:
            raise RuntimeError("of the first")
        return buyer.resources.plan_of(terms)

    await meet_deadlines(buyer.resources.database, buyer.resources.queue, plan_of)
    assert (await is_due(buyer), await is_due(other)) == (True, False)


async def test_a_payment_that_failed_is_heard_of_by_its_invoice_alone(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin
) -> None:
    await buyer.hear([await pay(client, buyer)])
    twin.cards[await buyer.customer()] = "declining"
    twin.advance(days=32)
    [failed, *_] = [each for each in await buyer.events() if each["type"] == "invoice.payment_failed"]
    await buyer.hear([failed])
    assert (await buyer.detail(failed))[0] == "done"
    subscription = await buyer.subscription()
    assert subscription is not None
    assert subscription.status == "past_due"
