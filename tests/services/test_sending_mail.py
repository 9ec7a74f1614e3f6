"""Escalations by mail, at a real mail server on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.smtp import Envelope

from helpninja_app.integrations.sending import DeliveryFailed, send
from helpninja_app.kernel.mail import LogMailer, SmtpMailer
from helpninja_app.kernel.safe_http import SafeHttp
from tests.mail_server import MailServer, mail_server
from tests.packets import packet, packet_of


@pytest.fixture
def server() -> Iterator[tuple[MailServer, SmtpMailer]]:
    with mail_server() as found:
        yield found


async def _send(mailer: Any, sent: Any = None, to: str = "team@example.com") -> None:
    async with SafeHttp(user_agent="test") as http:
        await send("email", {"to": to}, sent or packet(), http=http, mailer=mailer)


def _message(envelope: Envelope) -> EmailMessage:
    assert isinstance(envelope.content, bytes)
    message = message_from_bytes(envelope.content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


async def test_a_mail_arrives_in_text_and_html_and_in_its_thread(
    server: tuple[MailServer, SmtpMailer],
) -> None:
    handler, mailer = server
    await _send(mailer, packet(reply_to="reply+1@help.example"))
    message = _message(handler.received[0])
    assert message["message-id"] == f"<{packet().delivery_id}@help.example>"
    assert message["in-reply-to"] == message["references"] == packet().thread_id
    assert message["reply-to"] == "reply+1@help.example"
    assert message["auto-submitted"] == "auto-generated"
    assert message["list-id"] == "<escalations.help.example>"
    text, page = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert page is not None
    assert packet().question in text.get_content()
    assert packet().question in page.get_content()
    assert packet().link in text.get_content()


async def test_a_mail_that_is_sent_again_is_the_same_mail(server: tuple[MailServer, SmtpMailer]) -> None:
    handler, mailer = server
    handler.refusals = ["451 try later"]
    with pytest.raises(DeliveryFailed) as failed:
        await _send(mailer)
    assert not failed.value.is_final
    await _send(mailer)
    await _send(mailer)
    first, second = (_message(envelope)["message-id"] for envelope in handler.received)
    assert first == second


async def test_every_address_of_a_list_gets_it(server: tuple[MailServer, SmtpMailer]) -> None:
    handler, mailer = server
    await _send(mailer, to="a@example.com, b@example.com")
    assert handler.received[0].rcpt_tos == ["a@example.com", "b@example.com"]


async def test_an_address_that_is_not_there_is_given_up(server: tuple[MailServer, SmtpMailer]) -> None:
    handler, mailer = server
    handler.refused_addresses = {"team@example.com": "550 secret words of the server"}
    with pytest.raises(DeliveryFailed) as failed:
        await _send(mailer)
    assert failed.value.is_final
    assert "secret words" not in failed.value.detail


async def test_an_address_that_is_busy_is_tried_again(server: tuple[MailServer, SmtpMailer]) -> None:
    handler, mailer = server
    handler.refused_addresses = {"team@example.com": "450 greylisted"}
    with pytest.raises(DeliveryFailed) as failed:
        await _send(mailer)
    assert not failed.value.is_final


async def test_who_of_a_list_did_not_get_it_is_said(server: tuple[MailServer, SmtpMailer]) -> None:
    handler, mailer = server
    handler.refused_addresses = {"b@example.com": "450 greylisted", "c@example.com": "550 secret words"}
    with pytest.raises(DeliveryFailed) as failed:
        await _send(mailer, to="a@example.com, b@example.com, c@example.com")
    assert failed.value.refused == {"b@example.com": False, "c@example.com": True}
    assert "for b@example.com, c@example.com" in failed.value.detail
    assert handler.received[0].rcpt_tos == ["a@example.com"]


async def test_a_mail_that_is_refused_for_what_it_is_is_given_up(
    server: tuple[MailServer, SmtpMailer],
) -> None:
    handler, mailer = server
    handler.refusals = ["554 spam"]
    with pytest.raises(DeliveryFailed) as failed:
        await _send(mailer)
    assert failed.value.is_final


async def test_a_server_that_is_away_is_tried_again() -> None:
    with pytest.raises(DeliveryFailed) as failed:
        await _send(SmtpMailer("smtp://127.0.0.1:1", "help@example.com"))
    assert not failed.value.is_final


async def test_without_a_mail_server_it_is_not_said_to_be_sent() -> None:
    with pytest.raises(DeliveryFailed, match="SMTP_URL"):
        await _send(LogMailer())


async def test_a_visitor_writes_no_header_and_no_recipient(server: tuple[MailServer, SmtpMailer]) -> None:
    handler, mailer = server
    await _send(mailer, packet_of("x\r\nBcc: evil@example.com\r\n\r\n.\r\nMAIL FROM:<x@evil.example>"))
    [envelope] = handler.received
    assert envelope.rcpt_tos == ["team@example.com"]
    assert _message(envelope)["bcc"] is None
