"""What Stripe sends over HTTP: each recorded event, and a whole life out of order and more than once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import text

from bench.last_credits import api_over_http
from helpninja_app.answers.answerers import Answerers
from helpninja_app.billing.stripe_inbox import HANDLED
from helpninja_app.jobs import tasks
from helpninja_app.kernel.embedded_postgres import Urls
from helpninja_app.kernel.queue import stop
from helpninja_app.knowledge.embedding.hashing import HashingEmbedder
from helpninja_app.resources import open_resources
from helpninja_app.runtime import keep_working
from tests.buying import Buyer, make_buyer
from tests.conftest import make_settings
from tests.factories import Factory
from tests.stripe_shop import settings_of
from tests.twins.stripe import StripeTwin, recording
from tests.twins.stripe.recording import FOLDER

# As the recorded events name them.
PRICES = {
    "stripe_price_starter_monthly": "price_starter_month",
    "stripe_price_pro_monthly": "price_pro_month",
    "stripe_price_topup_1000": "price_top_up_1000",
}
TOPPED_UP = "checkout.session.completed.topup"
SCHEDULED = [f"subscription_schedule.{name}" for name in recording.SCHEDULED]
# The subscription's status, the plan and the credits that each leads to; of 15 dollars 4 were refunded.
LEADS_TO: dict[str, tuple[str | None, str, int]] = {
    "checkout.session.completed": ("active", "pro", 0),
    TOPPED_UP: (None, "free", 1_000),
    "checkout.session.async_payment_succeeded": (None, "free", 1_000),
    "customer.subscription.created": ("incomplete", "free", 0),
    "customer.subscription.updated": ("active", "pro", 0),
    "customer.subscription.deleted": ("canceled", "free", 0),
    "invoice.paid": ("active", "pro", 0),
    "invoice.payment_failed": ("unpaid", "free", 0),
    "charge.refunded": (None, "free", 734),
    "charge.dispute.created": (None, "free", 0),
    "charge.dispute.funds_withdrawn": (None, "free", 0),
    "charge.dispute.closed": (None, "free", 0),
    "refund.updated": (None, "free", 734),
    # The four dollars came back.
    "refund.failed": (None, "free", 1_000),
    **dict.fromkeys(SCHEDULED, ("active", "pro", 0)),
}


def recorded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return found


@pytest.fixture
async def buyer(file_urls: Urls, twin: StripeTwin, tmp_path: Path) -> AsyncIterator[Buyer]:
    """Who buys at recorded prices, where nothing came yet."""
    with psycopg.connect(file_urls.superuser, autocommit=True) as connection:
        connection.execute("truncate stripe_events, stripe_customers, procrastinate_jobs cascade")
    settings = make_settings(file_urls, tmp_path, **settings_of(twin) | PRICES | {"unlimited": False})
    twin.add_price("price_starter_month", 29_00, name="HelpNinja Starter")
    twin.add_price("price_pro_month", 99_00, name="HelpNinja Pro")
    twin.add_price("price_top_up_1000", 15_00, None, name="1,000 credits")
    async with open_resources(
        settings, file_urls.app, tasks=tasks, embedder=HashingEmbedder(), answerers=Answerers()
    ) as opened:
        worker = asyncio.create_task(keep_working(opened))
        yield await make_buyer(Factory(opened), opened, twin)
        await stop(worker)


@pytest.fixture
async def client(buyer: Buyer) -> AsyncIterator[httpx.AsyncClient]:
    """Calls the API over HTTP, as Stripe does."""
    async with api_over_http() as url, httpx.AsyncClient(base_url=url, timeout=60) as made:
        buyer.twin.deliver_to = f"{url}/api/webhooks/stripe"
        yield made


async def all_worked_on(buyer: Buyer) -> dict[str, str]:
    """The states of all events by id, once none waits."""
    async with asyncio.timeout(60):
        while True:
            async with buyer.resources.database.unit_of_work() as session:
                found = await session.execute(text("select id, state from stripe_events"))
                states = {str(id): str(state) for id, state in found}
            if states and "waiting" not in states.values():
                return states
            await asyncio.sleep(0.05)


async def know(buyer: Buyer, name: str) -> None:
    """Have Stripe know what a recorded event is about, of this buyer's customer."""
    state, about = buyer.twin.state, recorded(name)["data"]["object"]
    match about["object"]:
        case "checkout.session":
            state.sessions[about["id"]] = about | {"client_reference_id": str(buyer.tenant.id)}
            price = PRICES[
                "stripe_price_topup_1000" if about["mode"] == "payment" else "stripe_price_pro_monthly"
            ]
            state.orders[about["id"]] = {"items": [{"price": state.prices[price], "quantity": 1}]}
            intent = about["payment_intent"]
            state.payment_intents[str(intent)] = {
                "id": intent,
                "object": "payment_intent",
                "latest_charge": None,
            }
        case "subscription":
            state.subscriptions[about["id"]] = about
        case "invoice":
            state.invoices[about["id"]] = about
        case "charge":
            state.charges[about["id"]] = about
        case "dispute":
            state.disputes[about["id"]] = about
        case "refund":
            state.refunds[about["id"]] = about
        case "subscription_schedule":
            state.schedules[about["id"]] = about
    if about.get("customer"):
        known = {"id": about["customer"], "object": "customer", "created": 0, "email": "a@example.com"}
        state.customers[about["customer"]] = known
        async with buyer.resources.database.unit_of_work() as session:
            await session.execute(
                text(
                    "insert into stripe_customers (id, workspace_id) values (:id, :w) on conflict do nothing"
                ),
                {"id": about["customer"], "w": buyer.tenant.id},
            )


