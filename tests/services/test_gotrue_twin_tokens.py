"""The twin's tokens, errors and faults, as Supabase's real client and a plain verifier see them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pydantic
import pytest
from supabase_auth.errors import AuthApiError, AuthInvalidJwtError, AuthRetryableError

from tests.services.supabase_clients import code_of, open_auth
from tests.twins.gotrue import ATTACKS, Gotrue, running_gotrue

# GoTrue asks neither who issued a token of its own keys nor for whom: another verifier has to.
UNSEEN_BY_GOTRUE = {
    "issuer of another project",
    "audience of something else",
    "not yet valid",
    "crit header nobody knows",
}


@pytest.fixture
def gotrue() -> Iterator[Gotrue]:
    with running_gotrue() as running:
        yield running


def read(gotrue: Gotrue, token: str) -> dict[str, Any]:
    """A careful verifier: one algorithm, a key by its kid, issuer, audience and lifetime."""
    kid = jwt.get_unverified_header(token).get("kid")
    key = {each["kid"]: each for each in gotrue.keys.jwks()["keys"]}[kid]
    return jwt.decode(
        token,
        jwt.PyJWK(key),
        algorithms=[gotrue.keys.current.algorithm],
        audience="authenticated",
        issuer=gotrue.issuer,
        options={"require": ["exp", "sub"]},
    )


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "HS256"])
async def test_an_access_token_says_what_gotrue_says(algorithm: str) -> None:
    with running_gotrue(algorithm=algorithm) as gotrue:
        user = gotrue.add_user("ada@example.com", metadata={"name": "Ada"})
        token = gotrue.sign_in(user)["access_token"]
        async with open_auth(gotrue) as auth:
            answer = await auth.get_claims(token)
        asked = gotrue.count("user")
    assert answer
    claims: dict[str, Any] = dict(answer["claims"])
    assert claims["iss"] == f"{gotrue.url}/auth/v1"
    assert (claims["sub"], claims["aud"], claims["role"]) == (user.id, "authenticated", "authenticated")
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["amr"][0]["method"] == "password"
    assert claims["user_metadata"]["name"] == "Ada"
    assert claims["session_id"] in gotrue.sessions
    # The client itself can only check key pairs; for a shared secret it has to ask.
    assert asked == (1 if algorithm == "HS256" else 0)


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_no_forged_token_gets_past_a_careful_verifier(algorithm: str) -> None:
    with running_gotrue(algorithm=algorithm) as gotrue:
        user = gotrue.add_user("ada@example.com")
        assert read(gotrue, gotrue.forge(user))["sub"] == user.id
        passed = []
        for name in ATTACKS:
            try:
                read(gotrue, gotrue.attack(name, user))
            except (jwt.InvalidTokenError, KeyError):
                continue
            passed.append(name)
    assert not passed


@pytest.mark.parametrize("name", [name for name in ATTACKS if name not in UNSEEN_BY_GOTRUE])
async def test_a_forged_token_is_nobody_to_gotrue_and_nothing_is_fetched(gotrue: Gotrue, name: str) -> None:
    user = gotrue.add_user("ada@example.com")
    async with open_auth(gotrue) as auth:
        with pytest.raises(AuthApiError) as refused:
            await auth.get_user(gotrue.attack(name, user))
    assert code_of(refused.value) == (403, "bad_jwt")
    assert gotrue.count("hostile/") == 0


async def test_after_a_rotation_old_tokens_hold_until_their_key_is_revoked(gotrue: Gotrue) -> None:
    user, old_key = gotrue.add_user("ada@example.com"), gotrue.keys.current
    old = gotrue.sign_in(user)["access_token"]
    new_key = gotrue.keys.rotate("RS256")
    new = gotrue.sign_in(user)["access_token"]
    assert jwt.get_unverified_header(new)["kid"] == new_key.kid
    async with open_auth(gotrue) as auth:
        assert await auth.get_claims(old)
        assert await auth.get_claims(new)
        gotrue.keys.revoke(old_key)
        with pytest.raises(AuthApiError) as refused:
            await auth.get_user(old)
    assert code_of(refused.value) == (403, "bad_jwt")
    async with open_auth(gotrue) as auth:
        with pytest.raises(AuthInvalidJwtError):
            await auth.get_claims(old)


async def test_an_access_token_ends_by_the_twins_clock(gotrue: Gotrue) -> None:
    token = gotrue.sign_in(gotrue.add_user("ada@example.com"))["access_token"]
    gotrue.advance(3601)
    async with open_auth(gotrue) as auth:
        with pytest.raises(AuthApiError) as refused:
            await auth.get_user(token)
    assert code_of(refused.value) == (403, "bad_jwt")


async def test_errors_have_the_shape_of_the_version_asked_for(gotrue: Gotrue) -> None:
    body = {"email": "ada@example.com", "password": "wrong"}
    url = f"{gotrue.issuer}/token?grant_type=password"
    async with httpx.AsyncClient(headers={"apikey": gotrue.anon_key}) as http:
        new = await http.post(url, json=body, headers={"X-Supabase-Api-Version": "2024-01-01"})
        old = await http.post(url, json=body)
    said = "Invalid login credentials"
    assert new.json() == {"code": "invalid_credentials", "message": said}
    assert new.headers["x-supabase-api-version"] == "2024-01-01"
    assert old.json() == {"code": 400, "error_code": "invalid_credentials", "msg": said}


async def test_the_gateway_wants_a_key_except_where_browsers_and_verifiers_come(gotrue: Gotrue) -> None:
    async with httpx.AsyncClient(base_url=gotrue.issuer) as http:
        without = await http.get("/settings")
        wrong = await http.get("/settings", headers={"apikey": "sb_publishable_wrong"})
        by_query = await http.get("/settings", params={"apikey": gotrue.publishable_key})
        assert (await http.get("/.well-known/jwks.json")).status_code == 200
    assert without.status_code == wrong.status_code == 401
    assert without.json()["message"] == "No API key found in request"
    assert wrong.json()["message"] == "Invalid API key"
    assert by_query.json()["external"]["google"]
    assert not by_query.json()["mailer_autoconfirm"]


async def test_limits_are_told_apart(gotrue: Gotrue) -> None:
    gotrue.add_user("ada@example.com")
    async with open_auth(gotrue) as auth:
        gotrue.settings.email_limit = 0
        with pytest.raises(AuthApiError) as mails:
            await auth.sign_in_with_otp({"email": "ada@example.com"})
        gotrue.settings.email_limit, gotrue.settings.email_interval = None, 60
        await auth.sign_in_with_otp({"email": "ada@example.com"})
        with pytest.raises(AuthApiError) as pause:
            await auth.sign_in_with_otp({"email": "ada@example.com"})
        gotrue.settings.request_limit = 0
        with pytest.raises(AuthApiError) as requests:
            await auth.sign_in_with_password({"email": "ada@example.com", "password": "wrong"})
    assert code_of(mails.value) == code_of(pause.value) == (429, "over_email_send_rate_limit")
    assert code_of(requests.value) == (429, "over_request_rate_limit")


@pytest.mark.parametrize("kind", ["reset", "lost", "truncated"])
async def test_a_connection_that_breaks_can_be_tried_again(gotrue: Gotrue, kind: Any) -> None:
    token = gotrue.sign_in(gotrue.add_user("ada@example.com"))["refresh_token"]
    gotrue.fail("token", kind=kind)
    async with open_auth(gotrue) as auth:
        with pytest.raises(AuthRetryableError) as broken:
            await auth.refresh_session(token)
        assert broken.value.status == 0
        assert len(gotrue.refresh_tokens) == (1 if kind == "reset" else 2)
        assert (await auth.refresh_session(token)).session
    assert gotrue.count("token?grant_type=refresh_token", "POST") == 2
    assert len(gotrue.refresh_tokens) == 2


async def test_a_server_in_trouble_says_so_once_for_each_fault(gotrue: Gotrue) -> None:
    token = gotrue.sign_in(gotrue.add_user("ada@example.com"))["access_token"]
    gotrue.fail("user", status=503, times=2)
    gotrue.fail("user", status=500)
    async with open_auth(gotrue) as auth:
        for _ in range(2):
            with pytest.raises(AuthRetryableError) as away:
                await auth.get_user(token)
            assert away.value.status == 503
        with pytest.raises(AuthApiError) as broken:
            await auth.get_user(token)
        assert code_of(broken.value) == (500, "unexpected_failure")
        assert await auth.get_user(token)


async def test_an_answer_that_is_no_json_is_no_auth_error_to_the_client(gotrue: Gotrue) -> None:
    token = gotrue.sign_in(gotrue.add_user("ada@example.com"))["access_token"]
    gotrue.fail(kind="malformed")
    async with open_auth(gotrue) as auth:
        with pytest.raises(pydantic.ValidationError):
            await auth.get_user(token)


async def test_a_slow_answer_is_longer_than_a_client_waits(gotrue: Gotrue) -> None:
    gotrue.fail("health", kind="slow", delay=0.5)
    impatient = httpx.Timeout(30, read=0.1)
    async with httpx.AsyncClient(headers={"apikey": gotrue.anon_key}, timeout=impatient) as http:
        with pytest.raises(httpx.ReadTimeout):
            await http.get(f"{gotrue.issuer}/health")
    async with httpx.AsyncClient(headers={"apikey": gotrue.anon_key}) as http:
        assert (await http.get(f"{gotrue.issuer}/health")).json()["name"] == "GoTrue"
