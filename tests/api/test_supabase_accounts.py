"""Accounts of which Supabase knows the password: signing up, invites, new passwords, and who is let in."""

from __future__ import annotations

import httpx
import pytest

from helpninja_app import commands
from helpninja_app.errors import Conflict, NotFound
from tests.api.accounts import a_person, new_address
from tests.api.supabase import PASSWORD, Installation, click_mail, installation, me, sign_in
from tests.conftest import OpenResources
from tests.factories import Factory
from tests.twins.gotrue import Gotrue

pytestmark = pytest.mark.usefixtures("worker")


async def test_signing_up_ends_at_the_link_of_the_mail_with_the_workspace_that_was_named(
    here: Installation, browser: httpx.AsyncClient
) -> None:
    email = new_address()
    form = {"email": email, "password": PASSWORD, "workspace": "Fernway Boots", "invite": ""}
    answer = await browser.post("/api/auth/sign-up", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-up?done=confirm")
    assert (await browser.get("/api/auth/me")).status_code == 401
    early = await browser.post("/api/auth/sign-in", data={"email": email, "password": PASSWORD})
    assert early.headers["location"].startswith("/sign-in?error=unconfirmed")
    arrived = await here.come_back(browser, await click_mail(here.gotrue, email, "signup"))
    assert arrived.headers["location"] == "/app"
    assert [item["name"] for item in (await me(browser))["workspaces"]] == ["Fernway Boots"]


async def test_signing_up_is_signing_in_where_addresses_are_not_confirmed(
    here: Installation, browser: httpx.AsyncClient
) -> None:
    here.gotrue.settings.autoconfirm = True
    email = new_address()
    answer = await browser.post(
        "/api/auth/sign-up", json={"email": email, "password": PASSWORD, "workspace": "Harbour"}
    )
    assert answer.status_code == 201
    seen = await me(browser)
    assert [item["name"] for item in seen["workspaces"]] == ["Harbour"]
    # Nobody has shown yet that they read it.
    assert seen["user"]["verified"] is False


async def test_a_taken_address_is_answered_like_a_new_one(
    here: Installation, browser: httpx.AsyncClient
) -> None:
    taken = new_address()
    here.gotrue.add_user(taken, PASSWORD)
    answers = [
        await browser.post("/api/auth/sign-up", json={"email": email, "password": "four other words here"})
        for email in (taken, new_address())
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"password": "password1"}, 422, "body.password"),
        ({"email": "nobody", "password": PASSWORD}, 422, "body.email"),
        ({"password": ""}, 422, "body.password"),
    ],
)
async def test_what_cannot_be_an_account_is_refused_before_supabase_is_asked(
    here: Installation, browser: httpx.AsyncClient, body: dict[str, str], status: int, field: str
) -> None:
    answer = await browser.post("/api/auth/sign-up", json={"email": new_address()} | body)
    assert answer.status_code == status
    assert [item["field"] for item in answer.json()["errors"]] == [field]
    assert here.gotrue.count("signup") == 0


async def test_limits_of_supabase_are_told_as_such(here: Installation, browser: httpx.AsyncClient) -> None:
    here.gotrue.settings.email_limit = 0
    answer = await browser.post("/api/auth/sign-up", json={"email": new_address(), "password": PASSWORD})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0


async def test_an_invite_leads_into_its_workspace_and_none_is_made(
    here: Installation, browser: httpx.AsyncClient
) -> None:
    owner = new_address()
    here.gotrue.add_user(owner, PASSWORD)
    await sign_in(browser, owner)
    workspace = (await me(browser))["workspaces"][0]
    invited = await browser.post(
        f"/api/workspaces/{workspace['id']}/invites", json={"role": "agent", "email": ""}
    )
    token = invited.json()["link"].rpartition("token=")[2]
    email = new_address()
    async with here.browser() as other:
        form = {"email": email, "password": PASSWORD, "invite": token}
        await other.post("/api/auth/sign-up", data=form)
        await here.come_back(other, await click_mail(here.gotrue, email, "signup"))
        joined = (await me(other))["workspaces"]
    assert [(item["id"], item["role"]) for item in joined] == [(workspace["id"], "agent")]


@pytest.mark.parametrize("policy", ["closed", "invite"])
async def test_who_is_let_in_is_ours_to_say(
    gotrue: Gotrue, with_resources: OpenResources, client: httpx.AsyncClient, policy: str
) -> None:
    await a_person(client)
    email = new_address()
    gotrue.add_user(email, PASSWORD)
    async with installation(gotrue, with_resources, sign_up=policy) as here, here.browser() as browser:
        assert (await sign_in(browser, email)).status_code == 403
        here.give(browser, gotrue.sign_in(gotrue.user(email)))
        assert (await browser.get("/api/auth/me")).status_code == 403
        made = await browser.post("/api/auth/sign-up", json={"email": new_address(), "password": PASSWORD})
        assert made.status_code == 403


