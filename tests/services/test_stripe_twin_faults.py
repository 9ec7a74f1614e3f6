"""Faults of the network and of Stripe itself, and idempotency keys, which make them harmless."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import stripe

from tests.services.stripe_clients import open_client, running_shop
from tests.twins.stripe import StripeTwin


@pytest.fixture
def twin() -> Iterator[StripeTwin]:
    with running_shop() as running:
        yield running


@pytest.fixture
def client(twin: StripeTwin) -> Iterator[stripe.StripeClient]:
    with open_client(twin) as opened:
        yield opened


def post(twin: StripeTwin, key: str, email: str, path: str = "/v1/customers") -> httpx.Response:
    headers = {"Authorization": f"Bearer {twin.api_key}", "Idempotency-Key": key}
    return httpx.post(twin.url + path, data={"email": email}, headers=headers)


def test_the_same_key_gets_the_same_answer_and_does_nothing_again(twin: StripeTwin) -> None:
    first, again = (post(twin, "k1", "a@example.com") for _ in range(2))
    assert again.json() == first.json()
    assert (first.headers.get("idempotent-replayed"), again.headers["idempotent-replayed"]) == (None, "true")
    assert len(twin.state.customers) == 1


def test_the_answer_is_replayed_as_it_was(twin: StripeTwin, client: stripe.StripeClient) -> None:
    made = post(twin, "k1", "a@example.com").json()
    client.v1.customers.update(made["id"], {"email": "b@example.com"})
    assert post(twin, "k1", "a@example.com").json()["email"] == "a@example.com"


def test_the_same_key_for_something_else_is_refused(client: stripe.StripeClient) -> None:
    client.v1.customers.create({"name": "A"}, {"idempotency_key": "k1"})
    with pytest.raises(stripe.IdempotencyError) as refused:
        client.v1.customers.create({"name": "B"}, {"idempotency_key": "k1"})
    assert refused.value.http_status == 400


def test_a_key_is_forgotten_after_a_day(twin: StripeTwin) -> None:
    first = post(twin, "k1", "a@example.com").json()["id"]
    twin.advance(days=1, seconds=1)
    assert post(twin, "k1", "a@example.com").json()["id"] != first


def test_what_was_refused_does_not_use_up_its_key(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.create({"email": "nobody"}, {"idempotency_key": "k1"})
    assert client.v1.customers.create({"name": "A"}, {"idempotency_key": "k1"}).name == "A"


def test_a_key_in_use_is_a_conflict(twin: StripeTwin) -> None:
    goes_on = twin.hold(path="/customers")
    first: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: first.append(post(twin, "k1", "a@example.com")))
    thread.start()
    while not twin.api.hanging:
        time.sleep(0.01)
    second = post(twin, "k1", "a@example.com")
    goes_on.set()
    thread.join()
    assert (second.status_code, second.json()["error"]["code"]) == (409, "idempotency_key_in_use")
    assert first[0].status_code == 200


def test_posts_without_a_key_of_their_own_are_written_down(
    twin: StripeTwin, client: stripe.StripeClient
) -> None:
    httpx.post(f"{twin.url}/v1/customers", headers={"Authorization": f"Bearer {twin.api_key}"})
    client.v1.customers.create({"name": "A"})
    client.v1.customers.create({"name": "B"}, {"idempotency_key": "k1"})
    assert [call.params for call in twin.state.posts_without_key] == [{}]
    assert [call.params for call in twin.state.posts_with_random_key] == [{"name": "A"}]


def test_the_version_of_each_call_is_written_down(twin: StripeTwin, client: stripe.StripeClient) -> None:
    client.v1.customers.list()
    assert twin.state.calls[0].version == "2026-10-28.endive"


@pytest.mark.parametrize(
    ("status", "error"), [(500, stripe.APIError), (503, stripe.APIError), (429, stripe.RateLimitError)]
)
def test_a_failure_is_stripes_and_changes_nothing(
    twin: StripeTwin, client: stripe.StripeClient, status: Any, error: type[Exception]
) -> None:
    twin.fail_next(2, status=status, path="/v1/customers$")
    for _ in range(2):
        with pytest.raises(error):
            client.v1.customers.create()
    assert twin.state.customers == {}
    assert client.v1.customers.create().id in twin.state.customers


def test_other_paths_do_not_fail(twin: StripeTwin, client: stripe.StripeClient) -> None:
    twin.fail_next(1, path="/v1/invoices")
    assert client.v1.customers.list().data == []


def test_a_client_that_repeats_gets_through(twin: StripeTwin) -> None:
    twin.fail_next(1, status=503)
    with open_client(twin, retries=1) as client:
        assert client.v1.customers.create().id.startswith("cus_")


def test_a_call_that_hangs_is_worked_on_all_the_same(twin: StripeTwin) -> None:
    goes_on = twin.hold(path="/customers")
    with open_client(twin, timeout=0.2) as client, pytest.raises(stripe.APIConnectionError):
        client.v1.customers.create()
    while not twin.api.hanging:
        time.sleep(0.01)
    goes_on.set()
    while twin.api.hanging:
        time.sleep(0.01)
    assert len(twin.state.customers) == 1


def test_an_answer_that_is_lost_is_there_for_the_same_key(
    twin: StripeTwin, client: stripe.StripeClient
) -> None:
    twin.drop_connection_after_commit("/v1/customers")
    with pytest.raises(stripe.APIConnectionError):
        client.v1.customers.create({"name": "A"}, {"idempotency_key": "k1"})
    again = client.v1.customers.create({"name": "A"}, {"idempotency_key": "k1"})
    assert [again.id] == list(twin.state.customers)
