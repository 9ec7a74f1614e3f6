"""What tests of accounts share: people with a browser of their own."""

from __future__ import annotations

import secrets
from typing import Any

import httpx

PASSWORD = "seven odd teapots dance"


def new_address() -> str:
    return f"{secrets.token_hex(8)}@example.com"


def cookie_of(response: httpx.Response) -> dict[str, str]:
    """The headers of the browser that got this answer."""
    return {"cookie": response.headers["set-cookie"].partition(";")[0]}


async def sign_up(client: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    body = {"email": new_address(), "password": PASSWORD} | fields
    response = await client.post("/api/auth/sign-up", json=body)
    client.cookies.clear()
    return response


async def sign_in(client: httpx.AsyncClient, email: str, password: str = PASSWORD) -> httpx.Response:
    response = await client.post("/api/auth/sign-in", json={"email": email, "password": password})
    client.cookies.clear()
    return response


async def me(client: httpx.AsyncClient, headers: dict[str, str]) -> Any:
    response = await client.get("/api/auth/me", headers=headers)
    assert response.status_code == 200, response.text
    return response.json()


async def a_person(client: httpx.AsyncClient, **fields: Any) -> tuple[str, dict[str, str], str]:
    """Somebody who signed up: their address, their browser's headers, and their workspace's id."""
    email = fields.pop("email", new_address())
    response = await sign_up(client, email=email, **fields)
    assert response.status_code == 201, response.text
    headers = cookie_of(response)
    return email, headers, (await me(client, headers))["workspaces"][0]["id"]
