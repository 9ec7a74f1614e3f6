"""Two-factor sign-in over HTTP: switching it on and off, and what signing in takes then."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pyotp
import pytest
from pydantic import SecretStr

from tests.api.accounts import PASSWORD, a_person, cookie_of, me, sign_in
from tests.api.second_factor import Person, code_at, code_step, post_code, signed_up, start_by_form
from tests.conftest import OpenResources
from tests.mailbox import Mailbox, token_in

pytestmark = pytest.mark.usefixtures("worker")

SECTION = "/app/account?two-factor={}#two-factor"


async def status_of(client: httpx.AsyncClient, headers: dict[str, str]) -> Any:
    return (await client.get("/api/auth/two-factor", headers=headers)).json()


async def sign_in_with(client: httpx.AsyncClient, email: str, **fields: str) -> httpx.Response:
    body = {"email": email, "password": PASSWORD} | fields
    response = await client.post("/api/auth/sign-in", json=body)
    client.cookies.clear()
    return response


async def test_it_is_switched_on_by_a_code_of_the_secret(client: httpx.AsyncClient, mailbox: Mailbox) -> None:
    email, headers, _ = await a_person(client)
    assert await status_of(client, headers) == {"enabled": False, "recoveryCodesLeft": 0}
    body = {"currentPassword": PASSWORD}
    begun = await client.post("/api/auth/two-factor", json=body, headers=headers)
    assert begun.status_code == 200
    assert begun.headers["cache-control"] == "no-store"
    secret = begun.json()["secret"]
    found = pyotp.parse_uri(begun.json()["uri"])
    assert (found.secret, found.name, found.issuer) == (secret, email, "HelpNinja")
    assert begun.json()["qr"].startswith("data:image/svg+xml")
    assert "<script" not in begun.json()["qr"]
    assert await status_of(client, headers) == {"enabled": False, "recoveryCodesLeft": 0}
    # What is only begun does not count.
    assert (await sign_in(client, email)).status_code == 200
    wrong = await client.post("/api/auth/two-factor/confirm", json={"code": "abc"}, headers=headers)
    assert wrong.status_code == 422
    code = {"code": code_at(secret)}
    confirmed = await client.post("/api/auth/two-factor/confirm", json=code, headers=headers)
    assert confirmed.status_code == 200
    assert confirmed.headers["cache-control"] == "no-store"
    assert len(confirmed.json()["recoveryCodes"]) == 10
    assert await status_of(client, headers) == {"enabled": True, "recoveryCodesLeft": 10}
    again = await client.post("/api/auth/two-factor/confirm", json=code, headers=headers)
    assert again.status_code == 409
    again = await client.post("/api/auth/two-factor", json=body, headers=headers)
    assert again.status_code == 409
    assert "is on" in (await mailbox.next(email, after=1)).subject


@pytest.mark.parametrize("path", ["/api/auth/two-factor", "/api/auth/two-factor/remove"])
async def test_both_need_the_present_password(client: httpx.AsyncClient, path: str) -> None:
    person = await signed_up(client)
    before = await status_of(client, person.headers)
    for body, status in (({"currentPassword": "wrong"}, 401), ({}, 422)):
        assert (await client.post(path, json=body, headers=person.headers)).status_code == status
    posted = await client.post(path, data={"currentPassword": "wrong"}, headers=person.headers)
    assert (posted.status_code, posted.headers["location"]) == (303, SECTION.format("wrong"))
    assert await status_of(client, person.headers) == before


async def test_forms_lead_back_to_the_section(client: httpx.AsyncClient) -> None:
    _, headers, _ = await a_person(client)
    form = {"currentPassword": PASSWORD}
    begun = await client.post("/api/auth/two-factor", data=form, headers=headers)
    assert (begun.status_code, begun.headers["location"]) == (303, SECTION.format("begin"))
    assert begun.text == ""
    person = await signed_up(client)
    on = await client.post("/api/auth/two-factor", data=form, headers=person.headers)
    assert on.headers["location"] == SECTION.format("on-already")
    off = await client.post("/api/auth/two-factor/remove", data=form, headers=person.headers)
    assert (off.status_code, off.headers["location"]) == (303, SECTION.format("off"))


async def test_it_is_switched_off_by_the_password(client: httpx.AsyncClient, mailbox: Mailbox) -> None:
    person = await signed_up(client)
    body = {"currentPassword": PASSWORD}
    off = await client.post("/api/auth/two-factor/remove", json=body, headers=person.headers)
    assert off.status_code == 200
    assert (await sign_in(client, person.email)).status_code == 200
    again = await client.post("/api/auth/two-factor/remove", json=body, headers=person.headers)
    assert again.status_code == 404
    assert "is off" in (await mailbox.next(person.email, after=2)).subject


async def test_new_recovery_codes_take_a_code_of_the_app(client: httpx.AsyncClient) -> None:
    person = await signed_up(client)
    path = "/api/auth/two-factor/recovery-codes"
    for wrong in (person.codes[0], "000000 "):
        refused = await client.post(path, json={"code": wrong}, headers=person.headers)
        assert refused.status_code == 422
    renewed = await client.post(path, json={"code": person.next_code()}, headers=person.headers)
    assert len(renewed.json()["recoveryCodes"]) == 10
    assert (await sign_in_with(client, person.email, code=person.codes[0])).status_code == 401
    new = renewed.json()["recoveryCodes"][0]
    assert (await sign_in_with(client, person.email, code=new)).status_code == 200
    _, stranger, _ = await a_person(client)
    assert (await client.post(path, json={"code": "123456"}, headers=stranger)).status_code == 409


async def test_a_program_is_asked_for_the_code(client: httpx.AsyncClient, mailbox: Mailbox) -> None:
    person = await signed_up(client)
    asked = await sign_in(client, person.email)
    assert (asked.status_code, asked.json()["type"]) == (401, "urn:helpninja:problem:code-needed")
    assert "set-cookie" not in asked.headers
    wrong = await sign_in_with(client, person.email, code="abcdef")
    assert (wrong.status_code, wrong.json()["type"]) == (401, "urn:helpninja:problem:code-needed")
    code = person.next_code()
    entered = await sign_in_with(client, person.email, code=code)
    assert entered.status_code == 200
    assert (await me(client, cookie_of(entered)))["user"]["email"] == person.email
    assert (await sign_in_with(client, person.email, code=code)).status_code == 401
    entered = await sign_in_with(client, person.email, code=person.codes[0].upper())
    assert entered.status_code == 200
    mail = await mailbox.next(person.email, after=2)
    assert "9 recovery codes are left" in mail.text
    assert (await sign_in_with(client, person.email, code=person.codes[0])).status_code == 401


async def test_without_the_password_nothing_tells_whether_it_is_on(client: httpx.AsyncClient) -> None:
    person = await signed_up(client)
    plain, _, _ = await a_person(client)
    for fields in ({}, {"code": person.next_code()}, {"code": person.codes[0]}):
        answers = [
            await sign_in_with(client, email, password="wrong", **fields) for email in (person.email, plain)
        ]
        assert [answer.status_code for answer in answers] == [401, 401]
        assert answers[0].content == answers[1].content
        assert {*answers[0].headers} == {*answers[1].headers}
    forms = [await start_by_form(client, email, password="wrong") for email in (person.email, plain)]
    assert forms[0].headers["location"] == forms[1].headers["location"]
    # Nor were they used up by it.
    assert (await sign_in_with(client, person.email, code=person.codes[0])).status_code == 200


async def test_a_form_goes_over_the_page_for_the_code(client: httpx.AsyncClient) -> None:
    person = await signed_up(client)
    started = await start_by_form(client, person.email, next="/app/team")
    where = urlsplit(started.headers["location"])
    assert (started.status_code, where.path, where.netloc) == (303, "/sign-in/code", "")
    assert parse_qs(where.query) == {"next": ["/app/team"]}
    cookie = started.headers["set-cookie"].lower()
    assert cookie.startswith("hn_second_step=")
    assert {"httponly", "samesite=lax", "path=/", "max-age=600"} <= {
        part.strip() for part in cookie.split(";")
    }
    step = code_step(started)
    # The step alone opens nothing.
    assert (await client.get("/api/auth/me", headers=step)).status_code == 401
    wrong = await post_code(client, step, "abc", next="/app/team", recovery="1")
    assert wrong.headers["location"] == "/sign-in/recovery?error=code&next=%2Fapp%2Fteam"
    assert "set-cookie" not in wrong.headers
    entered = await post_code(client, step, person.next_code(), next="/app/team")
    assert (entered.status_code, entered.headers["location"]) == (303, "/app/team")
    assert 'hn_second_step=""' in entered.headers["set-cookie"]
    assert (await me(client, cookie_of(entered)))["user"]["email"] == person.email
    used = await post_code(client, step, person.codes[0])
    assert used.headers["location"].startswith("/sign-in?error=again")


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example", "app"])
async def test_the_second_step_never_goes_on_to_another_website(
    client: httpx.AsyncClient, target: str
) -> None:
    person = await signed_up(client)
    started = await start_by_form(client, person.email, next=target)
    assert started.headers["location"] == "/sign-in/code?next=%2Fapp"
    entered = await post_code(client, code_step(started), person.codes[0], next=target)
    assert entered.headers["location"] == "/app"


async def test_five_wrong_codes_end_the_step(client: httpx.AsyncClient) -> None:
    person = await signed_up(client)
    step = code_step(await start_by_form(client, person.email))
    for _ in range(5):
        answer = await client.post("/api/auth/sign-in-code", json={"code": "abc"}, headers=step)
        assert (answer.status_code, answer.json()["title"]) == (401, "Code needed")
    over = await client.post("/api/auth/sign-in-code", json={"code": person.codes[0]}, headers=step)
    assert (over.status_code, over.json()["title"]) == (401, "Not signed in")
    posted = await post_code(client, step, person.codes[0])
    assert posted.headers["location"].startswith("/sign-in?error=again")
    assert 'hn_second_step=""' in posted.headers["set-cookie"]
    # The code was not looked at.
    assert (await sign_in_with(client, person.email, code=person.codes[0])).status_code == 200


async def test_who_signs_in_in_many_places_at_once_waits_for_nobody(client: httpx.AsyncClient) -> None:
    person = await signed_up(client)
    steps = [code_step(await start_by_form(client, person.email)) for _ in range(4)]
    by_form = [post_code(client, step, code) for step, code in zip(steps, person.codes, strict=False)]
    by_program = [sign_in_with(client, person.email, code=code) for code in person.codes[4:8]]
    renewed = client.post("/api/auth/two-factor/recovery-codes", json={"code": "1"}, headers=person.headers)
    *entered, refused = await asyncio.gather(*by_form, *by_program, renewed)
    assert [answer.status_code for answer in entered] == [303] * 4 + [200] * 4
    assert {answer.headers["location"] for answer in entered[:4]} == {"/app"}
    assert refused.status_code == 422


@pytest.mark.parametrize("cookie", [{}, {"cookie": "hn_second_step=nobody"}, {"cookie": "hn_second_step="}])
async def test_a_code_without_a_step_is_refused(client: httpx.AsyncClient, cookie: dict[str, str]) -> None:
    answer = await client.post("/api/auth/sign-in-code", json={"code": "123456"}, headers=cookie)
    assert (answer.status_code, answer.json()["title"]) == (401, "Not signed in")


async def test_a_program_may_finish_what_a_form_began(client: httpx.AsyncClient) -> None:
    person = await signed_up(client)
    step = code_step(await start_by_form(client, person.email))
    for body in ({}, {"code": ""}, {"code": "x" * 65}, {"code": 123456}):
        answer = await client.post("/api/auth/sign-in-code", json=body, headers=step)
        assert answer.status_code == 422
    body = {"code": person.codes[0]}
    foreign = step | {"origin": "https://evil.example"}
    assert (await client.post("/api/auth/sign-in-code", json=body, headers=foreign)).status_code == 403
    entered = await client.post("/api/auth/sign-in-code", json=body, headers=step)
    client.cookies.clear()
    assert (entered.status_code, entered.json()) == (200, {"ok": True})


async def test_a_reset_password_does_not_go_around_it(client: httpx.AsyncClient, mailbox: Mailbox) -> None:
    person = await signed_up(client)
    step = code_step(await start_by_form(client, person.email))
    await client.post("/api/auth/reset-password", json={"email": person.email})
    token = token_in(await mailbox.next(person.email, after=2))
    new = "nine loud violins"
    body = {"token": token, "password": new}
    changed = await client.post("/api/auth/update-password", json=body)
    assert changed.status_code == 200
    assert "set-cookie" not in changed.headers
    # Who got as far as the code did so with the old password.
    late = await client.post("/api/auth/sign-in-code", json={"code": person.codes[0]}, headers=step)
    assert late.status_code == 401
    asked = await sign_in(client, person.email, new)
    assert asked.json()["title"] == "Code needed"
    entered = await sign_in_with(client, person.email, password=new, code=person.codes[0])
    assert entered.status_code == 200


async def test_a_changed_password_ends_the_steps_under_way(client: httpx.AsyncClient) -> None:
    person = await signed_up(client)
    step = code_step(await start_by_form(client, person.email))
    body = {"currentPassword": PASSWORD, "password": "nine loud violins"}
    changed = await client.post("/api/auth/update-password", json=body, headers=person.headers)
    assert changed.status_code == 200
    late = await client.post("/api/auth/sign-in-code", json={"code": person.codes[0]}, headers=step)
    assert late.status_code == 401


async def test_it_is_the_account_s_in_every_workspace_and_session(client: httpx.AsyncClient) -> None:
    person = await signed_up(client)
    phone = cookie_of(await sign_in_with(client, person.email, code=person.codes[0]))
    made = await client.post("/api/workspaces", json={"name": "Second"}, headers=phone)
    assert made.status_code == 201
    seen = {"enabled": True, "recoveryCodesLeft": 9}
    assert await status_of(client, phone) == seen
    assert await status_of(client, person.headers) == seen


async def test_nobody_else_sees_or_changes_it(client: httpx.AsyncClient) -> None:
    person = await signed_up(client)
    _, stranger, _ = await a_person(client)
    assert await status_of(client, stranger) == {"enabled": False, "recoveryCodesLeft": 0}
    body = {"currentPassword": PASSWORD}
    removed = await client.post("/api/auth/two-factor/remove", json=body, headers=stranger)
    assert removed.status_code == 404
    step = code_step(await start_by_form(client, (other := await signed_up(client)).email))
    assert (await post_code(client, step, person.codes[0])).headers["location"].startswith("/sign-in/code")
    assert (await sign_in_with(client, other.email, code=person.next_code())).status_code == 401
    assert await status_of(client, person.headers) == {"enabled": True, "recoveryCodesLeft": 10}


async def with_code(client: httpx.AsyncClient, person: Person, code: str) -> int:
    return (await sign_in_with(client, person.email, code=code)).status_code


async def test_codes_are_limited_by_account_and_by_address(
    client: httpx.AsyncClient, with_resources: OpenResources
) -> None:
    person = await signed_up(client)
    async with with_resources(sign_in_limit_per_account=3):
        answers = [
            (await client.post("/api/auth/two-factor/recovery-codes", json={"code": "1"}, headers=headers))
            for headers in [person.headers] * 4
        ]
        assert [answer.status_code for answer in answers] == [422, 422, 422, 429]
        assert int(answers[-1].headers["retry-after"]) > 0
        # Wherever they are typed they are counted together.
        step = code_step(await start_by_form(client, person.email))
        limited = await post_code(client, step, person.codes[0])
        assert limited.headers["location"].startswith("/sign-in/code?error=limited")
    async with with_resources(sign_in_limit_per_address=3):
        cookie = {"cookie": "hn_second_step=nobody"}
        guesses = [
            (await client.post("/api/auth/sign-in-code", json={"code": "1"}, headers=cookie)).status_code
            for _ in range(4)
        ]
    assert guesses == [401, 401, 401, 429]


async def test_thirty_guesses_at_the_app_s_codes_a_day_leave_the_recovery_codes(
    client: httpx.AsyncClient, with_resources: OpenResources
) -> None:
    person = await signed_up(client)
    path = "/api/auth/two-factor/recovery-codes"
    async with with_resources():
        wrong = code_at(person.secret, -100)
        answers = [
            (await client.post(path, json={"code": wrong}, headers=person.headers)).status_code
            for _ in range(31)
        ]
        assert answers == [422] * 30 + [429]
        assert await with_code(client, person, person.next_code()) == 429
        assert await with_code(client, person, person.codes[0]) == 200


async def test_a_lost_key_says_so_and_leaves_the_recovery_codes(
    client: httpx.AsyncClient, with_resources: OpenResources
) -> None:
    person = await signed_up(client)
    async with with_resources(secret_key=SecretStr("another-k3y-for-tests-0123456789-abc")):
        lost = await sign_in_with(client, person.email, code=person.next_code())
        assert (lost.status_code, lost.json()["title"]) == (503, "Unavailable")
        assert person.secret not in lost.text
        step = code_step(await start_by_form(client, person.email))
        posted = await post_code(client, step, person.next_code())
        assert posted.headers["location"].startswith("/sign-in/code?error=unreadable")
        assert await with_code(client, person, person.codes[0]) == 200
    old = SecretStr("k3y-for-tests-0123456789-abcdefghijk")
    new = SecretStr("another-k3y-for-tests-0123456789-abc")
    async with with_resources(secret_key=new, encryption_keys=old):
        assert await with_code(client, person, person.next_code()) == 200
