"""What tests of signing in with Supabase share: an installation that uses a twin of it, and browsers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
from fastapi import FastAPI
from pydantic import SecretStr

from api_routes.app import create_api
from helpninja_app.accounts.supabase.cookies import read_session, write_session
from helpninja_app.accounts.supabase.project import Supabase
from helpninja_app.resources import Resources
from tests.conftest import OpenResources
from tests.twins.gotrue import Gotrue, click

ORIGIN = "http://helpninja.test"
PASSWORD = "seven odd teapots dance"


@cache
def api() -> FastAPI:
    """One for all: making it takes a second, and it holds nothing."""
    return create_api(is_supabase=True)


@dataclass(frozen=True)
class Installation:
    """HelpNinja with a Supabase project beside it."""

    gotrue: Gotrue
    resources: Resources

    @property
    def supabase(self) -> Supabase:
        assert self.resources.supabase
        return self.resources.supabase

    @asynccontextmanager
    async def browser(self) -> AsyncIterator[httpx.AsyncClient]:
        """A browser: it keeps cookies, and posts from our own pages."""
        transport = httpx.ASGITransport(app=api(), raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url=ORIGIN, timeout=60, headers={"origin": ORIGIN}
        ) as made:
            yield made

    def give(self, browser: httpx.AsyncClient, session: dict[str, Any]) -> None:
        """Have it keep the cookies of a session that another server opened."""
        for name, value in write_session(session, self.supabase.cookie).items():
            browser.cookies.set(name, value, domain="helpninja.test")

    def tokens(self, browser: httpx.AsyncClient) -> tuple[str, str]:
        """The access and the refresh token that its cookies hold."""
        stored = read_session(dict(browser.cookies), self.supabase.cookie)
        assert stored
        return stored.access_token, stored.refresh_token

    async def come_back(self, browser: httpx.AsyncClient, address: str) -> httpx.Response:
        """Follow a link of a mail, through Supabase and back here."""
        assert address.startswith(f"{ORIGIN}/api/auth/callback"), address
        return await browser.get(address)


@asynccontextmanager
async def installation(
    gotrue: Gotrue, with_resources: OpenResources, **changes: Any
) -> AsyncIterator[Installation]:
    gotrue.settings.redirect_urls = (f"{ORIGIN}/**",)
    secret = SecretStr(gotrue.jwt_secret) if gotrue.settings.algorithm == "HS256" else None
    async with with_resources(
        supabase_url=gotrue.url,
        supabase_anon_key=SecretStr(gotrue.anon_key),
        supabase_jwt_secret=secret,
        **changes,
    ) as resources:
        yield Installation(gotrue, resources)


async def click_mail(gotrue: Gotrue, to: str, kind: Any) -> str:
    """Where the link of the last mail of a kind leads a browser to."""
    return await click(gotrue.last_mail(to, kind))


async def sign_in(browser: httpx.AsyncClient, email: str, password: str = PASSWORD) -> httpx.Response:
    return await browser.post("/api/auth/sign-in", json={"email": email, "password": password})


async def me(browser: httpx.AsyncClient) -> Any:
    answer = await browser.get("/api/auth/me")
    assert answer.status_code == 200, answer.text
    return answer.json()
