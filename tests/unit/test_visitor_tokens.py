"""Visitor tokens: what proves a session, and everything that does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt
import pytest

from helpninja_app.accounts.visitors import (
    RENEWAL_PERIOD,
    TOKEN_LIFETIME,
    _derived,
    check_session_id,
    new_session_id,
    sign_visitor,
    verify_visitor,
)
from helpninja_app.errors import Invalid, NotSignedIn

KEY = "k3y-for-tests-0123456789-abcdefghijk"
WORKSPACE, OTHER = UUID(int=1), UUID(int=2)
SESSION = "session-12345678"


def test_a_token_proves_its_session_in_its_workspace() -> None:
    signed = sign_visitor(KEY, WORKSPACE, SESSION)
    assert verify_visitor(KEY, signed.token, WORKSPACE) == SESSION
    assert timedelta(0) < signed.expires_at - datetime.now(UTC) <= TOKEN_LIFETIME


def test_a_token_proves_nothing_in_another_workspace_or_under_another_key() -> None:
    token = sign_visitor(KEY, WORKSPACE, SESSION).token
    with pytest.raises(NotSignedIn, match="another workspace"):
        verify_visitor(KEY, token, OTHER)
    with pytest.raises(NotSignedIn, match="not valid"):
        verify_visitor(KEY[::-1], token, WORKSPACE)


@pytest.mark.parametrize(
    ("age", "counts", "renews"),
    [
        (TOKEN_LIFETIME - timedelta(minutes=1), True, True),
        (TOKEN_LIFETIME + timedelta(minutes=1), False, True),
        (TOKEN_LIFETIME + RENEWAL_PERIOD - timedelta(minutes=1), False, True),
        (TOKEN_LIFETIME + RENEWAL_PERIOD + timedelta(minutes=1), False, False),
    ],
)
def test_an_expired_token_only_renews_and_not_for_ever(age: timedelta, counts: bool, renews: bool) -> None:
    token = sign_visitor(KEY, WORKSPACE, SESSION, now=datetime.now(UTC) - age).token
    for for_renewal, expected in ((False, counts), (True, renews)):
        if expected:
            assert verify_visitor(KEY, token, WORKSPACE, for_renewal=for_renewal) == SESSION
        else:
            with pytest.raises(NotSignedIn, match="expired"):
                verify_visitor(KEY, token, WORKSPACE, for_renewal=for_renewal)


@pytest.mark.parametrize("workspace", ["demo", "", 7, None, ["x"]])
def test_a_signed_token_of_no_workspace_is_refused(workspace: object) -> None:
    claims = jwt.decode(sign_visitor(KEY, WORKSPACE, SESSION).token, options={"verify_signature": False})
    token = jwt.encode(claims | {"ws": workspace}, _derived(KEY), algorithm="HS256")
    with pytest.raises(NotSignedIn, match="not valid"):
        verify_visitor(KEY, token, WORKSPACE)


@pytest.mark.parametrize("kind", ["alg none", "bare key", "tampered", "empty", "no token", "no UTF-8"])
@pytest.mark.parametrize("for_renewal", [False, True])
def test_a_forged_token_is_refused(kind: str, for_renewal: bool) -> None:
    good = sign_visitor(KEY, WORKSPACE, SESSION).token
    claims = jwt.decode(good, options={"verify_signature": False})
    header, payload, signature = good.split(".")
    other_payload = sign_visitor(KEY, WORKSPACE, "another-session").token.split(".")[1]
    forged = {
        "alg none": jwt.encode(claims, "", algorithm="none"),
        "bare key": jwt.encode(claims, KEY, algorithm="HS256"),
        "tampered": f"{header}.{other_payload}.{signature}",
        "empty": "",
        "no token": f"{header}.{payload}",
        "no UTF-8": "\xff.\xfe.\xfd",
    }[kind]
    with pytest.raises(NotSignedIn):
        verify_visitor(KEY, forged, WORKSPACE, for_renewal=for_renewal)


@pytest.mark.parametrize(
    "bad", ["", "short", "x" * 129, "with blank 1", "newline-123\n", "ünïcode-12", "a/b/c/d/e"]
)
def test_a_session_id_that_no_widget_makes_is_invalid(bad: str) -> None:
    with pytest.raises(Invalid):
        check_session_id(bad)


def test_new_session_ids_are_sound_and_differ() -> None:
    made = {check_session_id(new_session_id()) for _ in range(100)}
    assert len(made) == 100