async def test_an_invite_lets_somebody_in_who_has_an_account_at_supabase(
    gotrue: Gotrue, with_resources: OpenResources, client: httpx.AsyncClient
) -> None:
    _, headers, workspace = await a_person(client)
    invited = await client.post(
        f"/api/workspaces/{workspace}/invites", json={"role": "agent"}, headers=headers
    )
    token = invited.json()["link"].rpartition("token=")[2]
    email = new_address()
    gotrue.add_user(email, PASSWORD)
    async with installation(gotrue, with_resources, sign_up="invite") as here, here.browser() as browser:
        form = {"email": email, "password": PASSWORD, "next": f"/invite?token={token}"}
        answer = await browser.post("/api/auth/sign-in", data=form)
        assert answer.headers["location"] == f"/invite?token={token}"
        assert (await me(browser))["workspaces"] == []
        joined = await browser.post("/api/invites/accept", json={"token": token})
        assert joined.status_code == 200
        assert [item["id"] for item in (await me(browser))["workspaces"]] == [workspace]


async def test_an_invite_into_a_full_workspace_makes_no_account(
    gotrue: Gotrue, with_resources: OpenResources, client: httpx.AsyncClient, factory: Factory
) -> None:
    tenant = await factory.tenant(plan="free")
    _, owner = await factory.member(tenant)
    email = new_address()
    gotrue.add_user(email, PASSWORD)
    made = await client.post(f"/api/workspaces/{tenant.id}/invites", json={"role": "viewer"}, headers=owner)
    token = made.json()["link"].rpartition("token=")[2]
    await factory.member(tenant)
    limits = {"sign_up": "invite", "unlimited": False}
    async with installation(gotrue, with_resources, **limits) as here, here.browser() as browser:
        form = {"email": email, "password": PASSWORD, "next": f"/invite?token={token}"}
        answer = await browser.post("/api/auth/sign-in", data=form)
        assert answer.headers["location"].startswith("/sign-in?error=full&")
        assert (await browser.get("/api/auth/me")).status_code in {401, 402}


async def test_an_older_token_does_not_set_the_address_back(
    here: Installation, browser: httpx.AsyncClient
) -> None:
    before, after = new_address(), new_address()
    user = here.gotrue.add_user(before, PASSWORD)
    here.gotrue.advance(-300)
    old = here.gotrue.sign_in(user)
    here.gotrue.advance(300)
    here.give(browser, old)
    await me(browser)
    async with here.browser() as phone:
        user.email = after
        await sign_in(phone, after)
        await browser.post("/api/auth/refresh")
        assert (await me(phone))["user"]["email"] == after


async def test_limits_of_supabase_do_not_tell_whether_there_is_an_account(
    here: Installation, browser: httpx.AsyncClient
) -> None:
    known = new_address()
    here.gotrue.add_user(known, PASSWORD)
    here.gotrue.settings.email_limit = 0
    for path in ("reset-password", "magic-link"):
        for email in (known, new_address()):
            answer = await browser.post(f"/api/auth/{path}", json={"email": email})
            assert answer.status_code == 200
            assert "hn_flow" in answer.headers["set-cookie"]


async def test_an_address_alone_takes_no_account_over_and_the_operator_can_link_the_two(
    gotrue: Gotrue, with_resources: OpenResources, client: httpx.AsyncClient
) -> None:
    """Supabase may be set up to believe every address."""
    email, _, workspace = await a_person(client)
    user = gotrue.add_user(email, PASSWORD)
    async with installation(gotrue, with_resources) as here, here.browser() as browser:
        refused = await sign_in(browser, email)
        assert refused.status_code == 403
        assert "link the two" in refused.json()["detail"]
        said: list[str] = []
        await commands.link_supabase_user(here.resources.settings, email, user.id, said.append)
        assert said == [f"{email} signs in with Supabase from now on."]
        assert (await sign_in(browser, email)).status_code == 200
        assert [item["id"] for item in (await me(browser))["workspaces"]] == [workspace]
        with pytest.raises(Conflict):
            await commands.link_supabase_user(here.resources.settings, email, user.id, said.append)
        with pytest.raises(NotFound):
            await commands.link_supabase_user(here.resources.settings, new_address(), user.id, said.append)


