"""Sends e-mail: by SMTP where it is configured, and else into the log, so that links are not lost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr
from typing import Protocol
from urllib.parse import unquote, urlsplit

import aiosmtplib
import structlog

from helpninja_app.errors import MailPartlyRefused, MailRefused, Unavailable

log = structlog.get_logger(__name__)

# For one command, and for the whole of it: a server may be slow at each.
TIMEOUT_SECONDS = 15
TOTAL_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Mail:
    """A message in plain text; ``link`` is what its reader is to open, a line of its own in ``text``.

    ``html`` is the same for readers that show it. ``message_id`` and ``references`` hold it in its thread
    (RFC 5322 3.6.4, with angle brackets); sent again with its ``message_id``, most show it once.
    ``sender_name`` stands in place of the name in ``MAIL_FROM``; ``list_id`` (RFC 2919) is for filters.
    """

    to: str
    subject: str
    text: str
    link: str = ""
    html: str = ""
    message_id: str = ""
    references: tuple[str, ...] = ()
    reply_to: str = ""
    sender_name: str = ""
    list_id: str = ""


class Mailer(Protocol):
    """Hands a mail on. ``is_real`` says whether it reaches its reader by itself."""

    is_real: bool

    async def send(self, mail: Mail) -> None:
        """Raises ``Unavailable`` when the mail could not be handed on; trying again may help.

        It does not after ``MailRefused``, which is one of these. So is ``MailPartlyRefused``: the others have
        the mail, and sending it again would be a second one for them.
        """
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
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                refused, _ = await aiosmtplib.send(
                    written(mail, self._sender),
                    hostname=self._host,
                    port=self._port,
                    username=self._user,
                    password=self._password,
                    use_tls=self._is_tls,
                    timeout=TIMEOUT_SECONDS,
                )
        except (aiosmtplib.SMTPException, OSError) as error:
            if _is_for_good(error):
                raise MailRefused("The mail server refused the message.") from error
            raise Unavailable(f"The mail server did not take a message: {type(error).__name__}.") from error
        if refused:
            raise MailPartlyRefused({to: _is_final(answer.code) for to, answer in refused.items()})


def _is_for_good(error: Exception) -> bool:
    """Whether the server says of the message or its readers, not of us, that it will never take it."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return all(_is_final(refused.code) for refused in error.recipients)
    return isinstance(error, aiosmtplib.SMTPDataError) and _is_final(error.code)


def _is_final(code: int) -> bool:
    return 500 <= code < 600


def written(mail: Mail, sender: str) -> EmailMessage:
    """The message as it goes over the wire. What would break out of a header is taken out of it."""
    message = EmailMessage()
    name, address = parseaddr(sender)
    # An Address, not its text: encoded and read again, that comes out as none with some names.
    message["From"] = Address(_one_line(mail.sender_name) or name, addr_spec=address)
    message["To"], message["Subject"] = mail.to, _one_line(mail.subject)
    message["Date"], message["Message-ID"] = formatdate(), mail.message_id or make_msgid(domain="helpninja")
    if mail.references:
        message["In-Reply-To"], message["References"] = mail.references[-1], " ".join(mail.references)
    if mail.list_id:
        message["List-Id"] = mail.list_id
    if mail.reply_to:
        message["Reply-To"] = mail.reply_to
    # RFC 3834: nobody's absence note should answer it.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    if mail.html:
        message.add_alternative(mail.html, subtype="html")
    return message


def _one_line(words: str) -> str:
    # "=?" begins an encoded word (RFC 2047), in which a line break could hide.
    return " ".join(
        "".join(sign if sign.isprintable() else " " for sign in words).replace("=?", "= ?").split()
    )
