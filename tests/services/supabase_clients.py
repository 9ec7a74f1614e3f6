"""Supabase's own client, set up as a server uses it: one for each request, nothing kept, nothing renewed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from supabase import AsyncClient, AsyncClientOptions, create_async_client
from supabase_auth import AsyncGoTrueClient, AsyncMemoryStorage
from supabase_auth.errors import AuthApiError

from tests.twins.gotrue import Gotrue


@asynccontextmanager
async def open_client(
    gotrue: Gotrue, *, key: str | None = None, storage: AsyncMemoryStorage | None = None
) -> AsyncIterator[AsyncClient]:
    async with httpx.AsyncClient(timeout=5) as http:
        options = AsyncClientOptions(
            auto_refresh_token=False,
            persist_session=False,
            flow_type="pkce",
            storage=storage or AsyncMemoryStorage(),
            httpx_client=http,
        )
        yield await create_async_client(gotrue.url, key or gotrue.anon_key, options)


@asynccontextmanager
async def open_auth(
    gotrue: Gotrue, *, key: str | None = None, storage: AsyncMemoryStorage | None = None
) -> AsyncIterator[AsyncGoTrueClient]:
    async with open_client(gotrue, key=key, storage=storage) as client:
        yield client.auth


def code_of(error: AuthApiError) -> tuple[int, str | None]:
    return error.status, error.code
