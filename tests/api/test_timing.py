"""How long an answer takes does not tell whether an address has an account: the same work is done for both.

The work is counted, not timed: times of one run on a machine that others use prove nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import httpx
import pytest
from argon2 import extract_parameters
from sqlalchemy import event

from helpninja_app.accounts import passwords
from helpninja_app.kernel.database import Statement, new_id
from helpninja_app.kernel.scope import Scope
from helpninja_app.resources import Resources
from tests.api.accounts import a_person, new_address

ANSWERS = {"sign-in": 401, "reset-password": 200, "sign-up": 201}
# Work that is undone is no shorter than work that is kept.
_SAVEPOINT = re.compile(r"(SAVEPOINT|RELEASE SAVEPOINT|ROLLBACK TO SAVEPOINT) \w+")

# What a worker does meanwhile, in this process as well, is nobody's answer.
_is_ours: ContextVar[bool] = ContextVar("is_ours", default=False)


@contextmanager
def all_work(resources: Resources, patch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is done, in order: statements as they are sent, without their values, and hashes of passwords."""
    done: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if _is_ours.get():
            done.append(_SAVEPOINT.sub("a savepoint", statement))

    database = resources.database
    rows_at_once, verify, hash_ = (
        database.rows_at_once,
        passwords._passwords.verify,
        passwords._passwords.hash,
    )

    async def note_at_once(scope: Scope | None, *statements: Statement) -> list[Any]:
        if _is_ours.get():
            done.extend(each.sql for each in statements)
        return await rows_at_once(scope, *statements)

    def note_verify(password: str, stored: str) -> bool:
        done.append(f"verify {extract_parameters(stored)}")
        return verify(password, stored)

    def note_hash(password: str) -> str:
        done.append("hash")
        return hash_(password)

    patch.setattr(database, "rows_at_once", note_at_once)
    patch.setattr(passwords._passwords, "verify", note_verify)
    patch.setattr(passwords._passwords, "hash", note_hash)
    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    ours = _is_ours.set(True)
    try:
        yield done
    finally:
        _is_ours.reset(ours)
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)


@pytest.mark.parametrize("path", ANSWERS)
async def test_as_much_is_done_for_an_address_with_an_account_as_for_one_without(
    client: httpx.AsyncClient, resources: Resources, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    known, _, _ = await a_person(client)
    work: dict[bool, list[str]] = {}
    with all_work(resources, monkeypatch) as done:
        for is_known in (True, False):
            body = {"email": known if is_known else new_address(), "password": "nine loud violins"}
            response = await client.post(f"/api/auth/{path}", json=body)
            client.cookies.clear()
            assert response.status_code == ANSWERS[path]
            work[is_known] = done[:]
            done.clear()
    assert work[True]
    assert work[True] == work[False]


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
