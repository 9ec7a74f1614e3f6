"""Opens the sockets of ``SafeHttp``: the one place that resolves names, and it dials what it has checked."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

import httpcore2

from helpninja_app.errors import AddressRefused, FetchFailed
from helpninja_app.kernel.safe_http.addresses import refusal
from helpninja_app.kernel.safe_http.allowed import AllowedHosts

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""``await resolver(host, port)`` gives IP addresses in order of preference, or raises ``OSError``."""

# Enough for two broken address families and a spare; more would only lengthen the wait for a dead site.
_MAX_ATTEMPTS = 4


class ThreadResolver:
    """getaddrinfo in threads of its own, so that a dead name server cannot use up the shared ones."""

    def __init__(self, threads: int = 8) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="resolve")

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        # A scope id (fe80::1%eth0) stays in the text, so that the check sees and refuses it.
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class CheckedNetwork(httpcore2.AsyncNetworkBackend):
    """Resolves once, refuses the name if any of its addresses is refused, and dials only what it checked.

    Sitting below the connection pool, it cannot be by-passed by a redirect or a second request, and a name
    that changes its answer between check and use (DNS rebinding) gains nothing. The pool starts TLS with the
    original name, so SNI and the certificate check are those of the URL.
    """

    def __init__(
        self,
        *,
        allowed_private_hosts: AllowedHosts,
        resolver: Resolver,
        resolve_timeout: float,
        dial: httpcore2.AsyncNetworkBackend | None = None,
    ) -> None:
        self._allowed = allowed_private_hosts
        self._resolver = resolver
        self._resolve_timeout = resolve_timeout
        self._dial = dial or httpcore2.AnyIOBackend()

    async def addresses(self, host: str, port: int) -> list[str]:
        """Checked addresses of ``host``; raises ``AddressRefused`` or ``FetchFailed``."""
        try:
            async with asyncio.timeout(self._resolve_timeout):
                found = await self._resolver(host, port)
        except TimeoutError as error:
            raise FetchFailed(f"The name {host} could not be looked up in time.", retryable=True) from error
        except socket.gaierror as error:
            temporary = error.errno == socket.EAI_AGAIN
            raise FetchFailed(f"There is no website at {host}.", retryable=temporary) from error
        except (OSError, UnicodeError) as error:
            raise FetchFailed(f"The name {host} could not be looked up.", retryable=True) from error
        if not found:
            raise FetchFailed(f"There is no website at {host}.")
        key = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if key not in self._allowed and any(refusal(ip_address(address)) for address in found):
            # The address itself is not named: what a private name resolves to is nobody else's business.
            raise AddressRefused(f"{host} leads to a private or reserved address, so it is not fetched.")
        return list(found)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        candidates = (await self.addresses(host, port))[:_MAX_ATTEMPTS]
        deadline = None if timeout is None else time.monotonic() + timeout
        for position, address in enumerate(candidates, start=1):
            share = None
            if deadline is not None:
                # What is left is shared out, so that one black hole does not use up the next address's time.
                share = max(0.05, deadline - time.monotonic()) / (len(candidates) - position + 1)
            try:
                return await self._dial.connect_tcp(
                    address, port, timeout=share, socket_options=socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if position == len(candidates):
                    raise
        raise httpcore2.ConnectError(f"no address of {host} could be reached")

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        raise AddressRefused("Local sockets are not fetched.")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
