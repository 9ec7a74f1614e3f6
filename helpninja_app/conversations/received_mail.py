"""Reads a mail (RFC 5322, MIME) that answers one of ours: who wrote it, and what of it is new."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message as MimePart
from email.utils import getaddresses

from helpninja_app.conversations.mail_html import words_of
from helpninja_app.conversations.mail_parts import MAX_HEAD, parts_of, read_head_at, storable
from helpninja_app.errors import Invalid

MAX_BYTES = 15_000_000
MAX_TEXT = 20_000
"""Characters of a mail that are kept; what is quoted below them is looked at for a little longer."""
_MAX_READ = 60_000
_MAX_HEADER = 4_000
_RECIPIENTS = ("to", "cc", "delivered-to", "x-original-to", "x-envelope-to", "envelope-to")
_ADDRESS = re.compile(r"[^\s\0<>@]+@[^\s\0<>@]+")
_FAILED = re.compile(r"\b(dmarc|spf)\s*=\s*(hard)?fail\b", re.IGNORECASE)
_MANY_BLANKS = re.compile(r"\n{4,}")
_TIME = re.compile(r"[0-9\u0660-\u0669]{1,2}[:.h][0-9\u0660-\u0669]{2}")
_COLONS = (":", "\uff1a")
_LEAD_IN_LINES = 3


@dataclass(frozen=True, slots=True)
class MailHead:
    """``is_automatic``: nobody wrote it (RFC 3834). ``is_doubted``: the server that took it says that it is
    not from whom it names (RFC 8601).
    """

    message_id: str
    sender: str
    sender_name: str
    recipients: tuple[str, ...]
    is_automatic: bool
    is_doubted: bool


@dataclass(frozen=True, slots=True)
class ReceivedMail(MailHead):
    """``text`` is without what was quoted."""

    text: str
    attachments: int


def read_head(raw: bytes, *, envelope: Sequence[str] = ()) -> MailHead:
    """What a mail says of itself, whatever follows; ``Invalid`` when that cannot be read.

    ``envelope`` are the addresses it was delivered to, where known.
    """
    with _refused():
        head, _ = read_head_at(raw, 0, len(raw), MAX_HEAD)
        name, sender = _sender(head)
        recipients = [
            address
            for each in _RECIPIENTS
            # Only what is written out is an address: a name in encoded words may read like one.
            for _, address in getaddresses([_header(head, each)])
            if address
        ]
        return MailHead(
            message_id=_header(head, "message-id"),
            sender=sender,
            sender_name=name,
            recipients=(*envelope, *recipients),
            is_automatic=_is_automatic(head),
            # The topmost is of the last server; below it anybody may have written one.
            is_doubted=bool(_FAILED.search(str(head.get("authentication-results", ""))[:_MAX_HEADER])),
        )


def read_mail(raw: bytes, *, ours: Sequence[str], envelope: Sequence[str] = ()) -> ReceivedMail:
    """``Invalid`` when it cannot be read.

    ``ours`` are addresses that our mails come from: what is quoted of them begins with one, in any language.
    """
    head = read_head(raw, envelope=envelope)
    with _refused():
        text, attachments = _content(raw, ours)
    return ReceivedMail(
        message_id=head.message_id,
        sender=head.sender,
        sender_name=head.sender_name,
        recipients=head.recipients,
        is_automatic=head.is_automatic,
        is_doubted=head.is_doubted,
        text=text,
        attachments=attachments,
    )


@contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except (MessageError, LookupError, ValueError, RecursionError) as error:
        raise Invalid("This cannot be read as a mail.") from error


def _sender(head: MimePart) -> tuple[str, str]:
    """The name and the address of the one who wrote it, who is named once and by one address."""
    given = [str(each) for each in head.get_all("from", ())]
    if len(given) != 1 or len(given[0]) > _MAX_HEADER:
        raise Invalid("This is not a mail: it does not say who wrote it.")
    # Taken apart before it is decoded: what a name holds, brackets and commas too, stays a name.
    found = getaddresses([" ".join(given[0].split())])
    if len(found) != 1 or not _ADDRESS.fullmatch(found[0][1]):
        raise Invalid("This is not a mail: it does not say by one address who wrote it.")
    name, sender = found[0]
    try:
        name = str(make_header(decode_header(name))) if "=?" in name else name
    except (MessageError, LookupError, ValueError):
        name = ""
    return " ".join(storable(name).split()), sender.casefold()


def _header(mail: MimePart, name: str) -> str:
    # A mail may have several of one name: each hop adds its own Delivered-To.
    value = ", ".join(str(each) for each in mail.get_all(name, ()))[:_MAX_HEADER]
    return " ".join(storable(value).split())


def _is_automatic(mail: MimePart) -> bool:
    return (
        _header(mail, "auto-submitted").casefold() not in {"", "no"}
        or _header(mail, "precedence").casefold() in {"bulk", "junk", "list", "auto_reply"}
        or _header(mail, "x-auto-response-suppress") != ""
        or _header(mail, "return-path") == "<>"
        or mail.get_content_type() == "multipart/report"
    )


def _content(raw: bytes, ours: Sequence[str]) -> tuple[str, int]:
    plain, html, attachments = "", "", 0
    for part in parts_of(raw):
        if part.is_file:
            attachments += 1
        elif part.head.get_content_type() == "text/plain" and not plain:
            plain = part.words
        elif part.head.get_content_type() == "text/html" and not html:
            html = part.words
    return newest(plain if plain.strip() else words_of(html), ours)[:MAX_TEXT], attachments


def newest(text: str, ours: Sequence[str] = ()) -> str:
    """What its writer added: without quotes, the lines that lead them in, and a signature.

    Line by line, and knowing no language: the libraries that know twenty take minutes for a mail that was
    written to make them.
    """
    lines = text.replace("\r\n", "\n")[:_MAX_READ].split("\n")
    end = next((n for n, line in enumerate(lines) if _begins_quote(line, ours)), len(lines))
    kept = _tidy(lines[: _before_lead_in(lines, end)])
    # Who answers below each quoted line leaves nothing above the first.
    return kept or _tidy(line for line in lines if not line.lstrip().startswith(">"))


def _tidy(lines: Iterable[str]) -> str:
    return _MANY_BLANKS.sub("\n\n\n", "\n".join(line.rstrip() for line in lines)).strip()


def _begins_quote(line: str, ours: Sequence[str]) -> bool:
    line = line.strip()
    return (
        line.startswith((">", "-----", "_____"))
        or line == "--"
        or any(address in line for address in ours if address)
    )


def _before_lead_in(lines: Sequence[str], quote: int) -> int:
    """Where "On Monday at 10:00 Shop wrote:" begins above the line ``quote``: it has a time, and a colon."""
    last = quote if quote < len(lines) and lines[quote].rstrip().endswith(_COLONS) else quote - 1
    while last >= 0 and not lines[last].strip():
        last -= 1
    if last < 0 or quote == len(lines) or not lines[last].rstrip().endswith(_COLONS):
        return quote
    for begin in range(last, max(last - _LEAD_IN_LINES, -1), -1):
        if not lines[begin].strip():
            break
        if _TIME.search(lines[begin]):
            return begin
    return quote
