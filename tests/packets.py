"""Packets for tests of what sends them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from helpninja_app.integrations.packet import Packet

_PACKET = Packet(
    delivery_id=UUID("0190b5c0-0000-7000-8000-000000000001"),
    conversation_id=UUID("0190b5c0-0000-7000-8000-000000000002"),
    workspace_name="Bean Shop",
    reason="low_confidence",
    summary="Ada wants to return a grinder.",
    question="Can I return a used grinder?",
    answer="Unused goods can be returned within 30 days.",
    confidence=0.42,
    refs=("https://shop.example/returns",),
    visitor_name="Ada",
    visitor_email="ada@example.com",
    page_url="https://shop.example/grinders",
    link="https://help.example/app/inbox?c=0190b5c0-0000-7000-8000-000000000002",
    thread_id="<0190b5c0-0000-7000-8000-000000000002@help.example>",
    reply_to="",
    created_at=datetime(2026, 11, 29, 12, 0, tzinfo=UTC),
)


def packet(**changes: Any) -> Packet:
    return replace(_PACKET, **changes)


def packet_of(text: str) -> Packet:
    """A packet in which ``text`` stands everywhere that somebody else can write."""
    return packet(
        summary=text,
        question=text,
        answer=text,
        visitor_name=text,
        visitor_email=text,
        page_url=text,
        rule_name=text,
    )
