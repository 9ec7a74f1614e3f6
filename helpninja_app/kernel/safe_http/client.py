"""``SafeHttp``: HTTP for addresses that somebody else names, with every cap that this needs."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from types import TracebackType
from typing import Self
from urllib.parse import urljoin

import httpcore2

from helpninja_app.errors import AddressRefused, FetchFailed, InputRefused
from helpninja_app.kernel.safe_http.allowed import AllowedHosts
from helpninja_app.kernel.safe_http.bodies import ACCEPT_ENCODING, BoundedBody, content_encoding
from helpninja_app.kernel.safe_http.failures import failed_by_status, told_as_fetch_failed
from helpninja_app.kernel.safe_http.messages import Fetched, Head
from helpninja_app.kernel.safe_http.network import CheckedNetwork, Resolver, ThreadResolver
from helpninja_app.kernel.safe_http.targets import Target, check_name, parse_target

MAX_REDIRECTS = 5
MAX_HEADERS = 200
BEGINNING_BYTES = 1 << 14
BEGINNING_PIECE = 1 << 10
BEGINNING_SECONDS = 5.0

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# For good (RFC 9110, 15.4.2 and 15.4.9).
_MOVED = frozenset({301, 308})
# Set by us alone: the first four decide where the request goes and where it ends, the last what comes back.
_OWN_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding"})

BeforeRedirect = Callable[[str], Awaitable[None]]
CheckHead = Callable[[Head], None]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. ``read`` is the longest silence; ``total`` covers one whole fetch, redirects included."""

    resolve: float = 5.0
    connect: float = 5.0
    read: float = 10.0
    total: float = 20.0


