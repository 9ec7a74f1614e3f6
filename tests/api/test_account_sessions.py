"""Where somebody is signed in: the list, and ending one or all of them."""

from __future__ import annotations

import httpx
import pytest

from tests.api.accounts import a_person, cookie_of, me, sign_in

pytestmark = pytest.mark.usefixtures("worker")


async def test_sessions_are_listed_and_one_is_ended(client: httpx.AsyncClient) -> None:
    email, headers, _ = await a_person(client)
    phone = cookie_of(await sign_in(client, email))
    listed = (await client.get("/api/auth/sessions", headers=headers)).json()["sessions"]
    assert [item["current"] for item in listed].count(True) == 1
    assert len(listed) == 2
    assert listed[0]["userAgent"].startswith("python-httpx")
    assert "token" not in str(listed).lower()
    [other] = [item["id"] for item in listed if not item["current"]]
    assert (await client.delete(f"/api/auth/sessions/{other}", headers=headers)).status_code == 200
    assert (await client.get("/api/auth/me", headers=phone)).status_code == 401
    assert (await client.get("/api/auth/me", headers=headers)).status_code == 200
    assert (await client.delete(f"/api/auth/sessions/{other}", headers=headers)).status_code == 404


async def test_nobody_ends_the_session_of_somebody_else(client: httpx.AsyncClient) -> None:
    _, mine, _ = await a_person(client)
    _, theirs, _ = await a_person(client)
    [session] = (await client.get("/api/auth/sessions", headers=theirs)).json()["sessions"]
    assert (await client.delete(f"/api/auth/sessions/{session['id']}", headers=mine)).status_code == 404
    assert (await client.get("/api/auth/me", headers=theirs)).status_code == 200


@pytest.mark.parametrize("everywhere", [True, False])
async def test_signing_out_everywhere_ends_them_all(client: httpx.AsyncClient, everywhere: bool) -> None:
    email, headers, _ = await a_person(client)
    phone = cookie_of(await sign_in(client, email))
    response = await client.post("/api/auth/sign-out", json={"everywhere": everywhere}, headers=headers)
    assert response.status_code == 200
    assert (await client.get("/api/auth/me", headers=headers)).status_code == 401
    assert (await client.get("/api/auth/me", headers=phone)).status_code == (401 if everywhere else 200)


async def test_signing_in_never_goes_on_with_a_session_that_was_there(client: httpx.AsyncClient) -> None:
    """Session fixation: whoever planted a cookie beforehand does not know the one that counts afterwards."""
    email, _, _ = await a_person(client)
    planted = {"cookie": "hn_session=planted-by-somebody-else-0123456789"}
    body = {"email": email, "password": "seven odd teapots dance"}
    response = await client.post("/api/auth/sign-in", json=body, headers=planted)
    client.cookies.clear()
    assert response.status_code == 200
    assert "planted" not in response.headers["set-cookie"]
    assert (await client.get("/api/auth/me", headers=planted)).status_code == 401


async def test_a_name_is_changed(client: httpx.AsyncClient) -> None:
    _, headers, _ = await a_person(client)
    response = await client.patch("/api/auth/me", json={"name": "  Ada Lovelace "}, headers=headers)
    assert response.status_code == 200
    assert (await me(client, headers))["user"]["name"] == "Ada Lovelace"
