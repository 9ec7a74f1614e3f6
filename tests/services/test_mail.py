"""Mail by SMTP to a real server on this machine, and what happens without one."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
import structlog
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope

from helpninja_app.errors import Unavailable
from helpninja_app.kernel.mail import LogMailer, Mail, SmtpMailer

MAIL = Mail(
    "ada@example.com", "Choose a new password", "Über den Link:\n\nhttp://x.test/reset?token=abc\n", "l"
)


class Inbox:
    """Takes mails, and the one right password."""

    def __init__(self) -> None:
        self.received: list[Envelope] = []

    async def handle_DATA(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Envelope
    ) -> str:
        if "refused@example.com" in envelope.rcpt_tos:
            return "550 no such mailbox"
        self.received.append(envelope)
        return "250 OK"

    def authenticate(
        self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any
    ) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"user", b"p@ss"))


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, int]]:
    handler = Inbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(
        handler,
        hostname="127.0.0.1",
        port=port,
        authenticator=handler.authenticate,
        auth_require_tls=False,
    )
    controller.start()
    try:
        yield handler, port
    finally:
        controller.stop()


async def test_a_mail_arrives_as_it_was_written(inbox: tuple[Inbox, int]) -> None:
    handler, port = inbox
    mailer = SmtpMailer(f"smtp://user:p%40ss@127.0.0.1:{port}", "HelpNinja <help@example.com>")
    await mailer.send(MAIL)
    [envelope] = handler.received
    assert (envelope.mail_from, envelope.rcpt_tos) == ("help@example.com", ["ada@example.com"])
    assert isinstance(envelope.content, bytes)
    message = message_from_bytes(envelope.content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert (message["subject"], message["auto-submitted"]) == (MAIL.subject, "auto-generated")
    assert message.get_content().replace("\r\n", "\n") == MAIL.text


async def test_a_server_that_does_not_take_it_is_to_be_tried_again(inbox: tuple[Inbox, int]) -> None:
    _, port = inbox
    for url in (f"smtp://user:wrong@127.0.0.1:{port}", "smtp://127.0.0.1:1"):
        with pytest.raises(Unavailable, match="mail server"):
            await SmtpMailer(url, "help@example.com").send(MAIL)
    refused = Mail("refused@example.com", "x", "y")
    with pytest.raises(Unavailable):
        await SmtpMailer(f"smtp://127.0.0.1:{port}", "help@example.com").send(refused)


async def test_without_smtp_the_link_stands_in_the_log() -> None:
    with structlog.testing.capture_logs() as logs:
        await LogMailer().send(MAIL)
    assert logs[0]["link"] == MAIL.link
    assert logs[0]["to"] == "ada@example.com"
