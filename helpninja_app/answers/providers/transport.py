"""Owns the connections to model providers: aiohttp's, below the client that both vendors' libraries use.

Reading a stream of many small pieces takes it a third of what that client's own transport takes. The
libraries bring one like this along, which takes a server that hangs up for one that is slow.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator

import aiohttp
import httpx2

# Idle connections are kept so many seconds.
_KEPT = 30.0
# A larger body goes out in pieces, so that nobody else waits for it.
_SENT_AT_ONCE = 500_000


def provider_client() -> httpx2.AsyncClient:
    """Sets no limits of time; nothing is connected before it is used."""
    return httpx2.AsyncClient(transport=ProviderTransport(), timeout=None, follow_redirects=True)


class ProviderTransport(httpx2.AsyncBaseTransport):
    """Whatever goes wrong on the way is an ``httpx2.NetworkError``."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        body = await request.aread()
        try:
            response = await self._connected().request(
                request.method,
                str(request.url),
                headers=request.headers.multi_items(),
                data=(body if len(body) < _SENT_AT_ONCE else io.BytesIO(body)) if body else None,
                allow_redirects=False,
            )
        except (aiohttp.ClientError, OSError) as error:
            raise httpx2.ConnectError(str(error), request=request) from error
        return httpx2.Response(
            response.status, headers=response.raw_headers, stream=_Body(response, request), request=request
        )

    async def aclose(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0, keepalive_timeout=_KEPT, ssl=httpx2.create_ssl_context()
                ),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("accept", "accept-encoding", "content-type", "user-agent"),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
                trust_env=True,
            )
        return self._session


class _Body(httpx2.AsyncByteStream):
    """The pieces as they come."""

    def __init__(self, response: aiohttp.ClientResponse, request: httpx2.Request) -> None:
        self._response, self._request = response, request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        content = self._response.content
        try:
            while piece := await content.readany():
                yield piece
        except (aiohttp.ClientError, OSError) as error:
            raise httpx2.ReadError(str(error), request=self._request) from error

    async def aclose(self) -> None:
        if self._response.content.is_eof():
            self._response.release()
        else:
            self._response.close()
            # The transport closes in the loop's next turn, and whoever stopped it wants it closed now.
            await asyncio.sleep(0)
