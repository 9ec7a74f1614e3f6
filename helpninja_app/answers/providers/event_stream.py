"""Owns the reading of server-sent events (WHATWG HTML 9.2.6), which both vendors stream their answers in.

The vendors' libraries build a checked object of every event, which takes most of the time of a stream; of an
event only two or three fields are needed here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

import httpx2

# Of one event: an answer's piece has a few hundred bytes.
LARGEST_EVENT = 1_000_000
# How long the end of a body is waited for once everything was said: it lets the connection be used again.
_DRAIN_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event; ``name`` is empty where it has none."""

    name: str
    data: str


@dataclass(slots=True)
class EventReader:
    """Takes the bytes of a stream in pieces of any size and gives the events that are complete."""

    _rest: bytes = b""
    _name: str = ""
    _data: list[bytes] = field(default_factory=list)
    _size: int = 0
    _skips_newline: bool = False

    def feed(self, piece: bytes) -> list[ServerEvent]:
        """Raises ValueError for an event that is too large or no UTF-8."""
        if self._skips_newline and piece:
            piece = piece.removeprefix(b"\n")
            self._skips_newline = False
        lines = (self._rest + piece).splitlines(keepends=True)
        self._rest = lines.pop() if lines and lines[-1][-1:] not in (b"\n", b"\r") else b""
        if lines:
            # The other half of a line end may come with the next piece.
            self._skips_newline = lines[-1].endswith(b"\r") and not self._rest
        if len(self._rest) > LARGEST_EVENT:
            raise ValueError("The line is too long.")
        events: list[ServerEvent] = []
        for line in lines:
            event = self._take(line.rstrip(b"\r\n"))
            if event is not None:
                events.append(event)
        return events

    def _take(self, line: bytes) -> ServerEvent | None:
        if not line:
            name, data = self._name, self._data
            self._name, self._data, self._size = "", [], 0
            return ServerEvent(name, b"\n".join(data).decode()) if data else None
        label, _, value = line.partition(b":")
        if label == b"data":
            self._size += len(value)
            if self._size > LARGEST_EVENT:
                raise ValueError("The event is too large.")
            self._data.append(value.removeprefix(b" "))
        elif label == b"event":
            self._name = value.removeprefix(b" ").decode()
        return None


def read_all(
    events: Iterable[ServerEvent], take: Callable[[ServerEvent], str]
) -> tuple[str, Exception | None]:
    """The text of events that came together, as one, and what was wrong with the one after it."""
    said: list[str] = []
    try:
        for event in events:
            said.append(take(event))
    except Exception as error:
        return "".join(said), error
    return "".join(said), None


def raw_bytes(response: httpx2.Response) -> AsyncIterator[bytes]:
    """The body as it comes; through the decoder, which costs more, only where it is compressed."""
    is_plain = response.headers.get("content-encoding", "identity") == "identity"
    return response.aiter_raw() if is_plain else response.aiter_bytes()


async def drain(body: AsyncIterator[bytes]) -> None:
    """Read what is left of ``body``, if that comes at once."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for _ in body:
                pass
