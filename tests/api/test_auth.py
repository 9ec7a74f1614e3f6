"""Signing in and out: the cookie, the redirects, and everything that is refused."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import text

from helpninja_app.accounts.models import Role
from helpninja_app.accounts.passwords import hash_password
from helpninja_app.accounts.sessions import open_session
from helpninja_app.accounts.users import create_user, find_user_id
from helpninja_app.kernel.database import enter_scope
from helpninja_app.kernel.scope import Scope
from helpninja_app.resources import Resources
from tests.conftest import OpenResources
from tests.factories import PASSWORD, Factory

FORM = {"content-type": "application/x-www-form-urlencoded"}


async def sign_in(client: httpx.AsyncClient, email: str, password: str = PASSWORD) -> httpx.Response:
    response = await client.post("/api/auth/sign-in", json={"email": email, "password": password})
    client.cookies.clear()
    return response


async def sign_in_by_form(
    client: httpx.AsyncClient, email: str, password: str = PASSWORD, **fields: str
) -> httpx.Response:
    response = await client.post("/api/auth/sign-in", data={"email": email, "password": password} | fields)
    client.cookies.clear()
    return response


def cookie_of(response: httpx.Response) -> str:
    return response.headers["set-cookie"].partition(";")[0]


async def test_signing_in_gives_a_cookie_that_scripts_cannot_read(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    email, _ = await factory.member(await factory.tenant())
    response = await sign_in(client, email.upper())
    assert (response.status_code, response.json()) == (200, {"ok": True})
    attributes = {part.strip().lower() for part in response.headers["set-cookie"].split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/"} <= attributes
    assert "secure" not in attributes
    assert response.headers["cache-control"] == "no-store"
    me = await client.get("/api/auth/me", headers={"cookie": cookie_of(response)})
    assert me.json()["user"]["email"] == email


async def test_the_cookie_is_secure_where_we_are_reached_by_https(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    email, _ = await factory.member(await factory.tenant())
    async with with_resources(public_url="https://help.example"):
        response = await sign_in(client, email)
    assert "secure" in response.headers["set-cookie"].lower()


async def test_me_tells_the_user_and_their_workspaces(client: httpx.AsyncClient, factory: Factory) -> None:
    tenant = await factory.tenant()
    email, headers = await factory.member(tenant, Role.AGENT)
    me = (await client.get("/api/auth/me", headers=headers)).json()
    assert me["user"]["email"] == email
    assert me["workspaces"] == [
        {
            "id": str(tenant.id),
            "name": tenant.workspace.name,
            "slug": tenant.workspace.slug,
            "role": "agent",
        }
    ]


async def test_me_knows_a_user_without_a_workspace(client: httpx.AsyncClient, resources: Resources) -> None:
    async with resources.database.unit_of_work() as session:
        user = await create_user(
            session, email="alone@example.com", password_hash=await hash_password(PASSWORD)
        )
        token = await open_session(session, user.id)
    response = await client.get("/api/auth/me", headers={"cookie": f"hn_session={token}"})
    assert response.status_code == 200
    assert response.json()["workspaces"] == []


async def test_a_form_goes_on_to_the_page_that_was_asked_for(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    email, _ = await factory.member(await factory.tenant())
    response = await sign_in_by_form(client, email, next="/app/inbox?status=waiting")
    assert response.status_code == 303
    assert response.headers["location"] == "/app/inbox?status=waiting"
    assert "httponly" in response.headers["set-cookie"].lower()


@pytest.mark.parametrize(
    "target",
    [
        "",
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "\t//evil.example",
        " //evil.example",
        "/\r\nset-cookie: a=b",
        "javascript:alert(1)",
        "data:text/html,x",
        "app",
        "//[",
        "https://[",
        "//evil.example:99999999",
    ],
)
async def test_a_form_never_goes_on_to_another_website(
    client: httpx.AsyncClient, factory: Factory, target: str
) -> None:
    email, _ = await factory.member(await factory.tenant())
    response = await sign_in_by_form(client, email, next=target)
    assert (response.status_code, response.headers["location"]) == (303, "/app")
    refused = await sign_in_by_form(client, email, "wrong", next=target)
    assert parse_qs(urlsplit(refused.headers["location"]).query)["next"] == ["/app"]


async def test_a_form_with_a_wrong_password_goes_back_and_sets_no_cookie(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    email, _ = await factory.member(await factory.tenant())
    response = await sign_in_by_form(client, email, "wrong", next="/app/inbox")
    where = urlsplit(response.headers["location"])
    assert (response.status_code, where.netloc, where.path) == (303, "", "/sign-in")
    assert parse_qs(where.query)["next"] == ["/app/inbox"]
    assert parse_qs(where.query)["error"] == ["wrong"]
    assert "set-cookie" not in response.headers


async def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    email, _ = await factory.member(await factory.tenant())
    wrong, unknown = await sign_in(client, email, "wrong"), await sign_in(client, "nobody@example.com")
    assert (wrong.status_code, wrong.content) == (401, unknown.content)
    assert {name for name, _ in wrong.headers.items()} == {name for name, _ in unknown.headers.items()}


@pytest.mark.parametrize(
    "body",
    [{}, {"email": "a@example.com"}, {"email": 1, "password": "x"}, {"email": "", "password": "x"}, []],
)
async def test_a_sign_in_that_is_not_complete_is_422(client: httpx.AsyncClient, body: object) -> None:
    response = await client.post("/api/auth/sign-in", json=body)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "raw", [b"\xff\xfe", b"a=" + b"x" * 20_000, b"&".join(b"a%d=b" % n for n in range(99))]
)
async def test_a_hostile_form_is_refused_without_a_crash(client: httpx.AsyncClient, raw: bytes) -> None:
    response = await client.post("/api/auth/sign-in", content=raw, headers=FORM)
    assert response.status_code in {303, 413, 415, 422}
    assert "set-cookie" not in response.headers


async def test_signing_out_ends_the_session_on_the_server(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    _, headers = await factory.member(await factory.tenant())
    assert (await client.get("/api/auth/me", headers=headers)).status_code == 200
    response = await client.post("/api/auth/sign-out", headers=headers)
    assert (response.status_code, response.json()) == (200, {"ok": True})
    assert 'hn_session=""' in response.headers["set-cookie"]
    # The browser's copy does not count any more.
    assert (await client.get("/api/auth/me", headers=headers)).status_code == 401


async def test_signing_out_by_a_form_goes_to_the_front_page(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    _, headers = await factory.member(await factory.tenant())
    response = await client.post("/api/auth/sign-out", headers=headers | FORM, content=b"")
    assert (response.status_code, response.headers["location"]) == (303, "/")
    assert (await client.get("/api/auth/me", headers=headers)).status_code == 401


async def test_signing_out_without_a_session_is_no_error(client: httpx.AsyncClient) -> None:
    assert (await client.post("/api/auth/sign-out")).status_code == 200


@pytest.mark.parametrize(
    "foreign",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://helpninja.test.evil.example"},
        {"origin": "https://helpninja.test"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
    ids=str,
)
async def test_another_website_cannot_use_a_member_s_cookie(
    client: httpx.AsyncClient, factory: Factory, foreign: dict[str, str]
) -> None:
    email, headers = await factory.member(await factory.tenant())
    calls = [
        await client.post("/api/auth/sign-in", json={"email": email, "password": PASSWORD}, headers=foreign),
        await client.post("/api/auth/sign-out", headers=headers | foreign),
        await client.post("/api/ingest", json={"input": "https://a.example"}, headers=headers | foreign),
        await client.delete("/api/documents/x", headers=headers | foreign),
    ]
    assert [response.status_code for response in calls] == [403] * 4
    assert all("set-cookie" not in response.headers for response in calls)
    assert (await client.get("/api/auth/me", headers=headers)).status_code == 200


async def test_our_own_pages_may(client: httpx.AsyncClient, factory: Factory) -> None:
    _, headers = await factory.member(await factory.tenant())
    own = {"origin": "http://helpninja.test", "sec-fetch-site": "same-origin"}
    assert (await client.post("/api/auth/sign-out", headers=headers | own)).status_code == 200


async def test_sign_in_tries_are_limited_by_account_and_by_address(
    client: httpx.AsyncClient, factory: Factory, with_resources: OpenResources
) -> None:
    email, _ = await factory.member(await factory.tenant())
    other, _ = await factory.member(await factory.tenant())
    async with with_resources(sign_in_limit_per_account=2):
        tries = [await sign_in(client, address, "wrong") for address in (email, email.upper())]
        refused = await sign_in(client, f" {email}")
        assert (await sign_in(client, other)).status_code == 200
    assert [response.status_code for response in tries] == [401, 401]
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 60
    async with with_resources(sign_in_limit_per_address=1):
        await sign_in(client, "somebody@example.com")
        assert (await sign_in(client, other)).status_code == 429


@pytest.mark.parametrize("change", ["expires_at = now() - interval '1 second'", "revoked_at = now()"])
async def test_a_session_that_is_over_is_401(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, change: str
) -> None:
    email, headers = await factory.member(await factory.tenant())
    async with resources.database.unit_of_work() as session:
        user_id = await find_user_id(session, email)
        await enter_scope(session, Scope(user_id=user_id))
        await session.execute(text(f"update sessions set {change}"))
    for path in ("/api/auth/me", "/api/documents"):
        assert (await client.get(path, headers=headers)).status_code == 401


@pytest.mark.parametrize("cookie", ["", "hn_session=", "hn_session=nobody", "hn_session=%00", "other=x"])
async def test_a_cookie_that_is_no_session_is_401(client: httpx.AsyncClient, cookie: str) -> None:
    response = await client.get("/api/auth/me", headers={"cookie": cookie} if cookie else {})
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("change", ["expires_at = now() - interval '1 second'", "revoked_at = now()"])
async def test_a_key_that_is_over_is_401(
    client: httpx.AsyncClient, factory: Factory, resources: Resources, change: str
) -> None:
    tenant = await factory.tenant()
    assert (await client.get("/api/documents", headers=tenant.headers)).status_code == 200
    async with resources.database.unit_of_work(tenant.scope) as session:
        await session.execute(text(f"update api_keys set {change}"))
    assert (await client.get("/api/documents", headers=tenant.headers)).status_code == 401


@pytest.mark.parametrize("key", ["hn_sk_unknown", "hn_sk_", "hn_pk_demo", "x", "hn_sk_\xff"])
async def test_a_key_that_nobody_has_is_401(client: httpx.AsyncClient, key: str) -> None:
    headers = httpx.Headers([(b"authorization", b"Bearer " + key.encode("latin-1"))])
    assert (await client.get("/api/documents", headers=headers)).status_code == 401


async def test_checks_come_in_the_order_401_404_403_422(client: httpx.AsyncClient, factory: Factory) -> None:
    mine, theirs = await factory.tenant(), await factory.tenant()
    narrow = await factory.key(mine, frozenset())
    wrong_in_all = {"tenantId": theirs.workspace.public_key, "input": 7}
    wrong_in_two = {"tenantId": mine.workspace.public_key, "input": 7}

    async def status(body: object, headers: dict[str, str]) -> int:
        return (await client.post("/api/ingest", json=body, headers=headers)).status_code

    assert await status(wrong_in_all, {}) == 401
    assert await status(wrong_in_all, narrow) == 404
    assert await status(wrong_in_two, narrow) == 403
    assert await status(wrong_in_two, mine.headers) == 422


async def test_whoever_is_unknown_learns_nothing_about_the_body(client: httpx.AsyncClient) -> None:
    for content, kind in (
        (b"{", "application/json"),
        (b"x", "text/plain"),
        (b" " * 1_000_001, "application/json"),
    ):
        response = await client.post("/api/ingest", content=content, headers={"content-type": kind})
        assert response.status_code == 401


async def test_a_member_of_another_workspace_gets_404_by_every_handle(
    client: httpx.AsyncClient, factory: Factory
) -> None:
    mine, theirs = await factory.tenant(), await factory.tenant()
    _, headers = await factory.member(mine)
    for handle in (theirs.workspace.public_key, str(theirs.id), theirs.workspace.slug, "hn_pk_nobody"):
        for credential in (headers, mine.headers):
            body = {"tenantId": handle, "input": "https://a.example"}
            response = await client.post("/api/ingest", json=body, headers=credential)
            assert response.status_code == 404, handle


TENANT_ROUTES = [
    ("GET", "/api/documents"),
    ("GET", "/api/documents/{id}"),
    ("PATCH", "/api/documents/{id}"),
    ("DELETE", "/api/documents/{id}"),
    ("GET", "/api/documents/{id}/file"),
    ("GET", "/api/ingest/{id}"),
    ("DELETE", "/api/ingest/{id}"),
]


@pytest.mark.parametrize(("method", "path"), TENANT_ROUTES)
async def test_a_workspace_that_is_not_the_key_s_is_404_on_every_member_route(
    client: httpx.AsyncClient, factory: Factory, method: str, path: str
) -> None:
    tenant, other = await factory.tenant(), await factory.tenant()
    document_id = await factory.document(tenant, "Boots are returned within sixty days.")
    url = path.format(id=document_id)
    for stranger in (other.workspace.slug, other.workspace.public_key, str(other.id), "nobody"):
        response = await client.request(
            method, url, params={"tenantId": stranger}, headers=tenant.headers, json={"title": "Taken"}
        )
        assert response.status_code == 404, (stranger, response.text)
    mine = await client.get(
        f"/api/documents/{document_id}",
        params={"tenantId": tenant.workspace.slug},
        headers=tenant.headers,
    )
    assert mine.json()["title"] == "A page"
