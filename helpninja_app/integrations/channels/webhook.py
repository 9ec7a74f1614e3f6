"""A webhook of the customer's own: JSON, signed as in Standard Webhooks.

Here texts go as they were written: who receives JSON escapes it for wherever they show it. ``webhook-id`` is
the same whenever the delivery is tried again, by which the receiver knows it.
"""

from __future__ import annotations

import json
from typing import Any

from helpninja_app.integrations.packet import Packet

TEXT = 20_000


def webhook_message(packet: Packet) -> dict[str, Any]:
    return {
        "type": "rule.matched" if packet.is_notice else "escalation.created",
        "timestamp": packet.created_at.isoformat(),
        "data": {
            "conversationId": str(packet.conversation_id),
            "workspace": packet.workspace_name,
            "reason": packet.reason,
            "rule": packet.rule_name or None,
            "summary": packet.summary[:TEXT],
            "question": packet.question[:TEXT],
            "answer": packet.answer[:TEXT],
            "confidence": packet.confidence,
            "refs": list(packet.refs[:50]),
            "visitor": {"name": packet.visitor_name, "email": packet.visitor_email},
            "pageUrl": packet.page_url,
            "link": packet.link,
        },
    }


def as_json(message: dict[str, Any]) -> bytes:
    """The bytes that are signed and sent. A lone surrogate, which UTF-8 does not have, is replaced."""
    written = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    return written.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()
