"""Signing in and out with Supabase: every way there is, and everything that may go wrong on it."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from helpninja_app.accounts.supabase.cookies import write_session
from tests.api.accounts import new_address
from tests.api.supabase import PASSWORD, Installation, click_mail, installation, me, sign_in
from tests.conftest import OpenResources
from tests.twins.gotrue import ATTACKS, Gotrue, consent, running_gotrue

pytestmark = pytest.mark.usefixtures("worker")


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "HS256"])
async def test_somebody_new_gets_an_account_a_workspace_and_a_session(
    with_resources: OpenResources, algorithm: str
) -> None:
    email = new_address()
    with running_gotrue(algorithm=algorithm) as gotrue:
        user = gotrue.add_user(email, PASSWORD)
        async with installation(gotrue, with_resources) as here, here.browser() as browser:
            answer = await sign_in(browser, email)
            assert answer.status_code == 200, answer.text
            seen = await me(browser)
            again = await me(browser)
    assert seen["user"]["email"] == user.email == email
    assert [item["role"] for item in seen["workspaces"]] == ["owner"]
    assert again == seen


async def test_the_cookies_are_those_of_supabases_clients_and_no_script_reads_them(
    here: Installation, browser: httpx.AsyncClient
) -> None:
    email = new_address()
    here.gotrue.add_user(email, PASSWORD)
    answer = await sign_in(browser, email)
    lines = answer.headers.get_list("set-cookie")
    assert [line.split("=")[0] for line in lines] == ["sb-127-auth-token"] or all(
        line.startswith("sb-127-auth-token.") for line in lines
    )
    assert all("HttpOnly" in line for line in lines)
    assert all("SameSite=lax" in line for line in lines)
    assert "base64-" in lines[0]
    assert answer.headers["cache-control"] == "no-store"


async def test_a_session_that_another_server_opened_counts_here(
    here: Installation, browser: httpx.AsyncClient
) -> None:
    """A Next.js server beside this one writes the same cookies."""
    user = here.gotrue.add_user(new_address(), PASSWORD)
    session = here.gotrue.sign_in(user) | {"padding": "x" * 7000}
    written = write_session(session, here.supabase.cookie)
    assert len(written) > 2
    seen = await browser.get(
        "/api/auth/me", headers={"cookie": "; ".join(f"{k}={v}" for k, v in written.items())}
    )
    assert seen.json()["user"]["email"] == user.email


async def test_a_wrong_password_says_no_more_than_that(
    here: Installation, browser: httpx.AsyncClient
) -> None:
    email = new_address()
    here.gotrue.add_user(email, PASSWORD)
    wrong = await sign_in(browser, email, "not the password at all")
    unknown = await sign_in(browser, new_address())
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert wrong.json()["detail"] == unknown.json()["detail"]
    form = await browser.post(
        "/api/auth/sign-in", data={"email": email, "password": "wrong", "next": "/app/team"}
    )
    assert form.status_code == 303
    assert form.headers["location"] == "/sign-in?error=wrong&next=%2Fapp%2Fteam"


async def test_no_forged_token_is_anybody(here: Installation, browser: httpx.AsyncClient) -> None:
    user = here.gotrue.add_user(new_address(), PASSWORD)
    passed = []
    for name in ATTACKS:
        session = here.gotrue.sign_in(user) | {
            "access_token": here.gotrue.attack(name, user),
            # Or an expired one would be renewed, rightly.
            "refresh_token": "none",
        }
        cookies = write_session(session, here.supabase.cookie)
        answer = await browser.get(
            "/api/auth/me", headers={"cookie": "; ".join(f"{k}={v}" for k, v in cookies.items())}
        )
        if answer.status_code != 401:
            passed.append((name, answer.status_code))
    assert not passed
    assert here.gotrue.count("hostile/") == 0


@pytest.mark.parametrize("claims", [{"is_anonymous": True}, {"role": "service_role"}, {"email": ""}])
async def test_a_token_of_nobody_in_particular_is_nobody(
    here: Installation, browser: httpx.AsyncClient, claims: dict[str, object]
) -> None:
    user = here.gotrue.add_user(new_address(), PASSWORD)
    session = here.gotrue.sign_in(user) | {"access_token": here.gotrue.forge(user, claims=claims)}
    here.give(browser, session)
    assert (await browser.get("/api/auth/me")).status_code == 401


async def test_a_token_that_ran_out_is_renewed_once_for_all_requests_of_a_page(
    here: Installation, browser: httpx.AsyncClient
) -> None:
    user = here.gotrue.add_user(new_address(), PASSWORD)
    here.gotrue.advance(-7200)
    session = here.gotrue.sign_in(user)
    here.gotrue.advance(7200)
    here.give(browser, session)
    answers = await asyncio.gather(*(browser.get("/api/auth/me") for _ in range(6)))
    assert {answer.status_code for answer in answers} == {200}
    assert here.gotrue.count("token?grant_type=refresh_token") == 1
    assert here.tokens(browser)[1] != session["refresh_token"]


async def test_a_renewal_that_cannot_be_had_ends_the_session_and_one_that_must_wait_does_not(
    here: Installation, browser: httpx.AsyncClient
) -> None:
    user = here.gotrue.add_user(new_address(), PASSWORD)
    here.gotrue.advance(-7200)
    session = here.gotrue.sign_in(user)
    here.gotrue.advance(7200)
    here.give(browser, session)
    here.gotrue.fail("token", kind="status", status=503)
    away = await browser.get("/api/auth/me")
    assert away.status_code == 503
    assert "set-cookie" not in away.headers
    here.gotrue.end_sessions(user)
    over = await browser.get("/api/auth/me")
    assert over.status_code == 401
    assert "Max-Age=0" in over.headers["set-cookie"]


async def test_who_is_signed_in_stays_so_while_supabase_is_away(
    here: Installation, browser: httpx.AsyncClient
) -> None:
    email = new_address()
    here.gotrue.add_user(email, PASSWORD)
    await sign_in(browser, email)
    here.gotrue.fail(kind="reset", times=50)
    assert (await browser.get("/api/auth/me")).status_code == 200
    refused = await sign_in(browser, email)
    assert refused.status_code == 503
    assert "sign-in service" in refused.json()["detail"]


@pytest.mark.parametrize("kind", ["malformed", "truncated", "reset", "status"])
async def test_a_broken_answer_of_supabase_is_ours_to_explain(
    here: Installation, browser: httpx.AsyncClient, kind: Any
) -> None:
    email = new_address()
    here.gotrue.add_user(email, PASSWORD)
    here.gotrue.fail("token", kind=kind, status=500)
    answer = await sign_in(browser, email)
    assert answer.status_code == 503
    assert "Traceback" not in answer.text
    assert (await sign_in(browser, email)).status_code == 200


async def test_a_mailed_link_signs_in_the_browser_that_asked(
    here: Installation, browser: httpx.AsyncClient
) -> None:
    email = new_address()
    here.gotrue.add_user(email, PASSWORD)
    asked = await browser.post(
        "/api/auth/magic-link", data={"email": email, "password": "", "next": "/app/team"}
    )
    assert asked.headers["location"] == "/sign-in?done=link"
    address = await click_mail(here.gotrue, email, "magiclink")
    async with here.browser() as other:
        elsewhere = await here.come_back(other, address)
        assert elsewhere.headers["location"] == "/sign-in?error=elsewhere"
        assert (await other.get("/api/auth/me")).status_code == 401
    arrived = await here.come_back(browser, address)
    assert (arrived.status_code, arrived.headers["location"]) == (303, "/app/team")
    assert (await me(browser))["user"]["verified"] is True
    # Neither code nor verifier counts twice.
    assert (await here.come_back(browser, address)).headers["location"] == "/sign-in?error=elsewhere"


async def test_asking_for_a_link_does_not_tell_whether_there_is_an_account(
    gotrue: Gotrue, with_resources: OpenResources
) -> None:
    known, unknown = new_address(), new_address()
    gotrue.add_user(known, PASSWORD)
    async with installation(gotrue, with_resources, sign_up="invite") as here, here.browser() as browser:
        answers = [
            await browser.post("/api/auth/magic-link", json={"email": item}) for item in (known, unknown)
        ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert gotrue.find(unknown) is None


async def test_another_service_signs_in(here: Installation, browser: httpx.AsyncClient) -> None:
    email = new_address()
    started = await browser.get("/api/auth/oauth", params={"provider": "github", "next": "/app/keys"})
    assert started.status_code == 303
    assert started.headers["location"].startswith(f"{here.gotrue.url}/auth/v1/authorize?")
    arrived = await here.come_back(browser, await consent(started.headers["location"], email))
    assert arrived.headers["location"] == "/app/keys"
    assert (await me(browser))["user"]["email"] == email


async def test_a_refusal_at_the_other_service_leads_back(
    here: Installation, browser: httpx.AsyncClient
) -> None:
    started = await browser.get("/api/auth/oauth", params={"provider": "github"})
    back = await consent(started.headers["location"], new_address(), is_denied=True)
    assert (await here.come_back(browser, back)).headers["location"] == "/sign-in?error=denied"
    unknown = await browser.get("/api/auth/oauth", params={"provider": "gitlab"})
    assert unknown.status_code == 422


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example"])
async def test_coming_back_leads_nowhere_else(
    here: Installation, browser: httpx.AsyncClient, target: str
) -> None:
    started = await browser.get("/api/auth/oauth", params={"provider": "github", "next": target})
    arrived = await here.come_back(browser, await consent(started.headers["location"], new_address()))
    assert arrived.headers["location"] == "/app"


@pytest.mark.parametrize(
    "path", ["sign-in", "magic-link", "sign-out", "refresh", "sign-up", "reset-password"]
)
async def test_posts_of_other_websites_are_refused(
    here: Installation, browser: httpx.AsyncClient, path: str
) -> None:
    headers = {"origin": "https://evil.example"}
    answer = await browser.post(f"/api/auth/{path}", json={}, headers=headers)
    assert answer.status_code == 403


async def test_another_website_starts_no_sign_in(here: Installation, browser: httpx.AsyncClient) -> None:
    answer = await browser.get(
        "/api/auth/oauth", params={"provider": "github"}, headers={"origin": "https://evil.example"}
    )
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_a_session_is_renewed_before_it_runs_out_and_only_then(
    here: Installation, browser: httpx.AsyncClient
) -> None:
    email = new_address()
    here.gotrue.add_user(email, PASSWORD)
    await sign_in(browser, email)
    before = here.tokens(browser)
    assert (await browser.post("/api/auth/refresh")).json()["expiresIn"] > 3000
    assert here.tokens(browser) == before
    here.gotrue.settings.token_lifetime = 300
    await sign_in(browser, email)
    here.gotrue.settings.token_lifetime = 3600
    short = here.tokens(browser)
    answer = await browser.post("/api/auth/refresh")
    assert answer.json()["expiresIn"] > 3000
    assert here.tokens(browser) != short


async def test_the_local_cookie_does_not_count_here_nor_supabases_there(
    here: Installation, browser: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    email = new_address()
    here.gotrue.add_user(email, PASSWORD)
    await sign_in(browser, email)
    claims = await here.supabase.tokens.verify(here.tokens(browser)[0])
    for planted in (here.supabase.session_key(claims), str(claims.session_id)):
        alone = await browser.get("/api/auth/me", headers={"cookie": f"hn_session={planted}"})
        assert alone.status_code == 401


async def test_leading_a_browser_back_by_force_does_not_end_what_is_under_way(
    here: Installation, browser: httpx.AsyncClient
) -> None:
    email = new_address()
    started = await browser.get("/api/auth/oauth", params={"provider": "github"})
    assert (await browser.get("/api/auth/callback?error=x")).headers["location"] == "/sign-in?error=denied"
    back = await consent(started.headers["location"], email)
    assert (await here.come_back(browser, back)).headers["location"] == "/app"
