"""E-mail: the same in text and HTML, in the thread of its conversation.

The Message-ID is that of the delivery, so that a mail that is sent again is one that most servers and readers
show once; the protocol itself promises nothing.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from email.utils import getaddresses

from helpninja_app.integrations.packet import Packet
from helpninja_app.integrations.texts import as_it_is, escaped_within, one_line
from helpninja_app.kernel.mail import Mail

SUBJECT = 150
LINE = 500
TEXT = 10_000
MAX_RECIPIENTS = 10
_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\"\\\x00-\x1f\x7f]{1,64}@[A-Za-z0-9.-]{1,255}")
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9._+-]+@(?P<host>[A-Za-z0-9.:\[\]-]+)>")

_PAGE = """\
<!doctype html>
<html lang="en"><body style="font-family: system-ui, sans-serif; line-height: 1.5; color: #1f2937">
<h1 style="font-size: 18px; margin: 0 0 12px">{title}</h1>
<table role="presentation" style="border-collapse: collapse; margin: 0 0 12px">{facts}</table>
{sections}
<p><a href="{link}" style="color: #b45309">Open the conversation</a></p>
</body></html>
"""
_FACT = (
    '<tr><th align="left" style="padding: 0 12px 4px 0; font-weight: 600">{label}</th><td>{text}</td></tr>'
)
_SECTION = '<h2 style="font-size: 14px; margin: 12px 0 4px">{label}</h2><p style="margin: 0">{text}</p>'


def recipients(to: str) -> list[str]:
    """The addresses of a comma-separated list; ``ValueError`` when one is none, or there are too many."""
    if not to.isprintable():
        raise ValueError("An address has characters that addresses do not have.")
    found = [address for _, address in getaddresses([to])]
    if not 0 < len(found) <= MAX_RECIPIENTS or not all(_ADDRESS.fullmatch(address) for address in found):
        raise ValueError(f"This needs one to {MAX_RECIPIENTS} e-mail addresses.")
    return found


def escalation_mail(packet: Packet, credentials: Mapping[str, str]) -> Mail:
    """Raises ``ValueError`` where an address or the id of the thread is none."""
    thread = _MESSAGE_ID.fullmatch(packet.thread_id)
    if thread is None:
        raise ValueError("The id of a thread is written <id@host>.")
    prefix = one_line(credentials.get("subject_prefix", "")) or f"[{one_line(packet.workspace_name)}]"
    about = packet.question or packet.summary
    subject = f"{prefix} {packet.headline}" + (f": {one_line(about)}" if about.strip() else "")
    facts = [
        ("Visitor", packet.visitor),
        ("Confidence", packet.certainty),
        ("Page", packet.page_url or "Not known"),
    ]
    sections = [
        (label, text)
        for label, text in (
            ("Question", packet.question),
            ("Summary", packet.summary),
            ("What the bot tried", packet.answer),
            ("Sources", "\n".join(packet.refs)),
        )
        if text.strip()
    ]
    return Mail(
        to=", ".join(recipients(credentials["to"])),
        subject=escaped_within(one_line(subject), SUBJECT, as_it_is),
        text=_as_text(packet, facts, sections),
        html=_as_html(packet, facts, sections),
        link=packet.link,
        message_id=f"<{packet.delivery_id}@{thread['host']}>",
        references=(packet.thread_id,),
        reply_to=", ".join(recipients(packet.reply_to)) if packet.reply_to else "",
        list_id=f"<escalations.{thread['host'].partition(':')[0].strip('[]')}>",
    )


def _as_text(packet: Packet, facts: list[tuple[str, str]], sections: list[tuple[str, str]]) -> str:
    lines = [escaped_within(one_line(packet.headline), LINE), ""]
    lines += [f"{label}: {escaped_within(one_line(text), LINE)}" for label, text in facts]
    for label, text in sections:
        # Indented, so that no line of a visitor looks like one of ours.
        shown = escaped_within(text, TEXT).replace("\n", "\n    ")
        lines += ["", f"{label}:", f"    {shown}"]
    return "\n".join([*lines, "", "Open the conversation:", "", packet.link, ""])


def _as_html(packet: Packet, facts: list[tuple[str, str]], sections: list[tuple[str, str]]) -> str:
    return _PAGE.format(
        title=escaped_within(one_line(packet.headline), LINE, html.escape),
        facts="".join(
            _FACT.format(label=label, text=escaped_within(one_line(text), LINE, html.escape))
            for label, text in facts
        ),
        sections="".join(
            _SECTION.format(
                label=label, text=escaped_within(text, 2 * TEXT, html.escape).replace("\n", "<br>\n")
            )
            for label, text in sections
        ),
        link=html.escape(packet.link),
    )
