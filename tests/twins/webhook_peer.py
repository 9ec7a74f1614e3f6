"""A server that stands in for Slack, Teams, Discord and a customer's own webhook, strict and full of faults.

It refuses what the real ones refuse: their limits of length and size, and signatures that are not right.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from helpninja_app.integrations.signatures import verify
from tests.loopback_site import LoopbackSite, Request, answer

Fault = Callable[[Request, asyncio.StreamWriter], Any]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def status(line: str, **headers: str) -> Fault:
    async def fault(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(answer("no", status=line, **headers))

    return fault


async def reset(_: Request, writer: asyncio.StreamWriter) -> None:
    """Breaks the connection after the request was read."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def silence(_: Request, writer: asyncio.StreamWriter) -> None:
    """Never answers."""
    await asyncio.sleep(60)


async def taken_with_a_slow_body(_: Request, writer: asyncio.StreamWriter) -> None:
    """Takes the message, and never finishes what it says about it."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
    while True:
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.05)


async def taken_with_an_endless_body(_: Request, writer: asyncio.StreamWriter) -> None:
    """Takes the message, and sends megabytes about it."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n")
    for _chunk in range(1000):
        writer.write(b"x" * 100_000)
        await writer.drain()


async def taken_and_broken_off(_: Request, writer: asyncio.StreamWriter) -> None:
    """Takes the message, and breaks the connection in the middle of its answer."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf")
    await writer.drain()
    writer.transport.abort()


async def teams_says_it_failed(_: Request, writer: asyncio.StreamWriter) -> None:
    words = "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429"
    writer.write(answer(words))


@dataclass
class WebhookPeer:
    """``faults`` are met one after the other, before messages are taken; ``taken`` are those messages."""

    faults: list[Fault] = field(default_factory=list)
    taken: list[tuple[Request, dict[str, Any]]] = field(default_factory=list)
    secret: str = SECRET
    is_gone: bool = False

    async def __aenter__(self) -> Self:
        checks: dict[str, Callable[[dict[str, Any]], str]] = {
            "/slack": _slack_refuses,
            "/teams": _teams_refuses,
            "/discord?wait=true": _discord_refuses,
            "/hook": lambda _: "",
        }
        self.site = LoopbackSite({path: self._handler(check) for path, check in checks.items()})
        await self.site.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.site.__aexit__(*error)

    @property
    def requests(self) -> list[Request]:
        return self.site.requests

    def _handler(
        self, check: Callable[[dict[str, Any]], str]
    ) -> Callable[[Request, asyncio.StreamWriter], Any]:
        async def handle(request: Request, writer: asyncio.StreamWriter) -> None:
            if self.is_gone:
                writer.write(answer("gone", status="410 Gone"))
                return
            if self.faults:
                await self.faults.pop(0)(request, writer)
                return
            message = json.loads(request.body)
            if request.path == "/hook" and not verify(
                [self.secret], request.headers, request.body, now=datetime.now(UTC)
            ):
                writer.write(answer("bad signature", status="401 Unauthorized"))
                return
            refusal = "no JSON" if "json" not in request.headers["content-type"] else check(message)
            if refusal:
                writer.write(answer(refusal, status="400 Bad Request"))
                return
            self.taken.append((request, message))
            writer.write(answer("ok"))

        return handle


def _long(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _slack_refuses(message: dict[str, Any]) -> str:
    blocks = message["blocks"]
    texts = [block["text"] for block in blocks if "text" in block]
    fields = [text for block in blocks for text in block.get("fields", [])]
    limits = {"header": 150, "section": 3000}
    if len(blocks) > 50 or not all(text["text"] for text in [*texts, *fields]):
        return "invalid_blocks"
    if any(_long(block["text"]["text"]) > limits[block["type"]] for block in blocks if "text" in block):
        return "invalid_blocks"
    return "invalid_blocks" if any(_long(text["text"]) > 2000 for text in fields) else ""


def _discord_refuses(message: dict[str, Any]) -> str:
    [embed] = message["embeds"]
    fields = embed["fields"]
    parts = [embed["title"], embed["description"], embed["footer"]["text"]]
    parts += [part for given in fields for part in (given["name"], given["value"])]
    if sum(map(_long, parts)) > 6000 or _long(embed["title"]) > 256 or _long(embed["description"]) > 4096:
        return "too long"
    return "field" if any(not 0 < _long(given["value"]) <= 1024 for given in fields) else ""


def _teams_refuses(message: dict[str, Any]) -> str:
    card = message["attachments"][0]["content"]
    is_small = len(json.dumps(message, ensure_ascii=False).encode()) <= 28_000
    return "" if is_small and card["type"] == "AdaptiveCard" else "too large"