class SafeHttp:
    """An HTTP client that contacts public addresses only, and the private ones it was told to allow.

    It speaks HTTP/1.1, keeps no cookies and reads no proxy from the environment. One instance per event loop.
    """

    def __init__(
        self,
        *,
        user_agent: str,
        allowed_private_hosts: frozenset[str] = frozenset(),
        timeouts: Timeouts | None = None,
        resolver: Resolver | None = None,
        ssl_context: ssl.SSLContext | None = None,
        dial: httpcore2.AsyncNetworkBackend | None = None,
    ) -> None:
        """``resolver``, ``ssl_context`` and ``dial`` (which opens the sockets) can be replaced by a test.

        ``allowed_private_hosts`` are entries of ``AllowedHosts``; ``InputRefused`` for a malformed one.
        """
        self._user_agent = user_agent
        self._allowed = AllowedHosts(allowed_private_hosts)
        self._timeouts = timeouts or Timeouts()
        self._own_resolver = ThreadResolver() if resolver is None else None
        self._network = CheckedNetwork(
            allowed_private_hosts=self._allowed,
            resolver=resolver or self._own_resolver or ThreadResolver(),
            resolve_timeout=self._timeouts.resolve,
            dial=dial,
        )
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=ssl_context or _trusting_the_usual_authorities(),
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=10.0,
            network_backend=self._network,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._pool.aclose()
        if self._own_resolver is not None:
            self._own_resolver.close()

    async def check(self, url: str) -> str:
        """The address in normal form, looked up but not contacted; raises what ``fetch`` raises so far."""
        target = self._admit(url)
        await self._network.addresses(target.host, target.port)
        return target.url

    async def fetch(
        self,
        url: str,
        *,
        max_bytes: int,
        accept: str = "*/*",
        before_redirect: BeforeRedirect | None = None,
        check_head: CheckHead | None = None,
    ) -> Fetched:
        """GET ``url``, following at most 5 redirects, each checked like the first.

        ``max_bytes`` caps the body on the wire and again unpacked. ``before_redirect`` sees each next address
        and ``check_head`` the final head before the body is read; either may raise to stop.
        Raises ``AddressRefused``, ``InputRefused``, or ``FetchFailed`` (every status but 2xx included).
        """
        target = self._admit(url)
        requested = target
        visited: list[str] = []
        is_moved = True
        async with self._time_limit(target):
            while True:
                async with self._answer("GET", target, {"accept": accept}, None) as (head, response):
                    if head.status not in _REDIRECTS or "location" not in head.headers:
                        if not 200 <= head.status < 300:
                            raise failed_by_status(head, target.authority)
                        if check_head is not None:
                            check_head(head)
                        body = await _read(response, head, target, max_bytes)
                        return _fetched(requested, head, body, visited, is_moved=is_moved)
                    is_moved = is_moved and head.status in _MOVED
                    following = self._follow(target, head)
                visited.append(target.url)
                if len(visited) > MAX_REDIRECTS:
                    raise FetchFailed(f"{requested.authority} redirects more than {MAX_REDIRECTS} times.")
                if following.url in visited:
                    raise FetchFailed(f"{requested.authority} redirects in a circle.")
                if before_redirect is not None:
                    await before_redirect(following.url)
                target = following

    async def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = 1 << 20,
    ) -> Fetched:
        """Send one request and return whatever is answered, any status; redirects are answers, not followed.

        Raises ``AddressRefused``, ``InputRefused`` or ``FetchFailed`` when there is no complete answer.
        """
        target = self._admit(url)
        async with (
            self._time_limit(target),
            self._answer(method.upper(), target, headers or {}, body) as (head, response),
        ):
            return _fetched(target, head, await _read(response, head, target, max_bytes), [])

    async def check_post(self, url: str) -> str:
        """As ``check``, for an address to post to: plain http is for the allowed private hosts alone."""
        target = self._admit_post(url)
        await self._network.addresses(target.host, target.port)
        return target.url

    async def post(self, url: str, body: bytes, *, headers: Mapping[str, str]) -> Fetched:
        """Post ``body`` and return whatever is answered, of which the status counts.

        Of the answer's body the beginning is kept: it may be long, slow or broken, but the message was taken
        all the same, and a failure here would have it posted again. Raises as ``request`` does.
        """
        target = self._admit_post(url)
        async with AsyncExitStack() as stack:
            async with self._time_limit(target):
                head, response = await stack.enter_async_context(self._answer("POST", target, headers, body))
            return _fetched(target, head, await _beginning(response, head, target), [])

    def _admit_post(self, url: str) -> Target:
        target = self._admit(url)
        if target.scheme == "http" and target.host_and_port not in self._allowed:
            raise AddressRefused("The address must start with https://.")
        return target

    def _admit(self, url: str) -> Target:
        target = parse_target(url)
        if not self._allowed.admits(target):
            check_name(target)
        return target

    def _follow(self, target: Target, head: Head) -> Target:
        location = head.headers["location"]
        if any(ord(character) < 32 for character in location):
            raise AddressRefused(f"{target.authority} redirects to a malformed address.")
        try:
            following = self._admit(urljoin(target.url, location.strip()))
        except AddressRefused as error:
            raise AddressRefused(
                f"{target.authority} redirects to a forbidden address. {error.detail}"
            ) from error
        except (InputRefused, ValueError) as error:
            raise FetchFailed(f"{target.authority} redirects to an address that cannot be read.") from error
        if (target.scheme, following.scheme) == (
            "https",
            "http",
        ) and following.host_and_port not in self._allowed:
            raise FetchFailed(f"{target.authority} redirects from https to http, which is not followed.")
        return following

    @asynccontextmanager
    async def _time_limit(self, target: Target) -> AsyncGenerator[None]:
        try:
            async with asyncio.timeout(self._timeouts.total):
                yield
        except TimeoutError as error:
            seconds = f"{self._timeouts.total:g}"
            raise FetchFailed(
                f"{target.authority} took longer than {seconds} seconds.", retryable=True
            ) from error

    @asynccontextmanager
    async def _answer(
        self, method: str, target: Target, headers: Mapping[str, str], body: bytes | None
    ) -> AsyncGenerator[tuple[Head, httpcore2.Response]]:
        sent = {name.lower(): value for name, value in headers.items() if name.lower() not in _OWN_HEADERS}
        sent = {
            "host": target.authority,
            "user-agent": self._user_agent,
            "accept-encoding": ACCEPT_ENCODING,
        } | sent
        if body is not None:
            sent["content-length"] = str(len(body))
        timeouts = self._timeouts
        request = httpcore2.Request(
            method,
            httpcore2.URL(
                scheme=target.scheme.encode(),
                host=target.host.encode(),
                port=target.port,
                target=target.request_target.encode(),
            ),
            headers=[(name.encode(), value.encode()) for name, value in sent.items()],
            content=body,
            extensions={
                "timeout": {
                    "connect": timeouts.connect,
                    "read": timeouts.read,
                    "write": timeouts.read,
                    "pool": timeouts.total,
                }
            },
        )
        with told_as_fetch_failed(target.authority, connect=timeouts.connect, read=timeouts.read):
            response = await self._pool.handle_async_request(request)
            try:
                yield _head(target, response), response
            finally:
                await response.aclose()


