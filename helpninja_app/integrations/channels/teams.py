"""Microsoft Teams: an Adaptive Card for a workflow's webhook.

Text of visitors and models stands in ``TextRun``s, which know no markdown and no links
(https://adaptivecards.io/explorer/TextRun.html); a mention would need an entity, and the card has none.
Teams has no idempotency key for these.
"""

from __future__ import annotations

from typing import Any

from helpninja_app.integrations.packet import Packet
from helpninja_app.integrations.texts import escaped_within, one_line

# A message may have 28 KB; a UTF-16 unit takes at most 3 bytes of UTF-8, so that three of these fit.
TEXT = 2000
LINE = 300


def escape(character: str) -> str:
    # What some clients would take for <at>: a space of no width keeps it from being a tag.
    return "<\u200b" if character == "<" else character


def teams_message(packet: Packet) -> dict[str, Any]:
    body = [
        _text([_run(f"{packet.headline} · {packet.workspace_name}", LINE, weight="Bolder", size="Medium")]),
        _labelled("Visitor", packet.visitor, LINE),
        _labelled("Confidence", packet.certainty, LINE),
        _labelled("Page", packet.page_url or "Not known", LINE),
    ]
    for label, text in (
        ("Question", packet.question),
        ("Summary", packet.summary),
        ("What the bot tried", packet.answer),
    ):
        if text.strip():
            body.append(_labelled(label, text, TEXT))
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "actions": [{"type": "Action.OpenUrl", "title": "Open the conversation", "url": packet.link}],
        "msteams": {"width": "Full"},
    }
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def _text(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": runs}


def _labelled(label: str, text: str, limit: int) -> dict[str, Any]:
    return _text([_run(f"{label}: ", LINE, weight="Bolder"), _run(text, limit)])


def _run(text: str, limit: int, **style: str) -> dict[str, Any]:
    shown = one_line(text) if limit <= LINE else text
    ending = " " if text.endswith(" ") else ""
    return {"type": "TextRun", "text": (escaped_within(shown, limit, escape) + ending) or "-", **style}
