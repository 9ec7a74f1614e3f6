"""The form of Supabase's cookies, held against values that its clients for JavaScript would write."""

from __future__ import annotations

import base64
import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpninja_app.accounts.supabase.cookies import (
    CHUNK,
    cookie_name,
    names_of,
    read_session,
    read_text,
    write_session,
    write_text,
)

NAME = "sb-abcdefghij-auth-token"
SESSION = {"access_token": "a.b.c", "refresh_token": "r", "token_type": "bearer"}


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://abcdefghij.supabase.co", NAME),
        ("http://127.0.0.1:54321", "sb-127-auth-token"),
        ("http://localhost:54321", "sb-localhost-auth-token"),
        ("https://auth.example.com", "sb-auth-auth-token"),
    ],
)
def test_the_name_is_that_of_supabases_own_clients(url: str, name: str) -> None:
    assert cookie_name(url) == name


def test_a_short_session_is_one_cookie_of_unpadded_base64url() -> None:
    [(name, value)] = write_session(SESSION, NAME).items()
    assert name == NAME
    encoded = value.removeprefix("base64-")
    assert "=" not in encoded
    assert json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))) == SESSION


def test_a_long_session_is_cut_where_supabases_clients_cut_it() -> None:
    written = write_session(SESSION | {"user": {"name": "x" * 9000}}, NAME)
    assert list(written) == [f"{NAME}.{number}" for number in range(len(written))]
    assert [len(value) for value in written.values()][:-1] == [CHUNK] * (len(written) - 1)
    read = read_session(written, NAME)
    assert read
    assert (read.access_token, read.refresh_token) == ("a.b.c", "r")


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=5000), max_size=4))
def test_what_is_written_is_read_again(extra: dict[str, str]) -> None:
    read = read_session(write_session(extra | SESSION, NAME), NAME)
    assert read
    assert read.access_token == "a.b.c"


@given(st.text(alphabet=string.printable, max_size=200))
def test_nothing_that_a_browser_sends_breaks_the_reading(value: str) -> None:
    for cookies in ({NAME: value}, {NAME: f"base64-{value}"}, {f"{NAME}.0": value, f"{NAME}.2": value}):
        assert read_session(cookies, NAME) is None or "access" in json.dumps(cookies)


@pytest.mark.parametrize(
    "held", [None, [], "text", 5, {"access_token": 1, "refresh_token": "r"}, {"access_token": "a"}]
)
def test_what_is_no_session_is_none(held: object) -> None:
    raw = base64.urlsafe_b64encode(json.dumps(held).encode()).decode().rstrip("=")
    assert read_session({NAME: f"base64-{raw}"}, NAME) is None


def test_json_that_is_nested_too_deeply_is_none() -> None:
    raw = base64.urlsafe_b64encode(b"[" * 200_000).decode().rstrip("=")
    assert read_session({NAME: f"base64-{raw}"}, NAME) is None


def test_only_the_sessions_own_cookies_are_taken_away() -> None:
    held = {NAME: "", f"{NAME}.0": "", f"{NAME}.11": "", f"{NAME}-code-verifier": "", "hn_session": ""}
    assert names_of(held, NAME) == [NAME, f"{NAME}.0", f"{NAME}.11"]


def test_a_text_is_kept_as_supabases_clients_keep_it() -> None:
    assert write_text("verifier", "v") == {"v": "base64-InZlcmlmaWVyIg"}
    assert read_text({"v": "base64-InZlcmlmaWVyIg"}, "v") == "verifier"
    assert read_text({"v": "verifier"}, "v") is None
