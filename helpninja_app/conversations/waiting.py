"""Since when a visitor waits for a person: the one rule of ``Conversation.waiting_since``.

They wait from when a person is asked for, or from the first thing they write to one who has the conversation.
It ends when a person answers, when it goes back to the bot, and when it is resolved. To take it over answers
nothing, and whom members put off waits all the same.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import case, func, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.conversations.models import Conversation, Message, Sender, Status

# All of a conversation is numbered in the order of time, under its lock.
_BEFORE = text("""
    with begun as (
      select id, to_status, created_at from conversation_transitions
      where workspace_id = :workspace and conversation_id = :conversation
        and (from_status = 'bot' or (from_status = 'resolved' and reason <> 'reopened'))
      order by id desc limit 1
    ), answered as (
      select id from messages
      where workspace_id = :workspace and conversation_id = :conversation and role = 'member'
      order by id desc limit 1
    )
    select case
      when begun.to_status = 'waiting' and coalesce(answered.id < begun.id, true) then begun.created_at
      else (
        select min(created_at) from messages
        where workspace_id = :workspace and conversation_id = :conversation and role = 'visitor'
          and id > greatest(begun.id, answered.id)
      ) end
    from begun left join answered on true
""")


def after_message(message: Message) -> dict[str, Any]:
    """How a message changes it, as values of an update of its conversation."""
    since = col(Conversation.waiting_since)
    if message.role == Sender.MEMBER.value:
        return {"waiting_since": None}
    if message.role == Sender.VISITOR.value:
        is_for_people = col(Conversation.status).in_([Status.WAITING.value, Status.HUMAN.value])
        begun = func.coalesce(since, message.created_at)
        return {"waiting_since": case((is_for_people, begun), else_=since)}
    return {}


def note_status(conversation: Conversation, status: Status, at: datetime) -> None:
    """What it is once the conversation has come to ``status``."""
    if status is Status.WAITING:
        conversation.waiting_since = conversation.waiting_since or at
    elif status is not Status.HUMAN:
        conversation.waiting_since = None


async def waited_since(session: AsyncSession, conversation: Conversation) -> datetime | None:
    """What it was before the conversation was resolved, for who undoes that."""
    found = await session.execute(
        _BEFORE, {"workspace": conversation.workspace_id, "conversation": conversation.id}
    )
    since: datetime | None = found.scalar_one_or_none()
    return since
