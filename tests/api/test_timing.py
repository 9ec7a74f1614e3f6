"""How long an answer takes does not tell whether an address has an account."""

from __future__ import annotations

import random
import time

import httpx
import pytest
from argon2 import extract_parameters
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from helpninja_app.accounts import passwords
from helpninja_app.kernel.database import new_id
from tests.api.accounts import a_person, new_address

TRIES = 200
# Of two alike, one takes longer than the other in half of all pairs. The share spreads by
# sqrt((n + n + 1) / 12 n n) = .029 for 200 each (Mann and Whitney 1947); this is four times as much.
MOST_APART = 0.12


@pytest.fixture
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2id in a fraction of a millisecond, so that its own spread hides no difference of the rest."""
    quick = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    monkeypatch.setattr(passwords, "_passwords", quick)
    monkeypatch.setattr(passwords, "_DUMMY_HASH", quick.hash("nobody's"))
    return


def longer_in(one: list[float], other: list[float]) -> float:
    """The share of pairs in which ``one`` took longer: .5 where nothing tells them apart."""
    return sum((a > b) + (a == b) / 2 for a in one for b in other) / (len(one) * len(other))


@pytest.mark.usefixtures("quick_hashes")
@pytest.mark.parametrize("path", ["sign-in", "reset-password", "sign-up"])
async def test_the_time_does_not_tell_whether_an_account_exists(client: httpx.AsyncClient, path: str) -> None:
    known, _, _ = await a_person(client)
    seconds: dict[bool, list[float]] = {True: [], False: []}
    order = [True, False] * TRIES
    random.Random(7).shuffle(order)
    for is_known in order:
        body = {"email": known if is_known else new_address(), "password": "nine loud violins"}
        started = time.perf_counter()
        response = await client.post(f"/api/auth/{path}", json=body)
        seconds[is_known].append(time.perf_counter() - started)
        client.cookies.clear()
        assert response.status_code == {"sign-in": 401, "reset-password": 200, "sign-up": 201}[path]
    assert abs(longer_in(seconds[True], seconds[False]) - 0.5) < MOST_APART


@pytest.mark.parametrize("who", ["known", "unknown", "without a password"])
async def test_every_account_costs_one_hash_of_the_same_size(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    known, _, _ = await a_person(client)
    verified: list[str] = []
    verify = passwords._passwords.verify

    def spy(password: str, stored: str) -> bool:
        verified.append(stored)
        return verify(password, stored)

    monkeypatch.setattr(passwords._passwords, "verify", spy)
    if who == "without a password":
        assert not await passwords.is_password_right((new_id(), ""), "nine loud violins")
    else:
        email = known if who == "known" else new_address()
        response = await client.post("/api/auth/sign-in", json={"email": email, "password": "wrong and odd"})
        assert response.status_code == 401
    (stored,) = verified
    assert extract_parameters(stored) == extract_parameters(await passwords.hash_password("x"))
