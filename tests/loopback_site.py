"""A scripted website on loopback: a route is bytes to send, or a coroutine that writes them itself."""

from __future__ import annotations

import asyncio
import socket as sockets
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Self

Handler = Callable[["Request", asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def answer(
    body: bytes | str = b"", *, status: str = "200 OK", content_type: str | None = "text/html", **headers: str
) -> bytes:
    """A complete HTTP/1.1 answer; ``_`` in a header's keyword stands for ``-``."""
    content = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(content)}"]
    if content_type is not None:
        lines.append(f"content-type: {content_type}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def redirect(location: str, status: str = "302 Found") -> bytes:
    return answer(status=status, location=location)


NOTHING_HERE = answer("nothing here", status="404 Not Found")


@dataclass
class LoopbackSite:
    """``routes`` maps a path with its query to an answer, or to answers given one after the other.

    ``otherwise`` answers for every other path. ``socket`` is a bound one to listen on; without it any free
    port is taken.
    """

    routes: dict[str, bytes | list[bytes] | Handler] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    ssl_context: ssl.SSLContext | None = None
    socket: sockets.socket | None = None
    otherwise: bytes | Handler = NOTHING_HERE
    open_now: int = 0
    most_open: int = 0

    async def __aenter__(self) -> Self:
        if self.socket is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.ssl_context)
        else:
            self._server = await asyncio.start_server(self._serve, sock=self.socket, ssl=self.ssl_context)
        self.port = int(self._server.sockets[0].getsockname()[1])
        self._connections: set[asyncio.Task[None] | None] = set()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        running = [task for task in self._connections if task is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def paths(self) -> list[str]:
        return [request.path for request in self.requests]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(asyncio.current_task())
        try:
            while await self._serve_one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
            pass  # the client has gone, or the site is being closed
        finally:
            self._connections.discard(asyncio.current_task())
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, path, _ = first.split(" ")
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name
        }
        request = Request(
            method, path, headers, await reader.readexactly(int(headers.get("content-length", 0)))
        )
        self.requests.append(request)
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        try:
            route = self.routes.get(path, self.otherwise)
            if isinstance(route, list):
                route = route.pop(0) if len(route) > 1 else route[0]
            if isinstance(route, bytes):
                writer.write(route)
                await writer.drain()
                return True
            await route(request, writer)
            await writer.drain()
            return False
        finally:
            self.open_now -= 1