@cache
def _trusting_the_usual_authorities() -> ssl.SSLContext:
    """One per process: reading the certificate authorities takes a tenth of a second."""
    return httpcore2.default_ssl_context()


def _head(target: Target, response: httpcore2.Response) -> Head:
    if len(response.headers) > MAX_HEADERS:
        raise FetchFailed(f"{target.authority} answered with more than {MAX_HEADERS} headers.")
    headers: dict[str, str] = {}
    for raw_name, raw_value in response.headers:
        name, value = raw_name.decode("ascii").lower(), _decode(raw_value)
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return Head(url=target.url, status=response.status, headers=headers)


def _decode(value: bytes) -> str:
    """Header values are ASCII by the standard; Location is often bare UTF-8."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


async def _read(response: httpcore2.Response, head: Head, target: Target, max_bytes: int) -> bytes:
    encoding = content_encoding(head.headers.get("content-encoding", ""), target.authority)
    body = BoundedBody(encoding=encoding, max_bytes=max_bytes, host=target.authority)
    announced = head.headers.get("content-length", "")
    if announced.isdigit() and int(announced[:19]) > max_bytes:
        raise body.too_large()
    async with aclosing(response.aiter_stream()) as stream:
        async for data in stream:
            body.feed(data)
    return body.finish()


async def _beginning(response: httpcore2.Response, head: Head, target: Target) -> bytes:
    """What comes of the body within a few seconds and kilobytes; what is wrong with the rest is nobody's."""
    with suppress(FetchFailed, TimeoutError, httpcore2.NetworkError, httpcore2.ProtocolError):
        encoding = content_encoding(head.headers.get("content-encoding", ""), target.authority)
        body = BoundedBody(encoding=encoding, max_bytes=BEGINNING_BYTES, host=target.authority)
        with suppress(TimeoutError, httpcore2.TimeoutException, FetchFailed):
            async with asyncio.timeout(BEGINNING_SECONDS), aclosing(response.aiter_stream()) as stream:
                async for data in stream:
                    # In pieces: of a chunk that is too large the beginning counts too.
                    for start in range(0, len(data), BEGINNING_PIECE):
                        body.feed(data[start : start + BEGINNING_PIECE])
        return body.so_far
    return b""


def _fetched(
    requested: Target, head: Head, body: bytes, visited: Sequence[str], *, is_moved: bool = False
) -> Fetched:
    return Fetched(
        requested_url=requested.url,
        url=head.url,
        status=head.status,
        headers=head.headers,
        content_type=head.content_type,
        charset=head.charset,
        body=body,
        redirects=tuple(visited),
        is_moved=is_moved and bool(visited),
    )
