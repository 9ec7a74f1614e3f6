"""Builds what an escalation tells people, from the conversation as it stands when it is sent.

The summary is made of the visitor's own words, without a model: it is there also while none answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.models import Workspace
from helpninja_app.conversations.delivery_models import Delivery
from helpninja_app.conversations.models import JUDGED_KINDS, Conversation, Escalation, Message, Sender
from helpninja_app.errors import NotFound
from helpninja_app.integrations.packet import Packet

# What of a conversation is looked at, and how much of a message stands in the summary.
LOOKED_AT = 60
SUMMED_UP = 4
SHORTENED = 160


async def build_packet(
    session: AsyncSession, delivery: Delivery, *, origin: str, reply_to: str = ""
) -> Packet:
    """Needs the scope of members; ``NotFound`` when the conversation is gone. ``origin`` is our address."""
    found = await session.execute(
        select(Conversation, Escalation, col(Workspace.name))
        .join(Escalation, col(Escalation.conversation_id) == col(Conversation.id))
        .join(Workspace, col(Workspace.id) == col(Conversation.workspace_id))
        .where(
            col(Conversation.workspace_id) == delivery.workspace_id,
            col(Escalation.workspace_id) == delivery.workspace_id,
            col(Escalation.id) == delivery.escalation_id,
        )
    )
    row = found.one_or_none()
    if row is None:
        raise NotFound("There is no such conversation.")
    conversation, escalation, workspace_name = row.tuple()
    messages = await _messages(session, delivery.workspace_id, conversation.id)
    given = escalation.given
    asked = next((each for each in reversed(messages) if each.text == escalation.topic), None) or next(
        (each for each in reversed(messages) if each.role == Sender.VISITOR), None
    )
    answer = _answer_to(messages, asked)
    question = escalation.topic or (asked.text if asked else "") or given.get("question", "")
    return Packet(
        delivery_id=delivery.id,
        conversation_id=conversation.id,
        workspace_name=workspace_name,
        reason=escalation.reason,
        summary=summary_of([each.text for each in messages if each.role == Sender.VISITOR]) or question,
        question=question,
        answer=answer.text if answer else given.get("answer", ""),
        confidence=_confidence(answer) if answer else given.get("confidence"),
        refs=_refs(answer) if answer else tuple(given.get("refs", ())),
        visitor_name=conversation.visitor_name,
        visitor_email=conversation.visitor_email,
        page_url=conversation.page_url,
        link=f"{origin}/app/inbox?conversation={conversation.id}",
        thread_id=f"<{conversation.id}@{urlsplit(origin).hostname or 'helpninja'}>",
        reply_to=reply_to,
        created_at=escalation.created_at,
        rule_name=escalation.rule_name,
        is_notice=escalation.notice_of is not None,
    )


def summary_of(said: Sequence[str]) -> str:
    """The first and the last things that a visitor said, each shortened, and how many are left out."""
    lines = [shortened(text) for text in said if text.strip()]
    if len(lines) <= SUMMED_UP:
        return "\n".join(lines)
    left_out = len(lines) - SUMMED_UP
    return "\n".join([lines[0], f"(… {left_out} more …)", *lines[1 - SUMMED_UP :]])


def shortened(text: str, length: int = SHORTENED) -> str:
    """On one line, and cut between two words where it is too long."""
    line = " ".join(text.split())
    if len(line) <= length:
        return line
    cut = line[: length - 1]
    return f"{cut.rpartition(' ')[0] or cut}…"


async def _messages(session: AsyncSession, workspace_id: UUID, conversation_id: UUID) -> list[Message]:
    found = await session.execute(
        select(Message)
        .where(col(Message.workspace_id) == workspace_id, col(Message.conversation_id) == conversation_id)
        .order_by(col(Message.id).desc())
        .limit(LOOKED_AT)
    )
    return list(reversed(found.scalars().all()))


def _answer_to(messages: Sequence[Message], asked: Message | None) -> Message | None:
    """What the bot said after ``asked``; before anything was asked, what it said last."""
    later = [
        each
        for each in messages
        if each.role == Sender.BOT and each.text and (asked is None or each.id > asked.id)
    ]
    return (later[0] if asked else later[-1]) if later else None


def _confidence(answer: Message) -> float | None:
    return answer.confidence if answer.kind in JUDGED_KINDS else None


def _refs(answer: Message) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item["url"] for item in answer.citations if item.get("url")))
