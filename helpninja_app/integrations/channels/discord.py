"""Discord: an embed for a webhook.

Every punctuation mark of visitors and models is escaped, so that no mark-up, mention, time stamp or link of
theirs is read as one, and nobody may be pinged at all. Discord's webhooks have no idempotency key.
"""

from __future__ import annotations

import re
import string
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from helpninja_app.integrations.packet import Packet
from helpninja_app.integrations.texts import cleaned, escaped_within, one_line

# https://docs.discord.com/developers/resources/message#embed-object-embed-limits: 6000 in the whole embed.
TITLE = 256
VALUE = 1024
DESCRIPTION = 1500
WHOLE = 6000
_ESCAPED = frozenset(string.punctuation)
# Not every client reads an escaped @everyone as plain text: a space of no width keeps it apart.
_PING = re.compile(r"@(?=everyone|here)", re.I)
_COLOUR = 0xB45309


def escape(character: str) -> str:
    return f"\\{character}" if character in _ESCAPED else character


def shown(text: str, limit: int) -> str:
    return escaped_within(_PING.sub("@\u200b", cleaned(text)), limit, escape)


def discord_message(packet: Packet) -> dict[str, Any]:
    fields = [
        _field("Visitor", packet.visitor, 400, is_short=True),
        _field("Confidence", packet.certainty, 20, is_short=True),
        _field("Page", packet.page_url or "Not known", 600),
    ]
    for label, text in (("Summary", packet.summary), ("What the bot tried", packet.answer)):
        if text.strip():
            fields.append(_field(label, text, VALUE))
    embed: dict[str, Any] = {
        "title": shown(one_line(f"{packet.headline} · {packet.workspace_name}"), TITLE),
        "url": packet.link,
        "description": shown(packet.question, DESCRIPTION),
        "color": _COLOUR,
        "fields": fields,
        "footer": {"text": "Open the conversation by its title"},
        "timestamp": packet.created_at.isoformat(),
    }
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


def discord_address(webhook_url: str) -> str:
    """The address that answers only when the message is stored, and with an error when it is not."""
    parts = urlsplit(webhook_url)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != "wait"]
    return urlunsplit(parts._replace(query=urlencode([*query, ("wait", "true")]), fragment=""))


def _field(name: str, text: str, limit: int, *, is_short: bool = False) -> dict[str, Any]:
    # An empty value is refused.
    return {"name": name, "value": shown(text, limit) or "-", "inline": is_short}
