"""What the tests of safe HTTP share: name servers and connections that are scripted and remembered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import httpcore2
import pytest

PUBLIC = "93.184.215.14"


class FakeResolver:
    """Answers one list of addresses after the other, the last for ever, and remembers the questions."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


class DialToLoopback(httpcore2.AsyncNetworkBackend):
    """Connects to a loopback port whatever address is dialled, and remembers the address."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._network = httpcore2.AnyIOBackend()
        self.dialled: list[str] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        self.dialled.append(host)
        return await self._network.connect_tcp("127.0.0.1", self._port, timeout=timeout)


class NoDial(httpcore2.AsyncNetworkBackend):
    """Fails the test when anything is dialled."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        pytest.fail(f"{host} was dialled")
