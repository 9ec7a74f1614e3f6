"""Time in the twin: renewals, cards that fail, and everything that is planned for the end of a period."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from tests.services.stripe_clients import open_client, running_shop
from tests.twins.stripe import StripeTwin
from tests.twins.stripe.periods import end_of_period


@pytest.fixture
def twin() -> Iterator[StripeTwin]:
    with running_shop() as running:
        yield running


@pytest.fixture
def client(twin: StripeTwin) -> Iterator[stripe.StripeClient]:
    with open_client(twin) as opened:
        yield opened


@pytest.fixture
def customer(twin: StripeTwin) -> str:
    return str(twin.add_customer("ada@example.com")["id"])


def status_of(twin: StripeTwin, subscription: Any) -> str:
    return str(twin.state.subscriptions[subscription["id"]]["status"])


def period_of(twin: StripeTwin, subscription: Any) -> tuple[int, int]:
    item = twin.state.subscriptions[subscription["id"]]["items"]["data"][0]
    return item["current_period_start"], item["current_period_end"]


def types_after(twin: StripeTwin, count: int) -> list[str]:
    return [event["type"] for event in twin.events()[count:]]


@pytest.mark.parametrize(
    ("interval", "starts", "ends"),
    [
        ("month", ["2026-01-31", "2026-02-28", "2026-03-31"], ["2026-02-28", "2026-03-31", "2026-04-30"]),
        ("year", ["2028-02-29", "2031-02-28"], ["2029-02-28", "2032-02-29"]),
    ],
)
def test_periods_end_on_the_day_of_the_anchor(interval: str, starts: list[str], ends: list[str]) -> None:
    anchor, *_ = seconds = [
        int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) for day in starts
    ]
    found = [end_of_period({"recurring": {"interval": interval}}, anchor, start) for start in seconds]
    assert [f"{datetime.fromtimestamp(end, UTC):%Y-%m-%d}" for end in found] == ends


def test_each_period_is_paid_and_follows_the_last(twin: StripeTwin, customer: str) -> None:
    made = twin.add_subscription(customer, "price_small")
    first = period_of(twin, made)
    twin.advance(days=31 * 3)
    invoices = [(one["status"], one["billing_reason"]) for one in twin.state.invoices.values()]
    assert invoices == [
        ("paid", "subscription_create"),
        *[("paid", "subscription_cycle")] * (len(invoices) - 1),
    ]
    assert len(invoices) >= 3
    assert period_of(twin, made)[0] >= first[1]


def test_a_renewal_tells_of_the_period_and_of_the_money(twin: StripeTwin, customer: str) -> None:
    twin.add_subscription(customer, "price_small")
    count = len(twin.events())
    twin.advance(days=31)
    assert types_after(twin, count) == [
        "invoice.created",
        "customer.subscription.updated",
        "invoice.finalized",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.paid",
        "invoice.payment_succeeded",
    ]


def test_a_declining_card_makes_it_past_due(twin: StripeTwin, customer: str) -> None:
    made = twin.add_subscription(customer, "price_small")
    twin.cards[customer] = "declining"
    start, end = period_of(twin, made)
    twin.advance(seconds=end - start)
    assert status_of(twin, made) == "past_due"
    assert len(twin.events("invoice.payment_failed")) == 1


def test_a_good_card_at_the_next_attempt_makes_it_active(twin: StripeTwin, customer: str) -> None:
    made = twin.add_subscription(customer, "price_small")
    twin.cards[customer] = "declining"
    twin.advance(days=31)
    twin.cards[customer] = "good"
    twin.advance(days=3)
    assert status_of(twin, made) == "active"


@pytest.mark.parametrize("last", ["canceled", "unpaid", "past_due"])
def test_after_the_last_attempt_the_account_decides(twin: StripeTwin, customer: str, last: Any) -> None:
    twin.after_retries = last
    made = twin.add_subscription(customer, "price_small")
    twin.cards[customer] = "declining"
    twin.advance(days=31 + 3 + 5 + 7)
    assert status_of(twin, made) == last
    assert len(twin.events("invoice.payment_failed")) == 4


def test_an_invoice_is_paid_by_a_call(twin: StripeTwin, client: stripe.StripeClient, customer: str) -> None:
    made = twin.add_subscription(customer, "price_small")
    twin.cards[customer] = "declining"
    twin.advance(days=31)
    invoice = twin.state.subscriptions[made["id"]]["latest_invoice"]
    with pytest.raises(stripe.CardError):
        client.v1.invoices.pay(invoice)
    twin.cards[customer] = "good"
    assert client.v1.invoices.pay(invoice).status == "paid"
    with pytest.raises(stripe.InvalidRequestError, match="already paid"):
        client.v1.invoices.pay(invoice)


def test_a_cancelled_plan_lasts_until_the_end_of_its_period(
    twin: StripeTwin, client: stripe.StripeClient, customer: str
) -> None:
    made = twin.add_subscription(customer, "price_small")
    client.v1.subscriptions.update(made["id"], {"cancel_at_period_end": True})
    twin.advance(days=27)
    before = status_of(twin, made)
    twin.advance(days=5)
    assert (before, status_of(twin, made), len(twin.state.invoices)) == ("active", "canceled", 1)


def test_a_planned_downgrade_is_billed_from_the_next_period_on(twin: StripeTwin, customer: str) -> None:
    made = twin.add_subscription(customer, "price_big")
    twin.schedule(made["id"], "price_small")
    twin.advance(days=31)
    assert [one["total"] for one in twin.state.invoices.values()] == [5000, 2000]


def test_a_trial_costs_nothing_until_it_ends(twin: StripeTwin, customer: str) -> None:
    made = twin.add_subscription(customer, "price_small", trial_days=14)
    before = (status_of(twin, made), list(twin.state.charges))
    twin.advance(days=14, seconds=1)
    after = (status_of(twin, made), [one["amount"] for one in twin.state.charges.values()])
    assert (before, after) == (("trialing", []), ("active", [2000]))


@pytest.mark.parametrize(
    ("behavior", "invoices", "next_total"),
    [("always_invoice", 2, 5000), ("create_prorations", 1, 6500), ("none", 1, 5000)],
)
def test_an_upgrade_in_the_middle_is_prorated_as_asked(
    twin: StripeTwin,
    client: stripe.StripeClient,
    customer: str,
    behavior: Any,
    invoices: int,
    next_total: int,
) -> None:
    made = twin.add_subscription(customer, "price_small")
    start, end = period_of(twin, made)
    twin.advance(seconds=(end - start) / 2)
    item = made["items"]["data"][0]["id"]
    client.v1.subscriptions.update(
        made["id"], {"items": [{"id": item, "price": "price_big"}], "proration_behavior": behavior}
    )
    assert len(twin.state.invoices) == invoices
    twin.advance(seconds=(end - start) / 2 + 5)
    assert list(twin.state.invoices.values())[-1]["total"] == pytest.approx(next_total, abs=2)


def test_a_yearly_price_begins_a_new_period_at_once(
    twin: StripeTwin, client: stripe.StripeClient, customer: str
) -> None:
    made = twin.add_subscription(customer, "price_small")
    item = made["items"]["data"][0]["id"]
    client.v1.subscriptions.update(made["id"], {"items": [{"id": item, "price": "price_year"}]})
    start, end = period_of(twin, made)
    assert 365 <= (end - start) / 86400 <= 366
    assert list(twin.state.invoices.values())[-1]["total"] == pytest.approx(48000, abs=5)


def test_an_error_if_incomplete_upgrade_with_a_bad_card_changes_nothing(
    twin: StripeTwin, client: stripe.StripeClient, customer: str
) -> None:
    made = twin.add_subscription(customer, "price_small")
    twin.cards[customer] = "declining"
    item = {"id": made["items"]["data"][0]["id"], "price": "price_big"}
    asked: Any = {"items": [item], "payment_behavior": "error_if_incomplete"}
    with pytest.raises(stripe.CardError):
        client.v1.subscriptions.update(made["id"], asked)
    assert twin.state.subscriptions[made["id"]]["items"]["data"][0]["price"]["id"] == "price_small"


def test_a_checkout_session_expires_after_a_day(twin: StripeTwin, client: stripe.StripeClient) -> None:
    session = client.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "line_items": [{"price": "price_pack", "quantity": 1}],
            "success_url": "http://helpninja.test",
        }
    )
    twin.advance(days=1, seconds=1)
    assert client.v1.checkout.sessions.retrieve(session.id).status == "expired"
    assert len(twin.events("checkout.session.expired")) == 1
