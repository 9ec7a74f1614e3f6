"""What else the visitor of a conversation has talked about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.callers import StaffCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.conversations.models import Conversation

SHOWN = 5


@dataclass(frozen=True, slots=True)
class PastConversation:
    id: UUID
    status: str
    page_url: str
    last_message_at: datetime


@dataclass(frozen=True, slots=True)
class History:
    """The latest other conversations, how many there are in all with this one, and when the first began."""

    others: tuple[PastConversation, ...]
    total: int
    first_seen: datetime


async def read_history(session: AsyncSession, caller: StaffCaller, conversation: Conversation) -> History:
    """Those of the same browser: a session that was proven is never mixed with one that only says so."""
    require(caller, Permission.READ_CONVERSATIONS)
    of_visitor = (
        col(Conversation.workspace_id) == caller.workspace.id,
        col(Conversation.session_id) == conversation.session_id,
        col(Conversation.is_signed) == conversation.is_signed,
    )
    counted = await session.execute(
        select(func.count(), func.min(col(Conversation.created_at))).where(*of_visitor)
    )
    total, first_seen = counted.one()
    found = await session.execute(
        select(
            col(Conversation.id),
            col(Conversation.status),
            col(Conversation.page_url),
            col(Conversation.last_message_at),
        )
        .where(*of_visitor, col(Conversation.id) != conversation.id)
        .order_by(col(Conversation.created_at).desc())
        .limit(SHOWN)
    )
    return History(
        tuple(PastConversation(*row) for row in found.tuples()),
        total,
        first_seen or conversation.created_at,
    )
