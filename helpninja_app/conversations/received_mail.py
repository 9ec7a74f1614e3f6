"""Reads a mail (RFC 5322, MIME) that answers one of ours: who wrote it, and what of it is new."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message as MimePart
from email.utils import getaddresses, parseaddr

from selectolax.lexbor import LexborHTMLParser

from helpninja_app.errors import Invalid

MAX_BYTES = 15_000_000
MAX_TEXT = 20_000
"""Characters of a mail that are kept; what is quoted below them is looked at for a little longer."""
_MAX_READ = 60_000
_MAX_HEADER = 4_000
_RECIPIENTS = ("to", "cc", "delivered-to", "x-original-to", "x-envelope-to", "envelope-to")
_QUOTES = "blockquote, .gmail_quote, .yahoo_quoted, #divRplyFwdMsg, #appendonsend, script, style, head, title"
_MANY_BLANKS = re.compile(r"\n{4,}")
_TIME = re.compile(r"[0-9\u0660-\u0669]{1,2}[:.h][0-9\u0660-\u0669]{2}")
_COLONS = (":", "\uff1a")
_LEAD_IN_LINES = 3
_BLOCKS = "p, div, br, li, tr, h1, h2, h3, h4"


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """``text`` is without what was quoted; ``is_automatic``: nobody wrote it (RFC 3834)."""

    message_id: str
    sender: str
    sender_name: str
    recipients: tuple[str, ...]
    text: str
    attachments: int
    is_automatic: bool


def read_mail(raw: bytes, *, ours: Sequence[str], envelope: Sequence[str] = ()) -> ReceivedMail:
    """``Invalid`` when it cannot be read. ``envelope`` are the addresses it was delivered to, where known.

    ``ours`` are addresses that our mails come from: what is quoted of them begins with one, in any language.
    """
    try:
        # The older policy: it leaves headers alone until they are asked for, and these by simpler rules.
        mail = message_from_bytes(raw)
        name, sender = parseaddr(_header(mail, "from"))
        recipients = [
            address for each in _RECIPIENTS for _, address in getaddresses([_header(mail, each)]) if address
        ]
        text, attachments = _content(mail, ours)
    except (MessageError, LookupError, ValueError, RecursionError) as error:
        raise Invalid("This cannot be read as a mail.") from error
    if "@" not in sender:
        raise Invalid("This is not a mail: it does not say who wrote it.")
    return ReceivedMail(
        message_id=_header(mail, "message-id"),
        sender=sender.casefold(),
        sender_name=name,
        recipients=(*envelope, *recipients),
        text=text,
        attachments=attachments,
        is_automatic=_is_automatic(mail),
    )


def _header(mail: MimePart, name: str) -> str:
    # A mail may have several of one name: each hop adds its own Delivered-To.
    value = ", ".join(str(each) for each in mail.get_all(name, ()))[:_MAX_HEADER]
    value = str(make_header(decode_header(value))) if "=?" in value else value
    return " ".join(_storable(value).split())


def _is_automatic(mail: MimePart) -> bool:
    return (
        _header(mail, "auto-submitted").casefold() not in {"", "no"}
        or _header(mail, "precedence").casefold() in {"bulk", "junk", "list", "auto_reply"}
        or _header(mail, "x-auto-response-suppress") != ""
        or _header(mail, "return-path") == "<>"
        or mail.get_content_type() == "multipart/report"
    )


def _content(mail: MimePart, ours: Sequence[str]) -> tuple[str, int]:
    plain, html, attachments = "", "", 0
    for part in mail.walk():
        if part.is_multipart():
            continue
        if part.get_filename() or part.get_content_disposition() == "attachment":
            attachments += 1
        elif part.get_content_type() == "text/plain" and not plain:
            plain = _words(part)
        elif part.get_content_type() == "text/html" and not html:
            html = _words(part)
    return newest(plain if plain.strip() else _text_of(html), ours)[:MAX_TEXT], attachments


def _words(part: MimePart) -> str:
    body = part.get_payload(decode=True)
    if not isinstance(body, bytes):
        return ""
    try:
        words = body.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        words = body.decode("utf-8", "replace")
    return _storable(words)


def _storable(words: str) -> str:
    # Neither NUL nor half a surrogate pair can be stored.
    return words.replace("\0", "").encode("utf-8", "replace").decode()


def _text_of(html: str) -> str:
    tree = LexborHTMLParser(html[: 10 * _MAX_READ])
    for quote in tree.css(_QUOTES):
        quote.decompose()
    for block in tree.css(_BLOCKS):
        block.insert_before("\n")
    lines = (" ".join(line.split()) for line in (tree.body.text() if tree.body else "").split("\n"))
    return "\n".join(lines)


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
