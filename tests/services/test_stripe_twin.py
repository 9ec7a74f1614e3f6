"""Stripe's real client gets from the twin what it gets from Stripe: keys, errors, objects, lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import stripe

from tests.services.stripe_clients import CANCEL, SUCCESS, open_client, running_shop
from tests.twins.stripe import StripeTwin


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


def order(**changes: Any) -> Any:
    return {
        "mode": "subscription",
        "line_items": [{"price": "price_small", "quantity": 1}],
        "success_url": SUCCESS,
        "cancel_url": CANCEL,
    } | changes


def test_a_wrong_key_is_refused_by_name(twin: StripeTwin) -> None:
    with (
        open_client(twin, key="sk_test_wrong") as stranger,
        pytest.raises(stripe.AuthenticationError, match="Invalid API Key provided"),
    ):
        stranger.v1.customers.list()


def test_a_call_without_a_key_is_refused(twin: StripeTwin) -> None:
    answer = httpx.get(f"{twin.url}/v1/customers")
    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "invalid_request_error")


def test_a_customer_is_created_read_and_changed(client: stripe.StripeClient) -> None:
    made = client.v1.customers.create({"email": "a@example.com", "metadata": {"a": "1", "b": "2"}})
    client.v1.customers.update(made.id, {"name": "Ada", "metadata": {"b": "", "c": "3"}})
    read = client.v1.customers.retrieve(made.id)
    assert (read.email, read.name, read.metadata and read.metadata.to_dict()) == (
        "a@example.com",
        "Ada",
        {"a": "1", "c": "3"},
    )


def test_a_deleted_customer_is_left_without_subscription(
    twin: StripeTwin, client: stripe.StripeClient, customer: str
) -> None:
    subscription = twin.add_subscription(customer, "price_small")["id"]
    client.v1.customers.delete(customer)
    assert client.v1.subscriptions.retrieve(subscription).status == "canceled"


@pytest.mark.parametrize(
    ("ask", "code", "status"),
    [
        (lambda c: c.v1.customers.retrieve("cus_none"), "resource_missing", 404),
        (lambda c: c.v1.checkout.sessions.create(order(customer="cus_none")), "resource_missing", 400),
        (
            lambda c: c.v1.checkout.sessions.create(order(line_items=[{"price": "price_none"}])),
            "resource_missing",
            400,
        ),
        (lambda c: c.v1.customers.create({"emial": "a@example.com"}), "parameter_unknown", 400),
        (lambda c: c.v1.customers.create({"email": "nobody"}), "email_invalid", 400),
        (lambda c: c.v1.checkout.sessions.create({"mode": "payment"}), "parameter_missing", 400),
        (lambda c: c.v1.subscriptions.cancel("sub_none"), "resource_missing", 404),
    ],
)
def test_an_impossible_call_has_stripes_status_and_code(
    client: stripe.StripeClient, ask: Any, code: str, status: int
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        ask(client)
    assert (refused.value.code, refused.value.http_status) == (code, status)


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": "payment"},
        {"line_items": [{"price": "price_pack", "quantity": 1}]},
        {"payment_intent_data": {"metadata": {"a": "1"}}},
        {"mode": "setup"},
        {"success_url": "/billing"},
        {"metadata": {"a": "x" * 501}},
        {"metadata": {"k" * 41: "1"}},
        {"customer": "cus_any", "customer_email": "a@example.com"},
        {"line_items": [{"price": "price_small", "quantity": "many"}]},
    ],
)
def test_an_order_that_makes_no_sense_is_refused(client: stripe.StripeClient, changes: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.checkout.sessions.create(order(**changes))


@pytest.mark.parametrize(
    "ask",
    [
        lambda c: c.v1.checkout.sessions.create(order(discounts=[{"coupon": "half"}])),
        lambda c: c.v1.checkout.sessions.create(order(subscription_data={"trial_end": 2_000_000_000})),
    ],
)
def test_what_the_twin_does_not_do_is_said(client: stripe.StripeClient, ask: Any) -> None:
    with pytest.raises(stripe.StripeError) as refused:
        ask(client)
    assert refused.value.http_status == 501


def test_prices_are_found_by_id_and_listed(client: stripe.StripeClient) -> None:
    price = client.v1.prices.retrieve("price_year", {"expand": ["product"]})
    assert (price.unit_amount, price.recurring and price.recurring.interval) == (50000, "year")
    assert isinstance(price.product, stripe.Product)
    assert [one.id for one in client.v1.prices.list({"type": "one_time"}).data] == ["price_pack"]


def test_a_session_is_open_with_its_page_and_what_it_was_given(
    client: stripe.StripeClient, customer: str
) -> None:
    asked = order(customer=customer, client_reference_id="w1", metadata={"a": "1"})
    session = client.v1.checkout.sessions.create(asked)
    assert session.id.startswith("cs_test_")
    assert (session.status, session.payment_status, session.url and session.id in session.url) == (
        "open",
        "unpaid",
        True,
    )
    assert (session.client_reference_id, session.metadata and session.metadata["a"]) == ("w1", "1")


def test_the_items_of_a_session_are_expanded_or_listed(client: stripe.StripeClient) -> None:
    session = client.v1.checkout.sessions.create(order())
    read = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["line_items"]})
    listed = client.v1.checkout.sessions.line_items.list(session.id)
    assert "line_items" not in session.to_dict()
    assert read.line_items
    assert [[one.price and one.price.id for one in page.data] for page in (read.line_items, listed)] == [
        ["price_small"],
        ["price_small"],
    ]


def test_what_cannot_be_expanded_is_refused(client: stripe.StripeClient) -> None:
    session = client.v1.checkout.sessions.create(order())
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        client.v1.checkout.sessions.retrieve(session.id, {"expand": ["status"]})


def test_an_expired_session_cannot_be_paid_or_expired_again(
    twin: StripeTwin, client: stripe.StripeClient
) -> None:
    session = client.v1.checkout.sessions.create(order())
    assert client.v1.checkout.sessions.expire(session.id).status == "expired"
    assert not twin.complete_checkout(session.id)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.checkout.sessions.expire(session.id)


def test_a_paid_session_made_a_subscription_with_its_metadata(
    twin: StripeTwin, client: stripe.StripeClient
) -> None:
    session = client.v1.checkout.sessions.create(order(subscription_data={"metadata": {"w": "1"}}))
    twin.complete_checkout(session.id, email="ada@example.com")
    read = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription.latest_invoice"]})
    assert isinstance(read.subscription, stripe.Subscription)
    invoice = read.subscription.latest_invoice
    assert isinstance(invoice, stripe.Invoice)
    assert (read.status, read.payment_status, read.url) == ("complete", "paid", None)
    assert (read.subscription.status, read.subscription.metadata["w"]) == ("active", "1")
    assert (invoice.status, invoice.amount_paid) == ("paid", 2000)


def test_a_paid_pack_is_a_payment_with_a_charge_that_carry_its_metadata(
    twin: StripeTwin, client: stripe.StripeClient
) -> None:
    session = client.v1.checkout.sessions.create(
        order(
            mode="payment",
            line_items=[{"price": "price_pack", "quantity": 2}],
            payment_intent_data={"metadata": {"w": "1"}},
            invoice_creation={"enabled": True},
            customer=twin.add_customer("ada@example.com")["id"],
        )
    )
    twin.complete_checkout(session.id)
    read = client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent.latest_charge", "invoice"]}
    )
    assert isinstance(read.payment_intent, stripe.PaymentIntent)
    charge = read.payment_intent.latest_charge
    assert isinstance(charge, stripe.Charge)
    assert isinstance(read.invoice, stripe.Invoice)
    assert (charge.amount, charge.status, charge.metadata["w"]) == (3000, "succeeded", "1")
    assert (read.invoice.status, read.invoice.total, read.invoice.parent) == ("paid", 3000, None)


def test_a_payment_leads_to_its_invoice(twin: StripeTwin, client: stripe.StripeClient, customer: str) -> None:
    invoice = twin.add_subscription(customer, "price_small")["latest_invoice"]
    intent = client.v1.payment_intents.list({"customer": customer}).data[0].id
    asked: Any = {"payment": {"type": "payment_intent", "payment_intent": intent}}
    assert [one.invoice for one in client.v1.invoice_payments.list(asked).data] == [invoice]


def test_objects_have_the_shape_of_their_api_version(
    twin: StripeTwin, client: stripe.StripeClient, customer: str
) -> None:
    made = twin.add_subscription(customer, "price_small")
    subscription = client.v1.subscriptions.retrieve(made["id"]).to_dict()
    invoice = client.v1.invoices.retrieve(made["latest_invoice"]).to_dict()
    assert "current_period_end" not in subscription
    assert subscription["items"]["data"][0]["current_period_end"] > subscription["created"]
    assert not {"subscription", "charge", "payment_intent", "paid"} & invoice.keys()
    assert invoice["parent"]["subscription_details"]["subscription"] == made["id"]


@pytest.mark.parametrize(("status", "count"), [(None, 1), ("all", 2), ("canceled", 1), ("past_due", 0)])
def test_subscriptions_are_listed_by_status(
    twin: StripeTwin, client: stripe.StripeClient, customer: str, status: Any, count: int
) -> None:
    for _ in range(2):
        twin.add_subscription(customer, "price_small")
    twin.add_subscription(twin.add_customer()["id"], "price_small")
    client.v1.subscriptions.cancel(client.v1.subscriptions.list({"customer": customer}).data[0].id)
    asked: Any = {"customer": customer} | ({"status": status} if status else {})
    assert len(client.v1.subscriptions.list(asked).data) == count


@pytest.mark.parametrize("status", ["active", "trialing", "past_due", "canceled", "incomplete", "unpaid"])
def test_a_subscription_can_be_put_into_every_state(
    twin: StripeTwin, client: stripe.StripeClient, customer: str, status: str
) -> None:
    made = twin.add_subscription(customer, "price_small")["id"]
    twin.set_status(made, status)
    assert client.v1.subscriptions.retrieve(made).status == status


def test_invoices_are_listed_newest_first_page_by_page(
    twin: StripeTwin, client: stripe.StripeClient, customer: str
) -> None:
    twin.add_subscription(customer, "price_small")
    twin.advance(days=70)
    first = client.v1.invoices.list({"customer": customer, "limit": 2})
    everything = list(first.auto_paging_iter())
    assert (len(first.data), first.has_more, len(everything)) == (2, True, 3)
    assert [one.number and one.number[-4:] for one in everything] == ["0003", "0002", "0001"]


@pytest.mark.parametrize("limit", [0, 101])
def test_a_page_has_1_to_100_rows(client: stripe.StripeClient, limit: int) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.invoices.list({"limit": limit})


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"types": ["customer.created", "invoice.paid"]}, {"customer.created", "invoice.paid"}),
        ({"type": "charge.*"}, {"charge.succeeded"}),
        ({"type": "invoice.paid", "created": {"gte": 1}}, {"invoice.paid"}),
        ({"created": {"gte": 99_999_999_999}}, set()),
    ],
)
def test_events_are_listed_by_type_and_time(
    twin: StripeTwin, client: stripe.StripeClient, customer: str, asked: Any, found: set[str]
) -> None:
    twin.add_subscription(customer, "price_small")
    assert {event.type for event in client.v1.events.list(asked).data} == found


def test_events_are_read_on_from_the_last_one(
    twin: StripeTwin, client: stripe.StripeClient, customer: str
) -> None:
    twin.add_subscription(customer, "price_small")
    everything = [event["id"] for event in twin.events()]
    paged = client.v1.events.list({"limit": 3})
    assert [event.id for event in paged.auto_paging_iter()] == everything[::-1]
    assert client.v1.events.retrieve(everything[0]).type == "customer.created"


def test_events_older_than_30_days_are_gone(
    twin: StripeTwin, client: stripe.StripeClient, customer: str
) -> None:
    twin.advance(days=31)
    assert client.v1.events.list().data == []
