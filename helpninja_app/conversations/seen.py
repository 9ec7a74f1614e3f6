"""What a member has had before their eyes in a conversation, and what they have not yet."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.permissions import Permission
from helpninja_app.conversations.inbox import is_unread, mark_read
from helpninja_app.conversations.models import Conversation, MentionNotice
from helpninja_app.conversations.notices import Change, announce
from helpninja_app.kernel.columns import now


async def latest_unseen(
    session: AsyncSession, caller: MemberCaller, conversation_id: UUID
) -> datetime | None:
    """When the last was written that the caller has not seen there, by the visitor or in a note that
    mentions them; ``None`` when they have seen it all."""
    require(caller, Permission.READ_CONVERSATIONS)
    by_visitor = await session.execute(
        select(col(Conversation.last_visitor_at)).where(
            col(Conversation.workspace_id) == caller.workspace.id,
            col(Conversation.id) == conversation_id,
            is_unread(caller),
        )
    )
    mentioned = await session.execute(
        select(func.max(col(MentionNotice.created_at))).where(*_unseen_mentions(caller, conversation_id))
    )
    found = (by_visitor.scalar_one_or_none(), mentioned.scalar_one())
    return max((each for each in found if each is not None), default=None)


async def mark_seen(
    session: AsyncSession, caller: MemberCaller, conversation_id: UUID, until: datetime
) -> None:
    """Mark as read what was written in a conversation until then.

    Where it mentions the caller the inboxes hear of it, which show the number of such notes.
    """
    await mark_read(session, caller, conversation_id, is_read=True, until=until)
    found = await session.execute(
        update(MentionNotice)
        .where(*_unseen_mentions(caller, conversation_id), col(MentionNotice.created_at) <= until)
        .values(read_at=now())
        .returning(col(MentionNotice.id))
    )
    if found.scalars().all():
        await announce(session, caller.workspace.id, conversation_id, Change.DETAILS)


def _unseen_mentions(caller: MemberCaller, conversation_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return (
        col(MentionNotice.workspace_id) == caller.workspace.id,
        col(MentionNotice.user_id) == caller.user_id,
        col(MentionNotice.conversation_id) == conversation_id,
        col(MentionNotice.read_at).is_(None),
    )
