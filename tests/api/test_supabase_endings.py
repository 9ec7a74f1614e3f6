"""How sessions of Supabase end here, and that what has ended stays so."""

from __future__ import annotations

import httpx
import pytest

from tests.api.accounts import new_address
from tests.api.supabase import PASSWORD, Installation, sign_in

pytestmark = pytest.mark.usefixtures("worker")


@pytest.mark.parametrize("everywhere", [True, False])
async def test_signing_out_ends_the_session_here_and_there(
    here: Installation, browser: httpx.AsyncClient, everywhere: bool
) -> None:
    email = new_address()
    here.gotrue.add_user(email, PASSWORD)
    await sign_in(browser, email)
    copied = dict(browser.cookies)
    async with here.browser() as phone:
        await sign_in(phone, email)
        answer = await browser.post("/api/auth/sign-out", json={"everywhere": everywhere})
        assert answer.status_code == 200
        assert not dict(browser.cookies)
        assert (await phone.get("/api/auth/me")).status_code == (401 if everywhere else 200)
    # Its token would be good for an hour.
    browser.cookies.update(copied)
    assert (await browser.get("/api/auth/me")).status_code == 401
    assert len(here.gotrue.sessions) == (0 if everywhere else 1)


async def test_signing_out_works_while_supabase_is_away(
    here: Installation, browser: httpx.AsyncClient
) -> None:
    email = new_address()
    here.gotrue.add_user(email, PASSWORD)
    await sign_in(browser, email)
    copied = dict(browser.cookies)
    here.gotrue.fail("logout", kind="reset")
    assert (await browser.post("/api/auth/sign-out", json={})).status_code == 200
    browser.cookies.update(copied)
    assert (await browser.get("/api/auth/me")).status_code == 401


async def test_another_device_is_signed_out_from_the_list(
    here: Installation, browser: httpx.AsyncClient
) -> None:
    email = new_address()
    here.gotrue.add_user(email, PASSWORD)
    await sign_in(browser, email)
    async with here.browser() as phone:
        await sign_in(phone, email)
        listed = (await browser.get("/api/auth/sessions")).json()["sessions"]
        [other] = [item["id"] for item in listed if not item["current"]]
        assert (await browser.delete(f"/api/auth/sessions/{other}")).status_code == 200
        assert (await phone.get("/api/auth/me")).status_code == 401
        # Nor does a renewal bring it back.
        assert (await phone.post("/api/auth/refresh")).status_code == 401


async def test_ending_all_sessions_ends_those_too_that_were_never_seen_here(
    here: Installation, browser: httpx.AsyncClient
) -> None:
    email = new_address()
    user = here.gotrue.add_user(email, PASSWORD)
    here.gotrue.advance(-60)
    unseen = here.gotrue.sign_in(user)
    here.gotrue.advance(60)
    await sign_in(browser, email)
    await browser.post("/api/auth/sign-out", json={"everywhere": True})
    async with here.browser() as thief:
        here.give(thief, unseen)
        assert (await thief.get("/api/auth/me")).status_code == 401
    assert (await sign_in(browser, email)).status_code == 200
    assert (await browser.get("/api/auth/me")).status_code == 200


async def test_signing_out_with_a_token_that_ran_out_ends_it_here_and_there(
    here: Installation, browser: httpx.AsyncClient
) -> None:
    user = here.gotrue.add_user(new_address(), PASSWORD)
    here.gotrue.advance(-7200)
    session = here.gotrue.sign_in(user)
    here.gotrue.advance(7200)
    here.give(browser, session)
    assert (await browser.get("/api/auth/me")).status_code == 200
    renewed = here.tokens(browser)
    async with here.browser() as old:
        here.give(old, session)
        here.gotrue.fail("token", kind="status", status=503)
        assert (await old.post("/api/auth/sign-out", json={})).status_code == 200
    # The same session under its new token.
    assert here.tokens(browser) == renewed
    assert (await browser.get("/api/auth/me")).status_code == 401


async def test_a_bearer_token_brings_no_local_session_back(
    here: Installation, browser: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    planted = await client.post("/api/auth/sign-up", json={"email": new_address(), "password": PASSWORD})
    assert planted.status_code in {201, 404}
    cookie = planted.headers.get("set-cookie", "hn_session=none").partition(";")[0]
    headers = {"cookie": cookie, "authorization": "Bearer x"}
    assert (await browser.get("/api/auth/me", headers=headers)).status_code == 401


async def test_another_signing_key_signs_everybody_out_and_breaks_nothing(
    here: Installation, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    email = new_address()
    here.gotrue.add_user(email, PASSWORD)
    await sign_in(browser, email)
    monkeypatch.setattr(here.supabase, "_signing_key", b"another key")
    assert (await browser.get("/api/auth/me")).status_code == 401
    assert (await sign_in(browser, email)).status_code == 200


async def test_cookies_with_odd_names_break_nothing(here: Installation, browser: httpx.AsyncClient) -> None:
    name = here.supabase.cookie.encode()
    answer = await browser.post(
        "/api/auth/sign-out", json={}, headers=[(b"cookie", name + b".\xb2=1; " + name + b".7=1")]
    )
    assert answer.status_code == 200
