"""The keys behind Supabase's tokens: rotated, withdrawn, out of reach, and asked for no more than needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from helpninja_app.accounts.supabase import tokens
from helpninja_app.accounts.supabase.tokens import TokenVerifier
from helpninja_app.errors import NotSignedIn, Unavailable
from tests.twins.gotrue import ATTACKS, Gotrue, running_gotrue

KEYS = ".well-known"


@pytest.fixture
def gotrue() -> Iterator[Gotrue]:
    with running_gotrue() as running:
        yield running


@pytest.fixture
async def verifier(gotrue: Gotrue) -> AsyncIterator[TokenVerifier]:
    async with httpx.AsyncClient(timeout=5) as http:
        yield TokenVerifier(http, gotrue.url)


def a_token(gotrue: Gotrue) -> str:
    user = gotrue.find("ada@example.com") or gotrue.add_user("ada@example.com")
    return str(gotrue.sign_in(user)["access_token"])


async def test_keys_are_asked_for_once(gotrue: Gotrue, verifier: TokenVerifier) -> None:
    found = [await verifier.verify(token) for token in [a_token(gotrue) for _ in range(5)]]
    assert {claims.email for claims in found} == {"ada@example.com"}
    assert found[0].methods == {"password"}
    assert gotrue.count(KEYS) == 1


async def test_a_crowd_waits_for_one_answer(gotrue: Gotrue, verifier: TokenVerifier) -> None:
    gotrue.fail(KEYS, kind="slow", delay=0.2)
    issued = [a_token(gotrue) for _ in range(20)]
    await asyncio.gather(*(verifier.verify(token) for token in issued))
    assert gotrue.count(KEYS) == 1


async def test_a_new_key_is_learnt_at_its_first_token(
    gotrue: Gotrue, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    await verifier.verify(a_token(gotrue))
    gotrue.keys.rotate("RS256")
    monkeypatch.setattr(tokens, "KEYS_ASKED_AGAIN_SECONDS", 0.0)
    assert (await verifier.verify(a_token(gotrue))).email == "ada@example.com"
    assert gotrue.count(KEYS) == 2


async def test_made_up_keys_do_not_have_supabase_asked_again_and_again(
    gotrue: Gotrue, verifier: TokenVerifier
) -> None:
    await verifier.verify(a_token(gotrue))
    user = gotrue.find("ada@example.com")
    assert user
    for number in range(20):
        with pytest.raises(NotSignedIn):
            await verifier.verify(gotrue.forge(user, header={"kid": f"made-up-{number}"}))
    assert gotrue.count(KEYS) == 1


async def test_a_withdrawn_key_does_not_count_once_the_keys_are_read_again(
    gotrue: Gotrue, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = gotrue.keys.current
    token = a_token(gotrue)
    await verifier.verify(token)
    gotrue.keys.rotate("ES256")
    gotrue.keys.revoke(old)
    monkeypatch.setattr(verifier, "_is_fresh_until", float("-inf"))
    monkeypatch.setattr(tokens, "KEYS_ASKED_AGAIN_SECONDS", 0.0)
    with pytest.raises(NotSignedIn):
        await verifier.verify(token)
    assert verifier.verify_at_hand(token) is None


async def test_without_any_keys_it_is_not_the_visitors_fault(gotrue: Gotrue, verifier: TokenVerifier) -> None:
    token = a_token(gotrue)
    gotrue.fail(KEYS, kind="reset", times=2)
    with pytest.raises(Unavailable):
        await verifier.verify(token)
    # Not asked again at once, and still not the visitor's fault.
    with pytest.raises(Unavailable):
        await verifier.verify(token)
    assert gotrue.count(KEYS) == 1


async def test_known_keys_count_on_while_they_cannot_be_read_again(
    gotrue: Gotrue, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    await verifier.verify(a_token(gotrue))
    monkeypatch.setattr(verifier, "_is_fresh_until", float("-inf"))
    monkeypatch.setattr(tokens, "KEYS_ASKED_AGAIN_SECONDS", 0.0)
    gotrue.fail(KEYS, kind="status", status=503)
    assert (await verifier.verify(a_token(gotrue))).email == "ada@example.com"


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "HS256"])
@pytest.mark.parametrize("has_secret", [True, False])
async def test_no_attack_passes_also_where_the_legacy_secret_counts(algorithm: str, has_secret: bool) -> None:
    with running_gotrue(algorithm=algorithm) as gotrue:
        user = gotrue.add_user("ada@example.com")
        async with httpx.AsyncClient(timeout=5) as http:
            verifier = TokenVerifier(http, gotrue.url, secret=gotrue.jwt_secret if has_secret else None)
            passed = []
            for name in ATTACKS:
                try:
                    claims = await verifier.verify(gotrue.attack(name, user))
                except NotSignedIn:
                    continue
                if not claims.is_over:
                    passed.append(name)
            honest = gotrue.forge(user)
            if algorithm != "HS256" or has_secret:
                assert (await verifier.verify(honest)).email == "ada@example.com"
            else:
                with pytest.raises(NotSignedIn):
                    await verifier.verify(honest)
        assert not passed
        assert gotrue.count("hostile/") == 0


async def test_what_is_remembered_does_not_outlive_its_end(gotrue: Gotrue, verifier: TokenVerifier) -> None:
    gotrue.settings.token_lifetime = 1
    token = a_token(gotrue)
    claims = await verifier.verify(token)
    assert not claims.is_over
    again = await verifier.verify(token)
    assert again is claims
    assert claims.seconds_left() <= 1
