"""Slack: blocks for an incoming webhook.

What visitors and models wrote stands in ``plain_text`` objects, where no mark-up, mention or link means
anything (https://docs.slack.dev/reference/block-kit/composition-objects/text-object), and is escaped all
the same.
Slack has no idempotency key for these: a message whose answer was lost is posted twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from helpninja_app.integrations.packet import Packet
from helpninja_app.integrations.texts import escaped_within, one_line

# Limits of Block Kit: 150 in a header, 3000 in a section's text, 2000 in each of its fields.
HEADER = 150
SECTION = 3000
FIELD = 2000
NAME = 80
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def escape(character: str) -> str:
    return _ESCAPES.get(character, character)


def slack_message(packet: Packet, credentials: Mapping[str, str]) -> dict[str, Any]:
    """The body to post. ``channel`` and ``username`` of the credentials count for webhooks that let them."""
    name = escaped_within(one_line(packet.workspace_name), NAME, escape)
    fields = [
        _labelled("Visitor", packet.visitor),
        _labelled("Confidence", packet.certainty),
        _labelled("Page", packet.page_url or "Not known"),
    ]
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": _plain(f"{packet.headline} · {packet.workspace_name}", HEADER)},
        {"type": "section", "fields": fields},
    ]
    for label, text in (
        ("Question", packet.question),
        ("Summary", packet.summary),
        ("What the bot tried", packet.answer),
    ):
        if text.strip():
            blocks.append({"type": "section", "text": _labelled(label, text, SECTION)})
    blocks.append({"type": "section", "text": _link(packet.link)})
    message: dict[str, Any] = {
        # What notifications show, and clients without blocks.
        "text": f"{escaped_within(one_line(packet.headline), HEADER, escape)} · {name}",
        "mrkdwn": False,
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": blocks,
    }
    for setting in ("channel", "username"):
        if credentials.get(setting):
            message[setting] = one_line(credentials[setting])[:NAME]
    return message


def _plain(text: str, limit: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": escaped_within(one_line(text), limit, escape), "emoji": False}


def _labelled(label: str, text: str, limit: int = FIELD) -> dict[str, Any]:
    room = limit - len(label) - 2
    return {"type": "plain_text", "text": f"{label}:\n{escaped_within(text, room, escape)}", "emoji": False}


def _link(link: str) -> dict[str, Any]:
    # Our own address: the only link of the message.
    target = "".join(escape(character) for character in link).replace("|", "%7C")
    return {"type": "mrkdwn", "text": f"<{target}|Open the conversation>", "verbatim": True}