async def test_a_changed_address_is_followed(here: Installation, browser: httpx.AsyncClient) -> None:
    before, after = new_address(), new_address()
    user = here.gotrue.add_user(before, PASSWORD)
    await sign_in(browser, before)
    first = await me(browser)
    user.email = after
    await sign_in(browser, after)
    second = await me(browser)
    assert second["user"]["email"] == after
    assert second["user"]["id"] == first["user"]["id"]


async def test_a_new_password_by_the_mailed_link(here: Installation, browser: httpx.AsyncClient) -> None:
    email, new = new_address(), "another four odd words"
    here.gotrue.add_user(email, PASSWORD)
    async with here.browser() as phone:
        await sign_in(phone, email)
        asked = await browser.post("/api/auth/reset-password", data={"email": email})
        assert asked.headers["location"] == "/forgot?done=1"
        arrived = await here.come_back(browser, await click_mail(here.gotrue, email, "recovery"))
        page, _, token = arrived.headers["location"].partition("?token=")
        assert page == "/reset"
        weak = await browser.post("/api/auth/update-password", data={"token": token, "password": "password1"})
        assert weak.headers["location"].startswith("/reset?error=weak")
        done = await browser.post("/api/auth/update-password", data={"token": token, "password": new})
        assert done.headers["location"] == "/app/account?done=password"
        assert (await phone.get("/api/auth/me")).status_code == 401
        assert (await browser.get("/api/auth/me")).status_code == 200
        again = await browser.post(
            "/api/auth/update-password", data={"token": token, "password": f"{new} two"}
        )
        assert again.headers["location"].startswith("/reset?error=over")
        assert (await sign_in(phone, email)).status_code == 401
        assert (await sign_in(phone, email, new)).status_code == 200


async def test_a_new_password_needs_the_present_one_or_a_link_of_the_same_account(
    here: Installation, browser: httpx.AsyncClient
) -> None:
    victim, thief, new = new_address(), new_address(), "another four odd words"
    here.gotrue.add_user(victim, PASSWORD)
    here.gotrue.add_user(thief, PASSWORD)
    await sign_in(browser, victim)
    async with here.browser() as other:
        await other.post("/api/auth/reset-password", json={"email": thief})
        arrived = await here.come_back(other, await click_mail(here.gotrue, thief, "recovery"))
        token = arrived.headers["location"].partition("?token=")[2]
    for body in ({"token": token}, {}, {"currentPassword": "wrong"}):
        answer = await browser.post("/api/auth/update-password", json={"password": new} | body)
        assert answer.status_code in {401, 422}
    assert (await sign_in(browser, victim, new)).status_code == 401


async def test_a_new_password_with_the_present_one_ends_all_other_sessions(
    here: Installation, browser: httpx.AsyncClient
) -> None:
    email, new = new_address(), "another four odd words"
    here.gotrue.add_user(email, PASSWORD)
    await sign_in(browser, email)
    async with here.browser() as phone:
        await sign_in(phone, email)
        body = {"currentPassword": PASSWORD, "password": new}
        assert (await browser.post("/api/auth/update-password", json=body)).status_code == 200
        assert (await phone.get("/api/auth/me")).status_code == 401
        assert (await browser.get("/api/auth/me")).status_code == 200
        assert len((await browser.get("/api/auth/sessions")).json()["sessions"]) == 1


async def test_asking_for_a_new_password_does_not_tell_whether_there_is_an_account(
    here: Installation, browser: httpx.AsyncClient
) -> None:
    known = new_address()
    here.gotrue.add_user(known, PASSWORD)
    answers = [
        await browser.post("/api/auth/reset-password", json={"email": email})
        for email in (known, new_address())
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()


async def test_a_suspended_member_and_a_deleted_workspace_are_refused_here_too(
    here: Installation, browser: httpx.AsyncClient
) -> None:
    email = new_address()
    here.gotrue.add_user(email, PASSWORD)
    await sign_in(browser, email)
    workspace = (await me(browser))["workspaces"][0]
    path = f"/api/workspaces/{workspace['id']}"
    assert (await browser.get(path)).status_code == 200
    gone = await browser.request("DELETE", path, json={"confirm": workspace["slug"]})
    assert gone.status_code == 200, gone.text
    assert (await browser.get(path)).status_code == 404


async def test_users_of_supabase_have_no_password_here(
    here: Installation, browser: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    """Should the installation keep its own accounts again."""
    email = new_address()
    here.gotrue.add_user(email, PASSWORD)
    await sign_in(browser, email)
    for guess in ("", " ", PASSWORD):
        answer = await client.post("/api/auth/sign-in", json={"email": email, "password": guess})
        assert answer.status_code in {401, 422}
