"""Whether tests are kept from the network: loopback is all that they may reach."""

from __future__ import annotations

import asyncio
import socket

import pytest
from pytest_socket import SocketConnectBlockedError

# RFC 5737: an address for documentation, which is nobody's.
NOBODY = ("192.0.2.1", 80)


@pytest.mark.filterwarnings("ignore:A test tried to use socket:UserWarning")
def test_no_test_connects_to_another_machine() -> None:
    with socket.socket() as client, pytest.raises(SocketConnectBlockedError):
        client.connect(NOBODY)


@pytest.mark.filterwarnings("ignore:A test tried to use socket:UserWarning")
async def test_no_test_connects_to_another_machine_from_a_loop() -> None:
    with pytest.raises(SocketConnectBlockedError):
        await asyncio.open_connection(*NOBODY)


def test_loopback_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