async def post(client: httpx.AsyncClient, buyer: Buyer, name: str) -> str:
    """Deliver a recorded event, and wait until it was worked on; its state."""
    body, headers = buyer.twin.signed((FOLDER / f"{name}.json").read_bytes())
    answer = await client.post("/api/webhooks/stripe", content=body, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"received": True})
    return (await all_worked_on(buyer))[recorded(name)["id"]]


def test_each_recorded_event_is_delivered_here() -> None:
    assert set(LEADS_TO) == {path.stem for path in FOLDER.glob("*.json")}
    assert {name.removesuffix(".topup") for name in LEADS_TO} == set(HANDLED)


@pytest.mark.parametrize("name", LEADS_TO)
async def test_a_recorded_event_is_taken_and_does_what_its_type_says(
    client: httpx.AsyncClient, buyer: Buyer, name: str
) -> None:
    if name.startswith(("charge.", "refund.")):
        await know(buyer, TOPPED_UP)
        await know(buyer, "charge.refunded")
        await know(buyer, "refund.updated")
        assert await post(client, buyer, TOPPED_UP) == "done"
    if name in ("checkout.session.completed", "invoice.paid", *SCHEDULED):
        await know(buyer, "customer.subscription.updated")
    if name == "invoice.payment_failed":
        await know(buyer, "customer.subscription.updated")
        for each in buyer.twin.state.subscriptions.values():
            each["status"] = "unpaid"
    await know(buyer, name)
    assert await post(client, buyer, name) == "done"
    subscription = await buyer.subscription()
    status = subscription.status if subscription else None
    assert (status, await buyer.plan(), (await buyer.usage()).topped_up) == LEADS_TO[name]
    assert await buyer.mistakes() == []


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_what_comes_out_of_order_and_three_times_ends_in_the_right_plan_and_credits(
    client: httpx.AsyncClient, buyer: Buyer, twin: StripeTwin, seed: int
) -> None:
    twin.reorder(seed)
    twin.duplicates = 2
    twin.complete_checkout(await buyer.checkout(client, "starter"))
    twin.complete_checkout(await buyer.top_up(client, 1000))
    await deliver(twin)
    charges = [each["data"]["object"] for each in twin.events("charge.succeeded")]
    twin.refund(next(each["id"] for each in charges if each["amount"] == 15_00), 7_50)
    [subscription] = twin.state.subscriptions.values()
    item = subscription["items"]["data"][0]["id"]
    twin.update_subscription(subscription["id"], {"items": [{"id": item, "price": "price_pro_month"}]})
    await deliver(twin)
    states = await all_worked_on(buyer)
    assert {each["id"] for each in twin.events()} == set(states)
    assert set(states.values()) == {"done", "ignored"}
    assert (await buyer.plan(), (await buyer.usage()).topped_up) == ("pro", 500)
    assert await buyer.mistakes() == []


async def deliver(twin: StripeTwin) -> None:
    """Send all that is held, shuffled and three times each."""
    held = [each["id"] for each in twin.held_events()]
    attempts = await asyncio.to_thread(twin.flush)
    sent = [each.event for each in attempts]
    assert {each.status for each in attempts} == {200}
    assert sorted(sent) == sorted(held * 3)
    assert sent != [each for each in held for _ in range(3)]
