"""Notices of mentions: each for one member, in one workspace, and gone when they leave it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from helpninja_app.accounts.callers import MemberCaller, require
from helpninja_app.accounts.members import MemberView
from helpninja_app.accounts.permissions import ROLE_PERMISSIONS, Permission
from helpninja_app.conversations.mention_mails import request_mention_mail
from helpninja_app.conversations.models import ConversationNote, MentionNotice
from helpninja_app.kernel.columns import now
from helpninja_app.kernel.live import tell
from helpninja_app.kernel.queue import Queue

MOST_UNREAD = 100
_SHOWN_TEXT = 300


@dataclass(frozen=True, slots=True)
class MentionView:
    """``text`` is the beginning of the note."""

    id: UUID
    conversation_id: UUID
    note_id: UUID
    author_name: str
    text: str
    created_at: datetime
    read_at: datetime | None


def mention_topic(workspace_id: UUID, user_id: UUID) -> str:
    """Heard there: ids of conversations in a note of which the member was mentioned."""
    return f"mentions:{workspace_id}:{user_id}"


async def notify_mentioned(
    session: AsyncSession, queue: Queue, note: ConversationNote, members: Sequence[MemberView]
) -> None:
    """Give a notice to those of the ``members`` that a note mentions, but for its author; who does not
    read it soon gets a mail."""
    for member in members:
        is_told = (
            member.user_id in note.mentions
            and member.user_id != note.author_id
            and not member.is_suspended
            and Permission.READ_CONVERSATIONS in ROLE_PERMISSIONS[member.role]
        )
        if is_told:
            notice = MentionNotice(
                workspace_id=note.workspace_id,
                conversation_id=note.conversation_id,
                note_id=note.id,
                user_id=member.user_id,
            )
            session.add(notice)
            await request_mention_mail(session, queue, notice)
            await tell(session, mention_topic(note.workspace_id, member.user_id), str(note.conversation_id))
    await session.flush()


async def list_mentions(
    session: AsyncSession, caller: MemberCaller, *, only_unread: bool = False, limit: int = 50
) -> tuple[MentionView, ...]:
    """The caller's own in this workspace, the latest first."""
    require(caller, Permission.READ_CONVERSATIONS)
    clauses = [
        col(MentionNotice.workspace_id) == caller.workspace.id,
        col(MentionNotice.user_id) == caller.user_id,
    ]
    if only_unread:
        clauses.append(col(MentionNotice.read_at).is_(None))
    found = await session.execute(
        select(MentionNotice, ConversationNote)
        .join(
            ConversationNote,
            (col(ConversationNote.workspace_id) == col(MentionNotice.workspace_id))
            & (col(ConversationNote.id) == col(MentionNotice.note_id)),
        )
        .where(*clauses)
        .order_by(col(MentionNotice.id).desc())
        .limit(limit)
    )
    return tuple(
        MentionView(
            notice.id,
            notice.conversation_id,
            note.id,
            note.author_name,
            note.text[:_SHOWN_TEXT],
            notice.created_at,
            notice.read_at,
        )
        for notice, note in found.tuples()
    )


async def count_unread_mentions(session: AsyncSession, caller: MemberCaller) -> int:
    """How many the caller has not read; never more than 100."""
    require(caller, Permission.READ_CONVERSATIONS)
    some = (
        select(col(MentionNotice.id))
        .where(
            col(MentionNotice.workspace_id) == caller.workspace.id,
            col(MentionNotice.user_id) == caller.user_id,
            col(MentionNotice.read_at).is_(None),
        )
        .limit(MOST_UNREAD)
        .subquery()
    )
    return (await session.execute(select(func.count()).select_from(some))).scalar_one()


async def mark_mentions_read(
    session: AsyncSession, caller: MemberCaller, ids: Sequence[UUID] | None = None
) -> None:
    """Mark the caller's own of these ``ids`` as read, or all of theirs here; others' are left as they are."""
    require(caller, Permission.READ_CONVERSATIONS)
    clauses = [
        col(MentionNotice.workspace_id) == caller.workspace.id,
        col(MentionNotice.user_id) == caller.user_id,
        col(MentionNotice.read_at).is_(None),
    ]
    if ids is not None:
        clauses.append(col(MentionNotice.id).in_(ids))
    await session.execute(update(MentionNotice).where(*clauses).values(read_at=now()))
