"""Signatures as in Standard Webhooks, and when a delivery is tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpninja_app.integrations.retries import MAX_ATTEMPTS, delay_after
from helpninja_app.integrations.signatures import key_of, new_secret, sign, verify

# The example that the libraries of Standard Webhooks are tested with.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
AT = datetime.fromtimestamp(1614265330, UTC)
BODY = b'{"test": 2432232314}'
HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}


def test_the_published_example_is_signed_as_published() -> None:
    assert sign([SECRET], HEADERS["webhook-id"], AT, BODY) == HEADERS


def test_the_published_example_is_right() -> None:
    assert verify([SECRET], HEADERS, BODY, now=AT)


@pytest.mark.parametrize("seconds", [-301, 301])
def test_an_old_or_future_signature_is_wrong(seconds: int) -> None:
    assert not verify([SECRET], HEADERS, BODY, now=AT + timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [-300, 300])
def test_clocks_may_differ_by_five_minutes(seconds: int) -> None:
    assert verify([SECRET], HEADERS, BODY, now=AT + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "msg_other"},
        {"webhook-id": ""},
        {"webhook-timestamp": "1614265331"},
        {"webhook-timestamp": "x"},
        {"webhook-timestamp": "9" * 400},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": HEADERS["webhook-signature"].replace("v1,", "v2,")},
        {"webhook-signature": "v1,é"},
    ],
)
def test_what_was_changed_is_wrong(change: dict[str, str]) -> None:
    assert not verify([SECRET], HEADERS | change, BODY, now=AT)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_no_other_body_is_right(body: bytes, other: bytes) -> None:
    headers = sign([SECRET], "msg_1", AT, body)
    assert verify([SECRET], headers, other, now=AT) == (body == other)


def test_while_a_secret_is_rotated_both_verify() -> None:
    old, new = new_secret(), new_secret()
    headers = sign([new, old], "msg_1", AT, BODY)
    assert verify([old], headers, BODY, now=AT)
    assert verify([new], headers, BODY, now=AT)
    assert not verify([new_secret()], headers, BODY, now=AT)


def test_a_new_secret_is_256_bits_and_another_each_time() -> None:
    assert len(key_of(new_secret())) == 32
    assert new_secret() != new_secret()


def test_a_secret_without_its_prefix_signs_as_it_stands() -> None:
    assert key_of("a plain text") == b"a plain text"


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_not base64!"])
def test_a_secret_that_is_none_signs_nothing(secret: str) -> None:
    with pytest.raises(ValueError, match=r"secret|base64"):
        sign([secret], "msg_1", AT, BODY)


def test_an_id_that_could_be_read_in_two_ways_is_not_signed() -> None:
    with pytest.raises(ValueError, match="dot"):
        sign([SECRET], "msg.1", AT, BODY)


def test_a_delivery_is_tried_again_after_2_4_8_to_60_minutes() -> None:
    minutes = [delay_after(attempt).total_seconds() / 60 for attempt in range(1, MAX_ATTEMPTS + 1)]
    assert minutes == [2, 4, 8, 16, 32, 60, 60, 60, 60, 60]


def test_there_is_no_attempt_before_the_first() -> None:
    with pytest.raises(ValueError, match="first"):
        delay_after(0)
