"""What tests of two-factor sign-in share: somebody who has it on, and the two steps of signing in."""

from __future__ import annotations

import time
from dataclasses import dataclass

import httpx
import pyotp

from tests.api.accounts import PASSWORD, a_person

STEP_SECONDS = 30


def code_at(secret: str, steps: int = 0) -> str:
    """The code of a step before or after the present one."""
    return pyotp.TOTP(secret).at(int(time.time()) + steps * STEP_SECONDS)


@dataclass(frozen=True)
class Person:
    """Somebody with two-factor sign-in on, and a browser that was signed in before."""

    email: str
    headers: dict[str, str]
    secret: str
    codes: list[str]

    def next_code(self) -> str:
        """A code that was not used when it was switched on."""
        return code_at(self.secret, 1)


async def signed_up(client: httpx.AsyncClient) -> Person:
    email, headers, _ = await a_person(client)
    body = {"currentPassword": PASSWORD}
    begun = await client.post("/api/auth/two-factor", json=body, headers=headers)
    secret = begun.json()["secret"]
    code = {"code": code_at(secret)}
    confirmed = await client.post("/api/auth/two-factor/confirm", json=code, headers=headers)
    assert confirmed.status_code == 200, confirmed.text
    return Person(email, headers, secret, confirmed.json()["recoveryCodes"])


async def start_by_form(
    client: httpx.AsyncClient, email: str, *, password: str = PASSWORD, **fields: str
) -> httpx.Response:
    """The first step, as the sign-in page's form posts it."""
    response = await client.post("/api/auth/sign-in", data={"email": email, "password": password} | fields)
    client.cookies.clear()
    return response


def code_step(response: httpx.Response) -> dict[str, str]:
    """The headers of the browser that is asked for a code now."""
    cookie = response.headers["set-cookie"].partition(";")[0]
    assert cookie.startswith("hn_second_step=")
    return {"cookie": cookie}


async def post_code(
    client: httpx.AsyncClient, step: dict[str, str], code: str, **fields: str
) -> httpx.Response:
    """The second step, as the code page's form posts it."""
    response = await client.post("/api/auth/sign-in-code", data={"code": code} | fields, headers=step)
    client.cookies.clear()
    return response
