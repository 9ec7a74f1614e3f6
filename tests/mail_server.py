"""A real mail server on this machine, and a mailer that sends to it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from helpninja_app.kernel.mail import SmtpMailer


class MailServer:
    """Takes mails; ``refusals`` are answered first, to the address or to the mail."""

    def __init__(self) -> None:
        self.received: list[Envelope] = []
        self.refused_addresses: dict[str, str] = {}
        self.refusals: list[str] = []

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if address in self.refused_addresses:
            return self.refused_addresses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        if self.refusals:
            return self.refusals.pop(0)
        self.received.append(envelope)
        return "250 OK"


@contextmanager
def mail_server() -> Iterator[tuple[MailServer, SmtpMailer]]:
    handler = MailServer()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield handler, SmtpMailer(f"smtp://127.0.0.1:{port}", "HelpNinja <help@example.com>")
    finally:
        controller.stop()
