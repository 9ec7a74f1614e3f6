"""What the twin tells of: the right events for each change, signed, delivered in every order and number."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from helpninja_app.billing.stripe_inbox import HANDLED
from tests.services.stripe_clients import Listener, listening, open_client, running_shop
from tests.twins.stripe import API_VERSION, StripeTwin, sign
from tests.twins.stripe.recording import FOLDER, record
from tests.twins.stripe.shapes import Obj


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


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as opened:
        yield opened


def charge_of(twin: StripeTwin, customer: str) -> str:
    twin.add_subscription(customer, "price_small")
    return list(twin.state.charges)[-1]


def ids(bodies: list[bytes]) -> list[str]:
    return [json.loads(body)["id"] for body in bodies]


def verify(twin: StripeTwin, body: bytes, signature: str, secret: str | None = None) -> stripe.Event:
    event = stripe.Webhook.construct_event(body, signature, secret or twin.webhook_secret)
    assert isinstance(event, stripe.Event)
    return event


def test_a_first_payment_tells_of_everything_it_made(twin: StripeTwin, client: stripe.StripeClient) -> None:
    session = client.v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "line_items": [{"price": "price_small", "quantity": 1}],
            "success_url": "http://helpninja.test",
        }
    )
    twin.complete_checkout(session.id)
    assert [event["type"] for event in twin.events() if event["type"] != "customer.updated"] == [
        "customer.created",
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.paid",
        "invoice.payment_succeeded",
        "customer.subscription.updated",
        "checkout.session.completed",
    ]


def test_a_change_says_what_was_before(twin: StripeTwin, client: stripe.StripeClient, customer: str) -> None:
    made = twin.add_subscription(customer, "price_small")["id"]
    client.v1.subscriptions.update(made, {"metadata": {"w": "1"}})
    assert twin.events("customer.subscription.updated")[-1]["data"]["previous_attributes"] == {
        "metadata": {"w": None}
    }


def test_an_event_names_its_request_and_version(
    twin: StripeTwin, client: stripe.StripeClient, customer: str
) -> None:
    client.v1.customers.update(customer, {"name": "Ada"}, {"idempotency_key": "rename-1"})
    event = twin.events("customer.updated")[-1]
    assert (event["request"]["idempotency_key"], event["api_version"]) == ("rename-1", API_VERSION)


@pytest.mark.parametrize(("amount", "is_all"), [(500, False), (2000, True), (None, True)])
def test_a_refund_is_told_of_with_the_charge(
    twin: StripeTwin, customer: str, amount: int | None, is_all: bool
) -> None:
    twin.refund(charge_of(twin, customer), amount)
    data = twin.events("charge.refunded")[0]["data"]
    assert (data["object"]["refunded"], data["previous_attributes"]["amount_refunded"]) == (is_all, 0)


def test_more_than_was_paid_is_not_refunded(
    twin: StripeTwin, client: stripe.StripeClient, customer: str
) -> None:
    charge = charge_of(twin, customer)
    client.v1.refunds.create({"charge": charge, "amount": 1500})
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
        client.v1.refunds.create({"charge": charge, "amount": 501})
    intent = str(client.v1.charges.retrieve(charge).payment_intent)
    assert client.v1.refunds.create({"payment_intent": intent}).amount == 500
    with pytest.raises(stripe.InvalidRequestError, match="already been refunded"):
        client.v1.refunds.create({"charge": charge})


@pytest.mark.parametrize("outcome", ["won", "lost"])
def test_a_dispute_is_opened_and_closed(
    twin: StripeTwin, client: stripe.StripeClient, customer: str, outcome: Any
) -> None:
    charge = charge_of(twin, customer)
    dispute = twin.dispute(charge)["id"]
    twin.close_dispute(dispute, outcome)
    told = [
        twin.events(f"charge.dispute.{name}")[0]["data"]["object"]["status"] for name in ("created", "closed")
    ]
    assert told == ["needs_response", outcome]
    assert (client.v1.disputes.retrieve(dispute).charge, client.v1.charges.retrieve(charge).disputed) == (
        charge,
        True,
    )


def test_webhooks_come_in_order_and_are_signed(twin: StripeTwin, listener: Listener, customer: str) -> None:
    twin.deliver_to = listener.url
    twin.flush()
    twin.add_subscription(customer, "price_small")
    twin.flush()
    received = [
        verify(twin, body, signature).id
        for body, signature in zip(listener.bodies, listener.signatures, strict=True)
    ]
    assert received == [event["id"] for event in twin.events()]
    assert twin.held_events() == []


def test_while_a_secret_is_rolled_both_verify(twin: StripeTwin, customer: str) -> None:
    twin.webhook_secrets.append("whsec_next")
    body, headers = twin.signed(twin.events()[0])
    for secret in twin.webhook_secrets:
        assert verify(twin, body, headers["Stripe-Signature"], secret).type == "customer.created"


@pytest.mark.parametrize(
    ("secret", "age", "tail"), [("whsec_wrong", 0, b""), (None, 301, b""), (None, 0, b" ")], ids=str
)
def test_what_is_forged_or_old_does_not_verify(
    twin: StripeTwin, customer: str, secret: str | None, age: int, tail: bytes
) -> None:
    body, headers = twin.signed(twin.events()[0], secret=secret, timestamp=int(time.time()) - age)
    with pytest.raises(stripe.SignatureVerificationError):
        verify(twin, body + tail, headers["Stripe-Signature"])


def test_any_body_can_be_signed(twin: StripeTwin) -> None:
    body = b'{"id": "evt_1", "object": "event"}'
    assert verify(twin, body, sign(body, twin.webhook_secret, int(time.time()))).id == "evt_1"


def test_without_an_address_events_are_held(twin: StripeTwin, customer: str) -> None:
    assert [event["type"] for event in twin.held_events()] == ["customer.created"]
    with pytest.raises(RuntimeError):
        twin.flush()


def test_every_event_comes_again_as_often_as_asked(twin: StripeTwin, listener: Listener) -> None:
    twin.deliver_to, twin.duplicates = listener.url, 2
    made = twin.add_customer()
    twin.flush()
    assert ids(listener.bodies) == [twin.events()[0]["id"]] * 3
    assert made["id"] in listener.bodies[2].decode()


def test_a_seed_says_in_which_order_events_come(twin: StripeTwin, listener: Listener, customer: str) -> None:
    twin.deliver_to = listener.url
    twin.flush()
    listener.bodies.clear()
    twin.reorder(7)
    twin.add_subscription(customer, "price_small")
    sent = [event["id"] for event in twin.held_events()]
    twin.flush()
    assert ids(listener.bodies) != sent
    assert sorted(ids(listener.bodies)) == sorted(sent)


def test_an_event_comes_late_unless_it_is_hurried(twin: StripeTwin, listener: Listener) -> None:
    twin.deliver_to, twin.delay = listener.url, 60
    twin.add_customer()
    early = len(listener.bodies)
    twin.flush()
    assert (early, len(listener.bodies)) == (0, 1)


@pytest.mark.parametrize("status", [500, 400, 302])
def test_an_event_comes_again_until_it_is_taken(twin: StripeTwin, listener: Listener, status: int) -> None:
    listener.statuses.extend([status] * 2)
    twin.deliver_to = listener.url
    twin.add_customer()
    twin.flush()
    assert [attempt.status for attempt in twin.attempts] == [status, status, 200]
    assert len(set(ids(listener.bodies))) == 1


def test_what_nobody_takes_is_held_and_sent_by_the_next_flush(twin: StripeTwin, listener: Listener) -> None:
    listener.statuses.extend([503] * 4)
    twin.deliver_to = listener.url
    twin.add_customer()
    twin.flush()
    held = len(twin.held_events())
    assert [(held, attempt.status) for attempt in twin.flush()] == [(1, 200)]


def test_one_event_is_delivered_on_demand(twin: StripeTwin, listener: Listener, customer: str) -> None:
    twin.deliver_to = listener.url
    assert twin.deliver(twin.events()[0], times=2) == [200, 200]
    assert twin.deliver(b"not json", secret="whsec_wrong") == [200]
    assert listener.bodies[2] == b"not json"


def test_who_gets_a_webhook_may_ask_the_twin(
    twin: StripeTwin, listener: Listener, client: stripe.StripeClient
) -> None:
    seen: list[Any] = []
    listener.on_post = lambda body: seen.append(client.v1.events.retrieve(json.loads(body)["id"]).type)
    twin.deliver_to = listener.url
    client.v1.customers.create()
    twin.flush()
    assert seen == ["customer.created"]


RECORDED = sorted(path.stem for path in FOLDER.glob("*.json"))


def shape(value: Any) -> Any:
    """The keys, all the way down; of a list, those of its first element."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in sorted(value.items())}
    return [shape(value[0])] if isinstance(value, list) and value else None


@pytest.fixture(scope="module")
def emitted() -> dict[str, Obj]:
    return record()


def test_each_event_that_the_product_handles_is_recorded() -> None:
    assert {name.removesuffix(".topup") for name in RECORDED} == set(HANDLED)


@pytest.mark.parametrize("name", RECORDED)
def test_a_recording_has_the_shape_of_what_the_twin_emits(name: str, emitted: dict[str, Obj]) -> None:
    recorded = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    assert shape(recorded) == shape(emitted[name])
    assert (recorded["type"], recorded["api_version"]) == (name.removesuffix(".topup"), API_VERSION)
