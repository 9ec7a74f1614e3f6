"""Sends e-mail: by SMTP where it is configured, and else into the log, so that links are not lost."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Protocol
from urllib.parse import unquote, urlsplit

import aiosmtplib
import structlog

from helpninja_app.errors import Unavailable

log = structlog.get_logger(__name__)

TIMEOUT_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Mail:
    """A message in plain text; ``link`` is what its reader is to open, a line of its own in ``text``."""

    to: str
    subject: str
    text: str
    link: str = ""


class Mailer(Protocol):
    """Hands a mail on. ``is_real`` says whether it reaches its reader by itself."""

    is_real: bool

    async def send(self, mail: Mail) -> None:
        """Raises ``Unavailable`` when the mail could not be handed on; trying again may help."""
        ...


class LogMailer:
    """For an installation without SMTP: whoever runs it finds the links in its log."""

    is_real = False

    async def send(self, mail: Mail) -> None:
        log.warning("mail_not_sent_without_smtp", to=mail.to, subject=mail.subject, link=mail.link)


class SmtpMailer:
    """SMTP (RFC 5321) at ``smtp://user:password@host:port`` with STARTTLS where offered, or ``smtps://``."""

    is_real = True

    def __init__(self, url: str, sender: str) -> None:
        parts = urlsplit(url)
        self._is_tls = parts.scheme == "smtps"
        self._host = parts.hostname or "localhost"
        self._port = parts.port or (465 if self._is_tls else 587)
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self._sender = sender

    async def send(self, mail: Mail) -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, mail.to, mail.subject
        message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="helpninja")
        # RFC 3834: nobody's absence note should answer it.
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.text)
        try:
            await aiosmtplib.send(
                message,
                hostname=self._host,
                port=self._port,
                username=self._user,
                password=self._password,
                use_tls=self._is_tls,
                timeout=TIMEOUT_SECONDS,
            )
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Unavailable(f"The mail server did not take a message: {type(error).__name__}.") from error
