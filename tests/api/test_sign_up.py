"""Signing up, confirming an address, and choosing a new password."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import zxcvbn
from sqlalchemy import text

from helpninja_app.accounts.users import find_user_id
from helpninja_app.kernel.database import enter_scope
from helpninja_app.kernel.scope import Scope
from helpninja_app.resources import Resources
from tests.api.accounts import PASSWORD, a_person, cookie_of, me, new_address, sign_in, sign_up
from tests.conftest import OpenResources
from tests.mailbox import Mailbox, token_in

pytestmark = pytest.mark.usefixtures("worker")


async def post(client: httpx.AsyncClient, path: str, **body: str) -> httpx.Response:
    return await client.post(f"/api/auth/{path}", json=body)


async def test_whoever_signs_up_owns_a_workspace_and_is_signed_in(client: httpx.AsyncClient) -> None:
    email = new_address()
    response = await sign_up(client, email=email.upper(), workspace="Fernway Outdoor")
    assert (response.status_code, response.json()) == (201, {"ok": True})
    attributes = {part.strip().lower() for part in response.headers["set-cookie"].split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/"} <= attributes
    known = await me(client, cookie_of(response))
    assert (known["user"]["email"], known["user"]["verified"]) == (email, False)
    [workspace] = known["workspaces"]
    assert (workspace["name"], workspace["role"]) == ("Fernway Outdoor", "owner")
    assert workspace["slug"].startswith("fernway-outdoor")
    assert (await sign_in(client, email)).status_code == 200


async def test_the_mailed_link_confirms_the_address_once(client: httpx.AsyncClient, mailbox: Mailbox) -> None:
    email, headers, _ = await a_person(client)
    token = token_in(await mailbox.next(email))
    assert (await post(client, "verify-email", token=token)).status_code == 200
    assert (await me(client, headers))["user"]["verified"] is True
    again = await post(client, "verify-email", token=token)
    assert again.status_code == 422
    assert "used already" in again.json()["detail"]


async def test_many_at_once_use_a_link_once(client: httpx.AsyncClient, mailbox: Mailbox) -> None:
    email, _, _ = await a_person(client)
    token = token_in(await mailbox.next(email))
    answers = await asyncio.gather(*(post(client, "verify-email", token=token) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [422] * 7


async def test_the_link_can_be_sent_again(client: httpx.AsyncClient, mailbox: Mailbox) -> None:
    email, headers, _ = await a_person(client)
    await mailbox.next(email)
    assert (await client.post("/api/auth/resend-verification", headers=headers)).status_code == 200
    token = token_in(await mailbox.next(email, after=1))
    assert (await post(client, "verify-email", token=token)).status_code == 200
    assert (await client.post("/api/auth/resend-verification", headers=headers)).status_code == 200
    await asyncio.sleep(0.2)
    assert len(mailbox.of(email)) == 2


async def test_an_address_that_is_taken_gets_the_same_answer_and_its_owner_a_mail(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    email, headers, _ = await a_person(client)
    await mailbox.next(email)
    free, taken = await sign_up(client), await sign_up(client, email=email, password="another odd teapot 9")
    assert (taken.status_code, taken.content) == (free.status_code, free.content)
    assert {name for name, _ in taken.headers.items()} == {name for name, _ in free.headers.items()}
    assert len(taken.headers["set-cookie"]) == len(free.headers["set-cookie"])
    mail = await mailbox.next(email, after=1)
    assert "You have an account already" in mail.subject
    # Nothing was changed or made.
    assert (await sign_in(client, email)).status_code == 200
    assert (await sign_in(client, email, "another odd teapot 9")).status_code == 401
    assert len((await me(client, headers))["workspaces"]) == 1
    assert (await client.get("/api/auth/me", headers=cookie_of(taken))).status_code == 401


async def test_many_at_once_with_one_address_make_one_account(
    client: httpx.AsyncClient, resources: Resources
) -> None:
    email = new_address()
    answers = await asyncio.gather(*(sign_up(client, email=email, workspace="Same") for _ in range(6)))
    assert {answer.status_code for answer in answers} == {201}
    signed_in = [
        (await client.get("/api/auth/me", headers=cookie_of(answer))).status_code for answer in answers
    ]
    assert sorted(signed_in) == [200] + [401] * 5
    async with resources.database.unit_of_work() as session:
        rehearsed = await session.execute(
            text("select count(*) from user_emails where email like '%rehearsed.invalid'")
        )
        assert rehearsed.scalar_one() == 0


async def test_many_at_once_with_one_name_of_a_workspace_get_one_each(client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(sign_up(client, workspace="The same name") for _ in range(6)))
    slugs = [(await me(client, cookie_of(answer)))["workspaces"][0]["slug"] for answer in answers]
    assert len(set(slugs)) == 6


@pytest.mark.parametrize(
    "password", ["short", "password123", "qwertzuiop1", "12345678901", "aaaaaaaaaaaa", "letmein2024"]
)
async def test_a_password_that_is_easy_to_guess_is_refused(client: httpx.AsyncClient, password: str) -> None:
    response = await sign_up(client, password=password)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "body.password"
    assert password not in response.text
    assert "set-cookie" not in response.headers


async def test_one_s_own_address_is_no_password(client: httpx.AsyncClient) -> None:
    response = await sign_up(
        client, email="margarethe.oldenburg@example.com", password="margarethe.oldenburg1"
    )
    assert response.status_code == 422


@pytest.mark.parametrize(
    "email",
    [
        "nobody",
        "a@b",
        "a b@example.com",
        "@example.com",
        "a@example.com\nb: c",
        "a@@b.de",
        "boss@corp.example,a",
        "a@b.de>",
    ],
)
async def test_what_is_no_address_is_refused(client: httpx.AsyncClient, email: str) -> None:
    response = await sign_up(client, email=email)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "body.email"


async def test_a_form_goes_back_with_a_code_and_what_was_typed_but_the_password(
    client: httpx.AsyncClient,
) -> None:
    email = new_address()
    fields = {"email": email, "password": "password123", "workspace": "My shop", "next": "/app/billing"}
    response = await client.post("/api/auth/sign-up", data=fields)
    where = urlsplit(response.headers["location"])
    assert (response.status_code, where.netloc, where.path) == (303, "", "/sign-up")
    assert parse_qs(where.query) == {"error": ["weak"]} | {
        name: [value] for name, value in fields.items() if name != "password"
    }
    right = await client.post(
        "/api/auth/sign-up", data=fields | {"password": PASSWORD, "next": "//evil.example"}
    )
    client.cookies.clear()
    assert (right.status_code, right.headers["location"]) == (303, "/app")
    assert "httponly" in right.headers["set-cookie"].lower()


async def test_signing_up_can_be_closed_or_for_the_invited(
    client: httpx.AsyncClient, with_resources: OpenResources
) -> None:
    await a_person(client)
    async with with_resources(sign_up="closed"):
        assert (await sign_up(client)).status_code == 403
    async with with_resources(sign_up="invite"):
        response = await sign_up(client)
        assert response.status_code == 403
        assert "invite" in response.json()["detail"]
        unknown = await sign_up(client, invite="nobody-made-this-token")
        assert unknown.status_code == 404


async def test_another_website_signs_nobody_up(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/api/auth/sign-up",
        json={"email": new_address(), "password": PASSWORD},
        headers={"origin": "https://evil.example"},
    )
    assert response.status_code == 403
    assert "set-cookie" not in response.headers


async def test_signing_up_is_limited_per_address(
    client: httpx.AsyncClient, with_resources: OpenResources
) -> None:
    async with with_resources(sign_in_limit_per_address=2):
        answers = [await sign_up(client) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]


async def test_a_mailed_link_gives_a_new_password_and_ends_every_session(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    email, headers, _ = await a_person(client)
    await mailbox.next(email)
    known = await post(client, "reset-password", email=email)
    unknown = await post(client, "reset-password", email=new_address())
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    token = token_in(await mailbox.next(email, after=1))
    weak = await post(client, "update-password", token=token, password="password123")
    assert weak.status_code == 422
    changed = await post(client, "update-password", token=token, password="nine loud violins")
    assert changed.status_code == 200
    assert "set-cookie" not in changed.headers
    assert (await client.get("/api/auth/me", headers=headers)).status_code == 401
    assert (await sign_in(client, email)).status_code == 401
    assert (await sign_in(client, email, "nine loud violins")).status_code == 200
    again = await post(client, "update-password", token=token, password="ten soft trumpets blow")
    assert again.status_code == 422
    assert "password was changed" in (await mailbox.next(email, after=2)).subject


async def test_a_new_password_makes_earlier_links_useless(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    email, _, _ = await a_person(client)
    await mailbox.next(email)
    for _ in range(2):
        await post(client, "reset-password", email=email)
    tokens = [token_in(await mailbox.next(email, after=count)) for count in (1, 2)]
    assert (
        await post(client, "update-password", token=tokens[1], password="nine loud violins")
    ).status_code == 200
    first = await post(client, "update-password", token=tokens[0], password="ten soft trumpets blow")
    assert first.status_code == 422


@pytest.mark.parametrize("change", ["expires_at = now() - interval '1 second'", "purpose = 'verify'"])
async def test_a_link_that_is_too_old_or_for_something_else_changes_nothing(
    client: httpx.AsyncClient, mailbox: Mailbox, resources: Resources, change: str
) -> None:
    email, _, _ = await a_person(client)
    await mailbox.next(email)
    await post(client, "reset-password", email=email)
    token = token_in(await mailbox.next(email, after=1))
    async with resources.database.unit_of_work() as session:
        await enter_scope(session, Scope(user_id=await find_user_id(session, email)))
        await session.execute(text(f"update account_links set {change}"))
    response = await post(client, "update-password", token=token, password="nine loud violins")
    assert response.status_code == 422
    assert (await sign_in(client, email)).status_code == 200


async def test_the_host_a_request_names_is_not_where_links_lead(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    email, _, _ = await a_person(client)
    await mailbox.next(email)
    forged = {"host": "evil.example", "x-forwarded-host": "evil.example"}
    await client.post("/api/auth/reset-password", json={"email": email}, headers=forged)
    mail = await mailbox.next(email, after=1)
    assert mail.link.startswith("http://helpninja.test/reset?token=")
    assert "evil" not in mail.text


async def test_one_s_own_password_is_changed_by_who_knows_it(
    client: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    email, headers, _ = await a_person(client)
    elsewhere = cookie_of(await sign_in(client, email))
    body = {"currentPassword": "wrong", "password": "nine loud violins"}
    assert (await client.post("/api/auth/update-password", json=body)).status_code == 401
    wrong = await client.post("/api/auth/update-password", json=body, headers=headers)
    assert wrong.status_code == 401
    right = await client.post(
        "/api/auth/update-password", json=body | {"currentPassword": PASSWORD}, headers=headers
    )
    assert right.status_code == 200
    assert (await client.get("/api/auth/me", headers=headers)).status_code == 200
    assert (await client.get("/api/auth/me", headers=elsewhere)).status_code == 401
    assert (await sign_in(client, email, "nine loud violins")).status_code == 200


async def test_a_link_that_is_none_costs_no_hash_and_is_limited(
    client: httpx.AsyncClient, with_resources: OpenResources, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> str:
        raise AssertionError("A password was hashed.")

    monkeypatch.setattr("api_routes.sign_up.hash_password", never)
    monkeypatch.setattr("api_routes.sign_up.refuse_weak_password", never)
    async with with_resources(sign_in_limit_per_address=3):
        answers = [
            await post(client, "update-password", token=f"nobody-{n}", password="nine loud violins")
            for n in range(4)
        ]
    assert [answer.status_code for answer in answers] == [422, 422, 422, 429]


async def test_of_a_long_password_only_so_much_is_judged(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work of judging grows faster than the length: 72 chosen characters take seconds."""
    judged: list[int] = []
    judge = zxcvbn.zxcvbn

    def judge_noted(password: str, user_inputs: list[str]) -> Any:
        judged.append(len(password))
        return judge(password, user_inputs=user_inputs)

    monkeypatch.setattr("helpninja_app.accounts.passwords.zxcvbn.zxcvbn", judge_noted)
    await sign_up(client, password="4@8({[<369&#!1/|0$5+7%2" * 40)
    assert judged == [24]


async def test_a_sign_in_with_the_old_password_does_not_outlive_its_change(client: httpx.AsyncClient) -> None:
    email, headers, _ = await a_person(client)
    body = {"currentPassword": PASSWORD, "password": "nine loud violins"}
    changing = client.post("/api/auth/update-password", json=body, headers=headers)
    answers = await asyncio.gather(changing, *(sign_in(client, email) for _ in range(5)))
    client.cookies.clear()
    assert answers[0].status_code == 200
    for answer in answers[1:]:
        if answer.status_code == 200:
            assert (await client.get("/api/auth/me", headers=cookie_of(answer))).status_code == 401
